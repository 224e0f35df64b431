//! From what a WebSocket has to send to its socket.

use std::io;
use std::task::{Context, Poll};

use millrace_batch::SocketId;

use super::sent::News;
use super::{Heard, WebSocket};
use crate::connection::{Connection, Fate, poll_write_next};
use crate::room::Room;
use crate::server::Server;

impl Connection {
    /// Writes what can be written and sees what is next, without looking for input.
    pub(crate) fn flush_and_settle_websocket(&mut self, room: &mut Room) -> Fate {
        match self.leave_http(room) {
            Ok(true) => {}
            Ok(false) => return Fate::Goes(self.deadline()),
            Err(error) => return Fate::Lost(error),
        }
        if let Err(error) = self.write_websocket(room) {
            return Fate::Lost(error);
        }
        let id = self.socket_id();
        if let Some(websocket) = &mut self.websocket {
            websocket.tell(id, room, &self.server);
            websocket.rest(&mut room.websockets);
        }
        self.settle_websocket(room)
    }

    /// Writes the 101 and the answers before it, and says whether nothing of them is left.
    fn leave_http(&mut self, room: &mut Room) -> io::Result<bool> {
        if self.active.is_none() {
            return Ok(true);
        }
        self.flush(room)?;
        let Some(active) = &mut self.active else {
            return Ok(true);
        };
        if !active.conn.output().is_empty() {
            if let Some(websocket) = &mut self.websocket {
                // What it is sent meanwhile must not grow without bounds either.
                websocket.outgoing(&mut room.websockets).set_blocked();
            }
            return Ok(false);
        }
        let input = std::mem::take(&mut active.input);
        self.release_state(room);
        if !input.is_empty() {
            self.receive_early(room, input);
        }
        // What came meanwhile has been announced already.
        self.waker.wake_by_ref();
        Ok(true)
    }

    /// Writes while more is to come, because there is much already. An error shows again at the next write.
    pub(crate) fn write_early(&mut self, room: &mut Room) {
        if self.active.is_none() {
            let _ = self.write_websocket(room);
        }
    }

    fn write_websocket(&mut self, room: &mut Room) -> io::Result<()> {
        let slot = self.slot();
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        let Some(outgoing) = &mut websocket.outgoing else {
            return Ok(());
        };
        let mut context = Context::from_waker(&self.waker);
        let before = outgoing.output().position();
        loop {
            let output = outgoing.output();
            if output.is_empty() {
                if outgoing.drained(&mut room.websockets) {
                    continue;
                }
                break;
            }
            match poll_write_next(&mut self.socket, &mut context, output, &mut room.tls) {
                Poll::Pending => {
                    outgoing.set_blocked();
                    break;
                }
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => output.advance(count),
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let output = outgoing.output();
        let (written, is_empty) = (output.position() - before, output.is_empty());
        if written > 0 {
            let counters = self.server.counters(room.thread);
            counters.bytes_written.add(written);
            room.infos.add_written(slot, written as usize);
        }
        room.infos.set_queued(slot, outgoing.queued_bytes());
        if written > 0 && outgoing.write_since > 0 {
            // Who takes what waited is there, and may have had no chance to answer a ping behind it.
            websocket.heard = Heard::at(room.now);
        }
        if is_empty {
            outgoing.write_since = 0;
        } else if written > 0 || outgoing.write_since == 0 {
            outgoing.write_since = room.now;
        }
        Ok(())
    }
}

impl WebSocket {
    /// Tells JavaScript what became of what it sent.
    fn tell(&mut self, id: SocketId, room: &mut Room, server: &Server) {
        if let Some(outgoing) = &mut self.outgoing
            && outgoing.has_news()
        {
            let low_mark = server.config.write_low;
            outgoing.tell(low_mark, |news| report(news, id, room, server));
        }
    }
}

/// Counts and records what became of messages.
pub(super) fn report(news: News, id: SocketId, room: &mut Room, server: &Server) {
    let batch = room.batch(&server.lane);
    match news {
        News::Sent(sent) => batch.push_sent(id, sent.token, sent.outcome, sent.transferred),
        News::Drained(waiting) => batch.push_drained(id, waiting),
        News::Dropped(dropped) => {
            batch.push_dropped(id, dropped.messages(), dropped.bytes);
            let counters = server.counters(room.thread);
            counters.dropped_newest.add(dropped.newest.into());
            counters.dropped_oldest.add(dropped.oldest.into());
            counters.dropped_latest.add(dropped.replaced.into());
        }
    }
}
