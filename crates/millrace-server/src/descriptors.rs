//! How full the process's table of descriptors is.
//!
//! The system always gives the lowest free number, so the number of a fresh descriptor says that all below are in use.
//! Counting them exactly would mean listing them, which takes longer the more there are.

use std::io;

/// Descriptors kept free unless configured: for files being sent, and for what the application opens.
const RESERVED: u64 = 64;

/// How near to its limit the process may come before no connection is accepted.
#[derive(Debug)]
pub(crate) struct Gauge {
    reserved: Option<u64>,
    /// The first number that is not to be given to a connection.
    threshold: u64,
    /// The highest number seen. While it is well below the threshold, no number needs to be asked for.
    highest: u64,
}

/// Descriptors of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// At least so many are open.
    pub open: u64,
    /// So many may be, if there is a limit.
    pub limit: Option<u64>,
}

/// Descriptors that others may have opened since the highest number was seen.
const MARGIN: u64 = 64;

impl Gauge {
    /// A gauge that keeps `reserved` free, or a default; never more than half of what there is.
    pub(crate) fn new(reserved: Option<u64>) -> Self {
        let mut gauge = Gauge {
            reserved,
            threshold: u64::MAX,
            highest: 0,
        };
        gauge.look_up_limit();
        gauge
    }

    /// Notes the number that a new connection was given.
    pub(crate) fn note(&mut self, number: u64) {
        self.highest = self.highest.max(number);
    }

    /// Whether there is room for a connection. `probe` makes a descriptor and says its number.
    ///
    /// Once the process has been near its limit a probe is made for each connection: a number freed far below says
    /// nothing about the one after it.
    pub(crate) fn has_room(&mut self, probe: impl FnOnce() -> io::Result<u64>) -> bool {
        if self.highest.saturating_add(MARGIN) < self.threshold {
            return true;
        }
        match probe() {
            Ok(number) => {
                self.note(number);
                number < self.threshold
            }
            Err(_) => false,
        }
    }

    /// Sees whether the limit has been changed.
    pub(crate) fn look_up_limit(&mut self) {
        self.threshold = threshold(limit(), self.reserved);
    }
}

impl Descriptors {
    /// What is known about the process's descriptors, for two system calls.
    pub fn now() -> Self {
        let limit = limit();
        Descriptors {
            open: fresh_number().or(limit).unwrap_or(0),
            limit,
        }
    }
}

fn threshold(limit: Option<u64>, reserved: Option<u64>) -> u64 {
    let Some(limit) = limit else {
        return u64::MAX;
    };
    let reserved = reserved.unwrap_or_else(|| RESERVED.min(limit / 8));
    limit - reserved.min(limit / 2)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

/// The number that the next descriptor would have; none when there is no next one.
#[cfg(unix)]
fn fresh_number() -> Option<u64> {
    use std::os::fd::AsRawFd;
    let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
    u64::try_from(socket.as_raw_fd()).ok()
}

#[cfg(not(unix))]
fn fresh_number() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(threshold: u64) -> Gauge {
        Gauge {
            reserved: None,
            threshold,
            highest: 0,
        }
    }

    #[test]
    fn keeps_an_eighth_free_but_no_more_than_is_of_use() {
        assert_eq!(threshold(Some(80), None), 70);
        assert_eq!(threshold(Some(1024), None), 960);
        assert_eq!(threshold(Some(1_048_576), None), 1_048_512);
        assert_eq!(threshold(None, Some(100)), u64::MAX);
    }

    #[test]
    fn a_reserve_larger_than_the_limit_leaves_half() {
        assert_eq!(threshold(Some(100), Some(1000)), 50);
        assert_eq!(threshold(Some(100), Some(0)), 100);
    }

    #[test]
    fn asks_for_a_number_only_near_the_limit() {
        let mut gauge = gauge(1000);
        gauge.note(100);
        assert!(gauge.has_room(|| panic!("far from the limit nothing is opened")));
        gauge.note(950);
        assert!(gauge.has_room(|| Ok(20)));
        assert!(!gauge.has_room(|| Ok(1000)));
        assert!(!gauge.has_room(|| Err(io::ErrorKind::Other.into())));
    }
}
