//! What the connections of one I/O thread share: memory to work in, the time, and the batches under way.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use millrace_batch::Inbound;
use millrace_http1::{Conn, FieldSpans, http_date};
use millrace_ws::SharedInflater;

use crate::connection::Lookup;
use crate::connection_info::InfoWriter;
use crate::deferred::Deferred;
use crate::files::{Draft, Files, Roots};
use crate::journal::Journal;
use crate::lane::Lane;
use crate::outbox::Outboxes;
use crate::routes::RouteTimeouts;
use crate::thread::ThreadHandle;
use crate::tls::{TlsInfos, TlsRoom};
use crate::websocket::{HEADROOM, Shared};

/// Bytes read from a socket at once. A socket that waits owns no buffer; all of a thread's read into this one.
const READ_BYTES: usize = 64 * 1024;

/// Idle connection states kept for reuse.
const SPARE_STATES: usize = 256;

/// The shared room.
#[derive(Debug)]
pub(crate) struct Room {
    /// This thread's number.
    pub(crate) thread: usize,
    /// This thread, for workers to send their results to.
    pub(crate) home: Arc<ThreadHandle>,
    /// Where sockets are read into.
    pub(crate) scratch: Vec<u8>,
    /// What TLS works in.
    pub(crate) tls: TlsRoom,
    /// The answer with a file that is being made.
    pub(crate) draft: Draft,
    /// Directories that files are served from.
    pub(crate) roots: Roots,
    /// What is read of files on its way to a socket.
    pub(crate) copied: Vec<u8>,
    /// Where the header lines of the request being read are.
    pub(crate) fields: FieldSpans,
    /// Milliseconds since the thread began, as of this pass.
    pub(crate) now: u64,
    /// The `Date` of this second.
    pub(crate) date: [u8; 29],
    epoch: Instant,
    date_second: u64,
    #[expect(
        clippy::vec_box,
        reason = "states are handed to connections as they are, without moving their content"
    )]
    spare: Vec<Box<Active>>,
    pub(crate) outboxes: Outboxes,
    /// What JavaScript may look up about the thread's connections.
    pub(crate) infos: InfoWriter,
    /// What it may look up about their TLS.
    pub(crate) tls_infos: TlsInfos,
    /// What looks up where requests go.
    pub(crate) lookup: Lookup,
    /// Connections that stopped reading until their lane has room.
    pub(crate) stalled: Vec<u32>,
    /// Bytes of messages that the WebSocket being visited has handed on.
    pub(crate) handed_on: usize,
    /// What decompresses the messages of WebSockets.
    pub(crate) inflater: SharedInflater,
    /// What WebSockets share for sending.
    pub(crate) websockets: Shared,
}

/// A connection's state while something is going on.
#[derive(Debug, Default)]
pub(crate) struct Active {
    pub(crate) conn: Conn,
    /// The parts of files in its output.
    pub(crate) files: Files,
    /// Exchanges that wait for a worker.
    pub(crate) deferred: Vec<Deferred>,
    /// What the route of the latest request says in place of the server's timeouts.
    pub(crate) own: RouteTimeouts,
    /// Bytes read and not yet used.
    pub(crate) input: Vec<u8>,
    /// So many of the bytes that come next came as early data of TLS.
    pub(crate) early: usize,
    /// The connection takes no input until an answer is complete or a body is consumed.
    pub(crate) blocked: bool,
    /// The client sends nothing more.
    pub(crate) peer_closed: bool,
    /// When the first byte of the head under way came.
    pub(crate) head_since: u64,
    /// How the body under way comes.
    pub(crate) body: BodyProgress,
    /// Since when the client has not taken any of the output.
    pub(crate) write_since: u64,
    /// When the client closed its sending side.
    pub(crate) gone_since: u64,
    /// Requests whose ends are to be reported.
    pub(crate) journal: Journal,
    /// When the socket, not being read, was last asked for an error.
    pub(crate) looked: u64,
}

/// How a request's body comes, in milliseconds and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodyProgress {
    /// When it began, moved on by the time nobody wanted it.
    pub(crate) since: u64,
    /// When its last byte came.
    pub(crate) last: u64,
    /// What has come so far.
    pub(crate) bytes: u64,
}

