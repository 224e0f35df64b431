//! From a WebSocket's bytes to the records of its lane.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use millrace_batch::layout::{INLINE_BODY_BYTES, SocketEvent};
use millrace_batch::{Message, SocketId};
use millrace_ws::{Data, Event};

use super::window::weight;
use super::{Heard, WebSocket};
use crate::connection::{Connection, Fate, READS_PER_VISIT};
use crate::room::Room;
use crate::server::Server;

/// Bytes before those that are read, for the begin of a frame that came with the read before: a header, or a control
/// frame that is not all there.
pub(crate) const HEADROOM: usize = 256;

/// Bytes that are read at once where messages may be compressed: they may become a thousand times as many, and then take
/// milliseconds in which nobody else has a turn.
const COMPRESSED_READ_BYTES: usize = 16 * 1024;

/// After so many bytes of messages the others have their turn, in whichever number of reads they came.
const BYTES_PER_VISIT: usize = 1024 * 1024;

impl Connection {
    /// Does what can be done now: reads, hands messages on, writes.
    pub(crate) fn drive_websocket(&mut self, room: &mut Room) -> Fate {
        if self.active.is_some() {
            // The 101 comes first, and then what came behind the handshake.
            return self.flush_and_settle_websocket(room);
        }
        let mut reads = 0;
        room.handed_on = 0;
        loop {
            match self.read_websocket(room) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Fate::Lost(error),
            }
            reads += 1;
            if reads == READS_PER_VISIT || room.handed_on >= BYTES_PER_VISIT {
                self.waker.wake_by_ref();
                break;
            }
        }
        self.flush_and_settle_websocket(room)
    }

    /// Hands on what came behind the handshake, before the connection was a WebSocket.
    pub(super) fn receive_early(&mut self, room: &mut Room, mut input: Vec<u8>) {
        let id = self.socket_id();
        let Some(websocket) = &mut self.websocket else {
            return;
        };
        websocket.heard = Heard::at(room.now);
        let used = websocket.receive(&mut input, id, room, &self.server);
        websocket.ask(id, room, &self.server);
        input.drain(..used);
        websocket.keep(&input);
    }

    /// Reads once, and says whether there was something.
    fn read_websocket(&mut self, room: &mut Room) -> io::Result<bool> {
        let (id, slot) = (self.socket_id(), self.slot());
        let Some(websocket) = &mut self.websocket else {
            return Ok(false);
        };
        if !websocket.is_reading() {
            return Ok(false);
        }
        if self
            .server
            .lane
            .is_congested(self.server.config.queued_bytes)
        {
            self.stall(room);
            return Ok(false);
        }
        let mut context = Context::from_waker(&self.waker);
        let most = match websocket.receiver.compression() {
            Some(_) => COMPRESSED_READ_BYTES,
            None => room.scratch.len() - HEADROOM,
        };
        let memory = &mut room.scratch[HEADROOM..][..most];
        let count = match self.socket.poll_read(&mut context, memory, &mut room.tls) {
            Poll::Pending => return Ok(false),
            Poll::Ready(count) => count?,
        };
        if count == 0 {
            websocket.aside().peer_closed = true;
            return Ok(false);
        }
        let counters = self.server.counters(room.thread);
        counters.bytes_read.add(count as u64);
        room.infos.add_read(slot, count);
        websocket.heard = Heard::at(room.now);

        // Lent to the socket, so that the rest of the room can be used meanwhile.
        let mut scratch = std::mem::take(&mut room.scratch);
        let kept = match &mut websocket.aside {
            Some(aside) => std::mem::take(&mut aside.input),
            None => Vec::new(),
        };
        let (start, end) = (HEADROOM - kept.len(), HEADROOM + count);
        scratch[start..HEADROOM].copy_from_slice(&kept);
        let used = websocket.receive(&mut scratch[start..end], id, room, &self.server);
        websocket.keep(&scratch[start + used..end]);
        room.scratch = scratch;
        websocket.ask(id, room, &self.server);
        Ok(true)
    }
}

