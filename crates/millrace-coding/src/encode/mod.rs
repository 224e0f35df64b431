//! Encoding: a whole body at once, or piece by piece.

mod brotli;
mod gzip;
mod zstd;

use std::fmt;

use crate::{Coding, Levels};

/// Appends `input` encoded to `out`.
///
/// # Panics
///
/// When there is no memory for the encoder's state.
pub fn encode(coding: Coding, levels: Levels, input: &[u8], out: &mut Vec<u8>) {
    let level = levels.of(coding);
    match coding {
        Coding::Gzip => gzip::encode(level, input, out),
        Coding::Brotli => brotli::encode(level, input, out),
        Coding::Zstd => zstd::encode(level, input, out),
    }
}

/// Encodes a body that comes in pieces.
///
/// At the default levels it holds 0.4 MiB for gzip, 0.6 MiB for zstd and 1 to 1.8 MiB for brotli, whatever the length of the
/// body. The state of a finished encoder is used again, except brotli's; one that is dropped before is freed.
pub struct Encoder {
    state: State,
}

enum State {
    Gzip(gzip::Stream),
    Brotli(brotli::Stream),
    Zstd(zstd::Stream),
}

/// What has to come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// What the coding is done with. It keeps the rest to encode it together with what follows.
    Used,
    /// Enough to decode all that was written.
    Flushed,
    /// Everything, and the end.
    Finished,
}

impl Encoder {
    /// An encoder for one body.
    ///
    /// # Panics
    ///
    /// When there is no memory for its state.
    pub fn new(coding: Coding, levels: Levels) -> Encoder {
        let level = levels.of(coding);
        Encoder {
            state: match coding {
                Coding::Gzip => State::Gzip(gzip::Stream::new(level)),
                Coding::Brotli => State::Brotli(brotli::Stream::new(level)),
                Coding::Zstd => State::Zstd(zstd::Stream::new(level)),
            },
        }
    }

    /// The coding it encodes with.
    pub fn coding(&self) -> Coding {
        match self.state {
            State::Gzip(_) => Coding::Gzip,
            State::Brotli(_) => Coding::Brotli,
            State::Zstd(_) => Coding::Zstd,
        }
    }

    /// Encodes a piece and appends what is ready to `out`; often nothing.
    pub fn write(&mut self, input: &[u8], out: &mut Vec<u8>) {
        if !input.is_empty() {
            self.run(input, out, Until::Used);
        }
    }

    /// Appends so much to `out` that a client can decode everything written so far. Costs a few bytes and, done after
    /// every small piece, most of what the coding gains.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.run(&[], out, Until::Flushed);
    }

    /// Appends the rest and the end of the body to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.run(&[], out, Until::Finished);
        match self.state {
            State::Gzip(stream) => stream.recycle(),
            State::Brotli(_) => {}
            State::Zstd(stream) => stream.recycle(),
        }
    }

    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, until: Until) {
        match &mut self.state {
            State::Gzip(stream) => stream.run(input, out, until),
            State::Brotli(stream) => stream.run(input, out, until),
            State::Zstd(stream) => stream.run(input, out, until),
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Encoder")
            .field(&self.coding())
            .finish()
    }
}
