//! The response direction: one message's head, chunk framing and end.

use std::fmt;

use crate::{Error, Version, reason_phrase};

/// What an answer depends on in the request that it answers.
#[derive(Clone, Copy, Debug)]
pub struct RequestInfo {
    /// The version of the request.
    pub version: Version,
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// Whether the method is CONNECT.
    pub is_connect: bool,
    /// Whether the request asks for a persistent connection.
    pub persistent: bool,
}

/// A response's head. Content-Length, Transfer-Encoding and Connection are written by the
/// [`Encoder`] alone, so that what they say is what it does.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The final status, or 101. From 100 to 999.
    pub status: u16,
    /// The reason phrase, already checked; `None` for the standard one.
    pub reason: Option<&'a [u8]>,
    /// Ready lines `name: value\r\n`, already checked, with none of the three above.
    pub fields: &'a [u8],
    /// The length of the body.
    pub body: BodySize,
    /// Whether the connection shall close after this answer.
    pub close: bool,
    /// Whether `fields` have a Date.
    pub has_date: bool,
}

/// What is known of a body's length when the head is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// This many bytes.
    Known(u64),
    /// It ends when [`Encoder::finish`] is called.
    Unknown,
}

/// How a response's body is delimited (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none: an answer to HEAD, or a status of 1xx, 204, 205 or 304.
    None,
    /// By its Content-Length.
    Length,
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// A body that is not what its head said. The connection has to close at once, as the client
/// cannot tell otherwise (RFC 9112 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More data than Content-Length.
    BodyTooLong,
    /// The end before Content-Length is reached.
    BodyTooShort,
}

/// Writes one response. Data itself never passes through it, so the caller may write it from
/// wherever it is.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    framing: BodyFraming,
    keep_alive: bool,
    /// Whether a chunk has begun and not ended.
    in_chunk: bool,
    /// Bytes that may still come, with [`BodyFraming::Length`].
    remaining: u64,
}

impl Encoder {
    /// Appends the head to `out`; decides how the body is framed (RFC 9112 6) and whether the
    /// connection persists (RFC 9112 9.3). `date` is the current [`http_date`](crate::http_date).
    pub fn start(
        request: RequestInfo,
        head: &ResponseHead<'_>,
        date: &[u8; 29],
        out: &mut Vec<u8>,
    ) -> Encoder {
        let (framing, length) = framing(request, head);
        let keep_alive = request.persistent && !head.close && framing != BodyFraming::UntilClose;

        out.reserve(HEAD_ROOM + head.fields.len() + head.reason.map_or(0, <[u8]>::len));
        status_line(head.status, head.reason, out);
        out.extend_from_slice(head.fields);
        let mut tail = Tail::default();
        if !head.has_date {
            tail.date(date);
        }
        match length {
            Some(length) => tail.content_length(length),
            None if framing == BodyFraming::Chunked => tail.push(b"Transfer-Encoding: chunked\r\n"),
            None => {}
        }
        match connection_option(request, head, framing, keep_alive) {
            Some(line) => tail.push(line),
            None => tail.push(b"\r\n"),
        }
        out.extend_from_slice(tail.bytes());
        let remaining = match head.body {
            BodySize::Known(bytes) => bytes,
            BodySize::Unknown => 0,
        };
        Encoder {
            framing,
            keep_alive,
            in_chunk: false,
            remaining,
        }
    }

    /// Whether the connection may serve another request after this answer.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// How the body is delimited.
    pub fn framing(&self) -> BodyFraming {
        self.framing
    }

    /// Whether data is to be written. When not, the caller drops what the application gives.
    pub fn carries_body(&self) -> bool {
        self.framing != BodyFraming::None
    }

    /// Appends what goes before a piece of `len` bytes. Nothing is written for an empty piece, as
    /// an empty chunk would end the body.
    pub fn begin_data(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self.framing {
            BodyFraming::Length => match self.remaining.checked_sub(len) {
                Some(remaining) => self.remaining = remaining,
                None => return self.broken(EncodeError::BodyTooLong),
            },
            BodyFraming::Chunked if len > 0 => {
                chunk_size_line(len, out);
                self.in_chunk = true;
            }
            BodyFraming::Chunked | BodyFraming::None | BodyFraming::UntilClose => {}
        }
        Ok(())
    }

    /// Appends what goes after that piece.
    pub fn end_data(&mut self, out: &mut Vec<u8>) {
        if self.in_chunk {
            out.extend_from_slice(b"\r\n");
            self.in_chunk = false;
        }
    }

    /// Appends the end of the body. `trailers` are ready lines like the head's fields; they are
    /// dropped unless the body is chunked (RFC 9112 7.1.2).
    pub fn finish(&mut self, trailers: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self.framing {
            BodyFraming::Length if self.remaining > 0 => self.broken(EncodeError::BodyTooShort),
            BodyFraming::Chunked => {
                out.reserve(trailers.len() + 5);
                out.extend_from_slice(b"0\r\n");
                out.extend_from_slice(trailers);
                out.extend_from_slice(b"\r\n");
                Ok(())
            }
            BodyFraming::Length | BodyFraming::None | BodyFraming::UntilClose => Ok(()),
        }
    }

    fn broken(&mut self, error: EncodeError) -> Result<(), EncodeError> {
        self.keep_alive = false;
        Err(error)
    }
}

