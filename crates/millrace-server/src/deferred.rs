//! Exchanges whose next step happens on a worker.
//!
//! Records of such an exchange that come meanwhile wait here, and are carried out in their order when the worker's
//! result has come back to the connection's thread. Whatever ends the exchange before that, each notification that
//! was asked for is reported once, and a result that comes too late is dropped.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use millrace_batch::ExchangeId;
use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::{Action, Outbound, Payload, Record};

use crate::answer::{CutShort, Pieces, large, notification};
use crate::compress::{Compressed, Stream, Streamed};
use crate::connection::Connection;
use crate::files::{Draft, Wanted};
use crate::lane::Chunk;
use crate::room::Room;
use crate::thread::{Command, ThreadHandle};
use crate::workers;

/// An exchange that waits for a worker, or may have to.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) sequence: u32,
    step: Step,
    /// Notifications asked for with what a worker has.
    tokens: Vec<u32>,
    /// What came since, all of it.
    queue: VecDeque<Queued>,
    /// JavaScript has said all that there is to say.
    complete: bool,
    /// It is answered by the core alone, and JavaScript has not heard of it.
    is_ours: bool,
}

#[derive(Debug)]
enum Step {
    /// A worker has it.
    Away,
    /// It is an answer that is compressed as it comes; its compressor is here.
    Stream(Box<Stream>),
}

/// A record that is kept, and the piece beside the batch that it speaks of.
#[derive(Debug)]
pub(crate) struct Queued {
    raw: Vec<u8>,
    piece: Option<Chunk>,
}

/// What a worker gives back.
#[derive(Debug)]
pub(crate) enum Worked {
    /// A whole body, compressed.
    Compressed(Compressed),
    /// Pieces of a body, compressed.
    Streamed(Streamed),
    /// An answer with a file.
    Drafted(Box<(Wanted, Draft)>),
    /// Nothing: its job failed.
    Failed,
}

/// A job's way back to its connection. One that is dropped reports the failure.
#[derive(Debug)]
struct Reply {
    home: Arc<ThreadHandle>,
    exchange: ExchangeId,
    sent: bool,
}

impl Connection {
    /// Keeps a record whose turn has not come, because a worker has the exchange. CREDIT is about the request and
    /// waits for nothing.
    pub(crate) fn defer(&mut self, record: &Record<'_>, pieces: Pieces<'_>) -> bool {
        let Some(deferred) = self.deferred(record.exchange.sequence) else {
            return false;
        };
        match record.action {
            Action::Credit(_) => return false,
            // To an exchange whose answer is complete a reset means nothing, and here it soon is.
            Action::Reset { always } => return deferred.complete && !always,
            Action::Respond { .. } | Action::End { .. } => deferred.complete = true,
            _ => {}
        }
        deferred.queue.push_back(Queued::new(record, pieces));
        true
    }

    /// Hands the exchange's next step to a worker.
    pub(crate) fn send_away(
        &mut self,
        room: &Room,
        sequence: u32,
        notify: Option<u32>,
        complete: bool,
        is_ours: bool,
        job: impl FnOnce() -> Worked + Send + 'static,
    ) {
        let reply = self.reply(room, sequence);
        let Some(active) = self.active() else { return };
        active.deferred.push(Deferred {
            sequence,
            step: Step::Away,
            tokens: notify.into_iter().collect(),
            queue: VecDeque::new(),
            complete,
            is_ours,
        });
        workers::submit(Box::new(move || reply.send(job())));
    }

    /// Has the exchange's pieces compressed as they come.
    pub(crate) fn defer_stream(&mut self, sequence: u32, stream: Box<Stream>) {
        let Some(active) = self.active() else { return };
        active.deferred.push(Deferred {
            sequence,
            step: Step::Stream(stream),
            tokens: Vec::new(),
            queue: VecDeque::new(),
            complete: false,
            is_ours: false,
        });
    }

    /// Gives workers what has come for streams since they were last asked, all of it in one job, unless the client has
    /// so much to read already that it can wait.
    pub(crate) fn pump(&mut self, room: &mut Room) {
        let streams = self.active().map_or(0, |active| active.deferred.len());
        for index in 0..streams {
            self.pump_one(room, index);
        }
    }

    fn pump_one(&mut self, room: &mut Room, index: usize) {
        let (active, server) = self.parts();
        let Some(active) = active else { return };
        let deferred = &mut active.deferred[index];
        let sequence = deferred.sequence;
        if matches!(deferred.step, Step::Away)
            || deferred.queue.is_empty()
            || active.conn.unsent_of(sequence) > server.config.policy.unsent_bytes
        {
            return;
        }
        let mut queue = std::mem::take(&mut deferred.queue);
        let (mut misplaced, mut tokens) = (Vec::new(), Vec::new());
        queue.retain(|queued| match queued.action() {
            Some(action @ (Action::Chunk { .. } | Action::End { .. })) => {
                tokens.extend(notification(&action));
                true
            }
            // What does not belong into the middle of an answer is refused, as it is without a compressor.
            other => {
                misplaced.extend(other.as_ref().and_then(notification));
                false
            }
        });
        if !queue.is_empty() {
            deferred.tokens = tokens;
            if let Step::Stream(stream) = std::mem::replace(&mut deferred.step, Step::Away) {
                let reply = self.reply(room, sequence);
                workers::submit(Box::new(move || {
                    reply.send(Worked::Streamed(stream.compress(queue)))
                }));
            }
        }
        for token in misplaced {
            self.not_executed(room, sequence, Some(token));
        }
    }

