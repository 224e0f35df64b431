//! Why a message was refused: one variant, status, code and sentence for each reason.

use std::fmt;

/// Writes the enum and its three tables from one list, so that a variant cannot lack a status, a
/// code or a sentence.
macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $code:literal, $sentence:literal;)+) => {
        /// A reason to refuse a request. It is always the client's doing, except for those with a
        /// 5xx status that say the server cannot serve it ([`Error::HandlerTimeout`],
        /// [`Error::Overloaded`]).
        ///
        /// After any of these the position of the next request in the stream is not known for
        /// certain, so the connection must close once the answer is written (RFC 9112 9.6).
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Error {
            $($(#[$doc])* $variant,)+
        }

        impl Error {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [Error] = &[$(Error::$variant,)+];

            /// The status code to answer with.
            pub fn status(self) -> u16 {
                match self { $(Error::$variant => $status,)+ }
            }

            /// The stable name of this error, such as `ERR_HTTP_BARE_LF`.
            pub fn code(self) -> &'static str {
                match self { $(Error::$variant => $code,)+ }
            }

            /// What was wrong, as one sentence for whoever wrote the client.
            pub fn message(self) -> &'static str {
                match self { $(Error::$variant => $sentence,)+ }
            }
        }
    };
}

errors! {
    /// A line feed without a carriage return before it (RFC 9112 2.2).
    BareLf = 400, "ERR_HTTP_BARE_LF",
        "A line ends in a line feed alone; HTTP lines end in a carriage return and a line feed.";
    /// A carriage return without a line feed after it (RFC 9112 2.2).
    BareCr = 400, "ERR_HTTP_BARE_CR",
        "There is a carriage return that no line feed follows.";
    /// A header line that starts with white space: obsolete line folding (RFC 9112 5.2), or white
    /// space before the first header line (RFC 9112 2.2).
    ObsoleteFold = 400, "ERR_HTTP_OBSOLETE_FOLD",
        "A header line starts with white space; continued header lines are no longer part of HTTP.";
    /// White space between a header's name and its colon (RFC 9112 5.1).
    SpaceBeforeColon = 400, "ERR_HTTP_SPACE_BEFORE_COLON",
        "There is white space between a header's name and its colon.";
    /// A control character in the request line or in a header (RFC 9110 5.5).
    ControlCharacter = 400, "ERR_HTTP_CONTROL_CHARACTER",
        "There is a control character in the request line or in a header.";
    /// A header name that is empty or not a token (RFC 9110 5.1).
    InvalidHeaderName = 400, "ERR_HTTP_INVALID_HEADER_NAME",
        "A header's name is empty or has a character that names cannot have.";
    /// A header line without a colon (RFC 9112 5).
    MissingColon = 400, "ERR_HTTP_MISSING_COLON",
        "A header line has no colon after the name.";
    /// A method that is empty or not a token (RFC 9112 3.1).
    InvalidMethod = 400, "ERR_HTTP_INVALID_METHOD",
        "The request does not begin with a method such as GET, followed by one space.";
    /// A character that a request target cannot have: anything but visible ASCII, or `#`
    /// (RFC 9112 3.2).
    InvalidTarget = 400, "ERR_HTTP_INVALID_TARGET",
        "The request target is empty or has a character that must be percent-encoded there.";
    /// A target in none of the four forms, or in one that its method does not allow (RFC 9112 3.2).
    InvalidTargetForm = 400, "ERR_HTTP_INVALID_TARGET_FORM",
        "The request target is not a path, an absolute URL, host:port for CONNECT, or * for OPTIONS.";
    /// Something other than an HTTP version ends the request line (RFC 9112 2.3).
    InvalidVersion = 400, "ERR_HTTP_INVALID_VERSION",
        "The request line does not end in a version such as HTTP/1.1; is there a space in the target?";
    /// More empty lines before a request than are forgiven (RFC 9112 2.2).
    TooManyEmptyLines = 400, "ERR_HTTP_TOO_MANY_EMPTY_LINES",
        "There are too many empty lines before the request.";
    /// An HTTP/1.1 request without Host (RFC 9112 3.2).
    MissingHost = 400, "ERR_HTTP_MISSING_HOST",
        "There is no Host header; HTTP/1.1 requests must have one.";
    /// More than one Host line (RFC 9112 3.2).
    RepeatedHost = 400, "ERR_HTTP_REPEATED_HOST",
        "There is more than one Host header.";
    /// A Host that is not `host` or `host:port` (RFC 9110 7.2).
    InvalidHost = 400, "ERR_HTTP_INVALID_HOST",
        "The Host header is not a host name or address with an optional port.";
    /// A Content-Length that is not all digits (RFC 9110 8.6).
    InvalidContentLength = 400, "ERR_HTTP_INVALID_CONTENT_LENGTH",
        "The Content-Length header is not a decimal number.";
    /// A Content-Length of 2⁶⁴ or more (RFC 9110 8.6).
    ContentLengthOverflow = 400, "ERR_HTTP_CONTENT_LENGTH_OVERFLOW",
        "The Content-Length header is a number too large for any body.";
    /// More than one Content-Length, as lines or as a list, even when equal (RFC 9112 6.3).
    RepeatedContentLength = 400, "ERR_HTTP_REPEATED_CONTENT_LENGTH",
        "There is more than one Content-Length.";
    /// Content-Length together with Transfer-Encoding (RFC 9112 6.1).
    LengthWithTransferEncoding = 400, "ERR_HTTP_LENGTH_WITH_TRANSFER_ENCODING",
        "There is both a Content-Length and a Transfer-Encoding header.";
    /// Transfer-Encoding in an HTTP/1.0 request (RFC 9112 6.1).
    TransferEncodingOnHttp10 = 400, "ERR_HTTP_TRANSFER_ENCODING_ON_HTTP_1_0",
        "There is a Transfer-Encoding header, which HTTP/1.0 does not have.";
    /// A Transfer-Encoding that is not a list of codings (RFC 9112 6.1).
    InvalidTransferEncoding = 400, "ERR_HTTP_INVALID_TRANSFER_ENCODING",
        "The Transfer-Encoding header is not a list of codings.";
    /// A Transfer-Encoding whose last coding is not chunked, or that has chunked twice
    /// (RFC 9112 6.1 and 6.3).
    ChunkedNotLast = 400, "ERR_HTTP_CHUNKED_NOT_LAST",
        "The Transfer-Encoding header does not end in exactly one \"chunked\".";
    /// A transfer coding other than chunked (RFC 9112 6.1).
    UnknownTransferCoding = 501, "ERR_HTTP_UNKNOWN_TRANSFER_CODING",
        "The body has a transfer coding that this server does not know; it knows only chunked.";
    /// A chunk size that is empty, not hexadecimal digits, or followed by white space
    /// (RFC 9112 7.1).
    InvalidChunkSize = 400, "ERR_HTTP_INVALID_CHUNK_SIZE",
        "A chunk of the body does not begin with its size in hexadecimal digits.";
    /// A chunk size of more than 16 digits (RFC 9112 7.1).
    ChunkSizeOverflow = 400, "ERR_HTTP_CHUNK_SIZE_OVERFLOW",
        "A chunk of the body has a size of too many digits.";
    /// A chunk extension that is not `;name` or `;name=value` (RFC 9112 7.1.1).
    InvalidChunkExtension = 400, "ERR_HTTP_INVALID_CHUNK_EXTENSION",
        "A chunk of the body has a malformed extension.";
    /// More bytes of chunk extensions than allowed (RFC 9112 7.1.1).
    ChunkExtensionTooLong = 400, "ERR_HTTP_CHUNK_EXTENSION_TOO_LONG",
        "The chunk extensions of the body are too long.";
    /// A chunk whose data is not followed by CRLF (RFC 9112 7.1).
    InvalidChunkEnd = 400, "ERR_HTTP_INVALID_CHUNK_END",
        "A chunk of the body is longer than its size says: no line end follows its data.";
    /// A field in the trailer section that may only be in the header section (RFC 9110 6.5.1).
    ForbiddenTrailer = 400, "ERR_HTTP_FORBIDDEN_TRAILER",
        "A header that decides how the request is handled was sent as a trailer.";
    /// An expectation other than 100-continue (RFC 9110 10.1.1).
    UnknownExpectation = 417, "ERR_HTTP_UNKNOWN_EXPECTATION",
        "The Expect header asks for something other than 100-continue.";
    /// A major version other than 1 (RFC 9110 15.6.6).
    UnsupportedVersion = 505, "ERR_HTTP_UNSUPPORTED_VERSION",
        "This port speaks HTTP/1.1 and HTTP/1.0 only.";
    /// A target longer than [`Limits::target_bytes`](crate::Limits) (RFC 9110 15.5.15).
    TargetTooLong = 414, "ERR_HTTP_TARGET_TOO_LONG",
        "The request target is too long.";
    /// More header lines than [`Limits::header_count`](crate::Limits) (RFC 6585 5).
    TooManyHeaders = 431, "ERR_HTTP_TOO_MANY_HEADERS",
        "There are too many headers.";
    /// A head longer than [`Limits::head_bytes`](crate::Limits) (RFC 6585 5).
    HeadTooLarge = 431, "ERR_HTTP_HEAD_TOO_LARGE",
        "The request line and headers together are too long.";
    /// A body longer than its request may have (RFC 9110 15.5.14).
    BodyTooLarge = 413, "ERR_HTTP_BODY_TOO_LARGE",
        "The request body is too large.";
    /// The head did not arrive in time (RFC 9110 15.5.9).
    HeadersTimeout = 408, "ERR_HTTP_HEADERS_TIMEOUT",
        "The request line and headers did not arrive in time.";
    /// The body did not arrive in time, or too slowly (RFC 9110 15.5.9).
    BodyTimeout = 408, "ERR_HTTP_BODY_TIMEOUT",
        "The request body did not arrive in time.";
    /// The application did not answer in time (RFC 9110 15.6.4).
    HandlerTimeout = 503, "ERR_HTTP_HANDLER_TIMEOUT",
        "The application did not answer in time.";
    /// The server has more to do than it accepts to queue (RFC 9110 15.6.4).
    Overloaded = 503, "ERR_HTTP_OVERLOADED",
        "The server is busy; please try again in a moment.";
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;
    use std::collections::HashSet;

    #[test]
    fn every_error_has_its_own_code_and_an_error_status() {
        let codes: HashSet<_> = Error::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), Error::ALL.len());
        for error in Error::ALL {
            assert!(error.code().starts_with("ERR_HTTP_"), "{error:?}");
            assert!((400..600).contains(&error.status()), "{error:?}");
        }
    }

    #[test]
    fn every_error_explains_itself_in_one_sentence() {
        for error in Error::ALL {
            let message = error.to_string();
            assert!(
                message.ends_with(['.', '?']) && !message.contains('\n'),
                "{message}"
            );
            assert!(message.len() <= 100, "{} bytes: {message}", message.len());
        }
    }
}
