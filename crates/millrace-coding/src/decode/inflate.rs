//! gzip (RFC 1952) and the zlib format of the "deflate" coding (RFC 1950).

use flate2::{Decompress, FlushDecompress, Status};

use super::{DecodeError, Progress};

pub(super) struct Inflate {
    state: Decompress,
    gzip: bool,
    /// After the end of a gzip member or of zlib data.
    ended: bool,
}

const WINDOW_BITS: u8 = 15;

/// What a gzip member begins with.
const GZIP_MAGIC: u8 = 0x1f;

impl Inflate {
    pub(super) fn gzip() -> Inflate {
        Inflate {
            state: Decompress::new_gzip(WINDOW_BITS),
            gzip: true,
            ended: false,
        }
    }

    pub(super) fn zlib() -> Inflate {
        Inflate {
            state: Decompress::new(true),
            gzip: false,
            ended: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.ended
    }

    /// Checksums and lengths are verified by the library before it reports an end.
    pub(super) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, DecodeError> {
        if self.ended {
            // RFC 1952 2.2: "A gzip file consists of a series of members".
            match input.first() {
                None => return Ok(Progress::NONE),
                Some(&GZIP_MAGIC) if self.gzip => *self = Inflate::gzip(),
                Some(_) => return Err(DecodeError::TrailingGarbage),
            }
        }
        let (total_in, total_out) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(input, out, FlushDecompress::None)
            .map_err(|_| DecodeError::Malformed)?;
        self.ended = status == Status::StreamEnd;
        Ok(Progress {
            used: (self.state.total_in() - total_in) as usize,
            made: (self.state.total_out() - total_out) as usize,
        })
    }
}