    /// Goes on where a worker's result is what the exchange has waited for.
    pub(crate) fn worked(
        &mut self,
        room: &mut Room,
        sequence: u32,
        worked: Worked,
    ) -> Result<(), CutShort> {
        let Some(active) = self.active() else {
            return Ok(());
        };
        let Some(index) = index_of(&active.deferred, sequence) else {
            return Ok(());
        };
        let mut deferred = active.deferred.swap_remove(index);
        let notify = deferred.tokens.first().copied();
        let step = match worked {
            Worked::Compressed(compressed) => {
                self.respond_compressed(room, sequence, notify, compressed)
            }
            Worked::Streamed(mut streamed) => {
                let rest = std::mem::take(&mut streamed.rest);
                for queued in rest.into_iter().rev() {
                    deferred.queue.push_front(queued);
                }
                match self.send_compressed(room, sequence, streamed) {
                    Ok(Some(stream)) => {
                        deferred.step = Step::Stream(stream);
                        deferred.tokens.clear();
                        if let Some(active) = self.active() {
                            active.deferred.push(deferred);
                        }
                        return Ok(());
                    }
                    Ok(None) => Ok(()),
                    Err(cut) => Err(cut),
                }
            }
            Worked::Drafted(drafted) => {
                let (wanted, mut draft) = *drafted;
                self.send_draft(room, sequence, &wanted, &mut draft)
            }
            Worked::Failed => {
                self.report(room, sequence, deferred.tokens, WriteOutcome::NotExecuted);
                Err(CutShort)
            }
        };
        self.replay(room, sequence, deferred.queue, step)
    }

    /// Carries out what has waited. Once a connection is to be cut, nothing is.
    fn replay(
        &mut self,
        room: &mut Room,
        sequence: u32,
        queue: VecDeque<Queued>,
        mut so_far: Result<(), CutShort>,
    ) -> Result<(), CutShort> {
        for queued in queue {
            let Some(record) = queued.record() else {
                continue;
            };
            if so_far.is_ok() {
                so_far = self.carry_out(room, &record, Pieces::Own(queued.piece.as_ref()));
            } else {
                self.not_executed(room, sequence, notification(&record.action));
            }
        }
        so_far
    }

    /// Ends all waiting: what was to be notified about is reported with `outcome`. Returns the exchanges that JavaScript
    /// has not heard of.
    pub(crate) fn abandon_deferred(&mut self, room: &mut Room, outcome: WriteOutcome) -> Vec<u32> {
        let mut ours = Vec::new();
        let Some(active) = self.active() else {
            return ours;
        };
        for deferred in std::mem::take(&mut active.deferred) {
            if deferred.is_ours {
                ours.push(deferred.sequence);
            }
            let queued = deferred.queue.iter().filter_map(Queued::action);
            let tokens: Vec<u32> = deferred
                .tokens
                .iter()
                .copied()
                .chain(queued.filter_map(|action| notification(&action)))
                .collect();
            self.report(room, deferred.sequence, tokens, outcome);
        }
        ours
    }

    /// Reports what became of writes.
    pub(crate) fn report(
        &self,
        room: &mut Room,
        sequence: u32,
        tokens: impl IntoIterator<Item = u32>,
        outcome: WriteOutcome,
    ) {
        let id = self.exchange_ids()(sequence);
        for token in tokens {
            room.batch(&self.server.lane)
                .push_written(id, token, outcome);
        }
    }

    fn reply(&self, room: &Room, sequence: u32) -> Reply {
        Reply {
            home: room.home.clone(),
            exchange: self.exchange_ids()(sequence),
            sent: false,
        }
    }

    fn deferred(&mut self, sequence: u32) -> Option<&mut Deferred> {
        let deferred = &mut self.active()?.deferred;
        let index = index_of(deferred, sequence)?;
        Some(&mut deferred[index])
    }
}

impl Queued {
    pub(crate) fn new(record: &Record<'_>, pieces: Pieces<'_>) -> Self {
        Queued {
            raw: record.raw.to_vec(),
            piece: large(&record.action).and_then(|index| pieces.get(index)),
        }
    }

    pub(crate) fn record(&self) -> Option<Record<'_>> {
        read(&self.raw)
    }

    /// Copies what somebody may still write to. A compressor that read one thing and then another in the same place could
    /// come to anything.
    pub(crate) fn settle(&mut self) {
        if let Some(Chunk::Lent(bytes)) = &self.piece {
            self.piece = Some(Chunk::Bytes(Bytes::copy_from_slice(bytes)));
        }
    }

    /// What it asks for, and the piece it speaks of.
    pub(crate) fn parts(&mut self) -> (Option<Action<'_>>, &mut Option<Chunk>) {
        (read(&self.raw).map(|record| record.action), &mut self.piece)
    }

    /// The payload of a record that is a whole answer.
    pub(crate) fn body(&self) -> &[u8] {
        match (self.action(), &self.piece) {
            (
                Some(Action::Respond {
                    body: Payload::Inline(bytes),
                    ..
                }),
                _,
            ) => bytes,
            (_, Some(Chunk::Bytes(bytes))) => bytes,
            _ => &[],
        }
    }

    pub(crate) fn action(&self) -> Option<Action<'_>> {
        self.record().map(|record| record.action)
    }
}

impl Reply {
    fn send(mut self, worked: Worked) {
        self.sent = true;
        self.home.send(Command::Worked(self.exchange, worked));
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.sent {
            self.home
                .send(Command::Worked(self.exchange, Worked::Failed));
        }
    }
}

/// A record that is kept has been read once before.
fn read(raw: &[u8]) -> Option<Record<'_>> {
    Outbound::new(raw).next()?.ok()
}

/// A connection has few of them, most often none.
fn index_of(deferred: &[Deferred], sequence: u32) -> Option<usize> {
    deferred.iter().position(|each| each.sequence == sequence)
}
