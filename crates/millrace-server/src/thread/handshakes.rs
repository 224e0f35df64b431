//! How many TLS handshakes a server has under way on one I/O thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::Driver;
use super::tenants::tenant;
use crate::connection::Fate;
use crate::server::Server;

/// Entries that are kept without a look at whether they are still needed.
const FEW: usize = 64;

/// Connections that have begun handshakes, the oldest first; those in between may have completed them.
#[derive(Debug, Default)]
pub(super) struct Handshakes(VecDeque<(usize, u32)>);

impl Driver {
    /// Counts a connection that has just been made, and closes the one whose handshake has been under way for longest when
    /// there are too many.
    pub(super) fn begin_handshake(&mut self, server: &Arc<Server>, slot: usize) {
        let Some(tls) = &server.tls else {
            return;
        };
        let open = &server.counters(self.room.thread).tls_open;
        open.add(1);
        // Each thread has its share, so that none has to ask the others.
        let most = (tls.handshakes / server.config.io_threads).max(1);
        let generation = self.generations[slot];
        let connections = &self.connections;
        let is_securing = |&(slot, generation): &(usize, u32)| {
            connections.get(slot).is_some_and(|connection| {
                connection.generation == generation && connection.is_securing()
            })
        };
        let handshakes = &mut tenant(&mut self.servers, server).handshakes;
        let open = usize::try_from(open.get()).unwrap_or(usize::MAX);
        let oldest = handshakes.begin((slot, generation), open, most, is_securing);
        if let Some((slot, _)) = oldest {
            let text = "the handshake gave way to one more than the limit";
            self.end(slot, Fate::Lost(io::Error::other(text)));
        }
    }
}

impl Handshakes {
    /// Adds one that makes them `open` in number, and tells which has to go for it when that is more than `most`.
    fn begin(
        &mut self,
        begun: (usize, u32),
        open: usize,
        most: usize,
        is_securing: impl Fn(&(usize, u32)) -> bool,
    ) -> Option<(usize, u32)> {
        let Handshakes(all) = self;
        if all.len() >= open.saturating_mul(2).max(FEW) {
            // Half of them or more go, so that each costs the same whatever `most` is.
            all.retain(&is_securing);
        }
        let oldest = match open > most {
            true => std::iter::from_fn(|| all.pop_front()).find(is_securing),
            false => None,
        };
        all.push_back(begun);
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_complete_are_forgotten_without_a_limit_as_well() {
        let mut handshakes = Handshakes::default();
        for number in 0..10_000 {
            // The three latest are under way.
            let is_securing = |&(slot, _): &(usize, u32)| slot + 3 > number;
            assert_eq!(
                handshakes.begin((number, 0), 3, usize::MAX, is_securing),
                None
            );
            assert!(handshakes.0.len() <= FEW, "{}", handshakes.0.len());
        }
        for number in 0..1000 {
            handshakes.begin((number, 1), FEW + number, usize::MAX, |_| true);
        }
        assert!(handshakes.0.len() >= 1000);
    }

    #[test]
    fn the_oldest_that_is_under_way_has_to_go() {
        let mut handshakes = Handshakes::default();
        for slot in 0..4 {
            assert_eq!(handshakes.begin((slot, 0), slot + 1, 4, |_| true), None);
        }
        // The first has completed its handshake since, and another connection has its slot.
        let is_securing = |&entry: &(usize, u32)| entry != (0, 0);
        assert_eq!(handshakes.begin((0, 1), 4, 4, is_securing), None);
        assert_eq!(handshakes.begin((4, 0), 5, 4, is_securing), Some((1, 0)));
        assert_eq!(handshakes.begin((5, 0), 5, 4, is_securing), Some((2, 0)));
    }
}
