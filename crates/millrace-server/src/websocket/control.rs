//! What JavaScript asks of a WebSocket.

use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::SocketAction;

use super::Overflowed;
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
        let outgoing = &mut websocket.outgoing;
        match action {
            SocketAction::Send(send) => {
                if let Err(Overflowed) = outgoing.send(room, &self.server, send, pieces) {
                    websocket.overflowed(room, &self.server);
                    return Err(CutShort);
                }
            }
            SocketAction::Ping(payload) => outgoing.ping(room, payload),
            SocketAction::Pong(payload) => outgoing.pong(room, payload),
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
            SocketAction::Overflow { policy, bytes } => outgoing.set_overflow(*policy, *bytes),
            SocketAction::Subscribe(_) | SocketAction::Unsubscribe(_) => {}
        }
        Ok(())
    }
}
