//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_batch::RemoteAddress;
use millrace_batch::layout::ServerEvent;

use crate::ready::SlotWaker;
use crate::room::Room;
use crate::server::Server;
use crate::socket::{Listener, Socket};

/// Connections accepted before the thread's others get their turn.
const ACCEPTS_PER_VISIT: usize = 64;

/// How long accepting rests after it failed for want of descriptors or memory, in milliseconds.
const REST_MS: u64 = 50;

/// A listening socket and its server.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) server: Arc<Server>,
    listener: Listener,
    waker: Waker,
    slot_waker: Arc<SlotWaker>,
    retry_at: Option<u64>,
    /// The failure under way has been reported.
    reported: bool,
}

/// A new connection.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: Socket,
    pub(crate) remote: RemoteAddress,
    /// False when there are too many: it is to be answered 503 and closed.
    pub(crate) admitted: bool,
}

impl Acceptor {
    pub(crate) fn new(server: Arc<Server>, listener: Listener, slot_waker: Arc<SlotWaker>) -> Self {
        let waker = Waker::from(slot_waker.clone());
        Acceptor {
            server,
            listener,
            waker,
            slot_waker,
            retry_at: None,
            reported: false,
        }
    }

    /// When accepting is to be tried again although nothing woke it.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.retry_at
    }

    /// Takes the connections that wait, at most one visit's share.
    pub(crate) fn accept(&mut self, room: &mut Room) -> Vec<Accepted> {
        self.retry_at = None;
        self.slot_waker.visit();
        let mut accepted = Vec::new();
        let mut context = Context::from_waker(&self.waker);
        let counters = self.server.counters(room.thread);
        for _ in 0..ACCEPTS_PER_VISIT {
            match self
                .listener
                .poll_accept(&mut context, &self.server.config.socket)
            {
                Poll::Pending => return accepted,
                Poll::Ready(Ok((socket, remote))) => {
                    self.reported = false;
                    let admitted = self.server.admit();
                    if !admitted {
                        counters.refused_connections.add(1);
                    }
                    accepted.push(Accepted {
                        socket,
                        remote,
                        admitted,
                    });
                }
                // The peer gave up before its turn; the next one has not.
                Poll::Ready(Err(error)) if is_peers_doing(&error) => {}
                Poll::Ready(Err(error)) => {
                    counters.accept_errors.add(1);
                    self.retry_at = Some(room.now + REST_MS);
                    if !std::mem::replace(&mut self.reported, true) {
                        let text = format!("ERR_ACCEPT - {error}");
                        let batch = room.batch(&self.server.lane);
                        batch.push_server(
                            self.server.id,
                            ServerEvent::ConnectionError,
                            text.as_bytes(),
                        );
                    }
                    return accepted;
                }
            }
        }
        self.waker.wake_by_ref();
        accepted
    }
}

fn is_peers_doing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
