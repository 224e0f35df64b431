//! What the handshakes of connections have agreed on, for JavaScript to look up at any time.
//!
//! Most handshakes of a server agree on the same as those before them, so a connection takes the 16 bytes of its entry and
//! shares the rest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_tls::SessionInfo;

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
    /// What was put last.
    latest: Option<Arc<TlsInfo>>,
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
            latest: None,
        }
    }

    /// Notes what a connection's handshake has agreed on. It is kept beyond the connection's end, until another one's
    /// handshake in the same slot: JavaScript may come late to ask.
    pub(crate) fn put(&mut self, slot: usize, generation: u32, info: TlsInfo) {
        let info = match &self.latest {
            Some(latest) if **latest == info => latest.clone(),
            _ => self.latest.insert(Arc::new(info)).clone(),
        };
        let mut entries = self.shared.lock();
        if entries.len() <= slot {
            entries.resize_with(slot + 1, Entry::default);
        }
        entries[slot] = Entry {
            generation,
            info: Some(info),
        };
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
        for slot in 0..3 {
            infos.put(slot, 0, info("a.example"));
        }
        let all: Vec<_> = (0..3).filter_map(|slot| reader.get(slot, 0)).collect();
        assert!(all.iter().all(|info| Arc::ptr_eq(info, &all[0])));
        assert_eq!((all.len(), size_of::<Entry>()), (3, 16));
    }
}
