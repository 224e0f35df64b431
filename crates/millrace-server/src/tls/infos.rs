//! What the handshakes of connections have agreed on, for JavaScript to look up at any time.
//!
//! Most handshakes of a server agree on the same as those before them, so a connection takes the 16 bytes of its entry and
//! shares the rest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_tls::SessionInfo;

/// Different ones that a new one is compared with: there are as many kinds of clients with most servers.
const RECENT: usize = 8;

/// What is known about the TLS of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// What the handshake has agreed on.
    pub session: SessionInfo,
    /// The name that the client wanted a server of, in lower case.
    pub server_name: Option<Box<str>>,
    /// The client has shown a certificate that is trusted.
    pub authorized: bool,
    /// Why the certificate that it has shown is not.
    pub authorization_error: Option<String>,
}

/// The entries of one I/O thread, as that thread sees them.
#[derive(Debug)]
pub(crate) struct TlsInfos {
    shared: TlsInfosReader,
    /// What was put last, as far as it was new; the oldest of it at `oldest`.
    recent: Vec<Arc<TlsInfo>>,
    oldest: usize,
}

/// The entries of one I/O thread, as others see them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsInfosReader(Arc<Mutex<Vec<Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    generation: u32,
    info: Option<Arc<TlsInfo>>,
}

impl TlsInfos {
    pub(crate) fn new(shared: TlsInfosReader) -> Self {
        TlsInfos {
            shared,
            recent: Vec::new(),
            oldest: 0,
        }
    }

    /// Notes what a connection's handshake has agreed on. It is kept beyond the connection's end, until another one's
    /// handshake in the same slot: JavaScript may come late to ask.
    pub(crate) fn put(&mut self, slot: usize, generation: u32, info: TlsInfo) {
        let info = self.share(info);
        let mut entries = self.shared.lock();
        if entries.len() <= slot {
            entries.resize_with(slot + 1, Entry::default);
        }
        entries[slot] = Entry {
            generation,
            info: Some(info),
        };
    }

    fn share(&mut self, info: TlsInfo) -> Arc<TlsInfo> {
        if let Some(same) = self.recent.iter().find(|recent| ***recent == info) {
            return same.clone();
        }
        let info = Arc::new(info);
        if self.recent.len() < RECENT {
            self.recent.push(info.clone());
        } else {
            self.recent[self.oldest] = info.clone();
            self.oldest = (self.oldest + 1) % RECENT;
        }
        info
    }
}

impl TlsInfosReader {
    /// What a connection's handshake has agreed on; none when it had none, or its slot is another one's.
    pub(crate) fn get(&self, slot: usize, generation: u32) -> Option<Arc<TlsInfo>> {
        let entries = self.lock();
        let entry = entries.get(slot)?;
        let is_its_own = entry.generation == generation;
        entry.info.clone().filter(|_| is_its_own)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> TlsInfo {
        TlsInfo {
            session: SessionInfo::default(),
            server_name: Some(name.into()),
            authorized: false,
            authorization_error: None,
        }
    }

    #[test]
    fn is_known_until_another_handshake_takes_the_slot() {
        let reader = TlsInfosReader::default();
        let mut infos = TlsInfos::new(reader.clone());
        infos.put(5, 1, info("a.example"));
        assert_eq!(reader.get(5, 1).as_deref(), Some(&info("a.example")));
        assert_eq!(reader.get(5, 2), None);
        assert_eq!(reader.get(4, 0), None);
        assert_eq!(reader.get(6, 0), None);
        infos.put(5, 2, info("b.example"));
        assert_eq!(reader.get(5, 1), None);
        assert_eq!(reader.get(5, 2).as_deref(), Some(&info("b.example")));
    }

    #[test]
    fn connections_that_agree_on_the_same_share_it() {
        let reader = TlsInfosReader::default();
        let mut infos = TlsInfos::new(reader.clone());
        for slot in 0..4 * RECENT {
            infos.put(slot, 0, info(["a.example", "b.example"][slot % 2]));
        }
        let all: Vec<_> = (0..4 * RECENT)
            .filter_map(|slot| reader.get(slot, 0))
            .collect();
        assert!(
            (2..4 * RECENT).all(|slot| Arc::ptr_eq(&all[slot], &all[slot % 2])),
            "{all:?}"
        );
        assert_eq!((infos.recent.len(), size_of::<Entry>()), (2, 16));
    }

    #[test]
    fn what_many_different_connections_agreed_on_is_not_kept_for_later_ones() {
        let mut infos = TlsInfos::new(TlsInfosReader::default());
        for slot in 0..4 * RECENT {
            infos.put(slot, 0, info(&format!("{slot}.example")));
        }
        assert_eq!(infos.recent.len(), RECENT);
        let latest = format!("{}.example", 4 * RECENT - 1);
        assert!(infos.recent.iter().any(|recent| **recent == info(&latest)));
    }
}
