//! The batches that an I/O thread is filling, one for each JavaScript thread.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use millrace_batch::Inbound;

use crate::lane::Lane;

/// Requests after which JavaScript is woken although the thread has not parked, so that a thread that never parks
/// delivers. Lower values cost pipelined requests a fifth of their rate on one processor, where a wake changes threads.
const WAKE_REQUESTS: usize = 512;

/// Messages in a full batch below which JavaScript is not woken for it before the end of the pass: large messages fill
/// a batch by fours, and on one processor each wake changes threads. With many in a batch, waking at once is faster.
const FEW_MESSAGES: usize = 64;

/// Bytes that may wait for that.
const UNANNOUNCED_BYTES: usize = 256 * 1024;

/// Passes after which batches are handed over although the thread has not parked.
const PASSES: u32 = 4;

/// The batches under way.
#[derive(Debug, Default)]
pub(crate) struct Outboxes {
    // A process has few JavaScript threads, so a look at each is the fastest.
    list: Vec<(Arc<Lane>, Inbound)>,
    passes: u32,
}

/// Where the batches are between two passes: the runtime hands them over when it is about to park.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParkedOutboxes(Arc<Mutex<Outboxes>>);

impl Outboxes {
    /// The batch for a lane, with room for one record: to be asked for anew for each. Records of different servers of
    /// one JavaScript thread share it.
    pub(crate) fn batch(&mut self, lane: &Arc<Lane>) -> &mut Inbound {
        let known = self
            .list
            .iter()
            .position(|(owner, _)| Arc::ptr_eq(owner, lane));
        let index = known.unwrap_or_else(|| {
            self.list.push((lane.clone(), Inbound::default()));
            self.list.len() - 1
        });
        let batch = &mut self.list[index].1;
        if batch.is_full() {
            let is_few = (1..FEW_MESSAGES).contains(&batch.request_count());
            if is_few && lane.queued_bytes() < UNANNOUNCED_BYTES {
                lane.add(batch);
            } else {
                lane.publish(batch);
            }
        }
        batch
    }

    /// Hands the lane's batch over if it holds enough to wake a sleeping JavaScript thread for.
    pub(crate) fn publish_if_due(&mut self, lane: &Arc<Lane>) {
        let batch = self.batch(lane);
        if batch.request_count() >= WAKE_REQUESTS && !lane.is_awake() {
            lane.publish(batch);
        }
    }

    /// Hands the lane's batch over: what another thread says next comes behind it.
    pub(crate) fn publish_now(&mut self, lane: &Arc<Lane>) {
        let batch = self.batch(lane);
        lane.publish(batch);
    }

    /// Forgets a lane whose JavaScript thread has gone.
    pub(crate) fn forget(&mut self, lane: &Arc<Lane>) {
        self.list.retain(|(owner, _)| !Arc::ptr_eq(owner, lane));
    }

    /// Ends a pass. The batches of several passes are handed over together, but not those of too many.
    pub(crate) fn end_pass(&mut self) {
        self.passes += 1;
        if self.passes >= PASSES {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.passes = 0;
        for (lane, batch) in &mut self.list {
            lane.publish(batch);
        }
    }
}

impl ParkedOutboxes {
    /// Hands all batches over.
    pub(crate) fn publish(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .publish();
    }

    /// Takes the batches for a pass, or gives them back after it.
    pub(crate) fn swap(&self, outboxes: &mut Outboxes) {
        mem::swap(
            outboxes,
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
        );
    }
}
