//! What the handshakes of connections have agreed on, for JavaScript to look up at any time.
//!
//! Most handshakes of a server agree on the same as those before them, so a connection takes the 16 bytes of its entry and
//! shares the rest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_tls::SessionInfo;

/// Different ones that a new one is compared with: there are as many kinds of clients with most servers.
const RECENT: usize = 8;

/// Bytes of client certificates that are kept of connections that have ended: some hundred usual chains. With certificates
/// that are not verified a client may show 64 KiB of them, and leave.
const ENDED_BYTES: usize = 1024 * 1024;

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
    /// Connections that have ended and whose clients had shown certificates, with how many bytes of them; the oldest first.
    ended: VecDeque<(usize, u32, usize)>,
    ended_bytes: usize,
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
            ended: VecDeque::new(),
            ended_bytes: 0,
        }
    }

    /// Notes what a connection's handshake has agreed on. It is kept beyond the connection's end, until another one's
    /// handshake in the same slot: JavaScript may come late to ask. See [`close`](TlsInfos::close) for what the client has
    /// shown.
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

    /// Notes that a connection has ended. The certificates that its client has shown are kept until those of later ones need
    /// their place.
    pub(crate) fn close(&mut self, slot: usize, generation: u32) {
        let Some(info) = self.shared.get(slot, generation) else {
            return;
        };
        let chain = &info.session.peer_chain;
        let bytes: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if bytes == 0 {
            return;
        }
        self.ended.push_back((slot, generation, bytes));
        self.ended_bytes += bytes;
        while self.ended_bytes > ENDED_BYTES
            && let Some((slot, generation, bytes)) = self.ended.pop_front()
        {
            self.ended_bytes -= bytes;
            self.forget_chain(slot, generation);
        }
    }

    fn forget_chain(&mut self, slot: usize, generation: u32) {
        let Some(info) = self.shared.get(slot, generation) else {
            return;
        };
        let mut rest = TlsInfo::clone(&info);
        rest.session.peer_chain = Vec::new();
        self.put(slot, generation, rest);
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
    fn certificates_of_ended_connections_are_kept_within_bounds() {
        const CLIENTS: usize = 50;
        let reader = TlsInfosReader::default();
        let mut infos = TlsInfos::new(reader.clone());
        let bytes = |slot: usize| -> Option<usize> {
            let chain = &reader.get(slot, 0)?.session.peer_chain;
            Some(chain.iter().map(|certificate| certificate.len()).sum())
        };
        for slot in 0..CLIENTS {
            let mut info = info("a.example");
            info.authorized = true;
            info.session.peer_chain = vec![vec![slot as u8; 60_000].into(), vec![0; 5536].into()];
            infos.put(slot, 0, info);
        }
        assert!((0..CLIENTS).all(|slot| bytes(slot) == Some(65_536)));
        for slot in 1..CLIENTS {
            infos.close(slot, 0);
        }
        let kept = ENDED_BYTES / 65_536;
        // The one that is open, and those that ended last.
        assert_eq!(bytes(0), Some(65_536));
        assert!((1..CLIENTS - kept).all(|slot| bytes(slot) == Some(0)));
        assert!((CLIENTS - kept..CLIENTS).all(|slot| bytes(slot) == Some(65_536)));
        assert!(reader.get(1, 0).unwrap().authorized);
        assert_eq!((infos.ended.len(), infos.ended_bytes), (kept, ENDED_BYTES));
    }

    #[test]
    fn a_connection_in_the_slot_of_an_ended_one_keeps_its_certificates() {
        let reader = TlsInfosReader::default();
        let mut infos = TlsInfos::new(reader.clone());
        for generation in 0..40 {
            let mut info = info("a.example");
            info.session.peer_chain = vec![vec![generation as u8; 60_000].into()];
            infos.put(0, generation, info);
            infos.close(0, generation);
            let chain = &reader.get(0, generation).unwrap().session.peer_chain;
            assert_eq!(chain.len(), 1);
        }
        assert!(infos.ended_bytes <= ENDED_BYTES);
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
