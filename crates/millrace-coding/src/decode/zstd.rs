//! zstd (RFC 8878) within the window of RFC 9659.

use zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, get_frame_content_size};

use super::{DecodeError, Progress};

pub(super) struct Zstd {
    context: DCtx<'static>,
    frame: Frame,
    /// After the end of a frame.
    ended: bool,
}

/// What a frame says of itself, and what came of it.
#[derive(Default)]
struct Frame {
    /// Its first bytes, as many as a header has at most (RFC 8878 3.1.1.1).
    header: [u8; 4 + 14],
    header_length: usize,
    made: u64,
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
            frame: Frame::default(),
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
        let (used, made) = (input.pos(), out.pos());
        self.frame.note(&input.src[..used], made);
        self.ended = expected == 0;
        if self.ended && !std::mem::take(&mut self.frame).has_its_length() {
            return Err(DecodeError::Malformed);
        }
        Ok(Progress { used, made })
    }
}

impl Frame {
    fn note(&mut self, used: &[u8], made: usize) {
        let room = &mut self.header[self.header_length..];
        let length = room.len().min(used.len());
        room[..length].copy_from_slice(&used[..length]);
        self.header_length += length;
        self.made += made as u64;
    }

    /// Whether as much came of the frame as its header declares. The library looks at this when it has the whole frame,
    /// but not when it comes in pieces and ends in an empty block: what was accepted would depend on the network.
    fn has_its_length(&self) -> bool {
        match get_frame_content_size(&self.header[..self.header_length]) {
            Ok(declared) => declared.is_none_or(|declared| declared == self.made),
            Err(_) => false,
        }
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
