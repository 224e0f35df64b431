//! The incoming half of a server's endpoint: from the client's bytes to messages.

use std::mem;

use crate::close::read_close;
use crate::frame::{Header, Opcode};
use crate::mask::unmask;
use crate::message::Message;
use crate::{Agreed, Data, Error, Event, Inflater, Limits, SharedInflater};

/// Reads the frames of one client (RFC 6455 5 and 6.2).
///
/// It is small while no message is under way, which is what most sockets do most of the time, and keeps nothing of a message
/// that is whole in the input. Of one that comes in pieces it keeps what came, never what a header promises.
#[derive(Debug)]
pub struct Receiver {
    compression: Option<Agreed>,
    /// After a Close frame (RFC 6455 5.5.1) or an error (RFC 6455 7.1.7).
    is_over: bool,
    under_way: Option<Box<Message>>,
    /// The client's window, once a message came that needs it.
    inflater: Option<Box<Inflater>>,
}

impl Receiver {
    /// `compression` is what the handshake agreed; with `None` a compressed message is an error.
    pub fn new(compression: Option<Agreed>) -> Self {
        Receiver {
            compression,
            is_over: false,
            under_way: None,
            inflater: None,
        }
    }

    /// The first event in `input` and how many bytes of it are used, which are not to be given again. Works in place: what
    /// is used is unmasked. `streaming` gives messages in pieces and must not change while a message is under way.
    ///
    /// After a Close frame and after an error all that comes is used and says nothing.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        input: &'a mut [u8],
        limits: &Limits,
        shared: &mut SharedInflater,
        streaming: bool,
    ) -> Result<(usize, Event<'a>), Error> {
        if self.is_over {
            return Ok((input.len(), Event::NeedMore));
        }
        let result = self.next(input, limits, shared, streaming);
        if matches!(result, Err(_) | Ok((_, Event::Close { .. }))) {
            self.is_over = true;
            self.under_way = None;
            self.inflater = None;
        }
        result
    }

    /// What the handshake agreed on.
    #[inline]
    pub fn compression(&self) -> Option<Agreed> {
        self.compression
    }

    /// Whether a message has begun and not ended.
    pub fn is_in_message(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether nothing more is received: after a Close frame, or an error.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn next<'a>(
        &mut self,
        mut input: &'a mut [u8],
        limits: &Limits,
        shared: &mut SharedInflater,
        streaming: bool,
    ) -> Result<(usize, Event<'a>), Error> {
        let mut used = 0;
        loop {
            if self.frame_rest() > 0 {
                if input.is_empty() {
                    return Ok((used, Event::NeedMore));
                }
            } else {
                let Some(header) = Header::read(input, self.compression.is_some())? else {
                    return Ok((used, Event::NeedMore));
                };
                let end = header.size as u64 + header.length;
                let is_all_here = end <= input.len() as u64;
                if header.opcode.is_control() {
                    // Kept by whoever reads until it is all here: 125 bytes at most, seldom in pieces.
                    if !is_all_here {
                        return Ok((used, Event::NeedMore));
                    }
                    let payload = &mut input[header.size..end as usize];
                    return Ok((used + end as usize, control(&header, payload)?));
                }
                self.check(&header, limits)?;
                if is_all_here && header.fin && self.under_way.is_none() {
                    let payload = &mut input[header.size..end as usize];
                    used += end as usize;
                    return Ok((
                        used,
                        self.whole(&header, payload, limits, shared, streaming)?,
                    ));
                }
                let message = self.under_way.get_or_insert_default();
                message.begin_frame(&header, limits)?;
                input = &mut mem::take(&mut input)[header.size..];
                used += header.size;
            }
            let count = self.frame_rest().min(input.len() as u64) as usize;
            let (piece, rest) = mem::take(&mut input).split_at_mut(count);
            input = rest;
            used += count;
            if let Some(event) = self.payload(piece, limits, shared, streaming)? {
                return Ok((used, event));
            }
        }
    }

    /// How many bytes of the frame that is under way are still to come.
    fn frame_rest(&self) -> u64 {
        self.under_way
            .as_ref()
            .map_or(0, |message| message.frame_rest())
    }

    /// What a data frame may be after those before it (RFC 6455 5.4), and how long.
    fn check(&self, header: &Header, limits: &Limits) -> Result<(), Error> {
        match (header.opcode, self.under_way.is_some()) {
            (Opcode::Continuation, false) => {
                return Err(Error::Protocol(
                    "A message is continued that was not begun.",
                ));
            }
            (Opcode::Text | Opcode::Binary, true) => {
                return Err(Error::Protocol("A message begins inside another one."));
            }
            _ => {}
        }
        if header.length > limits.frame {
            return Err(Error::FrameTooBig);
        }
        // Of the others it is not known here whether they are compressed, nor how long they are together.
        if self.under_way.is_none() && header.length > limits.collected(header.compressed) {
            return Err(Error::MessageTooBig);
        }
        Ok(())
    }

    /// A message that is all here in one frame.
    #[inline]
    fn whole<'a>(
        &mut self,
        header: &Header,
        payload: &'a mut [u8],
        limits: &Limits,
        shared: &mut SharedInflater,
        streaming: bool,
    ) -> Result<Event<'a>, Error> {
        let is_ascii = unmask(payload, header.key);
        let binary = header.opcode == Opcode::Binary;
        if header.compressed {
            return self.inflated(binary, payload, limits, shared, streaming);
        }
        if !binary && !is_ascii && str::from_utf8(payload).is_err() {
            return Err(Error::InvalidUtf8);
        }
        let ascii = is_ascii && !binary;
        Ok(event(binary, ascii, Data::Borrowed(payload), streaming))
    }

    /// A piece of a message that does not come at once; an event when something is to be given on.
    fn payload<'a>(
        &mut self,
        piece: &'a mut [u8],
        limits: &Limits,
        shared: &mut SharedInflater,
        streaming: bool,
    ) -> Result<Option<Event<'a>>, Error> {
        let Some(mut message) = self.under_way.take() else {
            return Ok(None);
        };
        let piece_is_ascii = message.take(piece)?;
        let is_whole = message.is_whole();
        let event = if message.is_compressed() {
            message.collect(piece);
            match is_whole {
                true => {
                    let (binary, compressed) = (message.is_binary(), message.collected());
                    Some(self.inflated(binary, compressed, limits, shared, streaming)?)
                }
                false => None,
            }
        } else if streaming {
            message.part(piece, piece_is_ascii)
        } else {
            message.collect(piece);
            is_whole.then(|| message.finish())
        };
        if !is_whole {
            self.under_way = Some(message);
        }
        Ok(event)
    }

    #[inline(never)]
    fn inflated<'a>(
        &mut self,
        binary: bool,
        compressed: &[u8],
        limits: &Limits,
        shared: &mut SharedInflater,
        streaming: bool,
    ) -> Result<Event<'a>, Error> {
        let mut out = Vec::new();
        if self.inflater.is_none() {
            let inflater = self.compression.and_then(|agreed| agreed.inflater());
            self.inflater = inflater.map(Box::new);
        }
        match &mut self.inflater {
            Some(inflater) => inflater.inflate(shared, compressed, &mut out, limits.message)?,
            None => shared.inflate(compressed, &mut out, limits.message)?,
        }
        let ascii = !binary && out.is_ascii();
        if !binary && !ascii && str::from_utf8(&out).is_err() {
            return Err(Error::InvalidUtf8);
        }
        Ok(event(binary, ascii, Data::Owned(out), streaming))
    }
}

/// A message given at once.
#[inline]
fn event(binary: bool, ascii: bool, data: Data<'_>, streaming: bool) -> Event<'_> {
    match streaming {
        false => Event::Message {
            binary,
            ascii,
            data,
        },
        true => Event::Part {
            binary,
            ascii,
            first: true,
            last: true,
            data,
        },
    }
}

fn control<'a>(header: &Header, payload: &'a mut [u8]) -> Result<Event<'a>, Error> {
    unmask(payload, header.key);
    Ok(match header.opcode {
        Opcode::Ping => Event::Ping(payload),
        Opcode::Pong => Event::Pong(payload),
        _ => {
            let (code, reason) = read_close(payload)?;
            Event::Close { code, reason }
        }
    })
}
