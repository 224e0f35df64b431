//! Connections that are new to an I/O thread: accepted there, or by another thread and handed over.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use millrace_batch::RemoteAddress;
use millrace_batch::layout::{ServerEvent, THREAD_SHIFT};

use super::tenants::tenant;
use super::{ACCEPTOR, Command, Driver, ThreadHandle};
use crate::accept::{Accepted, Acceptor};
use crate::connection::{Connection, Fate};
use crate::ready::SlotWaker;
use crate::room::Room;
use crate::server::Server;
use crate::socket::{RawListener, Socket, Stream};

/// Connections one too many that are answered at a time; further ones are closed without a word.
const TURNED_AWAY: usize = 64;

impl Driver {
    pub(super) fn adopt(&mut self, server: Arc<Server>, stream: Stream, remote: RemoteAddress) {
        if server.is_closing() || self.connections.len() >= ACCEPTOR as usize {
            server.leave();
            return;
        }
        if server.config.pull_accept {
            self.announce(&server);
        }
        let socket = Socket::new(stream, &server);
        self.insert(server, socket, remote, Connection::drive);
    }

    /// Reports the connection that is inserted next, before anything of it is.
    fn announce(&mut self, server: &Arc<Server>) {
        let slot = self.connections.vacant_key();
        let number = self.number(slot);
        let generation = self.generations.get(slot).copied().unwrap_or(0);
        let text = format!("{number} {generation}");
        self.room.batch(&server.lane).push_server(
            server.id,
            ServerEvent::Accepted,
            text.as_bytes(),
        );
    }

    /// The number that a connection has in records.
    fn number(&self, slot: usize) -> u32 {
        (self.room.thread as u32) << THREAD_SHIFT | slot as u32
    }

    fn insert(
        &mut self,
        server: Arc<Server>,
        socket: Socket,
        remote: RemoteAddress,
        act: fn(&mut Connection, &mut Room) -> Fate,
    ) {
        let slot = self.connections.vacant_key();
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
        }
        let number = self.number(slot);
        let waker = SlotWaker::new(&self.handle.ready, slot as u32);
        let counters = server.counters(self.room.thread);
        counters.accepted.add(1);
        counters.connections.add(1);
        self.handle.connections.fetch_add(1, Ordering::Relaxed);
        tenant(&mut self.servers, &server).connections += 1;
        let now = self.room.now;
        let generation = self.generations[slot];
        let local = socket.local_address();
        self.room.infos.open(slot, generation, local);
        self.connections.insert(Connection::new(
            server.clone(),
            number,
            generation,
            socket,
            remote,
            waker,
            now,
        ));
        self.begin_handshake(&server, slot);
        self.visit(slot, act);
    }

    pub(super) fn listen(&mut self, server: Arc<Server>, listener: RawListener) {
        let entry = self.acceptors.vacant_entry();
        let waker = SlotWaker::new(&self.handle.ready, ACCEPTOR | entry.key() as u32);
        let index = entry.key();
        match listener.into_listener() {
            Ok(listener) => {
                entry.insert(Acceptor::new(server, listener, waker, self.room.thread));
                self.accept(index);
            }
            Err(error) => {
                let text = format!("ERR_ACCEPT - {error}");
                server.report(&mut self.room, &text);
            }
        }
    }

    pub(super) fn accept_more(&mut self, server: &Arc<Server>, count: u64) {
        let mut acceptors = self.acceptors.iter_mut();
        let found = acceptors.find(|(_, acceptor)| Arc::ptr_eq(&acceptor.server, server));
        if let Some((index, acceptor)) = found {
            acceptor.allow(count);
            self.accept(index);
        }
    }

    pub(super) fn accept(&mut self, index: usize) {
        let Some(acceptor) = self.acceptors.get_mut(index) else {
            return;
        };
        let accepted = acceptor.accept(&mut self.room);
        let server = acceptor.server.clone();
        for Accepted {
            stream,
            remote,
            admitted,
        } in accepted
        {
            if !admitted {
                // Letting them linger is a courtesy, and there is only so much of it.
                // Saying anything to a client that speaks TLS takes a handshake, and such work there is too much of.
                if server.tls.is_none() && self.turned_away < TURNED_AWAY {
                    self.turned_away += 1;
                    let socket = Socket::Plain(stream);
                    self.insert(server.clone(), socket, remote, Connection::turn_away);
                }
                continue;
            }
            match self.least_busy(server.config.io_threads) {
                None => self.adopt(server.clone(), stream, remote),
                Some(thread) => match stream.into_raw() {
                    Ok(stream) => thread.send(Command::Adopt(server.clone(), stream, remote)),
                    Err(_) => server.leave(),
                },
            }
        }
    }

    /// The thread with the fewest connections among the first `count`; `None` for this one.
    fn least_busy(&self, count: usize) -> Option<Arc<ThreadHandle>> {
        if count == 1 && self.handle.number == 0 {
            return None;
        }
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let load = |thread: &Arc<ThreadHandle>| {
            // At equal load this thread keeps the connection and saves the hand-over.
            (
                thread.connections.load(Ordering::Relaxed),
                thread.number != self.handle.number,
            )
        };
        let least = peers.iter().take(count).min_by_key(|thread| load(thread))?;
        (least.number != self.handle.number).then(|| least.clone())
    }
}
