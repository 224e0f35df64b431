//! What the threads share about one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use millrace_batch::layout::ServerEvent;

use crate::config::Config;
use crate::lane::Lane;
use crate::room::Room;
use crate::routes::{Published, RouteTable};
use crate::stats::{Counters, Stats};
use crate::tls::ServerTls;

/// One server: its configuration, the JavaScript thread it belongs to, and its counters.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: u32,
    pub(crate) config: Config,
    pub(crate) lane: Arc<Lane>,
    /// What its connections are encrypted with, when they are.
    pub(crate) tls: Option<ServerTls>,
    routes: Option<RouteTable>,
    /// By I/O thread.
    counters: Box<[Counters]>,
    /// Connections on all threads, for the limit.
    connections: AtomicUsize,
    /// Threads that may still have connections of it.
    threads_open: AtomicUsize,
    /// By I/O thread: it has no connection left and gets none.
    threads_done: Box<[AtomicBool]>,
    closing: AtomicBool,
}

impl Server {
    pub(crate) fn new(
        id: u32,
        mut config: Config,
        lane: Arc<Lane>,
        routes: Option<RouteTable>,
    ) -> Self {
        let threads = config.io_threads;
        Server {
            id,
            // Taken: the configuration would keep the first certificates and keys for as long as the server.
            tls: config.tls.take().map(ServerTls::new),
            config,
            lane,
            routes,
            counters: (0..threads).map(|_| Counters::default()).collect(),
            connections: AtomicUsize::new(0),
            threads_open: AtomicUsize::new(threads),
            threads_done: (0..threads).map(|_| AtomicBool::new(false)).collect(),
            closing: AtomicBool::new(false),
        }
    }

    /// Its routes at this moment, when there are any.
    pub(crate) fn routes(&self) -> Option<Published> {
        self.routes.as_ref()?.published()
    }

    /// The counters that the I/O thread with this number writes.
    pub(crate) fn counters(&self, thread: usize) -> &Counters {
        &self.counters[thread]
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats::sum(self.counters.iter())
    }

    /// Tells JavaScript of a connection that failed before it had an exchange to report that to.
    pub(crate) fn report(&self, room: &mut Room, text: &str) {
        room.batch(&self.lane)
            .push_server(self.id, ServerEvent::ConnectionError, text.as_bytes());
    }

    /// Counts a connection in, unless there are too many.
    pub(crate) fn admit(&self) -> bool {
        if self.connections.fetch_add(1, Ordering::AcqRel) >= self.config.connections {
            self.leave();
            return false;
        }
        true
    }

    /// Counts a connection out.
    pub(crate) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::AcqRel);
    }

    /// Marks the server as closing and says whether this was the first time.
    pub(crate) fn begin_close(&self) -> bool {
        !self.closing.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Says that a thread has no connection left and gets none, and whether it was the last. Once is enough: a server
    /// that is told to close again has threads that are done already.
    pub(crate) fn thread_done(&self, thread: usize) -> bool {
        !self.threads_done[thread].swap(true, Ordering::AcqRel)
            && self.threads_open.fetch_sub(1, Ordering::AcqRel) == 1
    }
}
