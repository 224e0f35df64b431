//! How much of one client's messages may be on its way through JavaScript.
//!
//! All sockets of a JavaScript thread share the way there, first come first served. Without a bound for each, one client
//! could fill it, and with tiny messages that a handler has work with, all others would wait for half a minute.

use millrace_batch::SocketId;

use super::WebSocket;
use crate::connection::{Connection, Fate};
use crate::room::Room;
use crate::server::Server;

/// After so many bytes JavaScript is asked how far it is, and the socket is read until it is so many again. Some
/// thousands of tiny messages.
const WINDOW_BYTES: u32 = 256 * 1024;

/// A message counts for so much more than its payload: about its record, and the call of a handler.
const MESSAGE_BYTES: usize = 48;

pub(super) fn weight(payload: usize) -> u32 {
    u32::try_from(payload.saturating_add(MESSAGE_BYTES)).unwrap_or(u32::MAX)
}

impl Connection {
    /// JavaScript has dispatched all that came before it was asked: goes on with the socket's end, or reads on.
    pub(crate) fn dispatched(&mut self, room: &mut Room) -> Fate {
        let id = self.socket_id();
        let Some(websocket) = &mut self.websocket else {
            return self.flush_and_settle(room);
        };
        let was_ahead = websocket.is_ahead();
        let aside = websocket.aside();
        aside.asked = aside.asked.saturating_sub(1);
        let is_all = aside.asked == 0;
        if is_all && websocket.end().is_some_and(|end| end.awaits_javascript) {
            websocket.answer_end(room);
        }
        if !was_ahead {
            return self.flush_and_settle(room);
        }
        websocket.forgive(room.now);
        websocket.ask(id, room, &self.server);
        self.drive(room)
    }
}

impl WebSocket {
    /// Asks JavaScript how far it is, when it is time to and no question is open.
    pub(super) fn ask(&mut self, id: SocketId, room: &mut Room, server: &Server) {
        if self.unasked < WINDOW_BYTES || self.end().is_some() {
            return;
        }
        let aside = self.aside();
        if aside.asked == 0 {
            aside.asked = 1;
            self.unasked = 0;
            room.batch(&server.lane).push_barrier(id);
        }
    }

    /// Whether it is not read because JavaScript has enough of its messages to dispatch.
    pub(super) fn is_ahead(&self) -> bool {
        self.unasked >= WINDOW_BYTES && self.aside.as_ref().is_some_and(|aside| aside.asked > 0)
    }
}
