//! The one place that decides where a request's body ends.
//!
//! Request smuggling is two parties deciding this differently, so everything that decides is in
//! this file, and whatever another recipient might read in two ways is refused.

use crate::grammar::{is_token_byte, trim};
use crate::{Error, Version};

/// How a request's body is delimited (RFC 9112 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFraming {
    /// There is no body, or one of `Content-Length: 0`, which is the same.
    None,
    /// The body is this many bytes, at least one.
    Length(u64),
    /// The body is in chunks (RFC 9112 section 7.1).
    Chunked,
}

/// What a header section says about the body, gathered line by line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FramingFields {
    length: Length,
    codings: Codings,
}

impl FramingFields {
    pub(crate) fn content_length(&mut self, value: &[u8]) {
        self.length = match self.length {
            Length::Absent => Length::of(value),
            _ => Length::Repeated,
        };
    }

    pub(crate) fn transfer_encoding(&mut self, value: &[u8]) {
        // Several lines are one list (RFC 9110 5.3). An empty element is refused although a list
        // may have some (RFC 9110 5.6.1): nobody sends one here but to be read in two ways.
        for element in value.split(|&byte| byte == b',') {
            self.codings = self.codings.then(trim(element));
        }
    }

    /// RFC 9112 section 6, row by row. The first row that matches decides.
    #[inline]
    pub(crate) fn decide(self, version: Version) -> Result<RequestFraming, Error> {
        use Error as E;
        match (self.codings, self.length, version) {
            // 6.1: Transfer-Encoding came with HTTP/1.1; a 1.0 message with it "MUST" be treated
            // "as if the framing is faulty".
            (c, _, Version::Http10) if c != Codings::Absent => Err(E::TransferEncodingOnHttp10),
            // 6.1: "a server MAY reject a request that contains both"; 6.3 (3): it "ought to be
            // handled as an error".
            (c, l, _) if c != Codings::Absent && l != Length::Absent => {
                Err(E::LengthWithTransferEncoding)
            }
            // 6.1, 7: the field is a list of tokens with parameters.
            (Codings::Malformed, _, _) => Err(E::InvalidTransferEncoding),
            // 6.1: chunked "MUST NOT" be applied twice and has to be last; 6.3 (4): when it is not
            // the last coding of a request, "the server MUST respond with the 400 status code".
            (Codings::Unknown | Codings::ChunkedNotLast, _, _) => Err(E::ChunkedNotLast),
            // 6.1: "A server that receives a request message with a transfer coding it does not
            // understand SHOULD respond with 501".
            (Codings::UnknownThenChunked, _, _) => Err(E::UnknownTransferCoding),
            // 6.3 (4): chunked is the last and only coding.
            (Codings::Chunked, _, _) => Ok(RequestFraming::Chunked),
            // 6.3 (5): an invalid Content-Length is an "unrecoverable error"; a list of equal
            // numbers may be accepted, and is not.
            (Codings::Absent, Length::NotDigits, _) => Err(E::InvalidContentLength),
            (Codings::Absent, Length::Overflow, _) => Err(E::ContentLengthOverflow),
            (Codings::Absent, Length::Repeated, _) => Err(E::RepeatedContentLength),
            // 6.3 (6): a valid Content-Length defines the length.
            (Codings::Absent, Length::Bytes(0), _) => Ok(RequestFraming::None),
            (Codings::Absent, Length::Bytes(bytes), _) => Ok(RequestFraming::Length(bytes)),
            // 6.3 (7): "If this is a request message and none of the above are true, then the
            // message body length is zero".
            (Codings::Absent, Length::Absent, _) => Ok(RequestFraming::None),
        }
    }
}

/// What the Content-Length lines say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Absent,
    Bytes(u64),
    NotDigits,
    Overflow,
    Repeated,
}

impl Length {
    /// `1*DIGIT` (RFC 9110 8.6): no sign, no white space within, no other digits.
    fn of(value: &[u8]) -> Length {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            let listed = value.contains(&b',');
            return if listed {
                Length::Repeated
            } else {
                Length::NotDigits
            };
        }
        let bytes = value.iter().try_fold(0u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        bytes.map_or(Length::Overflow, Length::Bytes)
    }
}

/// What the Transfer-Encoding lines say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    Absent,
    /// `chunked` and nothing else.
    Chunked,
    /// One or more codings, none of them chunked.
    Unknown,
    /// The same, and then chunked.
    UnknownThenChunked,
    /// Something, chunked again included, came after chunked.
    ChunkedNotLast,
    Malformed,
}

impl Codings {
    /// Adds the next element of the list.
    fn then(self, element: &[u8]) -> Codings {
        let chunked = element.eq_ignore_ascii_case(b"chunked");
        match self {
            Codings::Malformed => Codings::Malformed,
            _ if !chunked && !is_coding(element) => Codings::Malformed,
            Codings::Absent if chunked => Codings::Chunked,
            Codings::Unknown if chunked => Codings::UnknownThenChunked,
            Codings::Absent | Codings::Unknown => Codings::Unknown,
            Codings::Chunked | Codings::UnknownThenChunked | Codings::ChunkedNotLast => {
                Codings::ChunkedNotLast
            }
        }
    }
}

/// `token *( OWS ";" OWS transfer-parameter )`, without looking into the parameters: a coding with
/// some is refused either way (RFC 9112 7). Chunked has none.
fn is_coding(element: &[u8]) -> bool {
    let name_length = element
        .iter()
        .take_while(|&&byte| is_token_byte(byte))
        .count();
    let (name, rest) = element.split_at(name_length);
    let rest = trim(rest);
    !name.is_empty()
        && (rest.is_empty() || (rest[0] == b';' && !name.eq_ignore_ascii_case(b"chunked")))
}
