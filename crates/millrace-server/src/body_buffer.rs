//! Memory for large pieces of bodies: those that are read, which JavaScript then has without a copy in between, and those
//! that JavaScript wrote, on their way to the socket.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Bytes of a buffer, and so of the largest piece of a body.
pub(crate) const BODY_BUFFER_BYTES: usize = 64 * 1024;

/// Buffers kept for reuse, of all threads together: 8 MiB. JavaScript gives them back when it collects garbage, many
/// at once.
const SPARE_BUFFERS: usize = 128;

static SPARE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer, all of whose memory is initialised.
#[derive(Debug)]
pub(crate) struct BodyBuffer {
    memory: Box<[u8]>,
    filled: usize,
}

impl BodyBuffer {
    /// A buffer with nothing in it. What it held before is overwritten before anybody sees it.
    pub(crate) fn take() -> Self {
        let spare = spare().pop();
        BodyBuffer {
            memory: spare.unwrap_or_else(|| vec![0; BODY_BUFFER_BYTES].into()),
            filled: 0,
        }
    }

    /// Where to read to.
    pub(crate) fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Says how much has been read.
    pub(crate) fn set_filled(&mut self, bytes: usize) {
        self.filled = bytes;
    }

    /// What has been read.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    /// What has been read, to be held by whoever wants it for as long as it likes.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for BodyBuffer {
    fn as_ref(&self) -> &[u8] {
        self.filled()
    }
}

impl Drop for BodyBuffer {
    fn drop(&mut self) {
        let mut spare = spare();
        if spare.len() < SPARE_BUFFERS {
            spare.push(mem::take(&mut self.memory));
        }
    }
}

fn spare() -> MutexGuard<'static, Vec<Box<[u8]>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}
