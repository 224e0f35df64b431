//! The chunked transfer coding (RFC 9112 7.1), byte by byte.

use crate::fields;
use crate::grammar::{is_control, is_token_byte};
use crate::{Error, FieldSpans, Limits};

/// Where in a chunked body the next byte is. Framing bytes are used as they come; only the trailer
/// section has to be there as a whole, as its lines are given to the caller.
#[derive(Debug)]
pub(crate) struct Chunked {
    at: At,
    /// What is left of the current chunk, or what its size is so far; 0 between chunks.
    chunk: u64,
    /// Body bytes that further chunks may announce.
    allowed: u64,
    extension_bytes: u32,
    /// What the head has used of the limits that the trailer section shares with it.
    head_bytes: u32,
    head_fields: u32,
}

/// What the next bytes of a chunked body are.
pub(crate) enum Step {
    NeedMore,
    /// The last so many bytes used are data.
    Data(usize),
    /// The body has ended. The trailer section began at this offset.
    End(usize),
}

/// The parts of a chunked body.
///
/// ```text
/// chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
/// chunk-ext  = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
/// last-chunk = 1*"0" [ chunk-ext ] CRLF
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// So many digits of a size have come.
    Size(u8),
    /// White space after a size: only an extension may follow.
    AfterSize,
    /// After a semicolon.
    ExtensionStart,
    ExtensionName,
    AfterExtensionName,
    /// After an equals sign.
    ExtensionValueStart,
    ExtensionToken,
    ExtensionQuoted,
    /// After a backslash in quotes.
    ExtensionQuotedPair,
    /// After a closing quote.
    AfterExtensionQuoted,
    /// White space after an extension: only another may follow.
    AfterExtension,
    SizeLineFeed,
    Data,
    DataCarriageReturn,
    DataLineFeed,
    Trailers,
}

impl Chunked {
    /// A body after a head of so many bytes and fields.
    pub(crate) fn after(head_bytes: usize, head_fields: usize) -> Chunked {
        Chunked {
            at: At::Size(0),
            chunk: 0,
            allowed: 0,
            extension_bytes: 0,
            head_bytes: head_bytes as u32,
            head_fields: head_fields as u32,
        }
    }

    /// Sets how many bytes the chunks may have together, before the first.
    pub(crate) fn allow(&mut self, body_bytes: u64) {
        self.allowed = body_bytes;
    }

    /// The next step and the bytes it used.
    pub(crate) fn next(
        &mut self,
        input: &[u8],
        limits: &Limits,
        spans: &mut FieldSpans,
    ) -> Result<(usize, Step), Error> {
        let mut used = 0;
        loop {
            match self.at {
                At::Data => return Ok(self.data(used, input.len() - used)),
                At::Trailers => return self.trailers(used, &input[used..], limits, spans),
                _ => {}
            }
            let Some(&byte) = input.get(used) else {
                return Ok((used, Step::NeedMore));
            };
            self.at = self.framing(byte, limits)?;
            used += 1;
        }
    }

    fn data(&mut self, used: usize, available: usize) -> (usize, Step) {
        if available == 0 {
            return (used, Step::NeedMore);
        }
        let length = available.min(usize::try_from(self.chunk).unwrap_or(usize::MAX));
        self.chunk -= length as u64;
        if self.chunk == 0 {
            self.at = At::DataCarriageReturn;
        }
        (used + length, Step::Data(length))
    }

    fn trailers(
        &mut self,
        used: usize,
        input: &[u8],
        limits: &Limits,
        spans: &mut FieldSpans,
    ) -> Result<(usize, Step), Error> {
        spans.clear();
        let most_bytes = limits.head_bytes.saturating_sub(self.head_bytes as usize);
        // The empty line that ends the body is its framing, and is there however full the head was.
        let most_bytes = most_bytes.max(2);
        let most_fields = limits
            .header_count
            .saturating_sub(self.head_fields as usize);
        let bytes = &input[..input.len().min(most_bytes)];
        let mut forbidden = false;
        let end = fields::scan(bytes, 0, most_fields, spans, |field| {
            forbidden |= is_forbidden(field.name);
        })?;
        match end {
            Some(_) if forbidden => Err(Error::ForbiddenTrailer),
            Some(end) => Ok((used + end, Step::End(used))),
            None if bytes.len() == most_bytes => Err(Error::HeadTooLarge),
            None => Ok((used, Step::NeedMore)),
        }
    }