impl BodyProgress {
    pub(crate) fn begun(now: u64) -> Self {
        BodyProgress {
            since: now,
            last: now,
            bytes: 0,
        }
    }

    /// So many bytes more have come.
    pub(crate) fn add(&mut self, count: usize, now: u64) {
        self.last = now;
        self.bytes += count as u64;
    }

    /// Gives the time since the last byte back to the client: it was not asked for more.
    pub(crate) fn forgive(&mut self, now: u64) {
        self.since += now.saturating_sub(self.last);
        self.last = now;
    }
}

impl Active {
    /// Whether something of a next request has come, but not all of its head.
    pub(crate) fn has_begun_head(&self) -> bool {
        !self.input.is_empty() || self.conn.has_skipped_lines()
    }

    /// Bytes that come next from the socket and are nothing but a body.
    pub(crate) fn body_ahead(&self) -> u64 {
        if self.input.is_empty() {
            self.conn.body_ahead()
        } else {
            0
        }
    }
}

impl Room {
    pub(crate) fn new(home: Arc<ThreadHandle>) -> Self {
        let mut room = Room {
            thread: home.number,
            scratch: scratch(),
            tls: TlsRoom::default(),
            draft: Draft::default(),
            roots: Roots::default(),
            copied: Vec::new(),
            fields: FieldSpans::default(),
            now: 0,
            date: http_date(0),
            epoch: Instant::now(),
            date_second: 0,
            spare: Vec::new(),
            outboxes: Outboxes::default(),
            infos: InfoWriter::new(home.infos.clone()),
            tls_infos: TlsInfos::new(home.tls_infos.clone()),
            home,
            lookup: Lookup::default(),
            stalled: Vec::new(),
            handed_on: 0,
            inflater: SharedInflater::new(),
            websockets: Shared::default(),
        };
        room.tick();
        room
    }

    /// Makes good what was lent to a connection that panicked.
    pub(crate) fn recover(&mut self) {
        if self.scratch.is_empty() {
            self.scratch = scratch();
        }
    }

    /// Reads the clock: once a pass, because a pass is short and a reading costs as much as parsing a small head.
    pub(crate) fn tick(&mut self) {
        // Time begins at 1 so that 0 can mean none.
        self.now = 1 + self.epoch.elapsed().as_millis() as u64;
        let second = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if second != self.date_second {
            self.date_second = second;
            self.date = http_date(second);
        }
    }

    /// Seconds since 1970, as of this pass.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.date_second
    }

    /// The moment that `self.now` would be `milliseconds`.
    pub(crate) fn instant(&self, milliseconds: u64) -> Instant {
        self.epoch + std::time::Duration::from_millis(milliseconds.saturating_sub(1))
    }

    /// What `self.now` is at that moment, or a little later.
    pub(crate) fn milliseconds(&self, at: Instant) -> u64 {
        2 + at.saturating_duration_since(self.epoch).as_millis() as u64
    }

    /// A state for a connection on which something begins.
    pub(crate) fn take_state(&mut self) -> Box<Active> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes the state of a connection that is idle or gone.
    pub(crate) fn give_state(&mut self, mut state: Box<Active>) {
        if self.spare.len() < SPARE_STATES {
            let Active {
                conn, mut input, ..
            } = *state;
            input.clear();
            input.shrink_to(READ_BYTES);
            *state = Active {
                conn,
                input,
                ..Active::default()
            };
            self.spare.push(state);
        }
    }

    /// The batch under way for a lane.
    pub(crate) fn batch(&mut self, lane: &Arc<Lane>) -> &mut Inbound {
        self.outboxes.batch(lane)
    }

    /// The batch under way for a lane, and the header lines, which are borrowed apart.
    pub(crate) fn split(&mut self, lane: &Arc<Lane>) -> (&[u8], &mut FieldSpans, &mut Inbound) {
        (&self.scratch, &mut self.fields, self.outboxes.batch(lane))
    }
}

fn scratch() -> Vec<u8> {
    vec![0; HEADROOM + READ_BYTES]
}
