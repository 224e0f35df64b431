//! The core of the process, and the JavaScript threads' way in.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use millrace_batch::Inbound;
use millrace_batch::layout::{EVERY_THREAD, THREAD_SHIFT};
use millrace_batch::outbound::{Action, Outbound, split_run};
use millrace_tls::{Context, Credentials};

use crate::body_buffer::{BODY_BUFFER_BYTES, BodyBuffer};
use crate::config::{Bind, Config};
use crate::connection_info::ConnectionInfo;
use crate::files::FileRange;
use crate::lane::{Chunk, Lane, Outgoing, Wake};
use crate::routes::RouteTable;
use crate::server::Server;
use crate::socket::RawListener;
use crate::stats::Stats;
use crate::thread::{Command, ThreadHandle};
use crate::tls::TlsInfo;
use crate::websocket::{Published, Run, WebSocketSettings};

/// The I/O threads of the process. They are started when first asked for and never end.
#[derive(Debug, Default)]
struct Core {
    threads: Arc<Mutex<Vec<Arc<ThreadHandle>>>>,
    next_server: AtomicU32,
}

/// One JavaScript thread's end of its queues. Everything of the core that this thread may use.
#[derive(Debug)]
pub struct JsThread {
    lane: Arc<Lane>,
    servers: Vec<Arc<Server>>,
    threads: Vec<Arc<ThreadHandle>>,
    /// The batch last received.
    current: Inbound,
    received_chunks: Vec<Bytes>,
    put_chunks: Vec<Chunk>,
}

/// A server that listens.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// The server's number in records.
    pub id: u32,
    /// Where it listens, when that is an internet address.
    pub address: Option<SocketAddr>,
}

impl JsThread {
    /// Opens the queues of a JavaScript thread. `wake` is called from any thread and must not block.
    pub fn new(wake: Wake) -> Self {
        JsThread {
            lane: Arc::new(Lane::new(wake)),
            servers: Vec::new(),
            threads: Vec::new(),
            current: Inbound::default(),
            received_chunks: Vec::new(),
            put_chunks: Vec::new(),
        }
    }

    /// Hands `records`, and the chunks put since the last time, to the I/O threads.
    pub fn submit(&mut self, mut records: &[u8]) {
        if records.is_empty() {
            return;
        }
        // Shared, because records for different threads may alternate, and each run of them has all chunks.
        let chunks: Arc<[Chunk]> = match self.put_chunks.is_empty() {
            true => Arc::default(),
            false => std::mem::take(&mut self.put_chunks).into(),
        };
        while let Some((thread, length)) = split_run(records) {
            let (run, rest) = records.split_at(length);
            records = rest;
            if thread == EVERY_THREAD {
                self.publish(run, &chunks);
                continue;
            }
            let Some(thread) = self.threads.get(thread as usize) else {
                continue;
            };
            let mut buffer = self.lane.take_spare_outgoing();
            buffer.extend_from_slice(run);
            let outgoing = Outgoing {
                records: buffer,
                chunks: chunks.clone(),
            };
            thread.send(Command::CarryOut(self.lane.clone(), outgoing));
        }
    }

    /// Gives messages to all I/O threads that have connections of their servers, each message made once.
    fn publish(&self, run: &[u8], chunks: &[Chunk]) {
        let mut threads = 0;
        let messages = Outbound::new(run).flatten().filter_map(|record| {
            let Action::Publish(publication) = &record.action else {
                return None;
            };
            let server = self.server(publication.server)?;
            threads = threads.max(server.config.io_threads);
            Published::of(publication, chunks)
        });
        let runs: Arc<[Run]> = Run::collect(messages).into();
        for thread in self.threads.iter().take(threads) {
            thread.send(Command::Publish(runs.clone()));
        }
    }

