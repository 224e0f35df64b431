//! What JavaScript asks of a WebSocket.

use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::{self, Part, SocketAction};

use super::send::{Message, Verdict};
use super::{Overflow, Run};
use crate::answer::{CutShort, Pieces};
use crate::connection::Connection;
use crate::room::Room;

impl Connection {
    /// Does what one record asks of the connection's WebSocket. What comes for one that is over is dropped.
    pub(crate) fn control_websocket(
        &mut self,
        room: &mut Room,
        action: &SocketAction<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), CutShort> {
        let id = self.socket_id();
        let Some(websocket) = &mut self.websocket else {
            if let SocketAction::Send(send) = action
                && let Some(token) = send.notify
            {
                let batch = room.batch(&self.server.lane);
                batch.push_sent(id, token, WriteOutcome::NotExecuted, 0);
            }
            return Ok(());
        };
        let shared = &mut room.websockets;
        match action {
            SocketAction::Send(send) => return self.send_message(room, send, pieces),
            SocketAction::Ping(payload) => websocket.outgoing(shared).ping(shared, payload),
            SocketAction::Pong(payload) => websocket.outgoing(shared).pong(shared, payload),
            SocketAction::Close { code, reason } => {
                let code = (*code != 0).then_some(*code);
                websocket.begin_close(room, code, &String::from_utf8_lossy(reason));
                self.waker.wake_by_ref();
            }
            SocketAction::Terminate => return Err(CutShort),
            SocketAction::Pause => websocket.pause(room.now),
            SocketAction::Resume => {
                websocket.resume(room.now);
                self.waker.wake_by_ref();
            }
            SocketAction::Overflow { policy, bytes } => {
                if let Some(policy) = Overflow::from_code(*policy) {
                    let outgoing = websocket.outgoing(shared);
                    outgoing.set_overflow(policy, *bytes as usize);
                }
            }
            // They are carried out by the thread, which knows who has subscribed to what.
            SocketAction::Subscribe(_) | SocketAction::Unsubscribe(_) => {}
        }
        Ok(())
    }

    fn send_message(
        &mut self,
        room: &mut Room,
        send: &outbound::Send<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), CutShort> {
        let slot = self.slot();
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        // A payload that is not where it should be means that the two sides disagree.
        let message = Message::of(send, pieces).ok_or(CutShort)?;
        let counters = self.server.counters(room.thread);
        // One that is written in parts counts when it is complete.
        counters
            .messages_sent
            .add(u64::from(send.part != Some(Part::More)));
        room.infos.add_accepted(slot, message.payload.bytes().len());
        let shared = &mut room.websockets;
        let verdict = websocket.outgoing(shared).send(shared, &message);
        self.obey(room, verdict)
    }

    /// Adds published messages to what the connection's WebSocket sends, if it still is one.
    #[inline]
    pub(crate) fn deliver(&mut self, room: &mut Room, run: &Run) -> Result<(), CutShort> {
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        let shared = &mut room.websockets;
        match websocket.outgoing(shared).deliver_run(shared, run) {
            Some(Verdict::Goes) => Ok(()),
            Some(verdict) => self.obey(room, verdict),
            None => self.deliver_each(room, run),
        }
    }

    fn deliver_each(&mut self, room: &mut Room, run: &Run) -> Result<(), CutShort> {
        for message in run.messages() {
            let Some(websocket) = &mut self.websocket else {
                return Ok(());
            };
            let shared = &mut room.websockets;
            let verdict = websocket.outgoing(shared).deliver(shared, message);
            self.obey(room, verdict)?;
        }
        Ok(())
    }

    fn obey(&mut self, room: &mut Room, verdict: Verdict) -> Result<(), CutShort> {
        match verdict {
            Verdict::Goes => Ok(()),
            Verdict::Write => {
                self.write_early(room);
                Ok(())
            }
            Verdict::Full => {
                if let Some(websocket) = &mut self.websocket {
                    websocket.overflowed(room, &self.server);
                }
                Err(CutShort)
            }
        }
    }
}
