//! Compressing messages (RFC 7692 7.2.1): raw deflate, each message ended by a sync flush whose last four bytes are
//! not sent.

use flate2::{Compress, Compression, FlushCompress};

use crate::window::Window;

/// Compresses messages, either a socket's with what was sent before as context, or those of many sockets, each on its
/// own.
#[derive(Debug)]
pub struct Deflater {
    state: Compress,
    /// Whether the window has nothing that the next message may refer to.
    is_fresh: bool,
}

impl Deflater {
    /// For windows of at most `1 << window_bits` bytes, 8 to 15, and a level of 1 to 9.
    ///
    /// A window of 8 bits is served by one of 9: the library never refers back further than its window less 262 bytes,
    /// which is 250 of the 256 that the other end has.
    pub fn new(window_bits: u8, level: u32) -> Deflater {
        let level = Compression::new(level.clamp(1, 9));
        Deflater {
            state: Compress::new_with_window_bits(level, false, window_bits.clamp(9, 15)),
            is_fresh: true,
        }
    }

    /// Appends to `out` what is sent for `payload` (RFC 7692 7.2.1).
    ///
    /// With `keep_context` the message may refer to those before it, back to the last one without, and the next one to
    /// this (RFC 7692 7.2.3.2); else it stands on its own.
    pub fn compress(&mut self, payload: &[u8], out: &mut Vec<u8>, keep_context: bool) {
        if payload.is_empty() {
            out.push(EMPTY);
            return;
        }
        if !keep_context {
            self.reset();
        }
        self.is_fresh = false;
        self.run(payload, out);
        if !keep_context {
            self.reset();
        }
    }

    /// The same for a message that may refer to `window`, which it becomes a part of.
    ///
    /// So one `Deflater` serves many sockets that keep their context: a socket costs the bytes of its window in place of
    /// some 250 KiB and more, and a message the time to enter them, about a microsecond for each 600 of them. The
    /// window is to be no larger than that of the `Deflater`.
    pub fn compress_after(&mut self, window: &mut Window, payload: &[u8], out: &mut Vec<u8>) {
        if payload.is_empty() {
            out.push(EMPTY);
            return;
        }
        self.reset();
        if !window.bytes().is_empty() {
            let result = self.state.set_dictionary(window.bytes());
            debug_assert!(result.is_ok(), "raw data takes a window after a reset");
        }
        self.is_fresh = false;
        self.run(payload, out);
        window.remember(payload);
    }

    /// Forgets what was compressed before.
    pub fn reset(&mut self) {
        if !self.is_fresh {
            self.state.reset();
            self.is_fresh = true;
        }
    }

    fn run(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.flush(payload, out);
        debug_assert!(
            out.ends_with(&FLUSHED),
            "a sync flush ends in an empty block"
        );
        out.truncate(out.len() - FLUSHED.len());
    }

    fn flush(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        let start = self.state.total_in();
        // JSON comes down to a fifth or so; what does not compress grows by five bytes in 16 KiB.
        let mut room = (payload.len() / 2).clamp(64, LARGEST_STEP);
        loop {
            out.reserve(room);
            let used = (self.state.total_in() - start) as usize;
            let result = self
                .state
                .compress_vec(&payload[used..], out, FlushCompress::Sync);
            debug_assert!(result.is_ok(), "raw deflate has no errors");
            // Only a flush that left room is surely complete. One that was may write another empty block when it is
            // asked for again, which says the same.
            if out.len() < out.capacity() || result.is_err() {
                return;
            }
            room = LARGEST_STEP;
        }
    }
}

/// What the compressor took off: the length of an empty block of no compression (RFC 7692 7.2.1).
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];

/// The same block without those, and so what is sent for an empty message (RFC 7692 7.2.3.6).
const EMPTY: u8 = 0;

/// The output grows by at most this much at a time.
const LARGEST_STEP: usize = 64 << 10;
