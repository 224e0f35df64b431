//! From the socket to the records of a connection's lane: fill → parse → submit.

use std::io;
use std::task::{Context, Poll};

use millrace_batch::RemoteAddress;
use millrace_batch::layout::{AbortReason, INLINE_BODY_BYTES};
use millrace_http1::{Error, Head, Received, RequestFraming};

use super::reading::{Reading, owes_answers};
use super::route::Destination;
use super::{Connection, Phase};
use crate::body_buffer::{BODY_BUFFER_BYTES, BodyBuffer};
use crate::room::{Active, BodyProgress, Room};

/// Parts of files that wait to be written when no more requests are read: each may keep a file open, and the requests
/// for them are short.
const MOST_FILES: usize = 16;

/// What came of a look at the socket.
pub(super) enum Filled {
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
    pub(super) fn fill(&mut self, room: &mut Room) -> io::Result<Filled> {
        if let Some(active) = &self.active
            && (active.blocked || active.peer_closed || active.conn.closes_when_sent())
        {
            return self.secure(room);
        }
        if self.is_held_back() {
            self.stall(room);
            return self.secure(room);
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
                    .poll_read(&mut context, &mut buffer.memory()[..length], &mut room.tls),
                Some(buffer),
            )
        } else {
            let (memory, tls) = (&mut room.scratch, &mut room.tls);
            (self.socket.poll_read(&mut context, memory, tls), None)
        };
        if self.is_securing && !matches!(polled, Poll::Ready(Err(_))) {
            self.follow_handshake(room);
        }
        let count = match polled {
            Poll::Pending => return Ok(Filled::Waiting),
            Poll::Ready(count) => count?,
        };
        if count == 0 {
            let is_tunnel = |active: &Active| active.conn.is_tunnel();
            if self.socket.is_cut() && self.active.as_deref().is_some_and(is_tunnel) {
                // Nothing in a tunnel says where its data ends (RFC 8446 6.1).
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(Filled::End);
        }
        self.server
            .counters(room.thread)
            .bytes_read
            .add(count as u64);
        room.infos.add_read(self.slot(), count);
        Ok(match body {
            Some(mut buffer) => {
                buffer.set_filled(count);
                Filled::Body(buffer)
            }
            None => Filled::Bytes(count),
        })
    }

    /// Whether too much waits for JavaScript to read on.
    ///
    /// Where the core gives answers of its own, a connection is still read as long as JavaScript owes it nothing: its next
    /// request may well be for one of them. A request that is not waits in the connection, see `parse`, so that each adds
    /// one at most, and twice the bound stops them all.
    fn is_held_back(&self) -> bool {
        let limit = self.server.config.queued_bytes;
        self.server.lane.is_congested(limit)
            && (self.server.routes().is_none()
                || self.active.as_deref().is_some_and(owes_answers)
                || self.server.lane.is_congested(limit.saturating_mul(2)))
    }

