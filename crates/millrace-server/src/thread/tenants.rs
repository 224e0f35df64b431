//! The servers that an I/O thread has connections of, and their end.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_batch::layout::{AbortReason, ServerEvent};
use millrace_ws::Topics;

use super::Driver;
use super::handshakes::Handshakes;
use crate::connection::{Connection, Fate};
use crate::lane::Lane;
use crate::server::Server;

/// A server, as far as an I/O thread has its connections.
pub(super) struct Tenant {
    pub(super) server: Arc<Server>,
    pub(super) connections: usize,
    /// Its TLS handshakes here.
    pub(super) handshakes: Handshakes,
    /// What its WebSockets here have subscribed to, by slot.
    pub(super) topics: Topics,
    /// This thread has been told to close it. The server's own mark is seen before that.
    closing: bool,
    /// When its connections are cut.
    pub(super) cut_at: Option<u64>,
}

impl Driver {
    pub(super) fn close(&mut self, server: Arc<Server>, patience: Option<u64>) {
        self.acceptors
            .retain(|_, acceptor| !Arc::ptr_eq(&acceptor.server, &server));
        let cut_at = patience.map(|patience| self.room.now + patience);
        let tenant = tenant(&mut self.servers, &server);
        tenant.closing = true;
        tenant.cut_at = match (tenant.cut_at, cut_at) {
            (Some(earlier), Some(later)) => Some(earlier.min(later)),
            (one, other) => one.or(other),
        };
        for slot in self.slots_of(|connection| Arc::ptr_eq(&connection.server, &server)) {
            let connection = &mut self.connections[slot];
            if connection.close_gracefully(&mut self.room) {
                self.end(slot, Fate::Over);
            } else {
                self.visit(slot, Connection::flush_and_settle);
            }
        }
        self.end_tenancy(&server);
    }

    /// Reports this thread's part of a closing server as closed once it has no connection left.
    pub(super) fn end_tenancy(&mut self, server: &Arc<Server>) {
        let Some(tenant) = self.servers.get(&server.id) else {
            return;
        };
        if tenant.connections == 0 && tenant.closing {
            self.servers.remove(&server.id);
            self.room.roots.clear();
            // The last thread tells the end, and that comes after all that this one has to tell.
            self.room.outboxes.publish_now(&server.lane);
            if server.thread_done(self.room.thread) {
                self.room
                    .batch(&server.lane)
                    .push_server(server.id, ServerEvent::Closed, b"");
            }
        }
    }

    pub(super) fn forget(&mut self, lane: &Arc<Lane>) {
        self.acceptors
            .retain(|_, acceptor| !Arc::ptr_eq(&acceptor.server.lane, lane));
        for slot in self.slots_of(|connection| Arc::ptr_eq(&connection.server.lane, lane)) {
            self.end(slot, Fate::Cut(AbortReason::ServerClosed));
        }
        self.servers
            .retain(|_, tenant| !Arc::ptr_eq(&tenant.server.lane, lane));
        self.room.outboxes.forget(lane);
    }
}

impl Tenant {
    /// Its server, once when the time has come to cut its connections.
    pub(super) fn take_late(&mut self, now: u64) -> Option<Arc<Server>> {
        self.cut_at
            .take_if(|cut_at| *cut_at <= now)
            .map(|_| self.server.clone())
    }
}

/// The server's entry, made when it has none.
pub(super) fn tenant<'a>(
    servers: &'a mut HashMap<u32, Tenant>,
    server: &Arc<Server>,
) -> &'a mut Tenant {
    servers.entry(server.id).or_insert_with(|| Tenant {
        server: server.clone(),
        connections: 0,
        handshakes: Handshakes::default(),
        topics: Topics::new(),
        closing: false,
        cut_at: None,
    })
}
