//! What a JavaScript thread may look up about an open connection at any time: its own address and its byte counts.
//!
//! The slots of an I/O thread's connections lie in pages that never move, so that the thread counts without a lock and
//! without asking who reads. A connection takes 64 bytes of them, one line of the cache.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

const PAGE_BITS: usize = 8;
const PAGE_SLOTS: usize = 1 << PAGE_BITS;

/// What is known about an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The address the client connected to; none for a Unix domain socket.
    pub local: Option<SocketAddr>,
    /// Bytes read from it.
    pub bytes_read: u64,
    /// Bytes written to it.
    pub bytes_written: u64,
    /// Bytes that wait for the client, when it is a WebSocket.
    pub bytes_queued: u64,
    /// Payload bytes of all messages that JavaScript sent and that have arrived here, modulo 2^32, when it is a WebSocket.
    pub bytes_accepted: u32,
}

/// The slots of one I/O thread, as that thread sees them.
#[derive(Debug)]
pub(crate) struct InfoWriter {
    pages: Vec<Arc<Page>>,
    shared: InfoReader,
}

/// The slots of one I/O thread, as others see them.
#[derive(Clone, Debug, Default)]
pub(crate) struct InfoReader(Arc<Mutex<Vec<Arc<Page>>>>);

type Page = [Slot; PAGE_SLOTS];

#[derive(Debug, Default)]
#[repr(align(64))]
struct Slot {
    /// The generation of the connection, and 1 << 32 while it is open and the rest is true of it.
    open: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    queued: AtomicU64,
    accepted: AtomicU32,
    /// The local address in the form of IPv6, and its port with [`HAS_ADDRESS`].
    address: [AtomicU64; 2],
    port: AtomicU32,
}

const OPEN: u64 = 1 << 32;
const HAS_ADDRESS: u32 = 1 << 16;

impl InfoWriter {
    pub(crate) fn new(shared: InfoReader) -> Self {
        InfoWriter {
            pages: Vec::new(),
            shared,
        }
    }

    /// Begins to count for a connection.
    pub(crate) fn open(&mut self, slot: usize, generation: u32, local: Option<SocketAddr>) {
        while self.pages.len() <= slot >> PAGE_BITS {
            let page: Arc<Page> = Arc::new(std::array::from_fn(|_| Slot::default()));
            self.pages.push(page.clone());
            self.shared.lock().push(page);
        }
        let slot = self.slot(slot);
        let (high, low, port) = match local {
            Some(local) => {
                let octets = match local.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                }
                .to_bits();
                let port = u32::from(local.port()) | HAS_ADDRESS;
                ((octets >> 64) as u64, octets as u64, port)
            }
            None => (0, 0, 0),
        };
        slot.address[0].store(high, Ordering::Relaxed);
        slot.address[1].store(low, Ordering::Relaxed);
        slot.port.store(port, Ordering::Relaxed);
        slot.read.store(0, Ordering::Relaxed);
        slot.written.store(0, Ordering::Relaxed);
        slot.queued.store(0, Ordering::Relaxed);
        slot.accepted.store(0, Ordering::Relaxed);
        slot.open
            .store(OPEN | u64::from(generation), Ordering::Release);
    }

    /// Says that the connection is open no more.
    pub(crate) fn close(&self, slot: usize) {
        self.slot(slot).open.store(0, Ordering::Relaxed);
        // Whoever sees what the next connection stores must see this too.
        fence(Ordering::Release);
    }

    /// Counts bytes read.
    pub(crate) fn add_read(&self, slot: usize, count: usize) {
        add(&self.slot(slot).read, count);
    }

    /// Counts bytes written.
    pub(crate) fn add_written(&self, slot: usize, count: usize) {
        add(&self.slot(slot).written, count);
    }

    /// Says how many bytes wait.
    pub(crate) fn set_queued(&self, slot: usize, count: usize) {
        self.slot(slot)
            .queued
            .store(count as u64, Ordering::Relaxed);
    }

    /// Counts bytes that JavaScript has handed over to be sent.
    pub(crate) fn add_accepted(&self, slot: usize, count: usize) {
        let accepted = &self.slot(slot).accepted;
        let sum = accepted.load(Ordering::Relaxed).wrapping_add(count as u32);
        accepted.store(sum, Ordering::Relaxed);
    }

    fn slot(&self, slot: usize) -> &Slot {
        &self.pages[slot >> PAGE_BITS][slot % PAGE_SLOTS]
    }
}

impl InfoReader {
    /// What is known about a connection; none when it is open no more.
    pub(crate) fn get(&self, slot: usize, generation: u32) -> Option<ConnectionInfo> {
        let page = self.lock().get(slot >> PAGE_BITS)?.clone();
        let slot = &page[slot % PAGE_SLOTS];
        let wanted = OPEN | u64::from(generation);
        if slot.open.load(Ordering::Acquire) != wanted {
            return None;
        }
        let bits = u128::from(slot.address[0].load(Ordering::Relaxed)) << 64
            | u128::from(slot.address[1].load(Ordering::Relaxed));
        let port = slot.port.load(Ordering::Relaxed);
        let info = ConnectionInfo {
            local: (port & HAS_ADDRESS != 0).then(|| {
                let ip = Ipv6Addr::from_bits(bits).to_canonical();
                SocketAddr::new(ip, port as u16)
            }),
            bytes_read: slot.read.load(Ordering::Relaxed),
            bytes_written: slot.written.load(Ordering::Relaxed),
            bytes_queued: slot.queued.load(Ordering::Relaxed),
            bytes_accepted: slot.accepted.load(Ordering::Relaxed),
        };
        fence(Ordering::Acquire);
        // Still the same connection, so all of it was of the same.
        (slot.open.load(Ordering::Relaxed) == wanted).then_some(info)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Page>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer: a load and a store are enough.
fn add(counter: &AtomicU64, count: usize) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(count as u64);
    counter.store(sum, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_of_an_open_connection_and_of_no_other() {
        let reader = InfoReader::default();
        let mut writer = InfoWriter::new(reader.clone());
        let local: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let far = PAGE_SLOTS * 2 + 1;
        writer.open(far, 7, Some(local));
        writer.add_read(far, 5);
        writer.add_read(far, 6);
        writer.add_written(far, 1);
        writer.set_queued(far, 2);
        writer.add_accepted(far, 3);
        let info = ConnectionInfo {
            local: Some(local),
            bytes_read: 11,
            bytes_written: 1,
            bytes_queued: 2,
            bytes_accepted: 3,
        };
        assert_eq!(reader.get(far, 7), Some(info));
        assert_eq!(reader.get(far, 8), None);
        assert_eq!(reader.get(far - 1, 0), None);
        assert_eq!(reader.get(PAGE_SLOTS * 100, 7), None);
        writer.close(far);
        assert_eq!(reader.get(far, 7), None);
        writer.open(far, 8, None);
        assert_eq!(reader.get(far, 8).map(|info| info.bytes_read), Some(0));
    }

    #[test]
    fn takes_a_line_of_the_cache() {
        assert_eq!(size_of::<Slot>(), 64);
    }
}
