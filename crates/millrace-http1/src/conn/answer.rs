//! The answers of a connection: what an exchange sends, whose turn it is, and what that means for the connection.

use bytes::Bytes;
use memchr::memmem;

use super::exchange::{Exchange, Incoming, Phase, Sending};
use super::{Conn, Policy};
use crate::decode::Remaining;
use crate::encode::{self, Encoder, ResponseHead};
use crate::error::Error;
use crate::head::Version;
use crate::output::Output;

/// Bytes of a body.
#[derive(Debug)]
pub enum Piece<'a> {
    /// To be copied.
    Slice(&'a [u8]),
    /// To be held.
    Held(Bytes),
    /// To be written by the owner from elsewhere. Whatever becomes of the answer, the key comes out of
    /// [`Output::drain_elsewhere`] once.
    Elsewhere {
        /// Bytes.
        length: u64,
        /// What the owner calls them.
        key: u32,
    },
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The exchange is over or never was.
    Gone,
    /// The call does not fit what was sent before: a second head, data before the head.
    OutOfOrder,
    /// The body does not have its declared length; the connection cannot be used further.
    WrongLength,
}

impl Conn {
    /// Whether an answer of this status to the exchange, which has none, would have content (RFC 9110 6.4.1).
    pub fn takes_content(&self, sequence: u32, status: u16) -> bool {
        self.index(sequence).is_some_and(|index| {
            let Exchange { info, phase, .. } = &self.exchanges[index];
            let has_none = match status {
                100..200 | 204 | 205 | 304 => true,
                200..300 => info.is_head || info.is_connect,
                _ => info.is_head,
            };
            matches!(phase, Phase::Waiting) && !has_none
        })
    }

    /// Answers an exchange completely.
    pub fn respond(
        &mut self,
        sequence: u32,
        head: &ResponseHead<'_>,
        body: Piece<'_>,
        date: &[u8; 29],
        policy: &Policy,
    ) -> Result<(), Rejected> {
        let begun = match self.index(sequence) {
            Some(index) => self.begin(index, head, date, policy).map(|e| (index, e)),
            None => Err(Rejected::Gone),
        };
        let (index, mut encoder) = match begun {
            Ok(begun) => begun,
            Err(rejected) => return self.reject(body, rejected),
        };
        self.append(index, &mut encoder, body)?;
        encoder
            .finish(b"", self.output_of(index).tail())
            .map_err(|_| Rejected::WrongLength)?;
        self.complete(index, encoder.keep_alive());
        Ok(())
    }

    /// Begins an answer whose body follows.
    pub fn start(
        &mut self,
        sequence: u32,
        head: &ResponseHead<'_>,
        date: &[u8; 29],
        policy: &Policy,
    ) -> Result<(), Rejected> {
        let index = self.index(sequence).ok_or(Rejected::Gone)?;
        let encoder = self.begin(index, head, date, policy)?;
        self.exchanges[index].phase = Phase::Sending(encoder);
        Ok(())
    }

    /// Sends an informational response before the answer; a client of HTTP/1.0 is spared it (RFC 9110 15.2).
    pub fn inform(&mut self, sequence: u32, status: u16, fields: &[u8]) -> Result<(), Rejected> {
        let index = self.index(sequence).ok_or(Rejected::Gone)?;
        let exchange = &self.exchanges[index];
        if !matches!(exchange.phase, Phase::Waiting) {
            return Err(Rejected::OutOfOrder);
        }
        if matches!(exchange.info.version, Version::Http11) {
            encode::informational(status, fields, self.output_of(index).tail());
        }
        Ok(())
    }

    /// Sends a piece of an answer's body.
    pub fn send(&mut self, sequence: u32, piece: Piece<'_>) -> Result<(), Rejected> {
        let Some(index) = self.index(sequence) else {
            return self.reject(piece, Rejected::Gone);
        };
        let mut encoder = match self.exchanges[index].phase {
            Phase::Sending(encoder) => encoder,
            Phase::Tunnel(Sending::Open) => {
                piece.append_to(self.output_of(index));
                return Ok(());
            }
            _ => return self.reject(piece, Rejected::OutOfOrder),
        };
        self.append(index, &mut encoder, piece)?;
        self.exchanges[index].phase = Phase::Sending(encoder);
        Ok(())
    }

