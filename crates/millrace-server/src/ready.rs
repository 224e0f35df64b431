//! Which connections and listeners of an I/O thread have something to do.
//!
//! All of them are driven by one task: a wake-up only notes the number of its owner, and the task visits the noted
//! ones in one pass. So everything that a pass of the runtime's poller reported reaches JavaScript in one batch, and a
//! connection needs no task of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The list, shared by the task and the wakers.
#[derive(Debug, Default)]
pub(crate) struct ReadyList {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<u32>,
    task: Option<Waker>,
    woken: bool,
}

/// Wakes one owner.
#[derive(Debug)]
pub(crate) struct SlotWaker {
    list: Arc<ReadyList>,
    slot: u32,
    listed: AtomicBool,
}

impl ReadyList {
    /// Sets the waker of the task that visits the owners.
    pub(crate) fn set_task(&self, waker: &Waker) {
        let mut state = self.lock();
        if !state
            .task
            .as_ref()
            .is_some_and(|task| task.will_wake(waker))
        {
            state.task = Some(waker.clone());
        }
    }

    /// Takes the list, in exchange for an empty one that keeps its memory.
    pub(crate) fn take(&self, slots: &mut Vec<u32>) {
        slots.clear();
        let mut state = self.lock();
        std::mem::swap(&mut state.slots, slots);
        state.woken = false;
    }

    /// Wakes the task for a reason of its own.
    pub(crate) fn wake_task(&self) {
        let task = self.lock().task_to_wake();
        if let Some(task) = task {
            task.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlotWaker {
    /// A waker for `slot`.
    pub(crate) fn new(list: &Arc<ReadyList>, slot: u32) -> Arc<Self> {
        Arc::new(SlotWaker {
            list: list.clone(),
            slot,
            listed: AtomicBool::new(false),
        })
    }

    /// Says that the slot is being visited, so that the next wake-up lists it again.
    pub(crate) fn visit(&self) {
        self.listed.store(false, Ordering::Release);
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, Ordering::AcqRel) {
            let mut state = self.list.lock();
            state.slots.push(self.slot);
            let task = state.task_to_wake();
            drop(state);
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

impl State {
    /// The task, unless it has been woken already. It is to be woken without the lock: on one processor the system
    /// may run it at once, and it would only run into the lock.
    fn task_to_wake(&mut self) -> Option<Waker> {
        if self.woken {
            return None;
        }
        self.woken = self.task.is_some();
        self.task.clone()
    }
}
