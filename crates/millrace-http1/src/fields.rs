//! Field lines: the header section of a request and the trailer section of a chunked body.

use crate::Error;
use crate::grammar::{is_control, skip_token, skip_value, skip_white_space, trim_end};

/// One header or trailer line. Both slices point into the bytes that were parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as received, a token; compare it without regard to case (RFC 9110 5.1).
    pub name: &'a [u8],
    /// The value without the white space around it. It has no control character but HTAB, and may
    /// be empty or have bytes above 0x7f (RFC 9110 5.5).
    pub value: &'a [u8],
}

/// Where the fields of the message last parsed are. Keep one and lend it to every call, and
/// parsing allocates nothing once it has grown to the most fields that were seen.
#[derive(Debug, Default)]
pub struct FieldSpans(Vec<Span>);

impl FieldSpans {
    /// Forgets the fields, not the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn fields<'a>(&'a self, bytes: &'a [u8]) -> Fields<'a> {
        Fields {
            bytes,
            spans: &self.0,
        }
    }
}

/// The trailer section of a chunked body; nothing for a body of known length.
///
/// Trailers are never merged into the headers, and those that decide about framing, routing,
/// authentication or the content's form are refused (RFC 9110 6.5.1).
#[derive(Clone, Copy, Debug)]
pub struct Trailers<'a>(pub(crate) Fields<'a>);

impl<'a> Trailers<'a> {
    /// The trailer lines in the order received.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> + use<'a> {
        self.0.iter()
    }

    /// How many trailer lines there are.
    pub fn field_count(&self) -> usize {
        self.0.spans.len()
    }

    /// Whether there is no trailer.
    pub fn is_empty(&self) -> bool {
        self.0.spans.is_empty()
    }
}

/// Parsed field lines: the bytes and where in them the fields are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Fields<'a> {
    pub(crate) const EMPTY: Fields<'static> = Fields {
        bytes: &[],
        spans: &[],
    };

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Field<'a>> + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| Field {
            name: &bytes[span.name_start as usize..span.name_end as usize],
            value: &bytes[span.value_start as usize..span.value_end as usize],
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }
}

/// Offsets of one field. Heads are held to less than 4 GiB, so 32 bits do.
#[derive(Clone, Copy, Debug)]
struct Span {
    name_start: u32,
    name_end: u32,
    value_start: u32,
    value_end: u32,
}

/// Reads field lines from `at` up to the empty line that ends the section, adds each to `spans`
/// and shows it to `each`. Gives the position after the empty line, or `None` when `bytes` end
/// before it.
///
/// Every error depends only on the bytes up to it, so it is the same however the section arrives.
pub(crate) fn scan(
    bytes: &[u8],
    mut at: usize,
    most: usize,
    spans: &mut FieldSpans,
    mut each: impl FnMut(Field<'_>),
) -> Result<Option<usize>, Error> {
    loop {
        let name_start = at;
        at = skip_token(bytes, at);
        match bytes.get(at) {
            Some(b':') if at > name_start => {}
            Some(b'\r') if at == name_start => return line_end(bytes, at),
            _ => {
                return Err(match not_a_name(bytes, name_start, at) {
                    Some(error) => error,
                    None => return Ok(None),
                });
            }
        }
        let name_end = at;
        let value_start = skip_white_space(bytes, at + 1);
        let line_stop = skip_value(bytes, value_start);
        if bytes.get(line_stop..line_stop + 2) == Some(b"\r\n".as_slice()) {
            at = line_stop + 2;
        } else {
            match value_end_error(bytes, line_stop) {
                Some(error) => return Err(error),
                None => return Ok(None),
            }
        }
        let value = trim_end(&bytes[value_start..line_stop]);
        if spans.len() == most {
            return Err(Error::TooManyHeaders);
        }
        spans.0.push(Span {
            name_start: name_start as u32,
            name_end: name_end as u32,
            value_start: value_start as u32,
            value_end: (value_start + value.len()) as u32,
        });
        each(Field {
            name: &bytes[name_start..name_end],
            value,
        });
    }
}

/// After a carriage return at `at`: the position of the next line, or `None` at the end of `bytes`.
pub(crate) fn line_end(bytes: &[u8], at: usize) -> Result<Option<usize>, Error> {
    match bytes.get(at + 1) {
        Some(b'\n') => Ok(Some(at + 2)),
        Some(_) => Err(Error::BareCr),
        None => Ok(None),
    }
}

/// What a value that stops at `at` with something other than CRLF has there; `None` when it may
/// still become CRLF.
#[cold]
fn value_end_error(bytes: &[u8], at: usize) -> Option<Error> {
    match bytes.get(at)? {
        b'\r' if bytes.len() == at + 1 => None,
        b'\r' => Some(Error::BareCr),
        b'\n' => Some(Error::BareLf),
        _ => Some(Error::ControlCharacter),
    }
}

/// Why the line at `start`, whose first byte that is not of a token is at `at`, has no name before
/// a colon; `None` when it may still get one.
#[cold]
fn not_a_name(bytes: &[u8], start: usize, at: usize) -> Option<Error> {
    match *bytes.get(at)? {
        b'\n' => Some(Error::BareLf),
        b'\r' => match bytes.get(at + 1)? {
            b'\n' => Some(Error::MissingColon),
            _ => Some(Error::BareCr),
        },
        b' ' | b'\t' if at == start => Some(Error::ObsoleteFold),
        b' ' | b'\t' => match bytes.get(skip_white_space(bytes, at))? {
            b':' => Some(Error::SpaceBeforeColon),
            _ => Some(Error::InvalidHeaderName),
        },
        byte if is_control(byte) => Some(Error::ControlCharacter),
        _ => Some(Error::InvalidHeaderName),
    }
}