    /// Takes the next batch: its records and small bodies into `inbox`, its text as the return value. `None` when
    /// nothing waits; the thread is woken when that changes.
    ///
    /// # Panics
    ///
    /// When `inbox` is smaller than [`INBOX_BYTES`](millrace_batch::layout::INBOX_BYTES).
    pub fn receive(&mut self, inbox: &mut [u8]) -> Option<&[u8]> {
        self.received_chunks.clear();
        // All of the batch received last has been dispatched, and what came of that has been submitted.
        for socket in self.current.take_barriers() {
            if let Some(thread) = self
                .threads
                .get((socket.connection >> THREAD_SHIFT) as usize)
            {
                thread.send(Command::Dispatched(socket));
            }
        }
        let (batch, fresh, more) = self.lane.receive(std::mem::take(&mut self.current));
        self.current = batch;
        if self.lane.take_stalled() {
            for thread in &self.threads {
                thread.send(Command::Resume);
            }
        }
        if !fresh {
            return None;
        }
        self.current.deliver(inbox, more);
        self.received_chunks = self.current.take_chunks();
        Some(self.current.text())
    }

    /// Takes a large piece of the batch last received.
    pub fn take_chunk(&mut self, index: u32) -> Option<Bytes> {
        self.received_chunks
            .get_mut(index as usize)
            .map(std::mem::take)
    }

    /// Puts a copy of a large piece beside the records that are submitted next, and returns its index.
    pub fn put_chunk(&mut self, piece: &[u8]) -> u32 {
        self.put(Chunk::Bytes(copy_piece(piece)))
    }

    /// Puts a large piece beside the records that are submitted next as it is, and returns its index. Somebody may still
    /// write to its memory; what goes out then is anybody's guess, but no more than that.
    pub fn put_lent(&mut self, piece: Bytes) -> u32 {
        self.put(Chunk::Lent(piece))
    }

    /// Puts a part of an open file beside the records that are submitted next, and returns its index.
    pub fn put_file(&mut self, range: FileRange) -> u32 {
        self.put(Chunk::File(range))
    }

    fn put(&mut self, chunk: Chunk) -> u32 {
        self.put_chunks.push(chunk);
        self.put_chunks.len() as u32 - 1
    }

    /// Binds and listens. Failing to is found out here, not later. Requests without a route, all of them when there are
    /// no routes, go to JavaScript unless the configuration says otherwise.
    pub fn listen(&mut self, config: Config, routes: Option<RouteTable>) -> io::Result<Listening> {
        let core = core();
        self.threads = core.threads(config.io_threads)?;
        let listener = RawListener::bind(&config.bind, &config.socket)?;
        let address = listener.local_address();
        let id = core.next_server.fetch_add(1, Ordering::Relaxed);
        if let Some(routes) = &routes {
            routes.begin_use(config.codings, config.levels);
        }
        let server = Arc::new(Server::new(id, config, self.lane.clone(), routes));
        self.accepting_thread(&server)
            .send(Command::Listen(server.clone(), listener));
        self.servers.push(server);
        Ok(Listening { id, address })
    }

