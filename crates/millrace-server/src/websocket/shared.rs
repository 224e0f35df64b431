//! What the WebSockets of one I/O thread share for sending.

use std::mem;

use bytes::Bytes;
use millrace_ws::{Agreed, Deflater, Window};

use super::WebSocketSettings;
use super::send::{Compression, Outgoing};

/// Payloads above this size, in bytes, are not copied but held until they are written.
pub(super) const HELD_BYTES: usize = 16 * 1024;

/// The largest window that is kept as it is, as a power of two: entering 4 KiB into a compressor takes 9 µs, and a
/// compressor 265 KB.
const SMALL_WINDOW: u8 = 12;

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
    #[expect(
        clippy::vec_box,
        reason = "they are handed to sockets as they are, without moving their content"
    )]
    resting: Vec<Box<Outgoing>>,
}

/// What the messages that a client can refer to are remembered in, for the next one to be compressed after them.
#[derive(Debug)]
pub(super) enum Context {
    /// As they are: entering them into the shared compressor takes its time for each message.
    Window(Window),
    /// In a compressor of the socket's own, which takes more memory than all else of it.
    Own(Deflater),
}

impl Context {
    pub(super) fn new(window_bits: u8, level: u32) -> Self {
        match window_bits <= SMALL_WINDOW {
            true => Context::Window(Window::new(window_bits)),
            false => Context::Own(Deflater::new(window_bits, level)),
        }
    }

    /// The client got a message that was compressed elsewhere.
    pub(super) fn pass_over(&mut self, payload: &[u8]) {
        match self {
            Context::Window(window) => window.remember(payload),
            // It cannot be told, and begins anew.
            Context::Own(deflater) => deflater.reset(),
        }
    }
}

impl Shared {
    /// Compresses a message, or a part of one, that refers to nothing before it.
    pub(super) fn compress(&mut self, window_bits: u8, level: u32, payload: &[u8]) -> &[u8] {
        self.compressed.clear();
        let index = self.deflater(window_bits, level);
        self.deflaters[index]
            .2
            .compress(payload, &mut self.compressed, false);
        &self.compressed
    }

    /// Compresses a message, or a part of one, that may refer to those before it.
    pub(super) fn compress_after(
        &mut self,
        context: &mut Context,
        window_bits: u8,
        level: u32,
        payload: &[u8],
    ) {
        self.compressed.clear();
        match context {
            Context::Window(window) => {
                let index = self.deflater(window_bits, level);
                self.deflaters[index]
                    .2
                    .compress_after(window, payload, &mut self.compressed);
            }
            Context::Own(deflater) => deflater.compress(payload, &mut self.compressed, true),
        }
    }

    fn deflater(&mut self, window_bits: u8, level: u32) -> usize {
        let known = self
            .deflaters
            .iter()
            .position(|&(bits, its_level, _)| (bits, its_level) == (window_bits, level));
        known.unwrap_or_else(|| {
            let deflater = Deflater::new(window_bits, level);
            self.deflaters.push((window_bits, level, deflater));
            self.deflaters.len() - 1
        })
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

    /// What a socket sends with, which has nothing to send so far.
    #[inline]
    pub(super) fn take_outgoing(
        &mut self,
        settings: &WebSocketSettings,
        agreed: Option<Agreed>,
    ) -> Box<Outgoing> {
        let compression = settings
            .compression
            .zip(agreed)
            .map(|(compression, agreed)| Compression {
                agreed,
                level: compression.config.level,
                threshold: compression.threshold_bytes,
            });
        let (overflow, limit) = (settings.overflow, settings.backlog_bytes);
        match self.resting.pop() {
            Some(mut outgoing) => {
                outgoing.belong(overflow, limit, compression);
                outgoing
            }
            None => Box::new(Outgoing::new(overflow, limit, compression)),
        }
    }

    /// Takes what a socket has no use for while it has nothing to send.
    #[inline]
    pub(super) fn give_outgoing(&mut self, outgoing: Box<Outgoing>) {
        debug_assert!(outgoing.is_at_rest());
        if self.resting.len() < SPARE_BUFFERS {
            self.resting.push(outgoing);
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