/// Appends an informational response such as 100 or 103 (RFC 9110 15.2). `fields` are ready lines.
/// HTTP/1.0 clients do not understand it; not calling this for them is the caller's part.
pub fn informational(status: u16, fields: &[u8], out: &mut Vec<u8>) {
    status_line(status, None, out);
    out.extend_from_slice(fields);
    out.extend_from_slice(b"\r\n");
}

/// Appends the whole answer to a refused request: its status, `Connection: close` and a text that
/// says what was wrong.
pub fn refusal(error: Error, date: &[u8; 29], out: &mut Vec<u8>) {
    let message = error.message();
    status_line(error.status(), None, out);
    out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    let mut tail = Tail::default();
    tail.date(date);
    tail.content_length(message.len() as u64 + 1);
    tail.push(b"Connection: close\r\n\r\n");
    out.extend_from_slice(tail.bytes());
    out.extend_from_slice(message.as_bytes());
    out.push(b'\n');
}

/// Enough for all that is written around a response's own fields.
const HEAD_ROOM: usize = 192;

/// How the body is delimited, and the Content-Length to send. RFC 9112 6.3, its cases for
/// responses in their order; RFC 9110 8.6 says which responses may have a Content-Length.
fn framing(request: RequestInfo, head: &ResponseHead<'_>) -> (BodyFraming, Option<u64>) {
    let length = match head.body {
        BodySize::Known(bytes) => Some(bytes),
        BodySize::Unknown => None,
    };
    match head.status {
        // 8.6: "MUST NOT send a Content-Length" with 1xx and 204.
        100..200 | 204 => (BodyFraming::None, None),
        // 15.3.6: 205 has no content, and says so.
        205 => (BodyFraming::None, Some(0)),
        // 8.6: with 304 or to HEAD, only the length that a 200 to GET would have. An application
        // that gives no body knows that it sends none, not that there is none.
        304 => (BodyFraming::None, length.filter(|&bytes| bytes > 0)),
        _ if request.is_head => (BodyFraming::None, length.filter(|&bytes| bytes > 0)),
        // 6.3 (2): the connection becomes a tunnel.
        200..300 if request.is_connect => (BodyFraming::UntilClose, None),
        _ if length.is_some() => (BodyFraming::Length, length),
        _ if request.version == Version::Http11 => (BodyFraming::Chunked, None),
        // 6.1: no Transfer-Encoding unless the request says HTTP/1.1.
        _ => (BodyFraming::UntilClose, None),
    }
}

/// The Connection line with the head's last line end (RFC 9112 9.3 and 9.6).
fn connection_option(
    request: RequestInfo,
    head: &ResponseHead<'_>,
    framing: BodyFraming,
    keep_alive: bool,
) -> Option<&'static [u8]> {
    if head.status == 101 {
        // RFC 9110 7.8: Upgrade is of this connection only, and Connection has to say so.
        return Some(b"Connection: upgrade\r\n\r\n");
    }
    let tunnel = request.is_connect && framing == BodyFraming::UntilClose && head.status < 300;
    match request.version {
        _ if tunnel => None,
        // 15.5.22: 426 has an Upgrade header, so the same goes for it.
        Version::Http11 if head.status == 426 => Some(match keep_alive {
            true => b"Connection: upgrade\r\n\r\n",
            false => b"Connection: close, upgrade\r\n\r\n",
        }),
        _ if !keep_alive => Some(b"Connection: close\r\n\r\n"),
        Version::Http10 => Some(b"Connection: keep-alive\r\n\r\n"),
        Version::Http11 => None,
    }
}

/// Always HTTP/1.1, the highest version that the server conforms to (RFC 9110 6.2).
fn status_line(status: u16, reason: Option<&[u8]>, out: &mut Vec<u8>) {
    if status == 200 && reason.is_none() {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    let digit = |divisor| b'0' + (status / divisor % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    out.extend_from_slice(reason.unwrap_or_else(|| reason_phrase(status).as_bytes()));
    out.extend_from_slice(b"\r\n");
}

/// The lines behind a response's own fields, put together on the stack: each append to the output
/// checks its room and copies through a call, and these are what every response has.
struct Tail {
    bytes: [u8; Tail::MOST],
    length: usize,
}

impl Tail {
    /// Date, the longest Content-Length and the longest Connection line with the empty line.
    const MOST: usize = 37 + 38 + 30;

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn date(&mut self, date: &[u8; 29]) {
        self.push(b"Date: ");
        self.push(date);
        self.push(b"\r\n");
    }

    fn content_length(&mut self, length: u64) {
        self.push(b"Content-Length: ");
        let digits = length.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut rest = length;
        for place in self.bytes[self.length..self.length + digits]
            .iter_mut()
            .rev()
        {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.length += digits;
        self.push(b"\r\n");
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Default for Tail {
    fn default() -> Self {
        Tail {
            bytes: [0; Tail::MOST],
            length: 0,
        }
    }
}

fn chunk_size_line(size: u64, out: &mut Vec<u8>) {
    let mut line = [0; 18];
    let mut at = 16;
    line[16..].copy_from_slice(b"\r\n");
    let mut rest = size;
    while rest > 0 {
        at -= 1;
        line[at] = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    out.extend_from_slice(&line[at..]);
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            EncodeError::BodyTooLong => "The body is longer than its Content-Length.",
            EncodeError::BodyTooShort => "The body is shorter than its Content-Length.",
        })
    }
}

impl std::error::Error for EncodeError {}
