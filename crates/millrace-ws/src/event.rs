//! What a receiver finds in its input, and how much it takes.

use std::fmt;
use std::ops::Deref;

/// What a client may send (RFC 6455 10.4). Arguments, as everything here: nothing in this crate is global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message, once decompressed. Default: 16 MiB. `u64::MAX` for none.
    pub message: u64,
    /// Bytes of one frame's payload, as sent. Default: 16 MiB. `u64::MAX` for none.
    pub frame: u64,
    /// Frames of a message. Default: 131,072. `u32::MAX` for none. Fragments of a message, also empty ones, cost no memory of
    /// their own, but time.
    pub fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 16 * 1024 * 1024,
            frame: 16 * 1024 * 1024,
            fragments: 131_072,
        }
    }
}

impl Limits {
    /// Bytes of a message as they come, before one is decompressed. Deflate makes what it cannot compress a little longer: by
    /// an eighth where a compressor knows nothing but the fixed codes, whose longest literals have nine bits (RFC 1951
    /// 3.2.6).
    pub(crate) fn collected(&self, compressed: bool) -> u64 {
        match compressed {
            false => self.message,
            true => self
                .message
                .saturating_add(self.message / 8)
                .saturating_add(64),
        }
    }
}

/// The next thing in the input of a [`Receiver`](crate::Receiver).
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// All of the input that can be used was used. What is left, at most 130 bytes of a frame header or a control frame, is to
    /// be given again with more behind it.
    NeedMore,
    /// A whole message, when the receiver is not streaming.
    Message {
        /// Whether it is binary; otherwise text, which is valid UTF-8.
        binary: bool,
        /// Whether it is text of which all bytes are ASCII. False says nothing about a binary message.
        ascii: bool,
        /// The message.
        data: Data<'a>,
    },
    /// A piece of a message as it came, when the receiver is streaming. Never empty, except for a last one. Pieces have nothing
    /// to do with frames; a compressed message is one piece.
    Part {
        /// Whether the message is binary; otherwise text, of which every piece is valid UTF-8.
        binary: bool,
        /// Whether it is text of which all bytes of this piece are ASCII.
        ascii: bool,
        /// Whether the message begins with it.
        first: bool,
        /// Whether the message ends with it.
        last: bool,
        /// The piece.
        data: Data<'a>,
    },
    /// A ping, to be answered by a pong with the same payload (RFC 6455 5.5.2).
    Ping(&'a [u8]),
    /// A pong (RFC 6455 5.5.3).
    Pong(&'a [u8]),
    /// A Close frame (RFC 6455 5.5.1). Nothing is received after it.
    Close {
        /// Its code, one that may be sent; `None` when it has no payload.
        code: Option<u16>,
        /// Its reason, valid UTF-8.
        reason: &'a [u8],
    },
}

/// The bytes of a message.
pub enum Data<'a> {
    /// In the input: all of it came at once.
    Borrowed(&'a [u8]),
    /// Put together of what came in pieces, or decompressed.
    Owned(Vec<u8>),
}

impl Data<'_> {
    /// The bytes, copied only when they are in the input.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Data::Borrowed(bytes) => bytes.to_vec(),
            Data::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Data<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Data::Borrowed(bytes) => bytes,
            Data::Owned(bytes) => bytes,
        }
    }
}

/// Where the bytes are makes no difference.
impl PartialEq for Data<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Data<'_> {}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.escape_ascii())
    }
}
