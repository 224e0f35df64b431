//! Why a connection fails.

use std::fmt;

use crate::{CloseCode, InflateError};

/// What a client did wrong. The connection fails (RFC 6455 7.1.7): a Close frame with [`Error::close_code`] and
/// [`Error::reason`] is sent, and nothing more is received.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The frames are not as RFC 6455 5 has them; says how.
    Protocol(&'static str),
    /// A text, or the reason of a Close frame, is not UTF-8 (RFC 6455 8.1).
    InvalidUtf8,
    /// A message is longer than [`Limits::message`](crate::Limits), once decompressed (RFC 6455 10.4).
    MessageTooBig,
    /// A frame is longer than [`Limits::frame`](crate::Limits).
    FrameTooBig,
    /// A message has more frames than [`Limits::fragments`](crate::Limits).
    TooManyFragments,
    /// A compressed message cannot be decompressed (RFC 7692 7.2.2); says why.
    Inflate(&'static str),
}

impl Error {
    /// The code to close with (RFC 6455 7.4.1).
    pub fn close_code(&self) -> u16 {
        match self {
            Error::Protocol(_) => CloseCode::PROTOCOL_ERROR,
            Error::InvalidUtf8 | Error::Inflate(_) => CloseCode::INVALID_PAYLOAD,
            Error::MessageTooBig | Error::FrameTooBig => CloseCode::TOO_BIG,
            Error::TooManyFragments => CloseCode::POLICY,
        }
    }

    /// What was wrong, as one sentence that fits into a Close frame.
    pub fn reason(&self) -> &'static str {
        match self {
            Error::Protocol(reason) | Error::Inflate(reason) => reason,
            Error::InvalidUtf8 => "A text is not valid UTF-8.",
            Error::MessageTooBig => "A message is too long.",
            Error::FrameTooBig => "A frame is too long.",
            Error::TooManyFragments => "A message has too many fragments.",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for Error {}

impl From<InflateError> for Error {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooBig => Error::MessageTooBig,
            InflateError::Broken(reason) => Error::Inflate(reason),
        }
    }
}
