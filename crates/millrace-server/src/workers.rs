//! Threads for what must not run on an I/O thread: opening files that the system has to look for on a disk, compressing.
//!
//! One pool for the process. Its threads are started when there is work and none of them is free, and then stay: asleep
//! they cost a stack that is not touched.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// Something to be done once.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Has `job` done by a worker, soon. Jobs begin in the order they were given, and run beside each other. A job that
/// panics harms no other; what its panic means is its own affair.
pub(crate) fn submit(job: Job) {
    static POOL: OnceLock<Pool> = OnceLock::new();
    // Two even on one processor: a worker that waits for a disk must not keep compression waiting.
    let pool = POOL.get_or_init(|| {
        Pool::new(thread::available_parallelism().map_or(2, |processors| processors.get().max(2)))
    });
    pool.submit(job);
}

struct Pool {
    state: Mutex<State>,
    work: Condvar,
    most_threads: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that sleep, or were woken and have not looked yet.
    idle: usize,
}

impl Pool {
    fn new(most_threads: usize) -> Self {
        Pool {
            state: Mutex::default(),
            work: Condvar::new(),
            most_threads,
        }
    }

    fn submit(&'static self, job: Job) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        // Each sleeping thread is woken for one job; those that are awake look for more by themselves.
        if state.jobs.len() <= state.idle {
            drop(state);
            self.work.notify_one();
        } else if state.threads < self.most_threads {
            state.threads += 1;
            let number = state.threads;
            drop(state);
            self.start(number);
        }
    }

    /// Starts a thread. The system may refuse to; then the others do the work, and without any this thread does: late
    /// is better than never.
    fn start(&'static self, number: usize) {
        let started = thread::Builder::new()
            .name(format!("millrace-work-{number}"))
            .spawn(|| self.work());
        if started.is_ok() {
            return;
        }
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads == 0
            && let Some(job) = state.jobs.pop_front()
        {
            drop(state);
            run(job);
        }
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                run(job);
                state = self.lock();
            }
            state.idle += 1;
            state = self
                .work
                .wait_while(state, |state| state.jobs.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message of a panic has gone to standard error.
fn run(job: Job) {
    let _ = catch_unwind(AssertUnwindSafe(job));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn pool(most_threads: usize) -> &'static Pool {
        Box::leak(Box::new(Pool::new(most_threads)))
    }

    #[test]
    fn one_thread_does_all_jobs_in_their_order() {
        let pool = pool(1);
        let (done, order) = mpsc::channel();
        for number in 0..100 {
            let done = done.clone();
            pool.submit(Box::new(move || done.send(number).unwrap()));
        }
        for number in 0..100 {
            assert_eq!(order.recv_timeout(PATIENCE), Ok(number));
        }
        assert_eq!(pool.lock().threads, 1);
    }

    #[test]
    fn a_job_that_waits_does_not_keep_the_next_one_waiting() {
        let pool = pool(2);
        let (release, released) = mpsc::channel::<()>();
        let (done, next) = mpsc::channel();
        let first = done.clone();
        pool.submit(Box::new(move || {
            released.recv().unwrap();
            first.send("first").unwrap();
        }));
        pool.submit(Box::new(move || done.send("second").unwrap()));
        assert_eq!(next.recv_timeout(PATIENCE), Ok("second"));
        release.send(()).unwrap();
        assert_eq!(next.recv_timeout(PATIENCE), Ok("first"));
    }

    #[test]
    fn a_job_that_panics_costs_no_thread_and_no_other_job() {
        let pool = pool(1);
        let (done, next) = mpsc::channel();
        pool.submit(Box::new(|| panic!("a job of a test failed on purpose")));
        pool.submit(Box::new(move || done.send("after").unwrap()));
        assert_eq!(next.recv_timeout(PATIENCE), Ok("after"));
        assert_eq!(pool.lock().threads, 1);
    }

    #[test]
    fn a_thread_that_slept_is_woken_and_no_second_one_started() {
        let pool = pool(8);
        let (done, next) = mpsc::channel();
        for number in 0..50 {
            while number > 0 && pool.lock().idle == 0 {
                thread::yield_now();
            }
            let done = done.clone();
            pool.submit(Box::new(move || done.send(number).unwrap()));
            assert_eq!(next.recv_timeout(PATIENCE), Ok(number));
        }
        assert_eq!(pool.lock().threads, 1);
    }

    #[test]
    fn work_given_to_the_process_is_done() {
        let (done, next) = mpsc::channel();
        submit(Box::new(move || {
            done.send(thread::current().name().map(str::to_owned))
                .unwrap()
        }));
        let name = next.recv_timeout(PATIENCE).unwrap().unwrap();
        assert!(name.starts_with("millrace-work-"), "{name}");
    }
}
