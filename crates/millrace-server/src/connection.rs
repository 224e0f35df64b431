//! One connection, from its socket to the records of its lane and back.
//!
//! Driven in visits: [`drive`](Connection::drive) is fill → parse → flush → settle, and between visits
//! [`carry_out`](Connection::carry_out) encodes what JavaScript answered.

mod deadline;

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_batch::layout::{
    AbortReason, INLINE_BODY_BYTES, ServerEvent, WriteOutcome, inbound_flag,
};
use millrace_batch::{ExchangeId, RemoteAddress, Request, Routed};
use millrace_http1::{Error, Head, Received, RequestFraming, Version, refusal};

use crate::body_buffer::{BODY_BUFFER_BYTES, BodyBuffer};
use crate::ready::SlotWaker;
use crate::room::{Active, Room};
use crate::server::Server;
use crate::socket::Socket;

/// Reads of a connection before the others get their turn.
const READS_PER_VISIT: usize = 4;

/// Pieces written at once.
const WRITE_SLICES: usize = 32;

/// Answers up to this size, in bytes, are with the client as good as at once.
const SMALL_BYTES: u64 = 64 * 1024;

/// Bytes of a closed connection that are read, so that the client gets to read the answer, before it is cut.
const LINGER_BYTES: usize = 1024 * 1024;

/// A connection of one I/O thread.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) server: Arc<Server>,
    pub(crate) generation: u32,
    /// Whether it counts against the server's limit.
    pub(crate) admitted: bool,
    /// This connection's number in records: thread and slot.
    number: u32,
    socket: Socket,
    remote: RemoteAddress,
    waker: Waker,
    slot_waker: Arc<SlotWaker>,
    /// It is not read because too much waits for JavaScript; until then the client is not late.
    stalled: bool,
    next_sequence: u32,
    phase: Phase,
    /// When the connection was accepted, became idle or began to linger.
    since: u64,
    /// Only while something is going on.
    active: Option<Box<Active>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The answer is sent and the sending side closed; so many bytes were read since.
    Lingering(usize),
    /// The client has gone and is owed nothing.
    Closed,
}

/// What is to become of a connection after a visit.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It goes on; visit it at this time at the latest.
    Goes(Option<u64>),
    /// It has come to its end.
    Over,
    /// It failed.
    Lost(io::Error),
    /// It was cut for this reason.
    Cut(AbortReason),
}

enum Filled {
    /// So many bytes are in the scratch buffer.
    Bytes(usize),
    /// Here is a piece of a body and nothing else.
    Body(BodyBuffer),
    /// There is nothing to read, or nothing is wanted.
    Waiting,
    /// The client sends nothing more.
    End,
}

impl Connection {
    pub(crate) fn new(
        server: Arc<Server>,
        number: u32,
        generation: u32,
        socket: Socket,
        remote: RemoteAddress,
        slot_waker: Arc<SlotWaker>,
        now: u64,
    ) -> Self {
        Connection {
            server,
            generation,
            admitted: true,
            number,
            socket,
            remote,
            waker: Waker::from(slot_waker.clone()),
            slot_waker,
            stalled: false,
            next_sequence: 0,
            phase: Phase::Open,
            since: now,
            active: None,
        }
    }

    /// Answers a connection that is one too many and lets it linger, so that the client gets to read why.
    pub(crate) fn turn_away(&mut self, room: &mut Room) -> Fate {
        self.admitted = false;
        let mut answer = Vec::new();
        refusal(Error::Overloaded, &room.date, &mut answer);
        // A fresh socket takes these few bytes, or its peer has gone.
        let _ = self
            .socket
            .poll_write(&mut Context::from_waker(&self.waker), &answer);
        self.socket.shutdown_write();
        self.phase = Phase::Lingering(0);
        self.linger(room)
    }

