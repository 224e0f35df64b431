//! A socket without a socket: what it sends, and what a client makes of it.

use std::io::IoSlice;

use millrace_ws::{Agreed, Inflater, SharedInflater};

use crate::websocket::backlog::Overflow;
use crate::websocket::send::{Compression, Message, Outgoing, Verdict};
use crate::websocket::sent::News;
use crate::websocket::shared::Shared;

/// A socket whose client takes what it is told to, and reads it.
pub(super) struct Pair {
    pub(super) outgoing: Outgoing,
    pub(super) shared: Shared,
    pub(super) wire: Vec<u8>,
    pub(super) news: Vec<News>,
}

impl Pair {
    pub(super) fn new(overflow: Overflow, limit: usize, compression: Option<Compression>) -> Self {
        Pair {
            outgoing: Outgoing::new(overflow, limit, compression),
            shared: Shared::default(),
            wire: Vec::new(),
            news: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, message: &Message<'_>) -> Verdict {
        self.outgoing.send(&mut self.shared, message)
    }

    /// Writes as a connection does, to a socket that takes so many bytes.
    pub(super) fn write(&mut self, mut takes: usize) {
        loop {
            let output = self.outgoing.output();
            if output.is_empty() {
                if self.outgoing.drained(&mut self.shared) {
                    continue;
                }
                break;
            }
            let mut slices = [IoSlice::new(&[]); 3];
            let count = output.slices(&mut slices);
            let bytes = slices[..count].iter().flat_map(|slice| slice.iter());
            let before = self.wire.len();
            self.wire.extend(bytes.take(takes));
            let written = self.wire.len() - before;
            output.advance(written);
            takes -= written;
            if written == 0 {
                self.outgoing.set_blocked();
                break;
            }
        }
        self.outgoing.tell(0, |news| self.news.push(news));
    }

    pub(super) fn messages(&self, agreed: Option<Agreed>) -> Read {
        read(&self.wire, agreed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) pings: Vec<Vec<u8>>,
    pub(super) pongs: Vec<Vec<u8>>,
    pub(super) close: Option<Vec<u8>>,
    /// What has come of a message that is not complete.
    pub(super) unfinished: bool,
}

/// Reads unmasked frames and insists on their order.
fn read(mut wire: &[u8], agreed: Option<Agreed>) -> Read {
    let mut read = Read::default();
    let mut message: Option<(bool, Vec<u8>)> = None;
    let mut inflater = agreed.map(|agreed| {
        let window =
            (!agreed.server_no_context_takeover).then(|| Inflater::new(agreed.server_window_bits));
        (SharedInflater::new(), window)
    });
    while let [first, second, rest @ ..] = wire {
        assert!(read.close.is_none(), "a frame behind the Close frame");
        let (length, rest) = match second {
            126 => (u16::from_be_bytes([rest[0], rest[1]]) as usize, &rest[2..]),
            127 => {
                let (length, rest) = rest.split_first_chunk().expect("a long length");
                (u64::from_be_bytes(*length) as usize, rest)
            }
            short => (*short as usize, rest),
        };
        let (payload, rest) = rest.split_at(length);
        wire = rest;
        let (fin, compressed) = (first & 0x80 != 0, first & 0x40 != 0);
        let opcode = first & 0x0f;
        if opcode >= 8 {
            assert!(fin && !compressed && length <= 125);
            match opcode {
                8 => read.close = Some(payload.to_vec()),
                9 => read.pings.push(payload.to_vec()),
                _ => read.pongs.push(payload.to_vec()),
            }
            continue;
        }
        match &mut message {
            Some((_, begun)) => {
                assert!(opcode == 0 && !compressed, "a message inside another");
                begun.extend_from_slice(payload);
            }
            none => {
                assert!(opcode == 1 || opcode == 2, "a message without its begin");
                *none = Some((compressed, payload.to_vec()));
            }
        }
        if fin && let Some((compressed, whole)) = message.take() {
            read.messages.push(match (compressed, &mut inflater) {
                (false, _) => whole,
                (true, Some((shared, window))) => {
                    let mut inflated = Vec::new();
                    let limit = u64::MAX;
                    match window {
                        Some(window) => window.inflate(shared, &whole, &mut inflated, limit),
                        None => shared.inflate(&whole, &mut inflated, limit),
                    }
                    .expect("what was compressed can be read");
                    inflated
                }
                (true, None) => panic!("compressed, which was not agreed on"),
            });
        }
    }
    assert!(wire.is_empty(), "an unfinished frame");
    read.unfinished = message.is_some();
    read
}
