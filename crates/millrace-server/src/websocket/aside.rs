//! What a WebSocket has only at times, apart from it so that it is small at all others.

use super::WebSocket;
use super::close::End;

/// The things. Times are in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// The begin of a frame that goes on with the next read.
    pub(super) input: Vec<u8>,
    /// How the socket ends, once that is known: nothing is received any more.
    pub(super) end: Option<Box<End>>,
    /// How long the client may take none of what is sent, where the route says it and not the server; 0 is for ever.
    pub(super) write_ms: Option<u64>,
    /// When it has lived long enough; 0 is never.
    pub(super) ends_at: u64,
    /// When the first Close frame came or was to be sent; 0 before.
    pub(super) closing_since: u64,
    /// When the connection, not being read, was last asked for an error.
    pub(super) looked: u64,
    /// How often JavaScript was asked how far it is and has not answered yet.
    pub(super) asked: u8,
    /// JavaScript wants no messages. Nothing is read then, unless the socket closes.
    pub(super) paused: bool,
    /// Messages are not handed on any more: some came while JavaScript wanted none and the socket closed.
    pub(super) deaf: bool,
    /// The client sends nothing more.
    pub(super) peer_closed: bool,
}

impl Aside {
    /// See [`WebSocket::is_held`].
    pub(super) fn is_held(&self) -> bool {
        self.paused && self.closing_since == 0
    }

    /// Whether a socket can be without it.
    pub(super) fn is_empty(&self) -> bool {
        let Aside {
            input,
            end,
            write_ms,
            ends_at,
            closing_since,
            // Only of use to one that is not read.
            looked: _,
            asked,
            paused,
            deaf,
            peer_closed,
        } = self;
        input.is_empty()
            && end.is_none()
            && write_ms.is_none()
            && (*ends_at, *closing_since) == (0, 0)
            && *asked == 0
            && !(*paused || *deaf || *peer_closed)
    }
}

impl WebSocket {
    pub(super) fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    pub(super) fn end(&self) -> Option<&End> {
        self.aside.as_ref()?.end.as_deref()
    }

    pub(super) fn is_closed_by_peer(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.peer_closed)
    }
}