    /// Completes an answer; `trailers` are lines `name: value\r\n`. Of a tunnel it ends the direction to the client.
    pub fn finish(
        &mut self,
        sequence: u32,
        trailers: &[u8],
        policy: &Policy,
    ) -> Result<(), Rejected> {
        let index = self.index(sequence).ok_or(Rejected::Gone)?;
        let mut encoder = match self.exchanges[index].phase {
            Phase::Sending(encoder) => encoder,
            Phase::Tunnel(Sending::Open) => {
                self.finish_tunnel(index);
                return Ok(());
            }
            _ => return Err(Rejected::OutOfOrder),
        };
        encoder
            .finish(trailers, self.output_of(index).tail())
            .map_err(|_| Rejected::WrongLength)?;
        let keep_alive = encoder.keep_alive() && !self.leaves_too_much_body(index, policy);
        self.complete(index, keep_alive);
        Ok(())
    }

    /// Answers an exchange in its handler's stead and closes after it. One whose answer has begun is cut short.
    pub fn refuse_exchange(&mut self, sequence: u32, error: Error, date: &[u8; 29]) {
        if let Some(index) = self.index(sequence) {
            self.refuse_at(index, error, date);
        }
    }

    pub(super) fn refuse_at(&mut self, index: usize, error: Error, date: &[u8; 29]) {
        let mut is_cut = true;
        if matches!(self.exchanges[index].phase, Phase::Waiting) {
            is_cut = false;
            let is_head = self.exchanges[index].info.is_head;
            let tail = self.output_of(index).tail();
            let start = tail.len();
            encode::refusal(error, date, tail);
            let end = tail.len();
            let head_end =
                memmem::find(&tail[start..], b"\r\n\r\n").map_or(end, |at| start + at + 4);
            if is_head {
                tail.truncate(head_end);
            }
            let content = tail.len() - head_end;
            let exchange = &mut self.exchanges[index];
            exchange.status = error.status();
            exchange.content = content as u64;
        }
        self.exchanges[index].refusal = Some(error);
        self.complete_as(index, false, is_cut);
    }

    pub(super) fn begin(
        &mut self,
        index: usize,
        head: &ResponseHead<'_>,
        date: &[u8; 29],
        policy: &Policy,
    ) -> Result<Encoder, Rejected> {
        if !matches!(self.exchanges[index].phase, Phase::Waiting) {
            return Err(Rejected::OutOfOrder);
        }
        // A client that was not told to continue may or may not send the body, so the connection has no future.
        let unread = matches!(head.body, encode::BodySize::Known(_))
            && self.leaves_too_much_body(index, policy);
        let exchange = &mut self.exchanges[index];
        let close = head.close || exchange.must_close || exchange.continue_owed || unread;
        exchange.continue_owed = false;
        exchange.status = head.status;
        let info = exchange.info;
        let head = ResponseHead { close, ..*head };
        Ok(Encoder::start(
            info,
            &head,
            date,
            self.output_of(index).tail(),
        ))
    }

    /// Puts a piece of a body, framed, where the exchange's answer is encoded. An answer without a body takes none.
    fn append(
        &mut self,
        index: usize,
        encoder: &mut Encoder,
        piece: Piece<'_>,
    ) -> Result<(), Rejected> {
        let output = self.output_of(index);
        if !encoder.carries_body() || piece.is_empty() {
            piece.give_up(output);
            return Ok(());
        }
        let length = piece.len();
        if encoder.begin_data(length, output.tail()).is_err() {
            return self.reject(piece, Rejected::WrongLength);
        }
        piece.append_to(output);
        encoder.end_data(output.tail());
        self.exchanges[index].content += length;
        Ok(())
    }