    /// Stops accepting, lets requests finish and reports the end in a record. What is not finished after `patience`
    /// milliseconds is cut. May be called again with less patience.
    pub fn close(&mut self, id: u32, patience: Option<u64>) {
        let Some(server) = self.server(id).cloned() else {
            return;
        };
        let is_first = server.begin_close();
        for thread in self.threads.iter().take(server.config.io_threads) {
            thread.send(Command::Close(server.clone(), patience));
        }
        // Later the file may be another server's.
        if is_first && let Bind::Unix(path) = &server.config.bind {
            // Somebody may have removed it already, which is as good.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Accepts so many connections more for a server that accepts only what it is told to.
    pub fn accept_more(&self, id: u32, count: u64) {
        if let Some(server) = self.server(id) {
            self.accepting_thread(server)
                .send(Command::AcceptMore(server.clone(), count));
        }
    }

    /// Adds what WebSockets of this thread can be accepted with, and returns its number.
    pub fn add_websocket_settings(&self, settings: WebSocketSettings) -> u32 {
        self.lane.add_websocket_settings(settings)
    }

    /// What is known about a connection now; none when it is open no more.
    pub fn connection_info(&self, connection: u32, generation: u32) -> Option<ConnectionInfo> {
        let thread = self.threads.get((connection >> THREAD_SHIFT) as usize)?;
        let slot = connection & ((1 << THREAD_SHIFT) - 1);
        thread.infos.get(slot as usize, generation)
    }

    /// Has TLS handshakes of a server that begin from now on made with `context`; open connections go on with what they
    /// have. Answers for names are forgotten.
    pub fn reload_tls(&self, id: u32, context: Arc<Context>) {
        if let Some(tls) = self.server(id).and_then(|server| server.tls.as_ref()) {
            tls.reload(context);
        }
    }

    /// Answers the question for a server name; without credentials nothing is there for it. The answer is kept for so many
    /// milliseconds, and at 0 given to those who wait alone.
    pub fn name_resolved(
        &self,
        id: u32,
        name: &str,
        credentials: Option<&Credentials>,
        keep_ms: u64,
    ) {
        if let Some(tls) = self.server(id).and_then(|server| server.tls.as_ref()) {
            tls.name_resolved(name, credentials, keep_ms);
        }
    }

    /// What a connection's TLS handshake has agreed on; it is known until a later handshake takes the connection's slot.
    pub fn tls_info(&self, connection: u32, generation: u32) -> Option<Arc<TlsInfo>> {
        let thread = self.threads.get((connection >> THREAD_SHIFT) as usize)?;
        let slot = connection & ((1 << THREAD_SHIFT) - 1);
        thread.tls_infos.get(slot as usize, generation)
    }

    /// What a server has counted, also after it was closed.
    pub fn stats(&self, id: u32) -> Option<Stats> {
        self.server(id).map(|server| server.stats())
    }

    /// Bytes that wait for this thread.
    pub fn queued_bytes(&self) -> usize {
        self.lane.queued_bytes()
    }

    /// Forgets a closed server and its counts.
    pub fn forget(&mut self, id: u32) {
        self.servers.retain(|server| server.id != id);
    }

    /// Several servers do not all accept on the same thread.
    fn accepting_thread(&self, server: &Server) -> &ThreadHandle {
        &self.threads[server.id as usize % server.config.io_threads]
    }

    fn server(&self, id: u32) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| server.id == id)
    }
}

impl Drop for JsThread {
    /// A JavaScript thread that ends, whatever it was doing, takes its servers with it.
    fn drop(&mut self) {
        self.lane.close();
        for server in &self.servers {
            if server.begin_close()
                && let Bind::Unix(path) = &server.config.bind
            {
                let _ = std::fs::remove_file(path);
            }
        }
        for thread in &self.threads {
            thread.send(Command::Forget(self.lane.clone()));
        }
    }
}

impl Core {
    /// All I/O threads, at least `count`.
    fn threads(&self, count: usize) -> io::Result<Vec<Arc<ThreadHandle>>> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        while threads.len() < count {
            let thread = ThreadHandle::spawn(threads.len(), self.threads.clone())?;
            threads.push(thread);
        }
        Ok(threads.clone())
    }
}

fn core() -> &'static Core {
    static CORE: OnceLock<Core> = OnceLock::new();
    CORE.get_or_init(Core::default)
}

/// Copies into memory that is used again and again: the allocator would return what a stream of pieces frees to the
/// system, and each page of the next one would be a fault (a download took up to five times as long).
fn copy_piece(piece: &[u8]) -> Bytes {
    if piece.len() > BODY_BUFFER_BYTES {
        return Bytes::copy_from_slice(piece);
    }
    let mut buffer = BodyBuffer::take();
    buffer.memory()[..piece.len()].copy_from_slice(piece);
    buffer.set_filled(piece.len());
    buffer.into_bytes()
}