    /// What comes after a framing byte.
    fn framing(&mut self, byte: u8, limits: &Limits) -> Result<At, Error> {
        match self.at {
            At::Size(digits) => return self.size(digits, byte, limits),
            At::SizeLineFeed if byte != b'\n' => return Err(Error::BareCr),
            At::SizeLineFeed if self.chunk == 0 => return Ok(At::Trailers),
            At::SizeLineFeed => return Ok(At::Data),
            At::DataCarriageReturn if byte == b'\r' => return Ok(At::DataLineFeed),
            At::DataLineFeed if byte == b'\n' => return Ok(At::Size(0)),
            At::DataCarriageReturn | At::DataLineFeed => return Err(Error::InvalidChunkEnd),
            _ => {}
        }
        let at = extension(self.at, byte)?;
        if at != At::SizeLineFeed {
            self.count_extension_byte(limits)?;
        }
        Ok(at)
    }

    fn size(&mut self, digits: u8, byte: u8, limits: &Limits) -> Result<At, Error> {
        if let Some(digit) = (byte as char).to_digit(16) {
            if digits == MOST_SIZE_DIGITS {
                return Err(Error::ChunkSizeOverflow);
            }
            self.chunk = self.chunk << 4 | u64::from(digit);
            return Ok(At::Size(digits + 1));
        }
        if digits == 0 {
            return Err(Error::InvalidChunkSize);
        }
        let next = match byte {
            b'\r' => At::SizeLineFeed,
            b';' => At::ExtensionStart,
            b' ' | b'\t' => At::AfterSize,
            b'\n' => return Err(Error::BareLf),
            _ => return Err(Error::InvalidChunkSize),
        };
        // RFC 9110 15.5.14: at once, before the client has sent the chunk.
        self.allowed = self
            .allowed
            .checked_sub(self.chunk)
            .ok_or(Error::BodyTooLarge)?;
        if next != At::SizeLineFeed {
            self.count_extension_byte(limits)?;
        }
        Ok(next)
    }

    /// RFC 9112 7.1.1: "A server ought to limit the total length of chunk extensions".
    fn count_extension_byte(&mut self, limits: &Limits) -> Result<(), Error> {
        self.extension_bytes = self.extension_bytes.saturating_add(1);
        if self.extension_bytes as usize > limits.chunk_extension_bytes {
            return Err(Error::ChunkExtensionTooLong);
        }
        Ok(())
    }
}

/// As many as 64 bits have; more, even zeros, would let a size line go on for ever.
const MOST_SIZE_DIGITS: u8 = 16;

/// What comes after a byte of a chunk extension (RFC 9112 7.1.1). White space around `;` and `=`
/// is bad and allowed (`BWS`, RFC 9110 5.6.3), but not at the end of the line.
fn extension(at: At, byte: u8) -> Result<At, Error> {
    let next = match (at, byte) {
        (At::ExtensionQuoted, b'"') => At::AfterExtensionQuoted,
        (At::ExtensionQuoted, b'\\') => At::ExtensionQuotedPair,
        (At::ExtensionQuoted | At::ExtensionQuotedPair, b'\t' | b' '..=b'~' | 0x80..) => {
            At::ExtensionQuoted
        }
        (At::ExtensionStart | At::ExtensionName, _) if is_token_byte(byte) => At::ExtensionName,
        (At::ExtensionValueStart | At::ExtensionToken, _) if is_token_byte(byte) => {
            At::ExtensionToken
        }
        (At::ExtensionValueStart, b'"') => At::ExtensionQuoted,
        (At::ExtensionName | At::AfterExtensionName, b'=') => At::ExtensionValueStart,
        (At::ExtensionName | At::ExtensionToken | At::AfterExtensionQuoted, b'\r') => {
            At::SizeLineFeed
        }
        (
            At::AfterSize
            | At::ExtensionName
            | At::AfterExtensionName
            | At::ExtensionToken
            | At::AfterExtensionQuoted
            | At::AfterExtension,
            b';',
        ) => At::ExtensionStart,
        (At::ExtensionName, b' ' | b'\t') => At::AfterExtensionName,
        (At::ExtensionToken | At::AfterExtensionQuoted, b' ' | b'\t') => At::AfterExtension,
        (
            At::AfterSize
            | At::ExtensionStart
            | At::AfterExtensionName
            | At::ExtensionValueStart
            | At::AfterExtension,
            b' ' | b'\t',
        ) => at,
        (_, b'\n') => return Err(Error::BareLf),
        (At::AfterSize, _) => return Err(Error::InvalidChunkSize),
        (_, byte) if is_control(byte) => return Err(Error::ControlCharacter),
        _ => return Err(Error::InvalidChunkExtension),
    };
    Ok(next)
}

/// Fields that must not be trailers as they decide about framing, routing, authentication, how the
/// request is handled or what its content is (RFC 9110 6.5.1). A recipient may discard them; they
/// are refused, as no honest client sends them and another recipient may have merged them.
fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

const FORBIDDEN: [&[u8]; 24] = [
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"keep-alive",
    b"max-forwards",
    b"proxy-authorization",
    b"proxy-connection",
    b"range",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];
