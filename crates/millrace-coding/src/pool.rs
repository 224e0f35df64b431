//! Idle encoder state.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// State that bodies of one coding use one after another, on whatever thread.
///
/// What an encoder needs is larger than most bodies: taking it from the system anew costs as much as encoding a few
/// KiB. State comes back only from an encoder that has finished, so nothing that a panic left half done is used again.
pub(crate) struct Pool<T> {
    /// The level that the state was made for, and the state.
    idle: Mutex<Vec<(i32, T)>>,
}

/// More threads than this seldom encode at once, and idle state is memory that nobody uses.
const MOST_IDLE: usize = 16;

impl<T> Pool<T> {
    pub(crate) const fn new() -> Pool<T> {
        Pool {
            idle: Mutex::new(Vec::new()),
        }
    }

    /// State of that level, the one used last: it is the likeliest to be in a cache.
    pub(crate) fn take(&self, level: i32) -> Option<T> {
        let mut idle = self.idle();
        let at = idle.iter().rposition(|(of, _)| *of == level)?;
        Some(idle.remove(at).1)
    }

    /// Keeps state for the next body. When there is enough, what was unused longest is dropped.
    pub(crate) fn give(&self, level: i32, state: T) {
        let mut idle = self.idle();
        let oldest = (idle.len() == MOST_IDLE).then(|| idle.remove(0));
        idle.push((level, state));
        drop(idle);
        // Freeing takes a while; nobody waits for the lock meanwhile.
        drop(oldest);
    }

    /// No operation here leaves the list half done, so a panic elsewhere does not matter.
    fn idle(&self) -> MutexGuard<'_, Vec<(i32, T)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_IDLE, Pool};

    #[test]
    fn state_is_taken_by_its_level_the_latest_first() {
        let pool = Pool::new();
        for (level, state) in [(1, "a"), (1, "b"), (2, "c")] {
            pool.give(level, state);
        }
        assert_eq!(pool.take(1), Some("b"));
        assert_eq!(pool.take(1), Some("a"));
        assert_eq!(pool.take(1), None);
        assert_eq!(pool.take(2), Some("c"));
    }

    #[test]
    fn a_full_pool_drops_what_was_unused_longest() {
        let pool = Pool::new();
        for state in 0..=MOST_IDLE {
            pool.give(1, state);
        }
        let kept: Vec<usize> = std::iter::from_fn(|| pool.take(1)).collect();
        assert_eq!(kept, (1..=MOST_IDLE).rev().collect::<Vec<_>>());
    }
}
