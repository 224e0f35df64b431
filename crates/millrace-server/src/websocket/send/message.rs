//! What is to be sent.

use bytes::Bytes;
use millrace_batch::outbound::{self, Part, Payload};

use crate::answer::Pieces;
use crate::lane::Chunk;

/// A message to be sent, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) payload: Piece<'a>,
    pub(crate) binary: bool,
    pub(crate) compress: bool,
    pub(crate) part: Option<Part>,
    /// The most payload bytes of a frame; 0 for one frame.
    pub(crate) fragment: u32,
    pub(crate) notify: Option<u32>,
    pub(crate) want_drain: bool,
}

/// A payload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// To be copied.
    Lent(&'a [u8]),
    /// To be copied or held.
    Held(&'a Bytes),
}

impl<'a> Message<'a> {
    /// The message that a record speaks of. None when its payload is not where it should be.
    pub(crate) fn of(record: &outbound::Send<'a>, pieces: Pieces<'a>) -> Option<Message<'a>> {
        let mut compress = record.compress;
        let payload = match record.data {
            Payload::Inline(bytes) => Piece::Lent(bytes),
            Payload::Large(index) => match pieces.find(index)? {
                Chunk::Bytes(bytes) => Piece::Held(bytes),
                Chunk::Lent(bytes) => {
                    // Whatever is compressed must not change meanwhile.
                    compress = false;
                    Piece::Held(bytes)
                }
                Chunk::File(_) => return None,
            },
        };
        Some(Message {
            payload,
            binary: record.binary,
            compress,
            part: record.part,
            fragment: record.fragment,
            notify: record.notify,
            want_drain: record.want_drain,
        })
    }
}

impl<'a> Piece<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match *self {
            Piece::Lent(bytes) => bytes,
            Piece::Held(bytes) => bytes,
        }
    }

    pub(super) fn to_bytes(self) -> Bytes {
        match self {
            Piece::Lent(bytes) => Bytes::copy_from_slice(bytes),
            Piece::Held(bytes) => bytes.clone(),
        }
    }
}
