//! zstd (RFC 8878) within the window of RFC 9659.

use zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer};

use super::{DecodeError, Progress};

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// After the end of a frame.
    ended: bool,
}

/// RFC 9659 3: content encoded as zstd has no window above 8 MiB.
const MOST_WINDOW_BITS: u32 = 23;

impl Zstd {
    pub(super) fn new() -> Zstd {
        let mut context = DCtx::create();
        context
            .set_parameter(DParameter::WindowLogMax(MOST_WINDOW_BITS))
            .expect("the library has this parameter");
        Zstd {
            context,
            ended: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.ended
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, DecodeError> {
        if self.ended {
            // RFC 8878 3: frames, skippable ones among them, may follow one another.
            match input.first() {
                None => return Ok(Progress::NONE),
                Some(0x28 | 0x50..=0x5f) => self.ended = false,
                Some(_) => return Err(DecodeError::TrailingGarbage),
            }
        }
        let mut input = InBuffer::around(input);
        let mut out = OutBuffer::around(out);
        let expected = self
            .context
            .decompress_stream(&mut out, &mut input)
            .map_err(reason)?;
        self.ended = expected == 0;
        Ok(Progress {
            used: input.pos(),
            made: out.pos(),
        })
    }
}

/// Results are negated error numbers, which the library promises not to change.
fn reason(code: ErrorCode) -> DecodeError {
    const FRAME_PARAMETER_WINDOW_TOO_LARGE: usize = 16;
    match code.wrapping_neg() {
        FRAME_PARAMETER_WINDOW_TOO_LARGE => DecodeError::WindowTooLarge,
        _ => DecodeError::Malformed,
    }
}