impl WebSocket {
    /// Whether what the client sends is of interest.
    fn is_reading(&self) -> bool {
        if self.is_ahead() {
            return false;
        }
        match &self.aside {
            None => true,
            Some(aside) => !aside.is_held() && !aside.peer_closed && aside.end.is_none(),
        }
    }

    /// Keeps what cannot be used before more has come.
    fn keep(&mut self, input: &[u8]) {
        if !input.is_empty() {
            self.aside().input.extend_from_slice(input);
        }
    }

    /// Hands on what `input` says, and returns how many of its bytes were used.
    fn receive(
        &mut self,
        input: &mut [u8],
        id: SocketId,
        room: &mut Room,
        server: &Server,
    ) -> usize {
        // It is read only for the client's Close frame: JavaScript wants no messages, and whatever kept them for it would
        // grow as long as the client likes. What follows them makes no sense without them.
        let is_deaf = self.aside.as_mut().is_some_and(|aside| {
            aside.deaf |= aside.paused && aside.closing_since > 0;
            aside.deaf
        });
        let settings = &*self.settings;
        let mut used = 0;
        loop {
            let inflater = &mut room.inflater;
            let received = self.receiver.receive(
                &mut input[used..],
                &settings.limits,
                inflater,
                settings.streaming,
            );
            let event = match received {
                Ok((count, event)) => {
                    used += count;
                    event
                }
                Err(error) => {
                    server.counters(room.thread).protocol_errors.add(1);
                    self.fail(id, room, server, error.close_code(), error.reason());
                    return input.len();
                }
            };
            match event {
                Event::NeedMore => return used,
                Event::Message {
                    binary,
                    ascii,
                    data,
                } => {
                    let message = Message {
                        binary,
                        ascii,
                        first: true,
                        last: true,
                    };
                    server.counters(room.thread).messages_received.add(1);
                    if !is_deaf {
                        self.unasked = self.unasked.saturating_add(weight(data.len()));
                        push(id, room, server, message, data);
                    }
                }
                Event::Part {
                    binary,
                    ascii,
                    first,
                    last,
                    data,
                } => {
                    let message = Message {
                        binary,
                        ascii,
                        first,
                        last,
                    };
                    let counters = server.counters(room.thread);
                    counters.messages_received.add(u64::from(last));
                    if !is_deaf {
                        self.unasked = self.unasked.saturating_add(weight(data.len()));
                        push(id, room, server, message, data);
                    }
                }
                Event::Ping(payload) => {
                    if settings.answer_pings {
                        let shared = &mut room.websockets;
                        self.outgoing
                            .get_or_insert_with(|| {
                                shared.take_outgoing(settings, self.receiver.compression())
                            })
                            .pong(shared, payload);
                    }
                    if settings.report_pings {
                        self.unasked = self.unasked.saturating_add(weight(payload.len()));
                        let batch = room.batch(&server.lane);
                        batch.push_heartbeat(id, SocketEvent::Ping, payload);
                    }
                }
                Event::Pong(payload) => {
                    if settings.report_pongs {
                        self.unasked = self.unasked.saturating_add(weight(payload.len()));
                        let batch = room.batch(&server.lane);
                        batch.push_heartbeat(id, SocketEvent::Pong, payload);
                    }
                }
                Event::Close { code, reason } => {
                    self.client_closes(id, room, server, code, reason);
                    return input.len();
                }
            }
        }
    }
}

fn push(id: SocketId, room: &mut Room, server: &Server, message: Message, data: Data<'_>) {
    room.handed_on += data.len();
    let batch = room.batch(&server.lane);
    match data {
        Data::Owned(bytes) if bytes.len() > INLINE_BODY_BYTES => {
            batch.push_large_message(id, message, Bytes::from(bytes));
        }
        data => batch.push_message(id, message, &data),
    }
    room.outboxes.publish_if_due(&server.lane);
}