    fn reject(&mut self, piece: Piece<'_>, rejected: Rejected) -> Result<(), Rejected> {
        piece.give_up(&mut self.output);
        Err(rejected)
    }

    /// Whether the exchange's body has more to come than is worth discarding.
    pub(super) fn leaves_too_much_body(&self, index: usize, policy: &Policy) -> bool {
        let sequence = self.exchanges[index].sequence;
        if !matches!(self.incoming, Incoming::Body { sequence: current, .. } if current == sequence)
        {
            return false;
        }
        match self.decoder.body_remaining() {
            Remaining::None | Remaining::Unknown => false,
            Remaining::Exactly(bytes) => bytes > policy.drain_bytes,
        }
    }

    pub(super) fn complete(&mut self, index: usize, keep_alive: bool) {
        self.complete_as(index, keep_alive, false);
    }

    fn complete_as(&mut self, index: usize, keep_alive: bool, is_cut: bool) {
        let exchange = &mut self.exchanges[index];
        if let Some(journal) = &mut self.journal {
            let has_its_turn = index == 0 && !self.close_when_sent;
            let end = has_its_turn.then(|| self.output.end());
            journal.note(exchange.answered(is_cut), end);
        }
        exchange.phase = Phase::Complete { keep_alive };
        match self.incoming {
            Incoming::Body { sequence, .. } if sequence == exchange.sequence => {
                if exchange.wants_body {
                    self.cut_body = Some(sequence);
                }
                self.incoming = Incoming::Discarded { bytes: 0 };
            }
            Incoming::Tunnel { sequence, .. } if sequence == exchange.sequence => {
                self.incoming = Incoming::Nothing;
            }
            _ => {}
        }
        if index == 0 {
            self.last_end = Some((self.exchanges[0].sequence, self.output.end()));
            self.take_turns();
        }
    }

    /// Lets the complete answers at the front go, and the next one on to the connection's output.
    fn take_turns(&mut self) {
        if self.close_when_sent {
            return;
        }
        while let Some(front) = self.exchanges.front_mut() {
            if let Some(mut ahead) = front.ahead_of_turn.take() {
                self.output.append(&mut ahead);
            }
            let Phase::Complete { keep_alive } = front.phase else {
                self.continue_if_owed(0);
                return;
            };
            if let Some(journal) = &mut self.journal {
                journal.place(front.sequence, self.output.end());
            }
            self.exchanges.pop_front();
            if !keep_alive {
                self.last_request_seen = true;
                self.close_when_sent = true;
                return;
            }
        }
    }

    pub(super) fn continue_if_owed(&mut self, index: usize) {
        let exchange = &mut self.exchanges[index];
        let due = exchange.continue_owed
            && exchange.wants_body
            && matches!(exchange.phase, Phase::Waiting);
        if due && index == 0 && !self.close_when_sent {
            exchange.continue_owed = false;
            encode::informational(100, b"", self.output.tail());
        }
    }

    /// Where the exchange's answer is encoded: only the first one's goes to the connection's output.
    pub(super) fn output_of(&mut self, index: usize) -> &mut Output {
        if index == 0 && !self.close_when_sent {
            return &mut self.output;
        }
        self.exchanges[index].ahead_of_turn.get_or_insert_default()
    }
}

impl Piece<'_> {
    /// The piece's length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Piece::Slice(slice) => slice.len() as u64,
            Piece::Held(bytes) => bytes.len() as u64,
            Piece::Elsewhere { length, .. } => *length,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn append_to(self, output: &mut Output) {
        match self {
            Piece::Slice(slice) => output.tail().extend_from_slice(slice),
            Piece::Held(bytes) => output.hold(bytes),
            Piece::Elsewhere { length, key } => output.hold_elsewhere(length, key),
        }
    }

    fn give_up(self, output: &mut Output) {
        if let Piece::Elsewhere { key, .. } = self {
            output.give_up(key);
        }
    }
}
