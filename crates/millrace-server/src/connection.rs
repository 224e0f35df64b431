//! One connection, from its socket to the records of its lane and back.
//!
//! Driven in visits: [`drive`](Connection::drive) is fill → parse → flush → settle, and between visits
//! [`carry_out`](Connection::carry_out) encodes what JavaScript answered.

mod deadline;
mod flush;
mod parse;
mod reading;
mod route;
mod secure;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_batch::layout::{AbortReason, ServerEvent, THREAD_SHIFT, WriteOutcome};
use millrace_batch::{ExchangeId, RemoteAddress, SocketId};
use millrace_http1::{Error, refusal};
use millrace_ws::CloseCode;

pub(crate) use self::deadline::LOOK_AFTER;
pub(crate) use self::flush::poll_write_next;
use self::parse::{Filled, stall};
pub(crate) use self::route::{FileRequest, Lookup};
use crate::ready::SlotWaker;
use crate::room::{Active, Room};
use crate::server::Server;
use crate::socket::Socket;
use crate::websocket::WebSocket;

/// Reads of a connection before the others get their turn.
pub(crate) const READS_PER_VISIT: usize = 4;

/// Answers up to this size, in bytes, are with the client as good as at once.
const SMALL_BYTES: u64 = 64 * 1024;

/// Bytes of a closed connection that are read, so that the client gets to read the answer, before it is cut. Clients such
/// as undici send all of a body before they look at the answer, and a refused body is often a large one; what a client
/// can cost by it within `timeouts.linger` is no more than an upload costs that is accepted.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// A connection of one I/O thread.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) server: Arc<Server>,
    pub(crate) generation: u32,
    /// Whether it counts against the server's limit.
    pub(crate) admitted: bool,
    /// This connection's number in records: thread and slot.
    number: u32,
    pub(crate) socket: Socket,
    remote: RemoteAddress,
    pub(crate) waker: Waker,
    slot_waker: Arc<SlotWaker>,
    /// It is not read because too much waits for JavaScript; until then the client is not late.
    pub(crate) stalled: bool,
    /// It is listed to be visited after the records under way.
    listed: bool,
    next_sequence: u32,
    phase: Phase,
    /// It is to speak TLS, and its handshake is not complete.
    is_securing: bool,
    /// When the answer for the name that its client wants is waited for no longer; 0 when none is waited for.
    answer_due: u64,
    /// When the connection was accepted or secured, became idle or began to linger.
    since: u64,
    /// Only while something is going on.
    pub(crate) active: Option<Box<Active>>,
    /// What it has become, if that is a WebSocket.
    pub(crate) websocket: Option<Box<WebSocket>>,
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
            generation,
            admitted: true,
            number,
            socket,
            remote,
            waker: Waker::from(slot_waker.clone()),
            slot_waker,
            stalled: false,
            listed: false,
            next_sequence: 0,
            phase: Phase::Open,
            is_securing: server.tls.is_some(),
            answer_due: 0,
            since: now,
            active: None,
            websocket: None,
            server,
        }
    }

    /// Answers a connection that is one too many and lets it linger, so that the client gets to read why.
    pub(crate) fn turn_away(&mut self, room: &mut Room) -> Fate {
        self.admitted = false;
        let mut answer = Vec::new();
        refusal(Error::Overloaded, &room.date, &mut answer);
        // A fresh socket takes these few bytes, or its peer has gone.
        let mut context = Context::from_waker(&self.waker);
        let _ = self.socket.poll_write(&mut context, &answer, &mut room.tls);
        self.socket.shutdown_write(&mut context, &mut room.tls);
        self.phase = Phase::Lingering(0);
        self.linger(room)
    }

    /// Does what can be done now: reads, hands requests on, writes.
    pub(crate) fn drive(&mut self, room: &mut Room) -> Fate {
        self.slot_waker.visit();
        if let Phase::Lingering(_) = self.phase {
            return self.linger(room);
        }
        if self.websocket.is_some() {
            return self.drive_websocket(room);
        }
        if let Some(active) = &mut self.active
            && active.blocked
        {
            active.blocked = false;
            // A head that waited unread is not late.
            active.head_since = room.now;
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
            if !self.is_securing {
                // Its handshake was not kept waiting.
                self.since = room.now;
            }
            if let Some(active) = &mut self.active {
                active.head_since = room.now;
                active.body.forgive(room.now);
            }
            if let Some(websocket) = &mut self.websocket {
                websocket.forgive(room.now);
            }
        }
        self.drive(room)
    }

    /// Writes what can be written and sees what is next, without looking for input.
    pub(crate) fn flush_and_settle(&mut self, room: &mut Room) -> Fate {
        if self.websocket.is_some() {
            return self.flush_and_settle_websocket(room);
        }
        if let Err(error) = self.flush(room) {
            return Fate::Lost(error);
        }
        self.settle(room)
    }

    /// Decides what comes next, and by when.
    fn settle(&mut self, room: &mut Room) -> Fate {
        let Some(active) = &mut self.active else {
            return match self.phase {
                Phase::Closed => Fate::Over,
                Phase::Open | Phase::Lingering(_) => Fate::Goes(self.deadline()),
            };
        };
        if active.conn.take_send_closed() {
            let mut context = Context::from_waker(&self.waker);
            self.socket.shutdown_write(&mut context, &mut room.tls);
        }
        if active.conn.closes_when_sent() && active.conn.output().is_empty() {
            // A client that said it sends nothing more and has a small answer needs no watching over.
            let is_small = active.conn.output().position() <= SMALL_BYTES;
            let nothing_comes = active.peer_closed
                || is_small && active.conn.has_read_everything() && self.has_nothing_to_read(room);
            self.end_exchanges(room, AbortReason::ConnectionLost, WriteOutcome::NotExecuted);
            if nothing_comes {
                return Fate::Over;
            }
            return self.begin_to_linger(room);
        }
        if active.conn.is_idle() && active.input.is_empty() && active.deferred.is_empty() {
            self.release_state(room);
            self.since = room.now;
            if self.server.is_closing() {
                return Fate::Over;
            }
        }
        Fate::Goes(self.deadline())
    }

    /// Whether a client that said it sends nothing more kept its word so far.
    pub(crate) fn has_nothing_to_read(&mut self, room: &mut Room) -> bool {
        let mut context = Context::from_waker(&self.waker);
        !matches!(
            self.socket
                .poll_read(&mut context, &mut room.scratch, &mut room.tls),
            Poll::Ready(Ok(1..))
        )
    }

    /// Closes the sending side and waits for the client to do the same.
    pub(crate) fn begin_to_linger(&mut self, room: &mut Room) -> Fate {
        let mut context = Context::from_waker(&self.waker);
        self.socket.shutdown_write(&mut context, &mut room.tls);
        self.phase = Phase::Lingering(0);
        self.since = room.now;
        self.linger(room)
    }

    /// Reads and forgets until the client has closed too: closing at once would make the system discard the answer
    /// when unread bytes are there (RFC 9112 9.6).
    fn linger(&mut self, room: &mut Room) -> Fate {
        let mut context = Context::from_waker(&self.waker);
        let Phase::Lingering(mut read) = self.phase else {
            return Fate::Over;
        };
        let mut reads = 0;
        loop {
            let (memory, tls) = (&mut room.scratch, &mut room.tls);
            match self.socket.poll_read(&mut context, memory, tls) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Fate::Over,
                Poll::Ready(Ok(count)) => read += count,
            }
            if read > LINGER_BYTES {
                return Fate::Over;
            }
            reads += 1;
            if reads == READS_PER_VISIT {
                self.waker.wake_by_ref();
                break;
            }
        }
        self.phase = Phase::Lingering(read);
        Fate::Goes(self.deadline())
    }

    /// Closes the connection as soon as it owes nothing, and says whether that is now.
    pub(crate) fn close_gracefully(&mut self, room: &mut Room) -> bool {
        if let Some(websocket) = &mut self.websocket {
            websocket.begin_close(room, Some(CloseCode::GOING_AWAY), "");
            self.waker.wake_by_ref();
            return false;
        }
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
        self.end_websocket(room, reason, outcome);
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let lane = &self.server.lane;
        let output = active.conn.output();
        while let Some(mark) = output.pop_passed() {
            room.batch(lane)
                .push_written(id(mark.sequence), mark.token, WriteOutcome::Written);
        }
        // Only what was under way has failed: what comes behind it has not begun.
        let (under_way, outcome) = match outcome {
            WriteOutcome::System(_) if output.has_marks() => (outcome, WriteOutcome::NotExecuted),
            WriteOutcome::System(_) => (WriteOutcome::NotExecuted, WriteOutcome::NotExecuted),
            WriteOutcome::NotExecuted if output.is_before_mark() => (cut_short(reason), outcome),
            _ => (outcome, outcome),
        };
        let mut next = under_way;
        active.conn.abandon_marks(|mark| {
            let outcome = std::mem::replace(&mut next, outcome);
            room.batch(lane)
                .push_written(id(mark.sequence), mark.token, outcome)
        });
        let ours = self.abandon_deferred(room, outcome);
        let Some(active) = &mut self.active else {
            return;
        };
        let counters = self.server.counters(room.thread);
        let lane = &self.server.lane;
        active.conn.abandon(|sequence| {
            counters.pending.sub(1);
            if !ours.contains(&sequence) {
                room.batch(lane).push_abort(id(sequence), reason);
            }
        });
        self.release_state(room);
    }

    /// Whether exchanges are under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| active.conn.pending().next().is_some())
    }

    /// Whether there is somebody to visit after the records under way who was not listed for that before.
    pub(crate) fn list(&mut self) -> bool {
        (self.active.is_some() || self.websocket.is_some())
            && !std::mem::replace(&mut self.listed, true)
    }

    /// Carries on after the records of a pass.
    pub(crate) fn visit_listed(&mut self, room: &mut Room) -> Fate {
        self.listed = false;
        match &self.active {
            Some(active) if !active.blocked => self.flush_and_settle(room),
            None if self.websocket.is_some() => self.flush_and_settle(room),
            _ => self.drive(room),
        }
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

    /// Its name in records, once it is a WebSocket.
    pub(crate) fn socket_id(&self) -> SocketId {
        SocketId {
            connection: self.number,
            generation: self.generation,
        }
    }

    /// Has it looked at again once its lane has room.
    pub(crate) fn stall(&mut self, room: &mut Room) {
        stall(&mut self.stalled, self.number, &mut room.stalled);
    }

    /// Its place among the connections of its thread.
    pub(crate) fn slot(&self) -> usize {
        (self.number & ((1 << THREAD_SHIFT) - 1)) as usize
    }

    /// Reports what has become of exchanges, when that is wanted.
    pub(crate) fn report_answers(&mut self, room: &mut Room) {
        if let Some(active) = &mut self.active
            && self.server.config.report_answers
        {
            let Active { conn, journal, .. } = &mut **active;
            let written = conn.take_answered();
            if written.is_empty() {
                return;
            }
            let remote = parse::remote_text(self.remote);
            for answered in written {
                let text = journal.ended(&answered, &remote);
                room.batch(&self.server.lane).push_server(
                    self.server.id,
                    ServerEvent::Answered,
                    &text,
                );
            }
        }
    }

    pub(crate) fn release_state(&mut self, room: &mut Room) {
        if let Some(active) = &mut self.active {
            active.conn.cut_answers();
        }
        self.report_answers(room);
        if let Some(mut active) = self.active.take() {
            self.next_sequence = active.conn.reset();
            // The files go with the state; their keys must not reach the next connection that has the output.
            active.conn.output().drain_elsewhere(|_| {});
            room.give_state(active);
        }
    }
}

/// What became of a write that was under way when its connection was cut.
#[cfg(unix)]
pub(crate) fn cut_short(reason: AbortReason) -> WriteOutcome {
    use rustix::io::Errno;
    WriteOutcome::System(match reason {
        AbortReason::WriteTimeout => Errno::TIMEDOUT.raw_os_error(),
        _ => Errno::CONNABORTED.raw_os_error(),
    })
}

/// The system's numbers mean nothing to JavaScript here.
#[cfg(not(unix))]
pub(crate) fn cut_short(_: AbortReason) -> WriteOutcome {
    WriteOutcome::NotExecuted
}