    /// Does what can be done now: reads, hands requests on, writes.
    pub(crate) fn drive(&mut self, room: &mut Room) -> Fate {
        self.slot_waker.visit();
        if let Phase::Lingering(_) = self.phase {
            return self.linger(room);
        }
        if let Some(active) = &mut self.active
            && active.blocked
        {
            active.blocked = false;
            self.parse(room, 0);
        }
        let mut reads = 0;
        loop {
            match self.fill(room) {
                Ok(Filled::Bytes(count)) => self.parse(room, count),
                Ok(Filled::Body(buffer)) => self.parse_body(room, buffer),
                Ok(Filled::Waiting) => break,
                Ok(Filled::End) => {
                    self.end_of_input(room);
                    break;
                }
                Err(error) => return Fate::Lost(error),
            }
            reads += 1;
            if reads == READS_PER_VISIT {
                self.waker.wake_by_ref();
                break;
            }
        }
        self.flush_and_settle(room)
    }

    /// Reads again after a time in which the server did not, and which is not the client's fault.
    pub(crate) fn resume(&mut self, room: &mut Room) -> Fate {
        if std::mem::take(&mut self.stalled) {
            self.since = room.now;
            if let Some(active) = &mut self.active {
                active.head_since = room.now;
                active.forgive_body(room.now);
            }
        }
        self.drive(room)
    }

    /// Writes what can be written and sees what is next, without looking for input.
    pub(crate) fn flush_and_settle(&mut self, room: &mut Room) -> Fate {
        if let Err(error) = self.flush(room) {
            return Fate::Lost(error);
        }
        self.settle(room)
    }

    fn fill(&mut self, room: &mut Room) -> io::Result<Filled> {
        if let Some(active) = &self.active
            && (active.blocked || active.peer_closed || active.conn.closes_when_sent())
        {
            return Ok(Filled::Waiting);
        }
        if self
            .server
            .lane
            .is_congested(self.server.config.queued_bytes)
        {
            self.stalled = true;
            room.stalled.push(self.number);
            return Ok(Filled::Waiting);
        }
        let mut context = Context::from_waker(&self.waker);
        let body_ahead = self.active.as_ref().map_or(0, |active| active.body_ahead());
        let (polled, body) = if body_ahead > INLINE_BODY_BYTES as u64 {
            let mut buffer = BodyBuffer::take();
            let length = usize::try_from(body_ahead)
                .unwrap_or(usize::MAX)
                .min(BODY_BUFFER_BYTES);
            (
                self.socket
                    .poll_read(&mut context, &mut buffer.memory()[..length]),
                Some(buffer),
            )
        } else {
            (self.socket.poll_read(&mut context, &mut room.scratch), None)
        };
        let count = match polled {
            Poll::Pending => return Ok(Filled::Waiting),
            Poll::Ready(count) => count?,
        };
        if count == 0 {
            return Ok(Filled::End);
        }
        self.server
            .counters(room.thread)
            .bytes_read
            .add(count as u64);
        Ok(match body {
            Some(mut buffer) => {
                buffer.set_filled(count);
                Filled::Body(buffer)
            }
            None => Filled::Bytes(count),
        })
    }

