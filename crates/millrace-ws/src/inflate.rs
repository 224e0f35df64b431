//! Decompressing messages (RFC 7692 7.2.2) under a limit.

use flate2::{Decompress, FlushDecompress, Status};

use crate::window::{Window, last};

/// Why a compressed message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InflateError {
    /// It has more bytes than the limit.
    TooBig,
    /// It is not deflate data that ends where the message ends; says how, as a sentence.
    Broken(&'static str),
}

/// Decompresses messages that stand on their own, and lends its state to each [`Inflater`]: one for all the sockets of
/// a thread is enough.
#[derive(Debug)]
pub struct SharedInflater {
    state: Decompress,
}

impl Default for SharedInflater {
    fn default() -> SharedInflater {
        SharedInflater::new()
    }
}

impl SharedInflater {
    /// Of the largest window, which reads what any smaller one made.
    pub fn new() -> SharedInflater {
        SharedInflater {
            state: Decompress::new(false),
        }
    }

    /// Appends to `out` the message of which `compressed` was received (RFC 7692 7.2.2), at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// When there is more, or `compressed` is broken. What is in `out` by then is of no use.
    pub fn inflate(
        &mut self,
        compressed: &[u8],
        out: &mut Vec<u8>,
        limit: u64,
    ) -> Result<(), InflateError> {
        self.inflate_after(&[], compressed, out, limit)
    }

    /// The same for a message that may refer to `window`.
    fn inflate_after(
        &mut self,
        window: &[u8],
        compressed: &[u8],
        out: &mut Vec<u8>,
        limit: u64,
    ) -> Result<(), InflateError> {
        // What is received of an empty message is a byte 0 (RFC 7692 7.2.3.6); nothing at all can only mean the same.
        if compressed.is_empty() {
            return Ok(());
        }
        let mut run = Run {
            state: &mut self.state,
            start: out.len(),
            out,
            limit,
        };
        run.start_after(window);
        let mut rest = compressed;
        let mut final_blocks = 0;
        loop {
            let (used, ended) = run.feed(rest)?;
            rest = &rest[used..];
            if !ended {
                break;
            }
            // The end of a final block, which need not be the end of the message (RFC 7692 7.2.3.4). The next block
            // begins at the next byte; it may refer to what was before.
            if rest.is_empty() {
                return Ok(());
            }
            final_blocks += 1;
            if final_blocks
                > SPARE_FINAL_BLOCKS + (compressed.len() - rest.len()) / BYTES_PER_FINAL_BLOCK
            {
                return Err(InflateError::Broken(
                    "A compressed message has too many final blocks.",
                ));
            }
            run.continue_after(window);
        }
        match run.feed(&END)? {
            (used, true) if used == END.len() => Ok(()),
            _ => Err(InflateError::Broken("A compressed message is cut short.")),
        }
    }
}

/// Decompresses the messages of one socket, of which each may refer to those before (RFC 7692 7.2.3.2). Holds no more
/// than the bytes that the next message may refer to.
#[derive(Debug)]
pub struct Inflater {
    window: Window,
}

impl Inflater {
    /// For windows of at most `1 << window_bits` bytes, 8 to 15.
    pub fn new(window_bits: u8) -> Inflater {
        Inflater {
            window: Window::new(window_bits),
        }
    }

    /// As [`SharedInflater::inflate`]. After an error no message can follow.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn inflate(
        &mut self,
        shared: &mut SharedInflater,
        compressed: &[u8],
        out: &mut Vec<u8>,
        limit: u64,
    ) -> Result<(), InflateError> {
        let start = out.len();
        shared.inflate_after(self.window.bytes(), compressed, out, limit)?;
        self.window.remember(&out[start..]);
        Ok(())
    }
}

/// The four bytes that are not sent (RFC 7692 7.2.2), then a final block with nothing in it: the library says when it has
/// seen that, and so that the message did not end inside a block.
const END: [u8; 6] = [0, 0, 0xff, 0xff, 0x03, 0x00];

/// A guess at the output's size reserves no more than this.
const LARGEST_STEP: usize = 64 << 10;

const LARGEST_WINDOW: usize = 32 << 10;

/// Going on behind a final block costs a copy of the window, whatever the size of the block: were there no bound, two
/// bytes received would make work for microseconds.
const BYTES_PER_FINAL_BLOCK: usize = 1024;
const SPARE_FINAL_BLOCKS: usize = 16;

/// One message being decompressed.
struct Run<'a> {
    state: &'a mut Decompress,
    out: &'a mut Vec<u8>,
    /// Where in `out` the message begins.
    start: usize,
    limit: u64,
}

impl Run<'_> {
    fn start_after(&mut self, window: &[u8]) {
        self.state.reset(false);
        refer_to(self.state, window);
    }

    /// Begins the blocks behind a final one.
    fn continue_after(&mut self, window: &[u8]) {
        let made = &self.out[self.start..];
        self.state.reset(false);
        if made.len() < LARGEST_WINDOW {
            refer_to(self.state, window);
        }
        refer_to(self.state, last(made, LARGEST_WINDOW));
    }

    /// Decompresses `input`, and gives how much was used and whether a final block has ended there.
    fn feed(&mut self, input: &[u8]) -> Result<(usize, bool), InflateError> {
        let mut used = 0;
        loop {
            self.make_room(input.len() - used);
            let total_in = self.state.total_in();
            let status = self
                .state
                .decompress_vec(&input[used..], self.out, FlushDecompress::None)
                .map_err(|_| {
                    InflateError::Broken("A compressed message is not valid deflate data.")
                })?;
            used += (self.state.total_in() - total_in) as usize;
            if (self.out.len() - self.start) as u64 > self.limit {
                return Err(InflateError::TooBig);
            }
            if status == Status::StreamEnd {
                return Ok((used, true));
            }
            // Room left over means that everything that could be made was.
            if self.out.len() < self.out.capacity() {
                return Ok((used, false));
            }
        }
    }

    /// Reserves for what is still to come of `input`, but no more than one byte above the limit: that byte says that
    /// the message is too big.
    fn make_room(&mut self, input: usize) {
        if self.out.len() < self.out.capacity() {
            return;
        }
        let made = self.out.len() - self.start;
        let wanted = input.saturating_mul(4).clamp(256, LARGEST_STEP).max(made);
        let allowed = self.limit.saturating_add(1).saturating_sub(made as u64);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).max(1);
        self.out.reserve_exact(wanted.min(allowed));
    }
}

fn refer_to(state: &mut Decompress, window: &[u8]) {
    if window.is_empty() {
        return;
    }
    let result = state.set_dictionary(window);
    debug_assert!(result.is_ok(), "raw data takes a window before any block");
}
