//! Accepting connections: as many as come, or as JavaScript asks for, and none when the process would be left without
//! descriptors.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_batch::RemoteAddress;

use crate::descriptors::Gauge;
use crate::ready::SlotWaker;
use crate::room::Room;
use crate::server::Server;
use crate::socket::{Listener, Stream};

/// Connections accepted before the thread's others get their turn.
const ACCEPTS_PER_VISIT: usize = 64;

/// How long accepting rests after it failed for want of descriptors or memory, in milliseconds.
const REST_MS: u64 = 50;

/// A want of descriptors counts as over when there was none for this long, in milliseconds: near the limit each
/// connection that leaves makes room for one, and being told of each would be of no use.
const OVER_MS: u64 = 1000;

/// A listening socket and its server.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) server: Arc<Server>,
    listener: Listener,
    waker: Waker,
    slot_waker: Arc<SlotWaker>,
    thread: usize,
    gauge: Gauge,
    retry_at: Option<u64>,
    /// When descriptors were last short, while a want of them has been reported and is not over.
    low_at: Option<u64>,
    /// Another failure has been reported, and no connection was accepted since.
    reported: bool,
    /// How many connections may still be accepted, when JavaScript decides that.
    allowed: Option<u64>,
}

/// A new connection.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    pub(crate) remote: RemoteAddress,
    /// False when there are too many: it is to be answered 503 and closed.
    pub(crate) admitted: bool,
}

impl Acceptor {
    pub(crate) fn new(
        server: Arc<Server>,
        listener: Listener,
        slot_waker: Arc<SlotWaker>,
        thread: usize,
    ) -> Self {
        Acceptor {
            listener,
            waker: Waker::from(slot_waker.clone()),
            slot_waker,
            thread,
            gauge: Gauge::new(server.config.reserved_descriptors),
            retry_at: None,
            low_at: None,
            reported: false,
            allowed: server.config.pull_accept.then_some(0),
            server,
        }
    }

    /// When accepting is to be tried again although nothing woke it.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.retry_at
    }

    /// Allows so many connections more, to a server that accepts only what it is told to.
    pub(crate) fn allow(&mut self, count: u64) {
        if let Some(allowed) = &mut self.allowed {
            *allowed = allowed.saturating_add(count);
        }
    }

    /// Takes the connections that wait, at most one visit's share.
    pub(crate) fn accept(&mut self, room: &mut Room) -> Vec<Accepted> {
        self.retry_at = None;
        self.slot_waker.visit();
        self.begin_visit(room);
        let mut accepted = Vec::new();
        for _ in 0..ACCEPTS_PER_VISIT {
            if self.allowed == Some(0) {
                return accepted;
            }
            let listener = &self.listener;
            if !self.gauge.has_room(|| listener.fresh_number()) {
                self.rest_without_descriptors(room);
                return accepted;
            }
            let mut context = Context::from_waker(&self.waker);
            let options = &self.server.config.socket;
            match self.listener.poll_accept(&mut context, options) {
                Poll::Pending => return accepted,
                Poll::Ready(Ok((stream, remote))) => {
                    self.reported = false;
                    self.gauge.note(stream.number());
                    accepted.push(self.admit(stream, remote));
                }
                // The peer gave up before its turn; the next one has not.
                Poll::Ready(Err(error)) if is_peers_doing(&error) => {}
                Poll::Ready(Err(error)) => {
                    self.fail(room, &error);
                    return accepted;
                }
            }
        }
        self.waker.wake_by_ref();
        accepted
    }

    /// While descriptors are short the acceptor comes back by itself until they are not.
    fn begin_visit(&mut self, room: &Room) {
        let Some(low_at) = self.low_at else {
            return;
        };
        self.gauge.look_up_limit();
        let listener = &self.listener;
        if !self.gauge.has_room(|| listener.fresh_number()) || room.now - low_at < OVER_MS {
            self.retry_at = Some(room.now + REST_MS);
            return;
        }
        self.low_at = None;
        self.counters().descriptors_low.sub(1);
    }

    fn admit(&mut self, stream: Stream, remote: RemoteAddress) -> Accepted {
        let admitted = self.server.admit();
        if !admitted {
            self.counters().refused_connections.add(1);
        } else if let Some(allowed) = &mut self.allowed {
            *allowed -= 1;
        }
        Accepted {
            stream,
            remote,
            admitted,
        }
    }

    fn rest_without_descriptors(&mut self, room: &mut Room) {
        self.retry_at = Some(room.now + REST_MS);
        if self.low_at.replace(room.now).is_none() {
            self.counters().descriptors_low.add(1);
            self.server.report(
                room,
                "ERR_DESCRIPTORS_LOW - the process is near its limit of open descriptors; no connection is \
                 accepted until some are closed",
            );
        }
    }

    fn fail(&mut self, room: &mut Room, error: &io::Error) {
        self.counters().accept_errors.add(1);
        if is_want_of_descriptors(error) {
            return self.rest_without_descriptors(room);
        }
        self.retry_at = Some(room.now + REST_MS);
        if !std::mem::replace(&mut self.reported, true) {
            self.server.report(room, &format!("ERR_ACCEPT - {error}"));
        }
    }

    fn counters(&self) -> &crate::stats::Counters {
        self.server.counters(self.thread)
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        if self.low_at.is_some() {
            self.counters().descriptors_low.sub(1);
        }
    }
}

fn is_peers_doing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Whether the process or the system has no descriptor left.
#[cfg(unix)]
fn is_want_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}

#[cfg(not(unix))]
fn is_want_of_descriptors(_: &io::Error) -> bool {
    false
}
