//! From the records that JavaScript wrote to a connection's output.

use bytes::Bytes;
use millrace_batch::layout::{AbortReason, WriteOutcome};
use millrace_batch::outbound::{self, Action, Payload};
use millrace_http1::{BodySize, Piece, Rejected, ResponseHead};

use crate::connection::Connection;
use crate::room::Room;

/// Why a connection must be cut now.
#[derive(Debug)]
pub(crate) struct CutShort;

impl Connection {
    /// Encodes what one record asks for. A record that comes too late is dropped, its notification is not.
    pub(crate) fn carry_out(
        &mut self,
        room: &mut Room,
        sequence: u32,
        action: Action<'_>,
        chunks: &[Bytes],
    ) -> Result<(), CutShort> {
        let date = room.date;
        let now = room.now;
        let (active, server) = self.parts();
        let Some(active) = active else {
            self.not_executed(room, sequence, notification(&action));
            return Ok(());
        };
        let policy = &server.config.policy;
        let conn = &mut active.conn;
        let notify = notification(&action);
        let outcome = match action {
            Action::Respond { head, body, .. } => {
                let body = piece(body, chunks);
                let size = BodySize::Known(body.len());
                conn.respond(sequence, &response_head(&head, size), body, &date, policy)
                    .inspect(|()| {
                        server.counters(room.thread).pending.sub(1);
                    })
            }
            Action::Head { head, length, .. } => {
                let size = length.map_or(BodySize::Unknown, BodySize::Known);
                conn.start(sequence, &response_head(&head, size), &date, policy)
            }
            Action::Informational(head) => conn.inform(sequence, head.status, head.fields),
            Action::Chunk {
                data, want_drain, ..
            } => {
                let sent = conn.send(sequence, piece(data, chunks));
                if want_drain {
                    conn.want_drain(sequence);
                }
                sent
            }
            Action::End { trailers, .. } => conn.finish(sequence, trailers, policy).inspect(|()| {
                server.counters(room.thread).pending.sub(1);
            }),
            Action::Credit(bytes) => {
                let was_awaiting = conn.awaits_body();
                conn.consume(sequence, bytes);
                if !was_awaiting && conn.awaits_body() {
                    active.forgive_body(now);
                }
                Ok(())
            }
            Action::File { .. } => Err(Rejected::WrongLength),
            Action::Reset => match conn.pending().any(|pending| pending == sequence) {
                true => Err(Rejected::WrongLength),
                false => Ok(()),
            },
        };
        match outcome {
            Ok(()) => {
                if let Some(token) = notify
                    && let Some(active) = self.active()
                {
                    active.conn.mark(sequence, token);
                }
                Ok(())
            }
            Err(Rejected::Gone | Rejected::OutOfOrder) => {
                self.not_executed(room, sequence, notify);
                Ok(())
            }
            Err(Rejected::WrongLength) => {
                self.not_executed(room, sequence, notify);
                Err(CutShort)
            }
        }
    }

    fn not_executed(&self, room: &mut Room, sequence: u32, notify: Option<u32>) {
        if let Some(token) = notify {
            let id = self.exchange_ids()(sequence);
            room.batch(&self.server.lane)
                .push_written(id, token, WriteOutcome::NotExecuted);
        }
    }
}

impl CutShort {
    /// What the handlers of the other exchanges on the connection are told.
    pub(crate) const REASON: AbortReason = AbortReason::Reset;
}

/// The token under which the record's write is to be reported.
pub(crate) fn notification(action: &Action<'_>) -> Option<u32> {
    match *action {
        Action::Respond { notify, .. }
        | Action::Chunk { notify, .. }
        | Action::End { notify, .. } => notify,
        _ => None,
    }
}

fn piece<'a>(payload: Payload<'a>, chunks: &[Bytes]) -> Piece<'a> {
    match payload {
        Payload::Inline(bytes) => Piece::Slice(bytes),
        // An index out of range means the two sides disagree; nothing is the harmless reading.
        Payload::Large(index) => {
            Piece::Held(chunks.get(index as usize).cloned().unwrap_or_default())
        }
    }
}

fn response_head<'a>(head: &outbound::Head<'a>, body: BodySize) -> ResponseHead<'a> {
    ResponseHead {
        status: head.status,
        reason: (!head.reason.is_empty()).then_some(head.reason),
        fields: head.fields,
        body,
        close: head.close,
        has_date: head.has_date,
    }
}
