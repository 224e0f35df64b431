//! From the records that JavaScript wrote to a connection's output.

use millrace_batch::layout::{AbortReason, WriteOutcome};
use millrace_batch::outbound::{self, Action, Payload, Record};
use millrace_http1::{BodySize, Piece, Rejected, ResponseHead};

use crate::compress::fields_with_coding;
use crate::connection::Connection;
use crate::lane::Chunk;
use crate::room::{Active, Room};

/// Why a connection must be cut now.
#[derive(Debug)]
pub(crate) struct CutShort;

/// Where the large payload of a record is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pieces<'a> {
    /// Among those of its batch, under the record's index.
    Batch(&'a [Chunk]),
    /// With the record, which has left its batch.
    Own(Option<&'a Chunk>),
}

impl Connection {
    /// Does what one record asks for, or keeps it until a worker is done with its exchange. A record that comes too late
    /// is dropped, its notification is not.
    pub(crate) fn carry_out(
        &mut self,
        room: &mut Room,
        record: &Record<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), CutShort> {
        if let Action::Socket(action) = &record.action {
            return self.control_websocket(room, action, pieces);
        }
        if self.defer(record, pieces) || self.compress_whole(room, record, pieces) {
            return Ok(());
        }
        if let Action::File { .. } = record.action {
            return self.answer_file(room, record, pieces);
        }
        if let Action::Accept { .. } = record.action {
            let accepted = self.accept_websocket(room, record.exchange, &record.action);
            return match accepted {
                Err(Rejected::WrongLength) => Err(CutShort),
                _ => Ok(()),
            };
        }
        let sequence = record.exchange.sequence;
        let outcome = self.perform(room, sequence, record.action, pieces);
        self.conclude(room, sequence, notification(&record.action), outcome)
    }

    fn perform(
        &mut self,
        room: &mut Room,
        sequence: u32,
        action: Action<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), Rejected> {
        if let Action::Head {
            head,
            coding,
            tunnel: false,
            ..
        } = &action
            && *coding != 0
        {
            return self.start_compressed(room, sequence, head, *coding);
        }
        if let Action::Reset { always: true } = action {
            // Also when nothing is going on any more.
            return Err(Rejected::WrongLength);
        }
        let (date, now) = (room.date, room.now);
        let (active, server) = self.parts();
        let active = active.ok_or(Rejected::Gone)?;
        let policy = &server.config.policy;
        let Active { conn, files, .. } = active;
        match action {
            Action::Respond {
                head, body, coding, ..
            } => {
                let body = files.piece(body, pieces);
                let is_coded = coding != 0 && !matches!(body, Piece::Elsewhere { .. });
                let fields;
                let (head, size) = if is_coded {
                    // There is nothing to compress, but the fields are those that an answer to GET would have; its
                    // length is not known.
                    fields = fields_with_coding(&head, coding);
                    let fields = &fields[..];
                    (outbound::Head { fields, ..head }, BodySize::Unknown)
                } else {
                    (head, BodySize::Known(body.len()))
                };
                conn.respond(sequence, &response_head(&head, size), body, &date, policy)
                    .inspect(|()| server.counters(room.thread).pending.sub(1))
            }
            Action::Head {
                head, tunnel: true, ..
            } => {
                let head = response_head(&head, BodySize::Unknown);
                match conn.tunnel(sequence, &head, &date, policy) {
                    Ok(()) => {
                        // What came behind the request has waited for this.
                        active.blocked = true;
                        Ok(())
                    }
                    // Its handler takes it for a tunnel, and the client does not.
                    Err(Rejected::OutOfOrder) if conn.is_pending(sequence) => {
                        Err(Rejected::WrongLength)
                    }
                    Err(rejected) => Err(rejected),
                }
            }
            Action::Head { head, length, .. } => {
                let size = length.map_or(BodySize::Unknown, BodySize::Known);
                conn.start(sequence, &response_head(&head, size), &date, policy)
            }
            Action::Informational(head) => conn.inform(sequence, head.status, head.fields),
            Action::Chunk {
                data, want_drain, ..
            } => {
                let sent = conn.send(sequence, files.piece(data, pieces));
                if want_drain {
                    conn.want_drain(sequence);
                }
                sent
            }
            Action::End { trailers, .. } => {
                let finished = conn.finish(sequence, trailers, policy);
                // A tunnel ends when its other direction has ended too.
                if finished.is_ok() && !conn.is_pending(sequence) {
                    server.counters(room.thread).pending.sub(1);
                }
                finished
            }
            Action::Credit(bytes) => {
                let was_awaiting = conn.awaits_body();
                conn.consume(sequence, bytes);
                if !was_awaiting && conn.awaits_body() {
                    active.body.forgive(now);
                }
                Ok(())
            }
            // They are carried out apart.
            Action::File { .. }
            | Action::Accept { .. }
            | Action::Socket(_)
            | Action::Publish(_) => Err(Rejected::OutOfOrder),
            Action::Reset { .. } => match conn.is_pending(sequence) {
                true => Err(Rejected::WrongLength),
                false => Ok(()),
            },
        }
    }

    /// Sees to the notification that was asked for with a record.
    pub(crate) fn conclude(
        &mut self,
        room: &mut Room,
        sequence: u32,
        notify: Option<u32>,
        outcome: Result<(), Rejected>,
    ) -> Result<(), CutShort> {
        if outcome.is_ok() {
            if let Some(token) = notify
                && let Some(active) = self.active()
            {
                active.conn.mark(sequence, token);
            }
            return Ok(());
        }
        self.not_executed(room, sequence, notify);
        match outcome {
            Err(Rejected::WrongLength) => Err(CutShort),
            _ => Ok(()),
        }
    }

    /// Reports a write that was not done and will not be.
    pub(crate) fn not_executed(&self, room: &mut Room, sequence: u32, notify: Option<u32>) {
        self.report(room, sequence, notify, WriteOutcome::NotExecuted);
    }
}

impl CutShort {
    /// What the handlers of the other exchanges on the connection are told.
    pub(crate) const REASON: AbortReason = AbortReason::Reset;
}

impl<'a> Pieces<'a> {
    /// The piece with this index. One that is out of range means that the two sides disagree.
    pub(crate) fn get(self, index: u32) -> Option<Chunk> {
        self.find(index).cloned()
    }

    /// The same where it lies.
    pub(crate) fn find(self, index: u32) -> Option<&'a Chunk> {
        match self {
            Pieces::Batch(chunks) => chunks.get(index as usize),
            Pieces::Own(chunk) => chunk,
        }
    }
}

/// The token under which the record's write is to be reported.
pub(crate) fn notification(action: &Action<'_>) -> Option<u32> {
    match *action {
        Action::Respond { notify, .. }
        | Action::Chunk { notify, .. }
        | Action::End { notify, .. }
        | Action::File { notify, .. } => notify,
        _ => None,
    }
}

/// The index of the piece beside the batch that the record speaks of.
pub(crate) fn large(action: &Action<'_>) -> Option<u32> {
    match *action {
        Action::Respond { body: payload, .. } | Action::Chunk { data: payload, .. } => {
            match payload {
                Payload::Large(index) => Some(index),
                Payload::Inline(_) => None,
            }
        }
        Action::File {
            file: outbound::File::Open(index),
            ..
        } => Some(index),
        _ => None,
    }
}

pub(crate) fn response_head<'a>(head: &outbound::Head<'a>, body: BodySize) -> ResponseHead<'a> {
    ResponseHead {
        status: head.status,
        reason: (!head.reason.is_empty()).then_some(head.reason),
        fields: head.fields,
        body,
        close: head.close,
        has_date: head.has_date,
    }
}
