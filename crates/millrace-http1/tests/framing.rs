//! Refused messages whose body could be found to end in two places. Every row is fed whole, split
//! at every byte and byte by byte, and no request may come out of it.

use millrace_http1::{Error, Limits};
use millrace_testkit::Transcript;

#[test]
fn lengths_that_could_be_read_in_two_ways_are_refused() {
    for (lines, error) in [
        ("Content-Length:\r\n", Error::InvalidContentLength),
        ("Content-Length: +5\r\n", Error::InvalidContentLength),
        ("Content-Length: -5\r\n", Error::InvalidContentLength),
        ("Content-Length: 0x5\r\n", Error::InvalidContentLength),
        ("Content-Length: 5a\r\n", Error::InvalidContentLength),
        ("Content-Length: 5 5\r\n", Error::InvalidContentLength),
        ("Content-Length: 5;\r\n", Error::InvalidContentLength),
        ("Content-Length: 5.0\r\n", Error::InvalidContentLength),
        ("Content-Length: 1_000\r\n", Error::InvalidContentLength),
        ("Content-Length: \u{665}\r\n", Error::InvalidContentLength),
        (
            "Content-Length: 18446744073709551616\r\n",
            Error::ContentLengthOverflow,
        ),
        (
            "Content-Length: 99999999999999999999999\r\n",
            Error::ContentLengthOverflow,
        ),
        ("Content-Length: 5, 5\r\n", Error::RepeatedContentLength),
        ("Content-Length: 5,6\r\n", Error::RepeatedContentLength),
        ("Content-Length: 5,\r\n", Error::RepeatedContentLength),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            Error::RepeatedContentLength,
        ),
        (
            "Content-Length: 5\r\ncontent-length: 6\r\n",
            Error::RepeatedContentLength,
        ),
        (
            "Content-Length: 0\r\nContent-Length: 0\r\n",
            Error::RepeatedContentLength,
        ),
        (
            "Content-Length: x\r\nContent-Length: 5\r\n",
            Error::RepeatedContentLength,
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Error::LengthWithTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            Error::LengthWithTransferEncoding,
        ),
        (
            "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
            Error::LengthWithTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
            Error::LengthWithTransferEncoding,
        ),
        (
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
            Error::LengthWithTransferEncoding,
        ),
    ] {
        refuse(&[(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"), error)]);
    }
}

#[test]
fn transfer_encodings_other_than_one_chunked_are_refused() {
    for (lines, error) in [
        ("Transfer-Encoding:\r\n", Error::InvalidTransferEncoding),
        ("Transfer-Encoding: ,\r\n", Error::InvalidTransferEncoding),
        (
            "Transfer-Encoding: ,chunked\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked,\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked;a=b\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked chunked\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: \"chunked\"\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: chun ked\r\n",
            Error::InvalidTransferEncoding,
        ),
        (
            "Transfer-Encoding: ;, chunked\r\n",
            Error::InvalidTransferEncoding,
        ),
        ("Transfer-Encoding: identity\r\n", Error::ChunkedNotLast),
        ("Transfer-Encoding: gzip\r\n", Error::ChunkedNotLast),
        ("Transfer-Encoding: xchunked\r\n", Error::ChunkedNotLast),
        (
            "Transfer-Encoding: chunked, gzip\r\n",
            Error::ChunkedNotLast,
        ),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            Error::ChunkedNotLast,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Error::ChunkedNotLast,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            Error::ChunkedNotLast,
        ),
        (
            "Transfer-Encoding: gzip, chunked, chunked\r\n",
            Error::ChunkedNotLast,
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            Error::UnknownTransferCoding,
        ),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            Error::UnknownTransferCoding,
        ),
        (
            "Transfer-Encoding: deflate, chunked\r\n",
            Error::UnknownTransferCoding,
        ),
        (
            "Transfer-Encoding: compress,chunked\r\n",
            Error::UnknownTransferCoding,
        ),
        (
            "Transfer-Encoding: identity, chunked\r\n",
            Error::UnknownTransferCoding,
        ),
        (
            "Transfer-Encoding: a;b=c, chunked\r\n",
            Error::UnknownTransferCoding,
        ),
    ] {
        refuse(&[(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"), error)]);
    }
    refuse(&[
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            Error::TransferEncodingOnHttp10,
        ),
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n",
            Error::TransferEncodingOnHttp10,
        ),
    ]);
}

fn refuse(rows: &[(&str, Error)]) {
    for (input, error) in rows {
        let transcript = Transcript::however_split(input.as_bytes(), &Limits::default());
        assert_eq!(transcript.error, Some(*error), "{input:?}");
        assert_eq!(transcript.events, "", "{input:?}");
    }
}
