//! Decoding under limits.

mod brotli;
mod inflate;
mod zstd;

use std::fmt;

use self::brotli::Brotli;
use self::inflate::Inflate;
use self::zstd::Zstd;
use crate::Chain;
use crate::coding::Format;

/// The most that is decoded between two looks at the limits, in bytes.
pub const PIECE: usize = 64 << 10;

/// How much may come out of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes of decoded content.
    pub bytes: u64,
    /// Decoded bytes for each encoded byte; judged once there are more than [`PIECE`] of them, as the beginning of any
    /// body may be very regular. gzip does not reach 1032, brotli and zstd go far beyond.
    pub ratio: u32,
}

/// Undoes a chain of codings, piece by piece.
///
/// It holds at most [`PIECE`] bytes of output between two codings of a chain, and what the codings remember of the
/// content by themselves: 32 KiB for gzip, up to 8 MiB for zstd and 16 MiB for brotli, of which only what has been
/// written to is memory.
pub struct Decoder {
    /// In the order in which they are undone.
    links: Vec<Link>,
    meter: Meter,
    /// How it ended, which stays. What the codings held has been freed then.
    ended: Option<Result<(), DecodeError>>,
}

/// One coding of the chain, and what waits to be decoded by it.
struct Link {
    stage: Stage,
    /// What the link before has made; empty in the first, which reads the input itself.
    inbox: Vec<u8>,
    /// Where in `inbox` unread bytes are.
    waiting: std::ops::Range<usize>,
    /// Bytes that came out, and the most that may.
    made: u64,
    most: u64,
    /// Whether the output was full the last time, so that there may be more without further input.
    more: bool,
}

enum Stage {
    Inflate(Inflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

/// What one call of a stage did. Nothing at all means that it needs more input.
struct Progress {
    used: usize,
    made: usize,
}

struct Meter {
    limits: DecodeLimits,
    /// Encoded bytes so far.
    read: u64,
}

impl Decoder {
    /// A decoder for one body with these codings; without any, the body passes through under the limit of bytes.
    pub fn new(chain: &Chain, limits: DecodeLimits) -> Decoder {
        let mut links: Vec<Link> = chain
            .formats
            .iter()
            .rev()
            .map(|&format| Link::new(format, limits.bytes))
            .collect();
        for index in 1..links.len() {
            links[index].inbox = vec![0; PIECE];
            links[index - 1].most = limits.between();
        }
        Decoder {
            links,
            meter: Meter { limits, read: 0 },
            ended: None,
        }
    }

    /// Decodes a piece of any length and appends all that comes of it to `out`. After an error, `out` ends with the
    /// last bytes that were within the limits.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        loop {
            let start = out.len();
            // Clearing 64 KiB would cost more than decoding a small body.
            let room = (input.len() * 4).clamp(4 << 10, PIECE);
            out.resize(start + room, 0);
            let made = self.read(&mut input, &mut out[start..]);
            out.truncate(start + *made.as_ref().unwrap_or(&0));
            if made? == 0 || self.is_drained(input) {
                return Ok(());
            }
        }
    }

    /// Decodes from the front of `input` into `out`, which must not be empty, and gives how many bytes were made, at
    /// most [`PIECE`]; `input` is what is left. None were made when all input is used and more is needed.
    pub fn read(&mut self, input: &mut &[u8], out: &mut [u8]) -> Result<usize, DecodeError> {
        match self.ended {
            Some(Err(error)) => return Err(error),
            Some(Ok(())) if input.is_empty() => return Ok(0),
            Some(Ok(())) => return Err(DecodeError::TrailingGarbage),
            None => {}
        }
        let room = out.len().min(PIECE);
        let made = pull(&mut self.links, input, &mut out[..room], &mut self.meter);
        made.inspect_err(|&error| self.end(Err(error)))
    }

    /// Whether a call costs no more than what goes in and comes out of it. brotli makes up to 16 MiB of 50 bytes before it
    /// gives the first of them, which takes 30 ms, and a chain can make much of which nothing comes.
    pub fn is_steady(&self) -> bool {
        match &self.links[..] {
            [] => true,
            [link] => !matches!(link.stage, Stage::Brotli(_)),
            _ => false,
        }
    }

    /// Ends the body and says whether it was complete. One without any bytes is: clients name codings of content they do
    /// not send. What the codings held is freed.
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        let complete = || self.links.iter().all(|link| link.stage.is_complete());
        let result = match self.ended {
            Some(result) => result,
            None if self.meter.read == 0 || complete() => Ok(()),
            None => Err(DecodeError::Truncated),
        };
        self.end(result);
        result
    }

    /// Makes all further calls fail with this error, for a caller that has to give up on the body.
    pub fn fail(&mut self, error: DecodeError) {
        self.end(Err(error));
    }

    fn end(&mut self, result: Result<(), DecodeError>) {
        self.ended = Some(result);
        self.links = Vec::new();
    }

    /// Whether it is certain that nothing more comes without further input.
    fn is_drained(&self, input: &[u8]) -> bool {
        input.is_empty()
            && self
                .links
                .iter()
                .all(|link| !link.more && link.waiting.is_empty())
    }
}

