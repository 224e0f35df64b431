//! One connection: requests in, answers out in the order of their requests, and when it ends.
//!
//! Requests that arrive pipelined are handed out at once and may be answered in any order; an answer whose turn has
//! not come is encoded into an output of its own that is appended when the answers before it are complete
//! (RFC 9112 9.3.2).

mod answer;
mod exchange;
mod journal;
mod ready;
mod tunnel;

use std::collections::VecDeque;

pub use self::answer::{Piece, Rejected};
use self::exchange::{Exchange, Incoming, Phase};
pub use self::journal::Answered;
use self::journal::Journal;
pub use self::ready::Ready;
use crate::decode::{Decoder, Event, Remaining};
use crate::encode::RequestInfo;
use crate::error::Error;
use crate::fields::{FieldSpans, Trailers};
use crate::framing::RequestFraming;
use crate::head::{Head, Version};
use crate::limits::Limits;
use crate::output::{Mark, Output};

/// What the owner of a connection allows it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Limits on a request's parts.
    pub limits: Limits,
    /// How many requests may wait for their answers before no more are read.
    pub pipelined: usize,
    /// How many bytes of answers may be unwritten in memory before no more requests are read.
    pub unsent_bytes: usize,
    /// How many requests a connection may make; the last answer closes it.
    pub requests: u32,
    /// How many bytes of a request's body may be handed out before they are consumed.
    pub body_window: usize,
    /// How many bytes of a body nobody reads are discarded to keep the connection, before it is closed instead.
    pub drain_bytes: u64,
}

/// The state of one connection, without its socket.
#[derive(Debug, Default)]
pub struct Conn {
    decoder: Decoder,
    output: Output,
    /// Requests whose answers are not complete, by sequence without gaps.
    exchanges: VecDeque<Exchange>,
    next_sequence: u32,
    /// What becomes of the body that the decoder is in.
    incoming: Incoming,
    /// No request after the ones handed out is looked at.
    last_request_seen: bool,
    /// An answer has said that it is the last, whatever requests came after its own.
    close_when_sent: bool,
    /// The client has asked for the end of the connection: it sends nothing after the last request.
    client_closes: bool,
    /// The client has closed its sending side.
    input_ended: bool,
    /// The exchange whose handler wanted a body that is discarded now, because its answer is complete.
    cut_body: Option<u32>,
    /// Something was refused, and what comes after it is not looked at.
    refused: bool,
    /// The answer completed last when its turn had come, and where it ends in the output: those that had waited for it
    /// come behind.
    last_end: Option<(u32, u64)>,
    /// What has become of exchanges, when the owner wants to know.
    journal: Option<Journal>,
}