    /// Hands on a piece of a body that is in a buffer of its own.
    pub(super) fn parse_body(&mut self, room: &mut Room, buffer: BodyBuffer) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let policy = &self.server.config.policy;
        let (_, fields, batch) = room.split(&self.server.lane);
        // Only as much was read as the body still had, so it is one piece of it.
        let piece = active.conn.receive(buffer.filled(), policy, fields, |_| 0);
        if let Ok((_, Received::Body(sequence, data))) = piece {
            let length = data.len();
            // A buffer that is mostly empty is not worth holding: the client decides how many there are.
            if length < BODY_BUFFER_BYTES / 4 {
                batch.push_body(id(sequence), data, false);
            } else {
                batch.push_large_body(id(sequence), buffer.into_bytes(), false);
            }
            active.body.add(length, room.now);
            room.outboxes.publish_if_due(&self.server.lane);
        }
        // Its end takes no bytes.
        self.parse(room, 0);
    }

    /// Looks at the `fresh` bytes in the scratch buffer, behind those left over, and submits what they say.
    pub(super) fn parse(&mut self, room: &mut Room, fresh: usize) {
        let id = self.exchange_ids();
        let active = self.active.get_or_insert_with(|| {
            let mut state = room.take_state();
            state.conn.resume(self.next_sequence);
            if self.server.config.report_answers {
                state.conn.keep_journal();
            }
            state.looked = room.now;
            state
        });
        let now = room.now;
        let counters = self.server.counters(room.thread);
        let policy = &self.server.config.policy;
        let routes = self.server.routes();
        let is_secure = self.socket.is_tls();
        let mut reading = Reading::new(&self.server, routes.as_deref(), is_secure, room);
        let from_scratch = active.input.is_empty();
        if !from_scratch {
            active.input.extend_from_slice(&room.scratch[..fresh]);
        }
        if fresh > 0 && self.socket.is_early() {
            active.early = if from_scratch {
                fresh
            } else {
                active.input.len()
            };
        }

        let mut used = 0;
        // The body under way came whole with its head and is not reported again.
        let mut is_inline = false;
        let outcome = loop {
            let is_head = active.conn.is_between_requests();
            if is_head {
                if active.files.len() + reading.files.len() >= MOST_FILES {
                    active.blocked = true;
                    break Ok(());
                }
                if reading.waits_for_javascript(active) {
                    active.blocked = true;
                    stall(&mut self.stalled, self.number, &mut room.stalled);
                    break Ok(());
                }
            }
            let (scratch, fields, batch) = room.split(&self.server.lane);
            let input = if from_scratch {
                &scratch[..fresh]
            } else {
                &active.input[..]
            };
            reading.is_early = used < active.early;
            let mut destination = Destination::Handler;
            let limit = |head: &Head<'_>| {
                destination = reading.destination(head);
                destination.body_limit(policy)
            };
            let received = match active.conn.receive(&input[used..], policy, fields, limit) {
                Ok((count, received)) => {
                    used += count;
                    received
                }
                Err(error) => {
                    if is_head && self.server.config.report_answers {
                        let sequence = active.conn.next_sequence();
                        active.journal.note_refused(sequence, &input[used..]);
                    }
                    break Err(error);
                }
            };
            match received {
                Received::NeedMore => break Ok(()),
                Received::Blocked => {
                    active.blocked = true;
                    break Ok(());
                }
                Received::Finished => {
                    used = input.len();
                    break Ok(());
                }
                Received::Discarded => active.body.last = now,
                Received::Request(sequence, head) => {
                    counters.requests.add(1);
                    if head.framing != RequestFraming::None {
                        active.body = BodyProgress::begun(now);
                    }
                    if reading.is_routed {
                        active.own = destination.timeouts();
                    }
                    if self.server.config.report_answers {
                        active.journal.note(sequence, &head);
                    }
                    let conn = &mut active.conn;
                    if reading.answers(conn, sequence, &head, &destination) {
                        continue;
                    }
                    counters.pending.add(1);
                    let patience = active.own.handler.unwrap_or(reading.patience);
                    if patience > 0 {
                        conn.set_deadline(sequence, now + patience);
                    }
                    let body = whole_body(&head, &input[used..]);
                    let route = destination.route();
                    batch.push_request(reading.record(
                        id(sequence),
                        self.remote,
                        &head,
                        route,
                        body,
                    ));
                    if let Some(body) = body {
                        is_inline = true;
                        conn.body_is_here(sequence, body.len());
                    }
                    room.outboxes.publish_if_due(&self.server.lane);
                }
                Received::Body(sequence, data) => {
                    if !is_inline {
                        active.body.add(data.len(), now);
                        batch.push_body(id(sequence), data, false);
                        room.outboxes.publish_if_due(&self.server.lane);
                    }
                }
                Received::End(sequence, trailers) => {
                    if !std::mem::take(&mut is_inline) {
                        let fields = trailers.fields().map(|field| (field.name, field.value));
                        batch.push_body_end(id(sequence), fields);
                    }
                    if !active.conn.is_pending(sequence) {
                        // It was a tunnel's last direction.
                        counters.pending.sub(1);
                    }
                }
            }
        };

        let Reading { lookup, files, .. } = reading;
        room.lookup = lookup;
        drop(routes);
        active.early = active.early.saturating_sub(used);
        if outcome.is_ok() {
            if from_scratch {
                active.input.extend_from_slice(&room.scratch[used..fresh]);
            } else {
                active.input.drain(..used);
            }
            if active.has_begun_head() && (used > 0 || from_scratch) {
                active.head_since = now;
            }
        }
        if active.blocked && !files.is_empty() {
            // They may turn out to be nothing that is kept open, and then nothing else would unblock it.
            self.waker.wake_by_ref();
        }
        for (sequence, request) in files {
            self.serve_file(room, sequence, request);
        }
        if let Err(error) = outcome {
            self.refuse(room, error);
        }
    }

    /// Answers broken input and tells the handler whose request broke.
    pub(super) fn refuse(&mut self, room: &mut Room, error: Error) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        let counters = self.server.counters(room.thread);
        counters.protocol_errors.add(1);
        active.input.clear();
        let broken = active.conn.refuse(error, &room.date);
        if let Some(sequence) = broken {
            counters.pending.sub(1);
            let reason = match error {
                Error::BodyTooLarge => AbortReason::BodyTooLarge,
                Error::BodyTimeout => AbortReason::BodyTimeout,
                _ => AbortReason::ProtocolError,
            };
            room.batch(&self.server.lane)
                .push_abort(id(sequence), reason);
        } else if self.server.config.report_connection_errors {
            let text = format!(
                "{} {} {}",
                error.code(),
                remote_text(self.remote),
                error.message()
            );
            self.server.report(room, &text);
        }
    }

    /// The client has closed its sending side. Whether it still reads can only be found out by writing.
    pub(super) fn end_of_input(&mut self, room: &mut Room) {
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
        if active.conn.is_tunnel() {
            return self.parse(room, 0);
        }
        if body_cut || !self.server.config.allow_half_close {
            for sequence in active.conn.pending() {
                room.batch(&self.server.lane)
                    .push_abort(id(sequence), AbortReason::ClientClosed);
            }
        }
    }
}

/// Has the connection looked at again once its lane has room, however often it finds that there is none: a client decides
/// how often that is.
pub(super) fn stall(is_stalled: &mut bool, number: u32, stalled: &mut Vec<u32>) {
    if !std::mem::replace(is_stalled, true) {
        stalled.push(number);
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

pub(super) fn remote_text(remote: RemoteAddress) -> String {
    match remote {
        RemoteAddress::Ip(address, port) => std::net::SocketAddr::new(address, port).to_string(),
        RemoteAddress::Unix => "unix".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::stall;

    #[test]
    fn a_connection_that_stalls_again_and_again_is_listed_once() {
        let (mut is_stalled, mut stalled) = (false, vec![1]);
        for _ in 0..3 {
            stall(&mut is_stalled, 2, &mut stalled);
        }
        assert_eq!((is_stalled, stalled), (true, vec![1, 2]));
    }
}
