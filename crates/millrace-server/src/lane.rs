//! The pair of queues between the core and one JavaScript thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use millrace_batch::Inbound;

use crate::files::FileRange;
use crate::websocket::WebSocketSettings;

/// Empty batches kept for reuse.
const SPARE_BATCHES: usize = 8;

/// Wakes the JavaScript thread, which then receives until there is nothing left.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The queues of one JavaScript thread.
///
/// I/O threads publish inbound batches; JavaScript is woken for the first one and then looks for more until there is
/// none, so that a busy thread is never woken.
pub(crate) struct Lane {
    state: Mutex<State>,
    wake: Mutex<Option<Wake>>,
    /// Bytes in published batches.
    queued: AtomicUsize,
    /// An I/O thread has stopped reading because of this lane.
    stalled: AtomicBool,
    /// Batches may wait that JavaScript was not woken for.
    unannounced: AtomicBool,
    /// What WebSockets are accepted with, by number.
    websocket_settings: Mutex<Vec<Arc<WebSocketSettings>>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Inbound>,
    spare: Vec<Inbound>,
    spare_outgoing: Vec<Vec<u8>>,
    awake: bool,
    closed: bool,
}

/// What JavaScript wrote in one go, for one I/O thread.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) records: Vec<u8>,
    pub(crate) chunks: Arc<[Chunk]>,
}

/// A large payload beside the records.
#[derive(Clone, Debug)]
pub(crate) enum Chunk {
    Bytes(Bytes),
    /// Memory that JavaScript could still write to, against what it promised.
    Lent(Bytes),
    File(FileRange),
}

impl Lane {
    pub(crate) fn new(wake: Wake) -> Self {
        Lane {
            state: Mutex::default(),
            wake: Mutex::new(Some(wake)),
            queued: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            unannounced: AtomicBool::new(false),
            websocket_settings: Mutex::default(),
        }
    }

    /// Adds what WebSockets can be accepted with, and returns its number.
    pub(crate) fn add_websocket_settings(&self, settings: WebSocketSettings) -> u32 {
        let mut all = lock(&self.websocket_settings);
        all.push(Arc::new(settings));
        all.len() as u32 - 1
    }

    /// What WebSockets are accepted with that name this number.
    pub(crate) fn websocket_settings(&self, number: u32) -> Option<Arc<WebSocketSettings>> {
        lock(&self.websocket_settings).get(number as usize).cloned()
    }

    /// Hands `batch` over in exchange for an empty one, and wakes JavaScript for all that waits unless it is awake.
    pub(crate) fn publish(&self, batch: &mut Inbound) {
        if batch.is_empty() && !self.unannounced.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        self.put(&mut state, batch);
        self.unannounced.store(false, Ordering::Relaxed);
        let asleep = !state.queue.is_empty() && !std::mem::replace(&mut state.awake, true);
        drop(state);
        if asleep && let Some(wake) = &*lock(&self.wake) {
            wake();
        }
    }

    /// Hands `batch` over in exchange for an empty one. Somebody has to [publish](Lane::publish) soon.
    pub(crate) fn add(&self, batch: &mut Inbound) {
        self.put(&mut lock(&self.state), batch);
        self.unannounced.store(true, Ordering::Relaxed);
    }

    fn put(&self, state: &mut State, batch: &mut Inbound) {
        if state.closed {
            batch.clear();
        } else if !batch.is_empty() {
            let full = std::mem::replace(batch, state.spare.pop().unwrap_or_default());
            self.queued.fetch_add(full.byte_len(), Ordering::Relaxed);
            state.queue.push_back(full);
        }
    }

    /// Whether JavaScript will look for more without being woken.
    pub(crate) fn is_awake(&self) -> bool {
        lock(&self.state).awake
    }

    /// Whether more than `limit` bytes wait. A caller that is told so is told to go on once JavaScript has taken a batch:
    /// see [`take_stalled`](Lane::take_stalled).
    pub(crate) fn is_congested(&self, limit: usize) -> bool {
        if self.queued.load(Ordering::Relaxed) <= limit {
            return false;
        }
        self.stalled.store(true, Ordering::SeqCst);
        // JavaScript may have taken the last batch in between, and then nothing would tell the caller to go on.
        self.queued.load(Ordering::SeqCst) > limit
    }

    /// Bytes that wait for JavaScript.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Whether reading was stopped because of this lane and may go on, as seen by JavaScript after taking a batch.
    pub(crate) fn take_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst) && self.stalled.swap(false, Ordering::SeqCst)
    }

    /// Takes the oldest batch in exchange for `used`, and says whether more wait.
    ///
    /// Without one, JavaScript counts as asleep from here on.
    pub(crate) fn receive(&self, mut used: Inbound) -> (Inbound, bool, bool) {
        used.clear();
        let mut state = lock(&self.state);
        let Some(batch) = state.queue.pop_front() else {
            state.awake = false;
            return (used, false, false);
        };
        if state.spare.len() < SPARE_BATCHES {
            state.spare.push(used);
        }
        let more = !state.queue.is_empty();
        drop(state);
        self.queued.fetch_sub(batch.byte_len(), Ordering::SeqCst);
        (batch, true, more)
    }

    /// An empty buffer for outgoing records.
    pub(crate) fn take_spare_outgoing(&self) -> Vec<u8> {
        lock(&self.state).spare_outgoing.pop().unwrap_or_default()
    }

    /// Gives the buffer of carried-out records back.
    pub(crate) fn give_spare_outgoing(&self, mut records: Vec<u8>) {
        records.clear();
        let mut state = lock(&self.state);
        if state.spare_outgoing.len() < SPARE_BATCHES {
            state.spare_outgoing.push(records);
        }
    }

    /// Lets go of the JavaScript thread: it is never woken again and batches for it are dropped.
    pub(crate) fn close(&self) {
        lock(&self.wake).take();
        let mut state = lock(&self.state);
        state.closed = true;
        state.queue.clear();
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lane")
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves these queues consistent, because nothing in a critical section can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