/// What came in.
#[derive(Debug)]
pub enum Received<'a> {
    /// There is nothing more to say without more bytes.
    NeedMore,
    /// Nothing is looked at until answers are complete or the body is consumed.
    Blocked,
    /// Nothing that comes is of interest any more: the connection closes when its output is sent.
    Finished,
    /// A request.
    Request(u32, Head<'a>),
    /// A piece of a request's body.
    Body(u32, &'a [u8]),
    /// The end of a request's body.
    End(u32, Trailers<'a>),
    /// A part of a body nobody wants: there may be more to say about the bytes after it.
    Discarded,
}

impl Conn {
    /// Takes the connection up again with the number of its next request.
    pub fn resume(&mut self, next_sequence: u32) {
        self.next_sequence = next_sequence;
    }

    /// The number that the next request gets, or the refusal of what was to be one.
    pub fn next_sequence(&self) -> u32 {
        self.next_sequence
    }

    /// Has what becomes of exchanges noted until [`take_answered`](Conn::take_answered) is asked for it.
    pub fn keep_journal(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// The exchanges that have come to their ends, and whose answers have been written, since the last call.
    pub fn take_answered(&mut self) -> Vec<Answered> {
        let position = self.output.position();
        self.journal
            .as_mut()
            .map_or_else(Vec::new, |journal| journal.take_written(position))
    }

    /// Says that nothing more is written: [`take_answered`](Conn::take_answered) gives the rest.
    pub fn cut_answers(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.cut(self.output.position());
        }
    }

    /// Forgets everything, keeps memory, and returns the number of the next request. What comes out of
    /// [`Output::drain_elsewhere`] is complete then.
    pub fn reset(&mut self) -> u32 {
        let next_sequence = self.next_sequence;
        self.decoder = Decoder::default();
        self.abandon(|_| {});
        self.output.reset();
        self.last_request_seen = false;
        self.close_when_sent = false;
        self.refused = false;
        self.client_closes = false;
        self.input_ended = false;
        self.cut_body = None;
        self.last_end = None;
        self.journal = None;
        self.next_sequence = 0;
        next_sequence
    }

    /// Looks at `input`, all bytes read and not used before, and returns what it used of it and what that was.
    ///
    /// `body_limit` is asked once for each head how many bytes its body may have.
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
        policy: &Policy,
        fields: &'a mut FieldSpans,
        body_limit: impl FnOnce(&Head<'_>) -> u64,
    ) -> Result<(usize, Received<'a>), Error> {
        if self.refused {
            return Ok((0, Received::Finished));
        }
        if let Incoming::Tunnel { .. } = self.incoming {
            return Ok(self.receive_raw(input));
        }
        if self.decoder.is_between_requests() {
            if self.awaits_decision() {
                // A client that waits for the decision is read on, as it may go.
                let received = match input {
                    [] => Received::NeedMore,
                    _ => Received::Blocked,
                };
                return Ok((0, received));
            }
            if self.last_request_seen {
                return Ok((0, Received::Finished));
            }
            if self.exchanges.len() >= policy.pipelined || self.unsent_bytes() > policy.unsent_bytes
            {
                return Ok((0, Received::Blocked));
            }
        }
        if let Incoming::Body { credit, .. } = self.incoming
            && credit <= 0
        {
            return Ok((0, Received::Blocked));
        }
        if let Incoming::Discarded { bytes } = self.incoming
            && (self.last_request_seen || bytes > policy.drain_bytes)
        {
            self.last_request_seen = true;
            return Ok((0, Received::Finished));
        }

        let (used, event) = self
            .decoder
            .next(input, &policy.limits, fields, body_limit)?;
        let received = match event {
            Event::NeedMore => Received::NeedMore,
            Event::Request(head) => Received::Request(self.open_exchange(&head, policy), head),
            Event::Data(data) => match &mut self.incoming {
                Incoming::Body { sequence, credit } => {
                    *credit -= data.len() as isize;
                    Received::Body(*sequence, data)
                }
                Incoming::Discarded { bytes } => {
                    *bytes += data.len() as u64;
                    Received::Discarded
                }
                Incoming::Nothing | Incoming::Tunnel { .. } => {
                    unreachable!("a body belongs to an exchange or is discarded")
                }
            },
            Event::End(trailers) => match std::mem::take(&mut self.incoming) {
                Incoming::Body { sequence, .. } => Received::End(sequence, trailers),
                _ => Received::Discarded,
            },
        };
        Ok((used, received))
    }

    /// Answers broken input: in the place of the request it belongs to, or after the answers still owed.
    ///
    /// Returns the exchange whose body broke, if one did; it is over. Nothing that comes later is looked at.
    pub fn refuse(&mut self, error: Error, date: &[u8; 29]) -> Option<u32> {
        if self.refused {
            return None;
        }
        self.last_request_seen = true;
        self.refused = true;
        let broken = match std::mem::take(&mut self.incoming) {
            Incoming::Body { sequence, .. } | Incoming::Tunnel { sequence, .. } => Some(sequence),
            Incoming::Nothing => None,
            Incoming::Discarded { .. } => {
                // Its answer is complete already, so there is nobody to tell.
                return None;
            }
        };
        if let Some(sequence) = broken {
            let index = self.index(sequence)?;
            self.refuse_at(index, error, date);
        } else {
            let info = RequestInfo {
                version: Version::Http11,
                is_head: false,
                is_connect: false,
                persistent: false,
            };
            self.exchanges
                .push_back(Exchange::new(self.next_sequence, info, true));
            self.next_sequence = self.next_sequence.wrapping_add(1);
            self.refuse_at(self.exchanges.len() - 1, error, date);
        }
        broken
    }

    /// Marks the end of what the exchange has sent so far, to be reported under `token` when it is written.
    pub fn mark(&mut self, sequence: u32, token: u32) {
        match self.index(sequence) {
            Some(index) => self.output_of(index).mark(sequence, token),
            // Its answer is complete, and others may have moved up behind it already.
            None => match self.last_end {
                Some((last, end)) if last == sequence => self.output.mark_at(end, sequence, token),
                _ => self.output.mark(sequence, token),
            },
        }
    }

    /// Says that the whole body came with the head: it needs no credit, and 100 (Continue) is superfluous.
    pub fn body_is_here(&mut self, sequence: u32, bytes: usize) {
        if let Incoming::Body { credit, .. } = &mut self.incoming {
            *credit += bytes as isize;
        }
        if let Some(index) = self.index(sequence) {
            self.exchanges[index].continue_owed = false;
        }
    }

    /// Says that so many bytes of the exchange's body have been consumed, or with 0 that its handler wants the body.
    pub fn consume(&mut self, sequence: u32, bytes: u32) {
        match &mut self.incoming {
            Incoming::Body {
                sequence: current,
                credit,
            }
            | Incoming::Tunnel {
                sequence: current,
                credit,
            } if *current == sequence => *credit += bytes as isize,
            _ => {}
        }
        if let Some(index) = self.index(sequence) {
            self.exchanges[index].wants_body = true;
            self.continue_if_owed(index);
        }
    }

    /// Says that nobody wants the exchange's body: what comes of it is not handed out.
    pub fn discard_body(&mut self, sequence: u32) {
        if matches!(self.incoming, Incoming::Body { sequence: current, .. } if current == sequence)
        {
            self.incoming = Incoming::Discarded { bytes: 0 };
        }
    }

    /// Says that the exchange's handler waits until the connection takes more.
    pub fn want_drain(&mut self, sequence: u32) {
        if let Some(index) = self.index(sequence) {
            self.exchanges[index].want_drain = true;
        }
    }

    /// The exchange whose handler waits for the output in memory to fall to `low` bytes, when it has.
    pub fn take_drained(&mut self, low: usize) -> Option<u32> {
        // Behind the last answer nothing is written: what is sent there only piles up.
        if self.close_when_sent {
            return None;
        }
        let front = self.exchanges.front_mut()?;
        (front.want_drain && self.output.buffered() <= low).then(|| {
            front.want_drain = false;
            front.sequence
        })
    }

    /// The exchange whose handler waits for more of a body that will not come, because its answer is complete.
    pub fn take_cut_body(&mut self) -> Option<u32> {
        self.cut_body.take()
    }

    /// Whether there may be something to tell a handler: a write done, room for more output, a body cut; or a segment
    /// elsewhere that is needed no more.
    pub fn has_news(&self) -> bool {
        self.output.has_marks()
            || self.output.has_gone_elsewhere()
            || self.cut_body.is_some()
            || self
                .exchanges
                .front()
                .is_some_and(|exchange| exchange.want_drain)
    }

    /// Asks for an end after the answers owed: no further request is looked at and the last answer says so.
    pub fn close_after_answers(&mut self) {
        self.last_request_seen = true;
        if let Some(last) = self.exchanges.back_mut() {
            last.must_close = true;
        }
    }

    /// Says that the client sends nothing more. Answers still owed can be sent (RFC 9112 9.6), and a tunnel's handler is
    /// told by [`receive`](Conn::receive).
    pub fn end_of_input(&mut self) {
        self.last_request_seen = true;
        self.input_ended = true;
        if !matches!(self.incoming, Incoming::Tunnel { .. }) {
            self.incoming = Incoming::Nothing;
        }
    }

    /// Ends all exchanges that are not complete and passes each to `ended`.
    pub fn abandon(&mut self, mut ended: impl FnMut(u32)) {
        let end = self.output.end();
        for (index, exchange) in self.exchanges.drain(..).enumerate() {
            if !matches!(exchange.phase, Phase::Complete { .. }) {
                if let Some(journal) = &mut self.journal {
                    let is_cut = !matches!(exchange.phase, Phase::Tunnel(_));
                    journal.note(exchange.answered(is_cut), (index == 0).then_some(end));
                }
                ended(exchange.sequence);
            }
            if let Some(ahead) = exchange.ahead_of_turn {
                self.output.give_up_all(*ahead);
            }
        }
        self.incoming = Incoming::Nothing;
    }

    /// Passes each write that will not be reported as written to `ended`, in order.
    pub fn abandon_marks(&mut self, mut ended: impl FnMut(Mark)) {
        let ahead = self
            .exchanges
            .iter_mut()
            .filter_map(|exchange| exchange.ahead_of_turn.as_deref_mut());
        for output in std::iter::once(&mut self.output).chain(ahead) {
            while let Some(mark) = output.pop_mark() {
                ended(mark);
            }
        }
    }

    /// The exchanges whose answers are not complete.
    pub fn pending(&self) -> impl Iterator<Item = u32> {
        self.exchanges
            .iter()
            .filter(|e| !matches!(e.phase, Phase::Complete { .. }))
            .map(|e| e.sequence)
    }

    /// Whether the exchange's answer is not complete.
    pub fn is_pending(&self, sequence: u32) -> bool {
        self.index(sequence)
            .is_some_and(|index| !matches!(self.exchanges[index].phase, Phase::Complete { .. }))
    }

    /// Sets the time by which the exchange's handler has to begin its answer, in the owner's unit; 0 is never.
    pub fn set_deadline(&mut self, sequence: u32, at: u64) {
        if let Some(index) = self.index(sequence) {
            self.exchanges[index].deadline = at;
        }
    }

    /// The exchange whose handler has sent nothing and has the least time left, and its deadline.
    pub fn earliest_deadline(&self) -> Option<(u32, u64)> {
        self.exchanges
            .iter()
            .filter(|exchange| matches!(exchange.phase, Phase::Waiting) && exchange.deadline > 0)
            .map(|exchange| (exchange.sequence, exchange.deadline))
            .min_by_key(|&(_, at)| at)
    }

    /// What is to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Whether no byte of a next request has been used and no body is under way, empty lines aside.
    pub fn is_between_requests(&self) -> bool {
        self.decoder.is_between_requests()
    }

    /// Whether a further request would be looked at.
    pub fn expects_request(&self) -> bool {
        self.decoder.is_between_requests() && !self.last_request_seen && !self.refused
    }

    /// Whether empty lines came where a request is to begin.
    pub fn has_skipped_lines(&self) -> bool {
        self.decoder.has_skipped_lines()
    }

    /// Whether more of a body is expected and there is room for it.
    pub fn awaits_body(&self) -> bool {
        match self.incoming {
            Incoming::Nothing | Incoming::Tunnel { .. } => false,
            Incoming::Body { credit, sequence } => credit > 0 && !self.owes_continue(sequence),
            Incoming::Discarded { .. } => true,
        }
    }

    /// Whether the client has said that it sends no further request, and all of the last one has come: only then is it
    /// certain that closing now loses nothing on the way.
    pub fn has_read_everything(&self) -> bool {
        self.decoder.is_between_requests() && !self.refused && self.client_closes
    }

    /// Bytes that come next and belong to a body of known length that is being handed out: they can be read in one
    /// piece, with nothing else behind them.
    pub fn body_ahead(&self) -> u64 {
        match (self.incoming, self.decoder.body_remaining()) {
            (Incoming::Body { credit, .. }, Remaining::Exactly(bytes)) if credit > 0 => bytes,
            _ => 0,
        }
    }

    /// Whether nothing is going on: no request, no answer, nothing to write, and more requests are welcome.
    pub fn is_idle(&self) -> bool {
        self.exchanges.is_empty()
            && self.output.is_empty()
            && self.incoming == Incoming::Nothing
            && self.decoder.is_between_requests()
            && !self.decoder.has_skipped_lines()
            && !self.last_request_seen
    }

    /// Whether the connection is to be closed as soon as the output is written.
    pub fn closes_when_sent(&self) -> bool {
        self.close_when_sent || (self.last_request_seen && self.exchanges.is_empty())
    }

    /// Bytes in memory of the exchange's answer, and of what is written before it in the same output.
    pub fn unsent_of(&self, sequence: u32) -> usize {
        let ahead = self
            .index(sequence)
            .and_then(|index| self.exchanges[index].ahead_of_turn.as_deref());
        ahead.unwrap_or(&self.output).buffered()
    }

    /// Bytes of answers in memory that wait for the socket or for their turn.
    fn unsent_bytes(&self) -> usize {
        let ahead = self
            .exchanges
            .iter()
            .filter_map(|exchange| exchange.ahead_of_turn.as_deref());
        self.output.buffered() + ahead.map(Output::buffered).sum::<usize>()
    }

    fn open_exchange(&mut self, head: &Head<'_>, policy: &Policy) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        let has_body = head.framing != RequestFraming::None;
        let is_connect = head.method == b"CONNECT";
        let is_last = !head.persistent || self.next_sequence >= policy.requests;
        // What follows CONNECT is not HTTP if the answer is 2xx (RFC 9110 9.3.6), and has no meaning if it is not.
        self.last_request_seen = is_last || is_connect;
        self.client_closes = !head.persistent;
        if has_body {
            self.incoming = Incoming::Body {
                sequence,
                credit: policy.body_window as isize,
            };
        }
        let info = RequestInfo {
            version: head.version,
            is_head: head.method == b"HEAD",
            is_connect,
            persistent: head.persistent,
        };
        self.exchanges.push_back(Exchange {
            continue_owed: head.expect_continue && has_body,
            offers_upgrade: head.upgrade,
            ..Exchange::new(sequence, info, is_last || is_connect)
        });
        sequence
    }

    fn owes_continue(&self, sequence: u32) -> bool {
        self.index(sequence)
            .is_some_and(|index| self.exchanges[index].continue_owed)
    }

    fn index(&self, sequence: u32) -> Option<usize> {
        let first = self.exchanges.front()?.sequence;
        let index = sequence.wrapping_sub(first) as usize;
        (index < self.exchanges.len()).then_some(index)
    }
}
