//! What the WebSockets of an I/O thread have subscribed to, and what is published.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millrace_batch::SocketId;
use millrace_batch::layout::THREAD_SHIFT;
use millrace_batch::outbound::SocketAction;

use super::{ACCEPTOR, Driver};
use crate::answer::CutShort;
use crate::connection::{Connection, Fate};
use crate::server::Server;
use crate::websocket::Run;

/// Above so many published bytes that are not written yet, all of them are before more is added: each of very many sockets
/// could have its output full.
const PUBLISHED_BYTES: usize = 16 * 1024 * 1024;

impl Driver {
    /// Does what a socket asks about topics, and says whether it was that.
    pub(super) fn subscribe(&mut self, slot: usize, action: &SocketAction<'_>) -> bool {
        let (topic, wanted) = match action {
            SocketAction::Subscribe(topic) => (topic, true),
            SocketAction::Unsubscribe(topic) => (topic, false),
            _ => return false,
        };
        let connection = self.connections.get(slot);
        let Some(connection) = connection.filter(|connection| connection.websocket.is_some())
        else {
            return true;
        };
        if let Some(tenant) = self.servers.get_mut(&connection.server.id) {
            if wanted {
                // What cannot be a topic is published by nobody.
                let _ = tenant.topics.subscribe(topic, slot as u32);
            } else {
                tenant.topics.unsubscribe(topic, slot as u32);
            }
        }
        true
    }

    /// Ends the subscriptions of a connection that has gone.
    pub(super) fn unsubscribe_all(&mut self, server: &Server, slot: usize) {
        if let Some(tenant) = self.servers.get_mut(&server.id) {
            tenant.topics.unsubscribe_all(slot as u32);
        }
    }

    /// Adds messages to what those who want their topics are sent. They are written with all else of the pass.
    pub(super) fn publish(&mut self, runs: &[Run]) {
        for run in runs {
            let (full, panicked) = self.deliver(run);
            for slot in full {
                self.visit(slot as usize, Connection::flush_and_settle);
                self.end(slot as usize, Fate::Cut(CutShort::REASON));
            }
            for slot in panicked {
                self.end_panicked(slot as usize);
            }
            if self.published_bytes > PUBLISHED_BYTES {
                self.visit_answered(usize::MAX);
            }
        }
    }

    /// Gives those whose clients are too slow, and those that failed.
    fn deliver(&mut self, run: &Run) -> (Vec<u32>, Vec<u32>) {
        let (mut full, mut panicked) = (Vec::new(), Vec::new());
        let message = run.first();
        let except = message.except.and_then(|socket| self.slot_of(socket));
        let Some(tenant) = self.servers.get_mut(&message.server) else {
            return (full, panicked);
        };
        let (connections, room) = (&mut self.connections, &mut self.room);
        let answered = &mut self.answered;
        let mut count = 0;
        // What cannot be a topic is subscribed to by nobody.
        let _ = tenant.topics.matching(message.topic(), |slot| {
            let Some(connection) = connections.get_mut(slot as usize) else {
                return;
            };
            if connection.websocket.is_none() || except == Some(slot) {
                return;
            }
            count += 1;
            match catch_unwind(AssertUnwindSafe(|| connection.deliver(room, run))) {
                Ok(Ok(())) if connection.list() => answered.push(slot),
                Ok(Ok(())) => {}
                Ok(Err(CutShort)) => full.push(slot),
                Err(_) => panicked.push(slot),
            }
        });
        let counters = tenant.server.counters(self.room.thread);
        counters
            .messages_published
            .add(count * run.messages().len() as u64);
        self.published_bytes += count as usize * run.payload_bytes();
        (full, panicked)
    }

    fn slot_of(&self, socket: SocketId) -> Option<u32> {
        let is_here = (socket.connection >> THREAD_SHIFT) as usize == self.room.thread;
        is_here
            .then(|| self.find(socket.connection & (ACCEPTOR - 1), socket.generation))?
            .map(|slot| slot as u32)
    }
}
