//! How many TLS handshakes a server has under way on one I/O thread.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Driver;
use super::tenants::tenant;
use crate::connection::Fate;
use crate::server::Server;

/// Connections that have begun handshakes, the oldest first; those in between may have completed them.
#[derive(Debug, Default)]
pub(super) struct Handshakes(VecDeque<(usize, u32)>);

impl Driver {
    /// Counts a connection that has just been made, and closes the one whose handshake has been under way for longest when
    /// there are too many.
    pub(super) fn begin_handshake(&mut self, server: &Arc<Server>, slot: usize) {
        let Some(tls) = &server.tls else {
            return;
        };
        let open = &server.counters(self.room.thread).tls_open;
        open.add(1);
        // Each thread has its share, so that none has to ask the others.
        let most = (tls.handshakes / server.config.io_threads).max(1);
        let is_full = open.get() > most as u64;
        let generation = self.generations[slot];
        let connections = &self.connections;
        let is_securing = |&(slot, generation): &(usize, u32)| {
            connections.get(slot).is_some_and(|connection| {
                connection.generation == generation && connection.is_securing()
            })
        };
        let Handshakes(begun) = &mut tenant(&mut self.servers, server).handshakes;
        if begun.len() > 2 * most {
            begun.retain(is_securing);
        }
        let oldest = match is_full {
            true => std::iter::from_fn(|| begun.pop_front()).find(is_securing),
            false => None,
        };
        begun.push_back((slot, generation));
        if let Some((slot, _)) = oldest {
            server.counters(self.room.thread).tls_failed.add(1);
            self.end(slot, Fate::Over);
        }
    }
}