    /// Hands on a piece of a body that is in a buffer of its own.
    fn parse_body(&mut self, room: &mut Room, buffer: BodyBuffer) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let policy = &self.server.config.policy;
        let (_, fields, batch) = room.split(&self.server.lane);
        // Only as much was read as the body still had, so it is one piece of it.
        let piece = active
            .conn
            .receive(buffer.filled(), policy, fields, 0, |_| 0);
        if let Ok((_, Received::Body(sequence, data))) = piece {
            let length = data.len();
            // A buffer that is mostly empty is not worth holding: the client decides how many there are.
            if length < BODY_BUFFER_BYTES / 4 {
                batch.push_body(id(sequence), data, false);
            } else {
                batch.push_large_body(id(sequence), buffer.into_bytes(), false);
            }
            active.body_last = room.now;
            active.body_bytes += length as u64;
            room.outboxes.publish_if_due(&self.server.lane);
        }
        // Its end takes no bytes.
        self.parse(room, 0);
    }

    /// Looks at the `fresh` bytes in the scratch buffer, behind those left over, and submits what they say.
    fn parse(&mut self, room: &mut Room, fresh: usize) {
        let id = self.exchange_ids();
        let active = self.active.get_or_insert_with(|| {
            let mut state = room.take_state();
            state.conn.resume(self.next_sequence);
            state
        });
        let now = room.now;
        let counters = self.server.counters(room.thread);
        let policy = &self.server.config.policy;
        let from_scratch = active.input.is_empty();
        if !from_scratch {
            active.input.extend_from_slice(&room.scratch[..fresh]);
        }

        let mut used = 0;
        let mut failed = None;
        // The body that came whole with its head and is not reported again.
        let mut inline_body = None;
        loop {
            let (scratch, fields, batch) = room.split(&self.server.lane);
            let input = if from_scratch {
                &scratch[..fresh]
            } else {
                &active.input[..]
            };
            let rest = &input[used..];
            let limit = |_: &Head<'_>| policy.limits.body_bytes;
            match active.conn.receive(rest, policy, fields, now, limit) {
                Ok((count, received)) => {
                    used += count;
                    match received {
                        Received::NeedMore => break,
                        Received::Blocked => {
                            active.blocked = true;
                            break;
                        }
                        Received::Finished => {
                            used = input.len();
                            break;
                        }
                        Received::Discarded => {}
                        Received::Request(sequence, head) => {
                            counters.requests.add(1);
                            counters.pending.add(1);
                            let body = whole_body(&head, &rest[count..]);
                            if let Some(body) = body {
                                inline_body = Some((sequence, body.len()));
                            } else if head.framing != RequestFraming::None {
                                (active.body_since, active.body_last, active.body_bytes) =
                                    (now, now, 0);
                            }
                            let (path, _) = head.path_and_query();
                            batch.push_request(Request {
                                server: self.server.id,
                                exchange: id(sequence),
                                method: head.method,
                                target: head.target,
                                path_start: path.start,
                                path_end: path.end,
                                route: Routed::default(),
                                flags: request_flags(&head),
                                fields: head.fields().map(|field| (field.name, field.value)),
                                inline_body: body,
                                remote: self.remote,
                            });
                            if let Some((sequence, length)) = inline_body {
                                active.conn.body_is_here(sequence, length);
                            }
                            room.outboxes.publish_if_due(&self.server.lane);
                        }
                        Received::Body(sequence, data) => {
                            if inline_body.is_none() {
                                active.body_last = now;
                                active.body_bytes += data.len() as u64;
                                batch.push_body(id(sequence), data, false);
                                room.outboxes.publish_if_due(&self.server.lane);
                            }
                        }
                        Received::End(sequence, trailers) => {
                            if inline_body.take().is_none() {
                                let fields =
                                    trailers.fields().map(|field| (field.name, field.value));
                                batch.push_body_end(id(sequence), fields);
                            }
                        }
                    }
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }

        if let Some(error) = failed {
            return self.refuse(room, error);
        }
        let Some(active) = &mut self.active else {
            return;
        };
        let had_input = !from_scratch;
        if from_scratch {
            active.input.extend_from_slice(&room.scratch[used..fresh]);
        } else {
            active.input.drain(..used);
        }
        if active.has_begun_head() && (used > 0 || !had_input) {
            active.head_since = now;
        }
    }

    /// Answers broken input and tells the handler whose request broke.
    fn refuse(&mut self, room: &mut Room, error: Error) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let counters = self.server.counters(room.thread);
        counters.protocol_errors.add(1);
        active.input.clear();
        let broken = active.conn.refuse(error, &room.date);
        let batch = room.batch(&self.server.lane);
        if let Some(sequence) = broken {
            counters.pending.sub(1);
            let reason = match error {
                Error::BodyTooLarge => AbortReason::BodyTooLarge,
                Error::BodyTimeout => AbortReason::BodyTimeout,
                _ => AbortReason::ProtocolError,
            };
            batch.push_abort(id(sequence), reason);
        } else if self.server.config.report_connection_errors {
            let text = format!(
                "{} {} {}",
                error.code(),
                remote_text(self.remote),
                error.message()
            );
            batch.push_server(
                self.server.id,
                ServerEvent::ConnectionError,
                text.as_bytes(),
            );
        }
    }

    /// The client has closed its sending side. Whether it still reads can only be found out by writing.
    fn end_of_input(&mut self, room: &mut Room) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            // Nothing is owed to anyone.
            self.phase = Phase::Closed;
            return;
        };
        active.peer_closed = true;
        active.gone_since = room.now;
        active.input.clear();
        let body_cut = !active.conn.is_between_requests();
        active.conn.end_of_input();
        if body_cut || !self.server.config.allow_half_close {
            for sequence in active.conn.pending() {
                room.batch(&self.server.lane)
                    .push_abort(id(sequence), AbortReason::ClientClosed);
            }
        }
    }

    fn flush(&mut self, room: &mut Room) -> io::Result<()> {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        let counters = self.server.counters(room.thread);
        let mut context = Context::from_waker(&self.waker);
        let output = active.conn.output();
        let before = output.len();
        while !output.is_empty() {
            let written = match output.single() {
                Some(bytes) => self.socket.poll_write(&mut context, bytes),
                None => {
                    let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
                    let count = output.slices(&mut slices);
                    self.socket
                        .poll_write_vectored(&mut context, &slices[..count])
                }
            };
            match written {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    output.advance(count);
                    counters.bytes_written.add(count as u64);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let left = output.len();
        if left < before && active.blocked && left <= self.server.config.write_low {
            // The output may have been what blocked it.
            self.waker.wake_by_ref();
        }
        if left == 0 {
            active.write_since = 0;
        } else if left < before || active.write_since == 0 {
            active.write_since = room.now;
        }
        if !active.conn.has_news() {
            return Ok(());
        }
        let lane = &self.server.lane;
        let output = active.conn.output();
        while let Some(mark) = output.pop_passed() {
            room.batch(lane)
                .push_written(id(mark.sequence), mark.token, WriteOutcome::Written);
        }
        if let Some(sequence) = active.conn.take_drained(self.server.config.write_low) {
            room.batch(lane).push_drain(id(sequence), left);
        }
        if let Some(sequence) = active.conn.take_cut_body() {
            room.batch(lane)
                .push_abort(id(sequence), AbortReason::ConnectionLost);
        }
        Ok(())
    }

    /// Decides what comes next, and by when.
    fn settle(&mut self, room: &mut Room) -> Fate {
        let Some(active) = &mut self.active else {
            return match self.phase {
                Phase::Closed => Fate::Over,
                Phase::Open | Phase::Lingering(_) => Fate::Goes(self.deadline()),
            };
        };
        if active.conn.closes_when_sent() && active.conn.output().is_empty() {
            // A client that said it sends nothing more and has a small answer needs no watching over.
            let is_small = active.conn.output().position() <= SMALL_BYTES;
            let nothing_comes = active.peer_closed
                || is_small && active.conn.has_read_everything() && self.has_nothing_to_read(room);
            self.end_exchanges(room, AbortReason::ConnectionLost, WriteOutcome::NotExecuted);
            if nothing_comes {
                return Fate::Over;
            }
            self.socket.shutdown_write();
            self.phase = Phase::Lingering(0);
            self.since = room.now;
            return self.linger(room);
        }
        if active.conn.is_idle() && active.input.is_empty() {
            self.release_state(room);
            self.since = room.now;
            if self.server.is_closing() {
                return Fate::Over;
            }
        }
        Fate::Goes(self.deadline())
    }

    /// Whether a client that said it sends nothing more kept its word so far.
    fn has_nothing_to_read(&mut self, room: &mut Room) -> bool {
        let mut context = Context::from_waker(&self.waker);
        !matches!(
            self.socket.poll_read(&mut context, &mut room.scratch),
            Poll::Ready(Ok(1..))
        )
    }

    /// Reads and forgets until the client has closed too: closing at once would make the system discard the answer
    /// when unread bytes are there (RFC 9112 9.6).
    fn linger(&mut self, room: &mut Room) -> Fate {
        let mut context = Context::from_waker(&self.waker);
        let Phase::Lingering(mut read) = self.phase else {
            return Fate::Over;
        };
        loop {
            match self.socket.poll_read(&mut context, &mut room.scratch) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Fate::Over,
                Poll::Ready(Ok(count)) => read += count,
            }
            if read > LINGER_BYTES {
                return Fate::Over;
            }
        }
        self.phase = Phase::Lingering(read);
        Fate::Goes(self.deadline())
    }

    /// Closes the connection as soon as it owes nothing, and says whether that is now.
    pub(crate) fn close_gracefully(&mut self) -> bool {
        match &mut self.active {
            Some(active) => {
                active.conn.close_after_answers();
                // An unfinished head is not a request yet.
                active.conn.pending().next().is_none() && active.conn.output().is_empty()
            }
            // One that lingers has its time limit already.
            None => !matches!(self.phase, Phase::Lingering(_)),
        }
    }

    /// Ends what is under way and tells everyone concerned.
    pub(crate) fn end_exchanges(
        &mut self,
        room: &mut Room,
        reason: AbortReason,
        outcome: WriteOutcome,
    ) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let counters = self.server.counters(room.thread);
        let lane = &self.server.lane;
        if let Some(sequence) = active.conn.take_cut_body() {
            room.batch(lane).push_abort(id(sequence), reason);
        }
        active.conn.abandon_marks(|mark| {
            room.batch(lane)
                .push_written(id(mark.sequence), mark.token, outcome)
        });
        active.conn.abandon(|sequence| {
            counters.pending.sub(1);
            room.batch(lane).push_abort(id(sequence), reason);
        });
        self.release_state(room);
    }

    /// Whether exchanges are under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| active.conn.pending().next().is_some())
    }

    /// The connection, while something is going on.
    pub(crate) fn active(&mut self) -> Option<&mut Active> {
        self.active.as_deref_mut()
    }

    /// The connection, while something is going on, and its server.
    pub(crate) fn parts(&mut self) -> (Option<&mut Active>, &Server) {
        (self.active.as_deref_mut(), &self.server)
    }

    /// Gives exchanges their names in records. Apart from the connection, parts of which are lent while it is used.
    pub(crate) fn exchange_ids(&self) -> impl Fn(u32) -> ExchangeId + Copy + use<> {
        let (connection, generation) = (self.number, self.generation);
        move |sequence| ExchangeId {
            connection,
            generation,
            sequence,
        }
    }

    fn release_state(&mut self, room: &mut Room) {
        if let Some(mut active) = self.active.take() {
            self.next_sequence = active.conn.reset();
            room.give_state(active);
        }
    }
}

/// The body, when all of it is here and it is small.
fn whole_body<'a>(head: &Head<'_>, rest: &'a [u8]) -> Option<&'a [u8]> {
    match head.framing {
        RequestFraming::Length(length) if length <= INLINE_BODY_BYTES as u64 => {
            rest.get(..length as usize)
        }
        _ => None,
    }
}

fn request_flags(head: &Head<'_>) -> u32 {
    let mut flags = 0;
    if matches!(head.version, Version::Http10) {
        flags |= inbound_flag::HTTP10;
    }
    if head.framing != RequestFraming::None {
        flags |= inbound_flag::HAS_BODY;
    }
    if head.expect_continue {
        flags |= inbound_flag::EXPECT_CONTINUE;
    }
    if head.upgrade {
        flags |= inbound_flag::UPGRADE;
    }
    flags
}

fn remote_text(remote: RemoteAddress) -> String {
    match remote {
        RemoteAddress::Ip(address, port) => std::net::SocketAddr::new(address, port).to_string(),
        RemoteAddress::Unix => "unix".into(),
    }
}
