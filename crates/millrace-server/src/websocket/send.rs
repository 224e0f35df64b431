//! From what JavaScript sends to the frames of a socket.

use millrace_batch::SocketId;
use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::{Payload, Send};
use millrace_http1::Output;
use millrace_ws::{Agreed, Opcode, write_close, write_frame, write_message};

use super::settings::{Overflow, WebSocketSettings};
use crate::answer::Pieces;
use crate::lane::Chunk;
use crate::room::Room;
use crate::server::Server;

/// What a socket sends.
#[derive(Debug)]
pub(crate) struct Outgoing {
    output: Output,
    limit: u64,
    overflow: Overflow,
    /// The latest pong, which waits while the client takes nothing.
    pong: Option<Box<[u8]>>,
    /// The socket's last write was not taken whole.
    blocked: bool,
    /// The Close frame is behind all of it.
    closed: bool,
    want_drain: bool,
    /// Messages that came behind the Close frame and were to be reported.
    late: Vec<u32>,
}

/// More waits for the client than the socket may hold.
#[derive(Debug)]
pub(crate) struct Overflowed;

impl Outgoing {
    pub(crate) fn new(settings: &WebSocketSettings, _agreed: Option<Agreed>) -> Self {
        Outgoing {
            output: Output::default(),
            limit: settings.backlog_bytes,
            overflow: settings.overflow,
            pong: None,
            blocked: false,
            closed: false,
            want_drain: false,
            late: Vec::new(),
        }
    }

    /// Adds a message.
    pub(crate) fn send(
        &mut self,
        room: &mut Room,
        server: &Server,
        send: &Send<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), Overflowed> {
        if self.closed {
            self.late.extend(send.notify);
            return Ok(());
        }
        let chunk = match send.data {
            Payload::Inline(_) => None,
            Payload::Large(index) => pieces.get(index),
        };
        let payload = match (&send.data, &chunk) {
            (Payload::Inline(bytes), _) => *bytes,
            (_, Some(Chunk::Bytes(bytes) | Chunk::Lent(bytes))) => &bytes[..],
            _ => return Ok(()),
        };
        self.prepare(room);
        let fragment = send.fragment as usize;
        write_message(self.output.tail(), send.binary, false, payload, fragment);
        server.counters(room.thread).messages_sent.add(1);
        self.want_drain |= send.want_drain;
        if let Some(token) = send.notify {
            self.output.mark(payload.len() as u32, token);
        }
        if self.blocked && self.output.len() > self.limit && self.overflow == Overflow::Close {
            return Err(Overflowed);
        }
        Ok(())
    }

    /// Adds a Ping frame.
    pub(crate) fn ping(&mut self, room: &mut Room, payload: &[u8]) {
        if !self.closed {
            self.prepare(room);
            write_frame(self.output.tail(), Opcode::Ping, true, false, payload);
        }
    }

    /// Adds a Pong frame. While the client takes nothing only the latest waits (RFC 6455 5.5.3).
    pub(crate) fn pong(&mut self, room: &mut Room, payload: &[u8]) {
        if self.closed {
            return;
        }
        if self.blocked {
            self.pong = Some(payload.into());
            return;
        }
        self.prepare(room);
        write_frame(self.output.tail(), Opcode::Pong, true, false, payload);
    }

    /// Adds a Close frame, behind which nothing is sent.
    pub(crate) fn close(&mut self, room: &mut Room, code: Option<u16>, reason: &str) {
        if !std::mem::replace(&mut self.closed, true) {
            self.pong = None;
            self.prepare(room);
            write_close(self.output.tail(), code, reason);
        }
    }

    /// Sets another rule for a slow client; `policy` is a code of [`overflow`](millrace_batch::layout::overflow).
    pub(crate) fn set_overflow(&mut self, policy: u32, bytes: u32) {
        self.limit = u64::from(bytes);
        if let Some(policy) = Overflow::from_code(policy) {
            self.overflow = policy;
        }
    }

    /// What is to be written next.
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Moves what waits into the output, which is empty, and says whether there was anything.
    pub(crate) fn refill(&mut self, room: &mut Room) -> bool {
        self.blocked = false;
        let Some(payload) = self.pong.take() else {
            return false;
        };
        self.pong(room, &payload);
        true
    }

    /// Says whether the socket took all of the output.
    pub(crate) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty() && self.pong.is_none()
    }

    /// Bytes that wait.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.output.len()
    }

    /// Tells JavaScript what it asked to be told, and gives memory back.
    pub(crate) fn tell(&mut self, id: SocketId, room: &mut Room, server: &Server) {
        let lane = &server.lane;
        while let Some(mark) = self.output.pop_passed() {
            let batch = room.batch(lane);
            batch.push_sent(
                id,
                mark.token,
                WriteOutcome::Written,
                mark.sequence as usize,
            );
        }
        for token in self.late.drain(..) {
            let batch = room.batch(lane);
            batch.push_sent(id, token, WriteOutcome::NotExecuted, 0);
        }
        if self.want_drain && self.output.buffered() <= server.config.write_low {
            self.want_drain = false;
            room.batch(lane).push_drained(id, self.output.buffered());
        }
        if self.output.is_empty() {
            room.give_buffer(std::mem::take(self.output.tail()));
        }
    }

    /// Reports what was not written when the socket is over.
    pub(crate) fn abandon(
        &mut self,
        id: SocketId,
        room: &mut Room,
        server: &Server,
        outcome: WriteOutcome,
    ) {
        self.tell(id, room, server);
        while let Some(mark) = self.output.pop_mark() {
            let batch = room.batch(&server.lane);
            batch.push_sent(id, mark.token, outcome, 0);
        }
    }

    /// Sees to it that the output has memory to write to.
    fn prepare(&mut self, room: &mut Room) {
        if self.output.tail().capacity() == 0 {
            *self.output.tail() = room.take_buffer();
        }
    }
}
