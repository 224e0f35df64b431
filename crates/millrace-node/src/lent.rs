//! Memory of the core's that JavaScript fills: it goes to a socket without a copy, because it stays where it is for as
//! long as anybody needs it, whatever JavaScript does with its buffer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

/// What one JavaScript thread has been lent, by where it begins.
#[derive(Clone, Default)]
pub(crate) struct LentMemory(Arc<Mutex<BTreeMap<usize, Arc<Memory>>>>);

/// JavaScript's hold on one piece. While it lasts, views into the piece are known.
pub(crate) struct Loan {
    memory: Arc<Memory>,
    registry: Weak<Mutex<BTreeMap<usize, Arc<Memory>>>>,
}

struct Memory {
    start: *mut [u8],
}

/// A part of a piece, on its way to a socket.
struct Part {
    memory: Arc<Memory>,
    range: Range<usize>,
}

impl LentMemory {
    /// A new piece, all zeros.
    pub(crate) fn lend(&self, size: usize) -> Loan {
        // One byte at least, so that each piece has an address of its own.
        let memory = Arc::new(Memory {
            start: Box::into_raw(vec![0; size.max(1)].into_boxed_slice()),
        });
        lock(&self.0).insert(memory.address(), memory.clone());
        Loan {
            memory,
            registry: Arc::downgrade(&self.0),
        }
    }

    /// What `view` shows, when that is within a piece that JavaScript still has.
    pub(crate) fn find(&self, view: &[u8]) -> Option<Bytes> {
        let address = view.as_ptr().addr();
        let registry = lock(&self.0);
        let (&start, memory) = registry.range(..=address).next_back()?;
        let start = address - start;
        let range = start..start + view.len();
        // Nothing of a view that ends elsewhere would stay where it is.
        (range.end <= memory.start.len()).then(|| {
            Bytes::from_owner(Part {
                memory: memory.clone(),
                range,
            })
        })
    }
}

impl Loan {
    /// Where the piece begins.
    pub(crate) fn start(&self) -> *mut u8 {
        self.memory.start.cast()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            lock(&registry).remove(&self.memory.address());
        }
    }
}

impl Memory {
    fn address(&self) -> usize {
        self.start.cast::<u8>().addr()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the pointer came out of a box, and nobody else makes one of it again.
        drop(unsafe { Box::from_raw(self.start) });
    }
}

// SAFETY: the memory belongs to this value alone and is freed with it. JavaScript is told not to write to it while it is
// on its way; if it does, other bytes go out, which is why nobody but the system reads it where it lies.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the memory is initialised, and lives as long as this part of it.
        let memory = unsafe { &*self.memory.start };
        &memory[self.range.clone()]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::LentMemory;

    /// The bytes of a piece as JavaScript has them.
    fn view(start: *mut u8, length: usize) -> &'static mut [u8] {
        // SAFETY: the tests look only at pieces that they hold.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }

    #[test]
    fn a_view_into_a_piece_is_passed_on_as_it_is() {
        let lent = LentMemory::default();
        let (first, second) = (lent.lend(100), lent.lend(200));
        view(second.start(), 200)[50..55].copy_from_slice(b"hello");
        let part = lent.find(&view(second.start(), 200)[50..55]).unwrap();
        assert_eq!(part, "hello");
        assert_eq!(part.as_ptr(), second.start().wrapping_add(50));
        assert!(lent.find(view(first.start(), 100)).is_some());
        assert!(lent.find(b"elsewhere").is_none());
    }

    #[test]
    fn what_is_on_its_way_outlives_the_buffer_and_is_found_no_more() {
        let lent = LentMemory::default();
        let loan = lent.lend(5);
        let start = loan.start();
        view(start, 5).copy_from_slice(b"bytes");
        let part = lent.find(view(start, 5)).unwrap();
        drop(loan);
        assert!(lent.find(&part).is_none());
        drop(lent);
        assert_eq!(part, "bytes");
    }
}
