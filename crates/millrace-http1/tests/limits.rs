//! Every limit is exact: what is at it passes, one more does not.

use millrace_http1::{Error, Limits};
use millrace_testkit::Transcript;

#[test]
fn a_target_may_be_as_long_as_the_limit() {
    let limits = Limits {
        target_bytes: 8,
        ..Limits::default()
    };
    pass("GET /2345678 HTTP/1.1\r\nHost: a\r\n\r\n", &limits);
    refuse(
        "GET /23456789 HTTP/1.1\r\nHost: a\r\n\r\n",
        &limits,
        Error::TargetTooLong,
    );
    // As early as it is certain.
    refuse("GET /23456789", &limits, Error::TargetTooLong);
    refuse("GET /23456789#", &limits, Error::TargetTooLong);
    refuse("GET /2345678#", &limits, Error::InvalidTarget);
}

#[test]
fn a_target_that_alone_exceeds_the_head_limit_is_too_long_as_a_target() {
    let limits = Limits {
        head_bytes: 16,
        target_bytes: 64,
        ..Limits::default()
    };
    refuse(
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        &limits,
        Error::TargetTooLong,
    );
    refuse("GETGETGETGETGETGETGET", &limits, Error::HeadTooLarge);
    refuse(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &limits,
        Error::HeadTooLarge,
    );
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789\r\n\r\n";
    let at = |head_bytes| Limits {
        head_bytes,
        ..Limits::default()
    };
    pass(head, &at(head.len()));
    for less in 1..=head.len() - "GET / ".len() {
        refuse(head, &at(head.len() - less), Error::HeadTooLarge);
    }
    // Before its end has come.
    refuse(
        &head[..head.len() - 2],
        &at(head.len() - 2),
        Error::HeadTooLarge,
    );
    pass(&format!("\r\n\r\n{head}\r\n{head}"), &at(head.len()));
}

#[test]
fn there_may_be_as_many_headers_as_the_limit() {
    let limits = Limits {
        header_count: 3,
        ..Limits::default()
    };
    pass("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n\r\n", &limits);
    refuse(
        "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\nF:\r\n",
        &limits,
        Error::TooManyHeaders,
    );
}

#[test]
fn a_declared_body_may_be_as_long_as_the_limit() {
    let limits = Limits {
        body_bytes: 3,
        ..Limits::default()
    };
    pass(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        &limits,
    );
    for length in ["4", "18446744073709551615"] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        refuse(&head, &limits, Error::BodyTooLarge);
    }
}

#[test]
fn the_chunks_together_may_be_as_long_as_the_limit() {
    let limits = Limits {
        body_bytes: 5,
        ..Limits::default()
    };
    pass(&chunked("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), &limits);
    // The size line is enough.
    refuse(&chunked("2\r\nab\r\n4\r"), &limits, Error::BodyTooLarge);
    refuse(&chunked("6;a=b\r\n"), &limits, Error::BodyTooLarge);
    refuse(
        &chunked("2\r\nab\r\nffffffffffffffff\r\n"),
        &limits,
        Error::BodyTooLarge,
    );
    let limits = Limits {
        body_bytes: u64::MAX,
        ..Limits::default()
    };
    refuse(
        &chunked("2\r\nab\r\n11111111111111111\r\n"),
        &limits,
        Error::ChunkSizeOverflow,
    );
}

#[test]
fn the_chunk_extensions_of_a_body_share_one_limit() {
    let limits = Limits {
        chunk_extension_bytes: 6,
        ..Limits::default()
    };
    pass(&chunked("1;a=b\r\nx\r\n0;c\r\n\r\n"), &limits);
    refuse(
        &chunked("1;a=b\r\nx\r\n0;cd"),
        &limits,
        Error::ChunkExtensionTooLong,
    );
    refuse(
        &chunked("1;aaaaaaaaaaaa"),
        &limits,
        Error::ChunkExtensionTooLong,
    );
    refuse(
        &chunked("1       ;a"),
        &limits,
        Error::ChunkExtensionTooLong,
    );
    let none = Limits {
        chunk_extension_bytes: 0,
        ..Limits::default()
    };
    pass(&chunked("1\r\nx\r\n0\r\n\r\n"), &none);
    refuse(&chunked("1;"), &none, Error::ChunkExtensionTooLong);
}

#[test]
fn trailers_count_with_the_headers() {
    let head = chunked("").len();
    let limits = Limits {
        head_bytes: head + 8,
        header_count: 3,
        ..Limits::default()
    };
    pass(&chunked("0\r\nA: b\r\n\r\n"), &limits);
    refuse(&chunked("0\r\nA: bc\r\n\r\n"), &limits, Error::HeadTooLarge);
    refuse(&chunked("0\r\nA: bcdef"), &limits, Error::HeadTooLarge);
    refuse(
        &chunked("0\r\nA:\r\nB:\r\n"),
        &limits,
        Error::TooManyHeaders,
    );
    // A head that has used up the limit leaves room for the end of the body.
    pass(
        &chunked("1\r\nx\r\n0\r\n\r\n"),
        &Limits {
            head_bytes: head,
            ..limits.clone()
        },
    );
    refuse(
        &chunked("0\r\nA:\r\n\r\n"),
        &Limits {
            head_bytes: head,
            ..limits
        },
        Error::HeadTooLarge,
    );
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn pass(input: &str, limits: &Limits) {
    let transcript = Transcript::however_split(input.as_bytes(), limits);
    assert_eq!(transcript.error, None, "{input:?}");
    assert_eq!(transcript.unread, b"", "{input:?}");
}

fn refuse(input: &str, limits: &Limits, error: Error) {
    let transcript = Transcript::however_split(input.as_bytes(), limits);
    assert_eq!(transcript.error, Some(error), "{input:?}");
}