impl DecodeLimits {
    /// What may pass between two codings: encoded content is hardly longer than it, but without a limit a few bytes
    /// could become gigabytes of empty gzip members, of which nothing comes out.
    fn between(&self) -> u64 {
        let slack = self.bytes / 8 + PIECE as u64;
        self.bytes.saturating_add(slack)
    }
}

/// Decodes with the last of `links` from what those before it make, until there is something.
fn pull(
    links: &mut [Link],
    input: &mut &[u8],
    out: &mut [u8],
    meter: &mut Meter,
) -> Result<usize, DecodeError> {
    let Some((last, before)) = links.split_last_mut() else {
        return meter.pass(input, out);
    };
    loop {
        let first = before.is_empty();
        let source = if first {
            *input
        } else {
            &last.inbox[last.waiting.clone()]
        };
        if source.is_empty() && !last.more {
            if first {
                return Ok(0);
            }
            last.waiting = 0..pull(before, input, &mut last.inbox, meter)?;
            if last.waiting.is_empty() {
                return Ok(0);
            }
            continue;
        }
        let Progress { used, made } = last.stage.decode(source, out)?;
        if used == 0 && made == 0 && !source.is_empty() {
            return Err(DecodeError::Malformed);
        }
        if first {
            *input = &input[used..];
            meter.read += used as u64;
        } else {
            last.waiting.start += used;
        }
        last.more = made == out.len();
        if made > 0 {
            last.made += made as u64;
            meter.judge(last.made, last.most)?;
            return Ok(made);
        }
    }
}

impl Meter {
    fn judge(&self, made: u64, most: u64) -> Result<(), DecodeError> {
        if made > most {
            return Err(DecodeError::TooLarge);
        }
        let ratio = u64::from(self.limits.ratio);
        if made > PIECE as u64 && made > self.read.saturating_mul(ratio) {
            return Err(DecodeError::Ratio);
        }
        Ok(())
    }

    /// Passes input on as it is.
    fn pass(&mut self, input: &mut &[u8], out: &mut [u8]) -> Result<usize, DecodeError> {
        let (now, later) = input.split_at(input.len().min(out.len()));
        out[..now.len()].copy_from_slice(now);
        *input = later;
        self.read += now.len() as u64;
        if self.read > self.limits.bytes {
            return Err(DecodeError::TooLarge);
        }
        Ok(now.len())
    }
}

impl Link {
    fn new(format: Format, most: u64) -> Link {
        Link {
            stage: match format {
                Format::Gzip => Stage::Inflate(Inflate::gzip()),
                Format::Zlib => Stage::Inflate(Inflate::zlib()),
                Format::Brotli => Stage::Brotli(Brotli::new()),
                Format::Zstd => Stage::Zstd(Zstd::new()),
            },
            inbox: Vec::new(),
            waiting: 0..0,
            made: 0,
            most,
            more: false,
        }
    }
}

impl Stage {
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, DecodeError> {
        match self {
            Stage::Inflate(stage) => stage.decode(input, out),
            Stage::Brotli(stage) => stage.decode(input, out),
            Stage::Zstd(stage) => stage.decode(input, out),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Stage::Inflate(stage) => stage.is_complete(),
            Stage::Brotli(stage) => stage.is_complete(),
            Stage::Zstd(stage) => stage.is_complete(),
        }
    }
}

impl Progress {
    const NONE: Progress = Progress { used: 0, made: 0 };
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decoder")
            .field("codings", &self.links.len())
            .field("read", &self.meter.read)
            .field("ended", &self.ended)
            .finish()
    }
}

/// Why a body was not decoded. It is always the sender's doing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// More than [`DecodeLimits::bytes`] came out.
    TooLarge,
    /// More than [`DecodeLimits::ratio`] allows came out.
    Ratio,
    /// It needs a window above 8 MiB, which zstd content must not (RFC 9659 3).
    WindowTooLarge,
    /// It is not what its coding says, or a checksum does not match.
    Malformed,
    /// It ends before its coding does.
    Truncated,
    /// There are bytes after the end.
    TrailingGarbage,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            DecodeError::TooLarge => "The decoded body is too large.",
            DecodeError::Ratio => "The decoded body is too large for its encoded length.",
            DecodeError::WindowTooLarge => "The body needs a zstd window above 8 MiB.",
            DecodeError::Malformed => "The body is not in the coding that Content-Encoding names.",
            DecodeError::Truncated => "The encoded body is incomplete.",
            DecodeError::TrailingGarbage => "There are bytes after the end of the encoded body.",
        })
    }
}

impl std::error::Error for DecodeError {}
