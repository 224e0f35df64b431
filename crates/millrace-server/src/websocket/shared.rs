//! What the WebSockets of one I/O thread share for sending.

use std::mem;

use bytes::Bytes;
use millrace_ws::Deflater;

/// Payloads above this size, in bytes, are not copied but held until they are written.
pub(super) const HELD_BYTES: usize = 16 * 1024;

/// Memory of outputs kept for reuse: so many at most, and none that is larger.
const SPARE_BUFFERS: usize = 2048;
const SPARE_BYTES: usize = 64 * 1024;

/// All of it together, in bytes.
const ALL_SPARE_BYTES: usize = 4 * 1024 * 1024;

/// The shared things.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Compressors of messages that stand on their own, by window size and level. Routes that differ in them are few.
    deflaters: Vec<(u8, u32, Deflater)>,
    /// What was compressed last.
    compressed: Vec<u8>,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
}

impl Shared {
    /// Compresses a message, or a part of one, that refers to nothing before it.
    pub(super) fn compress(&mut self, window_bits: u8, level: u32, payload: &[u8]) -> &[u8] {
        let known = self
            .deflaters
            .iter()
            .position(|&(bits, its_level, _)| (bits, its_level) == (window_bits, level));
        let index = known.unwrap_or_else(|| {
            let deflater = Deflater::new(window_bits, level);
            self.deflaters.push((window_bits, level, deflater));
            self.deflaters.len() - 1
        });
        self.compressed.clear();
        let deflater = &mut self.deflaters[index].2;
        deflater.compress(payload, &mut self.compressed, false);
        &self.compressed
    }

    /// Compresses with a socket's own compressor.
    pub(super) fn compress_by(&mut self, deflater: &mut Deflater, payload: &[u8]) -> &[u8] {
        self.compressed.clear();
        deflater.compress(payload, &mut self.compressed, true);
        &self.compressed
    }

    /// What was compressed last, to be changed.
    pub(super) fn compressed(&mut self) -> &mut Vec<u8> {
        &mut self.compressed
    }

    /// What was compressed last, to be held.
    pub(super) fn take_compressed(&mut self) -> Bytes {
        mem::take(&mut self.compressed).into()
    }

    /// Gives the memory back that an unusually large message took.
    pub(super) fn rest(&mut self) {
        if self.compressed.capacity() > SPARE_BYTES {
            self.compressed = Vec::new();
        }
    }

    /// Memory for an output that has none. Outputs with nothing in them have none, so that a socket that waits costs
    /// little, and one that is busy does not ask the allocator for each message.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.spare_bytes -= buffer.capacity();
        buffer
    }

    /// Takes the memory of an output that has nothing in it any more.
    pub(super) fn give_buffer(&mut self, buffer: Vec<u8>) {
        debug_assert!(buffer.is_empty());
        let bytes = buffer.capacity();
        if bytes > 0
            && bytes <= SPARE_BYTES
            && self.spare.len() < SPARE_BUFFERS
            && self.spare_bytes + bytes <= ALL_SPARE_BYTES
        {
            self.spare_bytes += bytes;
            self.spare.push(buffer);
        }
    }
}
