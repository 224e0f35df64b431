//! Request heads: the request line and the header section.

use std::ops::Range;

use memchr::memchr;

use crate::fields::{self, Fields, line_end};
use crate::framing::FramingFields;
use crate::grammar::{is_control, skip_target, skip_token, trim};
use crate::target::{form_of, is_host};
use crate::{Error, Field, FieldSpans, Limits, RequestFraming, TargetForm};

/// The HTTP version of a request. A higher minor version than 1 is treated as 1.1, whose syntax
/// it must share (RFC 9110 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1 and above
    Http11,
}

/// One request's head. Everything in it points into the bytes that were parsed.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method, any token; methods are case-sensitive (RFC 9110 9.1).
    pub method: &'a [u8],
    /// The target as received: visible ASCII without `#`. Percent-encoding in it is not looked at.
    pub target: &'a [u8],
    /// Which form the target has.
    pub form: TargetForm,
    /// The version of the request.
    pub version: Version,
    /// How the body is delimited.
    pub framing: RequestFraming,
    /// Whether the client wants the connection to persist (RFC 9112 9.3).
    pub persistent: bool,
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1).
    /// Never true without a body, or with HTTP/1.0.
    pub expect_continue: bool,
    /// Whether the client offers to switch protocols: an Upgrade header that Connection names
    /// (RFC 9110 7.8). Never true with HTTP/1.0.
    pub upgrade: bool,
    fields: Fields<'a>,
}

impl<'a> Head<'a> {
    /// The header lines in the order received, repeated ones included.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> + use<'a> {
        self.fields.iter()
    }

    /// How many header lines there are.
    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// Where in the target its path and its query are, the `?` in neither. The path of an absolute
    /// URL may be empty, which means `/`; of `*` and `host:port` the whole is the path.
    pub fn path_and_query(&self) -> (Range<usize>, Option<Range<usize>>) {
        let length = self.target.len();
        let start = match self.form {
            TargetForm::Origin => 0,
            TargetForm::Absolute { path_start } => path_start,
            TargetForm::Authority | TargetForm::Asterisk => return (0..length, None),
        };
        match memchr(b'?', &self.target[start..]) {
            Some(index) => (start..start + index, Some(start + index + 1..length)),
            None => (start..length, None),
        }
    }
}

/// Parses the head that `input` begins with and gives its length too; `None` when `input` ends
/// before the head does.
///
/// The bytes are looked at from left to right, and a limit or a malformed line is an error as soon
/// as it is certain, so that the outcome does not depend on how the bytes arrive. What concerns
/// the head as a whole is decided after its last line.
pub(crate) fn parse<'a>(
    input: &'a [u8],
    limits: &Limits,
    spans: &'a mut FieldSpans,
) -> Result<Option<(usize, Head<'a>)>, Error> {
    let most = limits.head_bytes.min(u32::MAX as usize);
    let bytes = &input[..input.len().min(most)];
    match parse_within(bytes, limits, spans)? {
        Some(whole) => Ok(Some(whole)),
        None if bytes.len() < most => Ok(None),
        None if ends_in_target(bytes) => Err(Error::TargetTooLong),
        None => Err(Error::HeadTooLarge),
    }
}

/// Whether the target is what makes a head too long.
#[cold]
fn ends_in_target(bytes: &[u8]) -> bool {
    let method_end = skip_token(bytes, 0);
    method_end < bytes.len() && skip_target(bytes, method_end + 1) == bytes.len()
}

fn parse_within<'a>(
    bytes: &'a [u8],
    limits: &Limits,
    spans: &'a mut FieldSpans,
) -> Result<Option<(usize, Head<'a>)>, Error> {
    spans.clear();
    let Some(line) = request_line(bytes, limits.target_bytes)? else {
        return Ok(None);
    };
    let mut noted = Noted::default();
    let end = fields::scan(bytes, line.end, limits.header_count, spans, |field| {
        noted.note(field)
    })?;
    let Some(end) = end else { return Ok(None) };

    let form = form_of(line.method, line.target)?;
    noted.check_host(line.version)?;
    let framing = noted.framing.decide(line.version)?;
    if noted.unknown_expectation {
        return Err(Error::UnknownExpectation);
    }
    let http11 = line.version == Version::Http11;
    let head = Head {
        method: line.method,
        target: line.target,
        form,
        version: line.version,
        framing,
        persistent: !noted.close && (http11 || noted.keep_alive),
        expect_continue: noted.expect_continue && http11 && framing != RequestFraming::None,
        upgrade: noted.upgrade && noted.connection_upgrade && http11,
        fields: spans.fields(bytes),
    };
    Ok(Some((end, head)))
}

struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    version: Version,
    /// Where the header section begins.
    end: usize,
}

