//! Deadlines of many connections, at the cost of one timer.
//!
//! A connection's deadline moves with every request, so moving one must cost nothing: an entry is only made when the
//! deadline is earlier than the one it has, and when an entry comes due, its owner is asked whether it meant it.

use std::collections::BTreeMap;

/// Deadlines are rounded up to this many milliseconds, so that many share an entry.
const GRAIN_MS: u64 = 16;

/// Entries by time, at most one that counts for each slot.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// When the entry of each slot that counts is due; 0 is none.
    due: Vec<u64>,
    entries: BTreeMap<u64, Vec<u32>>,
}

impl Timers {
    /// Sees to it that `slot` comes due at `deadline` (milliseconds) or a little later.
    pub(crate) fn schedule(&mut self, slot: usize, deadline: u64) {
        if self.due.len() <= slot {
            self.due.resize(slot + 1, 0);
        }
        let due = &mut self.due[slot];
        if *due == 0 || deadline < *due {
            *due = deadline.next_multiple_of(GRAIN_MS).max(GRAIN_MS);
            self.entries.entry(*due).or_default().push(slot as u32);
        }
    }

    /// When the next entry is due, in milliseconds.
    pub(crate) fn next(&self) -> Option<u64> {
        self.entries.first_key_value().map(|(&due, _)| due)
    }

    /// Takes the slots whose entries are due at `now`.
    pub(crate) fn expire(&mut self, now: u64, expired: &mut Vec<u32>) {
        while let Some(entry) = self.entries.first_entry()
            && *entry.key() <= now
        {
            let (time, slots) = entry.remove_entry();
            for slot in slots {
                // An entry that was overtaken by an earlier one no longer counts.
                if self.due[slot as usize] == time {
                    self.due[slot as usize] = 0;
                    expired.push(slot);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expire(timers: &mut Timers, now: u64) -> Vec<u32> {
        let mut expired = Vec::new();
        timers.expire(now, &mut expired);
        expired
    }

    #[test]
    fn comes_due_at_the_deadline_and_not_before() {
        let mut timers = Timers::default();
        timers.schedule(3, 100);
        assert_eq!(expire(&mut timers, 99), []);
        assert_eq!(timers.next(), Some(112));
        assert_eq!(expire(&mut timers, 112), [3]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_later_deadline_makes_no_entry_and_an_earlier_one_overtakes() {
        let mut timers = Timers::default();
        timers.schedule(1, 1000);
        timers.schedule(1, 5000);
        timers.schedule(1, 160);
        assert_eq!(expire(&mut timers, 160), [1]);
        assert_eq!(
            expire(&mut timers, 10_000),
            [],
            "the overtaken entry does not count"
        );
        timers.schedule(1, 20_000);
        assert_eq!(expire(&mut timers, 30_000), [1]);
    }
}
