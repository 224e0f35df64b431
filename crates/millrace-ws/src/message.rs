//! A message that does not come at once: in several frames, or in a frame that comes in pieces.

use std::mem;

use crate::frame::{Header, Opcode};
use crate::mask::{turned, unmask};
use crate::utf8::Utf8;
use crate::{Data, Error, Event, Limits};

/// The message and its frame that are under way.
#[derive(Debug, Default)]
pub(crate) struct Message {
    binary: bool,
    compressed: bool,
    /// Whether there is something in it that is not ASCII.
    has_wide: bool,
    /// Whether a part of it was given on.
    is_given: bool,
    /// Whether the frame is the last one.
    fin: bool,
    utf8: Utf8,
    /// Turned to the next byte of the frame.
    key: [u8; 4],
    frames: u32,
    /// Bytes of the frame that are still to come.
    frame_rest: u64,
    /// Bytes of all frames, this one included.
    length: u64,
    /// What came; of a text that is given on in parts, only the beginning of a character.
    buffer: Vec<u8>,
}

impl Message {
    /// Goes on with a frame, the first one included. A frame that makes the message too long is refused here, before any
    /// of its payload is looked at.
    pub(crate) fn begin_frame(&mut self, header: &Header, limits: &Limits) -> Result<(), Error> {
        if self.frames == 0 {
            self.binary = header.opcode == Opcode::Binary;
            self.compressed = header.compressed;
        }
        if self.frames > 0 && self.frames >= limits.fragments {
            return Err(Error::TooManyFragments);
        }
        self.frames += 1;
        self.length = self.length.saturating_add(header.length);
        if self.length > limits.collected(self.compressed) {
            return Err(Error::MessageTooBig);
        }
        self.fin = header.fin;
        self.key = header.key;
        self.frame_rest = header.length;
        Ok(())
    }

    pub(crate) fn frame_rest(&self) -> u64 {
        self.frame_rest
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.binary
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Whether all of the message came.
    pub(crate) fn is_whole(&self) -> bool {
        self.fin && self.frame_rest == 0
    }

    /// Unmasks and checks the next piece of the frame. Says whether it is ASCII.
    pub(crate) fn take(&mut self, piece: &mut [u8]) -> Result<bool, Error> {
        let is_ascii = unmask(piece, self.key);
        self.key = turned(self.key, piece.len());
        self.frame_rest -= piece.len() as u64;
        if !self.binary && !self.compressed {
            self.has_wide |= !is_ascii;
            if !is_ascii || self.utf8.held() > 0 {
                self.utf8.check(piece)?;
            }
            if self.is_whole() && self.utf8.held() > 0 {
                return Err(Error::InvalidUtf8);
            }
        }
        Ok(is_ascii)
    }

    /// Keeps a piece until the message is whole.
    pub(crate) fn collect(&mut self, piece: &[u8]) {
        let needed = self.buffer.len() + piece.len();
        if self.fin && needed > self.buffer.capacity() {
            // The end is known, and doubling need not pass it; nor is it reserved before it comes.
            let all = needed as u64 + self.frame_rest;
            let doubled = (2 * self.buffer.capacity() as u64).min(all) as usize;
            self.buffer
                .reserve_exact(needed.max(doubled) - self.buffer.len());
        }
        self.buffer.extend_from_slice(piece);
    }

    /// What was collected.
    pub(crate) fn collected(&self) -> &[u8] {
        &self.buffer
    }

    /// The whole message out of what was collected.
    pub(crate) fn finish<'a>(&mut self) -> Event<'a> {
        Event::Message {
            binary: self.binary,
            ascii: !self.binary && !self.has_wide,
            data: Data::Owned(mem::take(&mut self.buffer)),
        }
    }

    /// A piece to be given on, except for the beginning of a character at its end; `None` when nothing is left then.
    pub(crate) fn part<'a>(&mut self, piece: &'a [u8], is_ascii: bool) -> Option<Event<'a>> {
        let held = self.utf8.held();
        let is_apart = self.buffer.is_empty();
        let data = if is_apart {
            let (part, beginning) = piece.split_at(piece.len() - held);
            self.buffer.extend_from_slice(beginning);
            Data::Borrowed(part)
        } else {
            let mut part = mem::take(&mut self.buffer);
            part.extend_from_slice(piece);
            self.buffer.extend_from_slice(&part[part.len() - held..]);
            part.truncate(part.len() - held);
            Data::Owned(part)
        };
        let last = self.is_whole();
        if data.is_empty() && !last {
            return None;
        }
        // What is not ASCII is mostly seen at once.
        let ascii = !self.binary && (is_ascii && is_apart || data.is_ascii());
        Some(Event::Part {
            binary: self.binary,
            ascii,
            first: !mem::replace(&mut self.is_given, true),
            last,
            data,
        })
    }
}
