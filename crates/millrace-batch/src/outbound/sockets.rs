//! What JavaScript asks for WebSockets.

use super::{Action, Malformed, Payload, notify, payload, slice, word};
use crate::SocketId;
use crate::layout::{control, outbound_flag};

/// What is asked of one WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAction<'a> {
    /// Send a message, or a part of the one that is streamed.
    Send(Send<'a>),
    /// Send a Ping frame.
    Ping(&'a [u8]),
    /// Send a Pong frame.
    Pong(&'a [u8]),
    /// Send a Close frame, behind all that was sent before, and nothing after it.
    Close {
        /// The code; 0 for a frame without one.
        code: u16,
        /// UTF-8, at most 123 bytes.
        reason: &'a [u8],
    },
    /// Cut the connection.
    Terminate,
    /// Do not read it.
    Pause,
    /// Read it again.
    Resume,
    /// Another rule for a slow client.
    Overflow {
        /// A code of [`overflow`](crate::layout::overflow).
        policy: u32,
        /// What may wait, in bytes.
        bytes: u32,
    },
    /// What is published under this topic is wanted.
    Subscribe(&'a [u8]),
    /// What is published under this topic is wanted no more.
    Unsubscribe(&'a [u8]),
}

/// A message to be sent, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send<'a> {
    /// The payload.
    pub data: Payload<'a>,
    /// Binary, or else UTF-8 text.
    pub binary: bool,
    /// It may be compressed.
    pub compress: bool,
    /// It is a part of the message that is streamed; whole messages wait until that has ended.
    pub part: Option<Part>,
    /// The most payload bytes of a frame; 0 for one frame.
    pub fragment: u32,
    /// Report the write under this token.
    pub notify: Option<u32>,
    /// Report when what waits is below the low mark.
    pub want_drain: bool,
}

/// Which part of a streamed message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// More follow.
    More,
    /// The message ends with it.
    Last,
}

/// A message for everybody who wants its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// The server whose WebSockets are meant.
    pub server: u32,
    /// The topic, without wildcards.
    pub topic: &'a [u8],
    /// The payload.
    pub data: Payload<'a>,
    /// Binary, or else UTF-8 text.
    pub binary: bool,
    /// It may be compressed.
    pub compress: bool,
    /// The one socket that does not get it.
    pub except: Option<SocketId>,
}

pub(super) fn accept(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let settings = word(raw, 5)?;
    let [fields, key, offers] = [word(raw, 6)?, word(raw, 7)?, word(raw, 8)?].map(|n| n as usize);
    let key_start = 36usize.checked_add(fields).ok_or(Malformed)?;
    let offers_start = key_start.checked_add(key).ok_or(Malformed)?;
    Ok(Action::Accept {
        settings,
        fields: slice(raw, 36, fields)?,
        key: slice(raw, key_start, key)?,
        offers: slice(raw, offers_start, offers)?,
    })
}

#[inline(always)] // See `Outbound::read`.
pub(super) fn send(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let first = word(raw, 0)?;
    let part = match first & (outbound_flag::PART | outbound_flag::MORE) {
        0 => None,
        outbound_flag::PART => Some(Part::Last),
        _ => Some(Part::More),
    };
    Ok(Action::Socket(SocketAction::Send(Send {
        data: payload(first, word(raw, 5)?, raw.get(28..).ok_or(Malformed)?)?,
        binary: first & outbound_flag::BINARY != 0,
        compress: first & outbound_flag::COMPRESS != 0,
        part,
        fragment: word(raw, 6)?,
        notify: notify(first, word(raw, 4)?),
        want_drain: first & outbound_flag::WANT_DRAIN != 0,
    })))
}

pub(super) fn controlled(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let (argument, length) = (word(raw, 5)?, word(raw, 6)?);
    let payload = || slice(raw, 28, length as usize);
    Ok(Action::Socket(match word(raw, 4)? {
        control::PING => SocketAction::Ping(payload()?),
        control::PONG => SocketAction::Pong(payload()?),
        control::CLOSE => SocketAction::Close {
            code: argument as u16,
            reason: payload()?,
        },
        control::TERMINATE => SocketAction::Terminate,
        control::PAUSE => SocketAction::Pause,
        control::RESUME => SocketAction::Resume,
        control::OVERFLOW => SocketAction::Overflow {
            policy: argument,
            bytes: length,
        },
        _ => return Err(Malformed),
    }))
}

pub(super) fn topic(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let topic = slice(raw, 24, word(raw, 5)? as usize)?;
    Ok(Action::Socket(match word(raw, 4)? {
        1 => SocketAction::Subscribe(topic),
        2 => SocketAction::Unsubscribe(topic),
        _ => return Err(Malformed),
    }))
}

pub(super) fn publish(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let first = word(raw, 0)?;
    let topic = slice(raw, 32, word(raw, 6)? as usize)?;
    let except = SocketId {
        connection: word(raw, 4)?,
        generation: word(raw, 5)?,
    };
    Ok(Action::Publish(Publication {
        server: word(raw, 3)?,
        topic,
        data: payload(first, word(raw, 7)?, &raw[32 + topic.len()..])?,
        binary: first & outbound_flag::BINARY != 0,
        compress: first & outbound_flag::COMPRESS != 0,
        except: (first & outbound_flag::EXCEPT != 0).then_some(except),
    }))
}
