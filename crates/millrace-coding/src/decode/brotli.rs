//! brotli (RFC 7932).

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::{DecodeError, Progress};

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

impl Brotli {
    /// Strict: windows of up to 16 MiB as in RFC 7932 9.1, not the gigabyte of the "large window" variant.
    pub(super) fn new() -> Brotli {
        let allocator = StandardAlloc::default();
        Brotli {
            state: Box::new(BrotliState::new_strict(allocator, allocator, allocator)),
            ended: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.ended
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, DecodeError> {
        if self.ended {
            return match input {
                [] => Ok(Progress::NONE),
                _ => Err(DecodeError::TrailingGarbage),
            };
        }
        let (mut available, mut used) = (input.len(), 0);
        let (mut room, mut made) = (out.len(), 0);
        let result = BrotliDecompressStream(
            &mut available,
            &mut used,
            input,
            &mut room,
            &mut made,
            out,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(DecodeError::Malformed),
        }
        Ok(Progress { used, made })
    }
}
