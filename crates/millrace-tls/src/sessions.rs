//! Sessions that the server keeps, each to be resumed in TLS 1.3 once: what early data needs, which a stateless ticket
//! would let anybody replay (RFC 8446 section 8.1).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::UnixTime;
use rustls::server::StoresServerSessions;

use crate::session_end::Life;

/// Some 50,000 sessions without a client certificate. The oldest go first.
const MOST_BYTES: usize = 16 << 20;

/// What a session costs beside its bytes: entries of both maps, and the key a second time.
const OVERHEAD: usize = 160;

pub(crate) struct Sessions {
    kept: Arc<Mutex<Kept>>,
    life: Life,
}

#[derive(Default)]
struct Kept {
    by_key: HashMap<Vec<u8>, Session>,
    /// Their keys in the order of their coming.
    by_age: BTreeMap<u64, Vec<u8>>,
    next: u64,
    bytes: usize,
}

struct Session {
    number: u64,
    end: u64,
    value: Vec<u8>,
}

impl Sessions {
    /// Goes on with those of `previous`.
    pub(crate) fn new(previous: Option<&Sessions>, life: Life) -> Self {
        Sessions {
            kept: previous
                .map(|previous| previous.kept.clone())
                .unwrap_or_default(),
            life,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_at(&self, key: Vec<u8>, value: Vec<u8>, now: u64) -> bool {
        let Some(end) = self.life.end(&value, now) else {
            return false;
        };
        let mut kept = self.kept();
        kept.remove(&key);
        kept.bytes += size(&key, &value);
        let number = kept.next;
        kept.next += 1;
        kept.by_age.insert(number, key.clone());
        let session = Session { number, end, value };
        kept.by_key.insert(key, session);
        while let Some((_, oldest)) = kept.by_age.first_key_value() {
            let is_over = kept
                .by_key
                .get(oldest)
                .is_none_or(|session| session.is_over(now));
            if !is_over && kept.bytes <= MOST_BYTES {
                break;
            }
            let oldest = oldest.clone();
            kept.remove(&oldest);
        }
        true
    }

    fn take_at(&self, key: &[u8], now: u64) -> Option<Vec<u8>> {
        let session = self.kept().remove(key)?;
        (!session.is_over(now)).then_some(session.value)
    }
}

impl Session {
    fn is_over(&self, now: u64) -> bool {
        now > self.end
    }
}

impl Kept {
    fn remove(&mut self, key: &[u8]) -> Option<Session> {
        let session = self.by_key.remove(key)?;
        self.by_age.remove(&session.number);
        self.bytes -= size(key, &session.value);
        Some(session)
    }
}

fn size(key: &[u8], value: &[u8]) -> usize {
    2 * key.len() + value.len() + OVERHEAD
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.put_at(key, value, UnixTime::now().as_secs())
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let kept = self.kept();
        let session = kept.by_key.get(key)?;
        (!session.is_over(UnixTime::now().as_secs())).then(|| session.value.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.take_at(key, UnixTime::now().as_secs())
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Never the sessions.
impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sessions")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Life = Life {
        seconds: 100,
        has_certificates: false,
    };

    #[test]
    fn a_session_is_taken_once() {
        let sessions = Sessions::new(None, LIFE);
        assert!(sessions.put(vec![1], vec![2]));
        assert_eq!(sessions.get(&[1]), Some(vec![2]));
        assert_eq!(sessions.take(&[1]), Some(vec![2]));
        assert_eq!(sessions.take(&[1]), None);
        assert_eq!(sessions.get(&[1]), None);
        assert_eq!(sessions.kept().bytes, 0);
        assert!(sessions.kept().by_age.is_empty());
    }

    #[test]
    fn a_session_is_kept_for_its_lifetime() {
        let sessions = Sessions::new(None, LIFE);
        sessions.put_at(vec![1], vec![], 1000);
        sessions.put_at(vec![2], vec![], 1000);
        assert!(sessions.take_at(&[1], 1100).is_some());
        assert!(sessions.take_at(&[2], 1101).is_none());
        sessions.put_at(vec![3], vec![], 2000);
        sessions.put_at(vec![4], vec![], 2101);
        assert_eq!(
            sessions.kept().by_key.len(),
            1,
            "the one that is over goes when another comes"
        );
    }

    #[test]
    fn a_session_that_ends_at_once_is_not_kept() {
        let sessions = Sessions::new(None, LIFE);
        assert!(!sessions.put(vec![1], vec![0; 100_000]));
        assert_eq!(sessions.kept().bytes, 0);
    }

    #[test]
    fn the_oldest_sessions_go_when_there_are_too_many() {
        let sessions = Sessions::new(None, LIFE);
        for number in 0..2000_u32 {
            sessions.put_at(number.to_be_bytes().to_vec(), vec![0; 10_000], 1000);
        }
        let kept = sessions.kept().by_key.len();
        assert_eq!(kept, MOST_BYTES / size(&[0; 4], &[0; 10_000]));
        assert!(sessions.take_at(&1999_u32.to_be_bytes(), 1000).is_some());
        assert!(sessions.take_at(&0_u32.to_be_bytes(), 1000).is_none());
    }

    #[test]
    fn sessions_that_come_and_go_leave_nothing_behind() {
        let sessions = Sessions::new(None, LIFE);
        for number in 0..1000_u32 {
            sessions.put_at(number.to_be_bytes().to_vec(), vec![7; 10], 1000);
            sessions.put_at(number.to_be_bytes().to_vec(), vec![8; 20], 1000);
            assert_eq!(
                sessions.take_at(&number.to_be_bytes(), 1000),
                Some(vec![8; 20])
            );
        }
        let kept = sessions.kept();
        assert_eq!(
            (kept.bytes, kept.by_key.len(), kept.by_age.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_successor_has_the_same_sessions() {
        let sessions = Sessions::new(None, LIFE);
        sessions.put(vec![1], vec![2]);
        assert_eq!(
            Sessions::new(Some(&sessions), LIFE).take(&[1]),
            Some(vec![2])
        );
    }
}