/// `method SP request-target SP HTTP-version CRLF` with single spaces (RFC 9112 3).
fn request_line(bytes: &[u8], target_bytes: usize) -> Result<Option<RequestLine<'_>>, Error> {
    let method_end = skip_token(bytes, 0);
    match bytes.get(method_end) {
        Some(b' ') if method_end > 0 => {}
        Some(&byte) => return Err(wrong_byte(byte, Error::InvalidMethod)),
        None => return Ok(None),
    }
    let target_start = method_end + 1;
    let target_end = skip_target(bytes, target_start);
    if target_end - target_start > target_bytes {
        return Err(Error::TargetTooLong);
    }
    match bytes.get(target_end) {
        Some(b' ') if target_end > target_start => {}
        Some(b'\r') => match line_end(bytes, target_end)? {
            // The request line of HTTP/0.9 has no version (RFC 1945 4.1).
            Some(_) => return Err(Error::InvalidVersion),
            None => return Ok(None),
        },
        Some(&byte) => return Err(wrong_byte(byte, Error::InvalidTarget)),
        None => return Ok(None),
    }
    let Some((version, end)) = version(bytes, target_end + 1)? else {
        return Ok(None);
    };
    Ok(Some(RequestLine {
        method: &bytes[..method_end],
        target: &bytes[target_start..target_end],
        version,
        end,
    }))
}

/// The version at `at` and the position after its line.
fn version(bytes: &[u8], at: usize) -> Result<Option<(Version, usize)>, Error> {
    match bytes.get(at..at + 10) {
        Some(b"HTTP/1.1\r\n") => Ok(Some((Version::Http11, at + 10))),
        Some(b"HTTP/1.0\r\n") => Ok(Some((Version::Http10, at + 10))),
        _ => uncommon_version(bytes, at),
    }
}

/// RFC 9112 2.3: `HTTP/` in capitals, one digit, a dot, one digit.
#[cold]
fn uncommon_version(bytes: &[u8], at: usize) -> Result<Option<(Version, usize)>, Error> {
    let line = &bytes[at..bytes.len().min(at + 10)];
    for (&byte, expected) in line.iter().zip(b"HTTP/1.1\r\n") {
        let fits = match expected {
            b'1' => byte.is_ascii_digit(),
            b'\n' if byte != b'\n' => return Err(Error::BareCr),
            _ => byte == *expected,
        };
        if !fits {
            return Err(wrong_byte(byte, Error::InvalidVersion));
        }
    }
    match line {
        // RFC 9110 15.6.6. "PRI * HTTP/2.0", with which HTTP/2 begins, comes here as well.
        [_, _, _, _, _, major, _, _, _, _] if *major != b'1' => Err(Error::UnsupportedVersion),
        [_, _, _, _, _, _, _, b'0', _, _] => Ok(Some((Version::Http10, at + 10))),
        [_, _, _, _, _, _, _, _, _, _] => Ok(Some((Version::Http11, at + 10))),
        _ => Ok(None),
    }
}

/// The error for a byte that cannot be where it is in the request line.
#[cold]
fn wrong_byte(byte: u8, otherwise: Error) -> Error {
    match byte {
        b'\n' => Error::BareLf,
        byte if is_control(byte) => Error::ControlCharacter,
        _ => otherwise,
    }
}

/// What the header section says that the server itself needs, gathered line by line.
#[derive(Default)]
struct Noted {
    framing: FramingFields,
    hosts: u8,
    invalid_host: bool,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    upgrade: bool,
    expect_continue: bool,
    unknown_expectation: bool,
}

impl Noted {
    /// The length of a name tells most of them apart from these six, before any comparison.
    #[inline]
    fn note(&mut self, Field { name, value }: Field<'_>) {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts = self.hosts.saturating_add(1);
                self.invalid_host |= !is_host(value);
            }
            6 if name.eq_ignore_ascii_case(b"expect") => self.note_expect(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            10 if name.eq_ignore_ascii_case(b"connection") => self.note_connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.framing.content_length(value)
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.framing.transfer_encoding(value);
            }
            _ => {}
        }
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',').map(trim) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn note_expect(&mut self, value: &[u8]) {
        for expectation in value.split(|&byte| byte == b',').map(trim) {
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expect_continue = true;
            } else if !expectation.is_empty() {
                self.unknown_expectation = true;
            }
        }
    }

    /// RFC 9112 3.2: exactly one valid Host, which HTTP/1.0 may leave out.
    fn check_host(&self, version: Version) -> Result<(), Error> {
        match self.hosts {
            0 if version == Version::Http11 => Err(Error::MissingHost),
            0 => Ok(()),
            1 if self.invalid_host => Err(Error::InvalidHost),
            1 => Ok(()),
            _ => Err(Error::RepeatedHost),
        }
    }
}
