//! What the encoder writes, to the byte.

use millrace_http1::{
    BodyFraming, BodySize, EncodeError, Encoder, RequestInfo, ResponseHead, Version, http_date,
    informational, reason_phrase,
};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

const GET: RequestInfo = RequestInfo {
    version: Version::Http11,
    is_head: false,
    is_connect: false,
    persistent: true,
};
const HEAD: RequestInfo = RequestInfo {
    is_head: true,
    ..GET
};
const CONNECT: RequestInfo = RequestInfo {
    is_connect: true,
    ..GET
};
const GET_CLOSE: RequestInfo = RequestInfo {
    persistent: false,
    ..GET
};
const GET_10: RequestInfo = RequestInfo {
    version: Version::Http10,
    persistent: false,
    ..GET
};
const GET_10_KEEP: RequestInfo = RequestInfo {
    version: Version::Http10,
    ..GET
};

const OK: ResponseHead<'_> = ResponseHead {
    status: 200,
    reason: None,
    fields: b"content-type: text/plain\r\n",
    body: BodySize::Known(5),
    close: false,
    has_date: false,
};
const STREAM: ResponseHead<'_> = ResponseHead {
    body: BodySize::Unknown,
    ..OK
};
const EMPTY: ResponseHead<'_> = ResponseHead {
    body: BodySize::Known(0),
    ..OK
};

#[test]
fn a_response_is_status_line_fields_date_length_and_body() {
    let (text, encoder) = answer(GET, &OK, &[b"hello"], b"");
    assert_eq!(
        text,
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nDate: {DATE}\r\nContent-Length: 5\r\n\r\nhello"
        )
    );
    assert!(encoder.keep_alive());
    assert!(encoder.carries_body());
}

/// Request, response, framing, lines that the encoder adds, whether the connection persists.
#[test]
fn framing_and_persistence_are_those_of_the_rfc() {
    use BodyFraming::{Chunked, Length, None, UntilClose};
    let status = |status, body| ResponseHead { status, body, ..OK };
    let (five, zero, unknown) = (BodySize::Known(5), BodySize::Known(0), BodySize::Unknown);
    let close = ResponseHead { close: true, ..OK };
    let rows: &[(RequestInfo, ResponseHead<'_>, BodyFraming, &str, bool)] = &[
        (GET, OK, Length, "Content-Length: 5\r\n", true),
        (GET, EMPTY, Length, "Content-Length: 0\r\n", true),
        (GET, STREAM, Chunked, "Transfer-Encoding: chunked\r\n", true),
        (
            GET,
            close,
            Length,
            "Content-Length: 5\r\nConnection: close\r\n",
            false,
        ),
        (
            GET_CLOSE,
            OK,
            Length,
            "Content-Length: 5\r\nConnection: close\r\n",
            false,
        ),
        (
            GET_CLOSE,
            STREAM,
            Chunked,
            "Transfer-Encoding: chunked\r\nConnection: close\r\n",
            false,
        ),
        (
            GET_10,
            OK,
            Length,
            "Content-Length: 5\r\nConnection: close\r\n",
            false,
        ),
        (GET_10, STREAM, UntilClose, "Connection: close\r\n", false),
        (
            GET_10_KEEP,
            OK,
            Length,
            "Content-Length: 5\r\nConnection: keep-alive\r\n",
            true,
        ),
        (
            GET_10_KEEP,
            close,
            Length,
            "Content-Length: 5\r\nConnection: close\r\n",
            false,
        ),
        (
            GET_10_KEEP,
            STREAM,
            UntilClose,
            "Connection: close\r\n",
            false,
        ),
        (
            GET_10_KEEP,
            status(204, zero),
            None,
            "Connection: keep-alive\r\n",
            true,
        ),
        (HEAD, OK, None, "Content-Length: 5\r\n", true),
        (HEAD, EMPTY, None, "", true),
        (HEAD, STREAM, None, "", true),
        (
            HEAD,
            close,
            None,
            "Content-Length: 5\r\nConnection: close\r\n",
            false,
        ),
        (GET, status(204, five), None, "", true),
        (GET, status(204, unknown), None, "", true),
        (GET, status(205, zero), None, "Content-Length: 0\r\n", true),
        (GET, status(205, five), None, "Content-Length: 0\r\n", true),
        (GET, status(304, five), None, "Content-Length: 5\r\n", true),
        (GET, status(304, zero), None, "", true),
        (GET, status(304, unknown), None, "", true),
        (
            GET,
            status(101, zero),
            None,
            "Connection: upgrade\r\n",
            true,
        ),
        (
            GET,
            status(426, zero),
            Length,
            "Content-Length: 0\r\nConnection: upgrade\r\n",
            true,
        ),
        (
            GET_CLOSE,
            status(426, zero),
            Length,
            "Content-Length: 0\r\nConnection: close, upgrade\r\n",
            false,
        ),
        (CONNECT, EMPTY, UntilClose, "", false),
        (CONNECT, STREAM, UntilClose, "", false),
        (CONNECT, status(299, five), UntilClose, "", false),
        (CONNECT, status(204, zero), None, "", true),
        (
            CONNECT,
            status(403, five),
            Length,
            "Content-Length: 5\r\n",
            true,
        ),
        (
            CONNECT,
            status(403, unknown),
            Chunked,
            "Transfer-Encoding: chunked\r\n",
            true,
        ),
        (
            GET,
            status(404, five),
            Length,
            "Content-Length: 5\r\n",
            true,
        ),
        (
            GET,
            status(999, five),
            Length,
            "Content-Length: 5\r\n",
            true,
        ),
    ];
    for (request, head, framing, lines, keep_alive) in rows {
        let mut out = Vec::new();
        let encoder = Encoder::start(*request, head, &date(), &mut out);
        let text = String::from_utf8(out).expect("heads are ASCII");
        let row = format!("{request:?} {} {:?}", head.status, head.body);
        let (_, added) = text.split_once("GMT\r\n").expect("there is a date");
        assert_eq!(added, format!("{lines}\r\n"), "{row}");
        assert_eq!(encoder.framing(), *framing, "{row}");
        assert_eq!(encoder.keep_alive(), *keep_alive, "{row}");
        assert_eq!(encoder.carries_body(), *framing != None, "{row}");
    }
}

#[test]
fn a_date_of_the_application_is_the_only_one() {
    let fields = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    let head = ResponseHead {
        has_date: true,
        fields,
        ..EMPTY
    };
    let (text, _) = answer(GET, &head, &[], b"");
    assert_eq!(text.to_lowercase().matches("date:").count(), 1);
}

#[test]
fn every_status_has_a_line_that_parses_and_a_phrase_of_its_own_if_one_is_given() {
    for status in 100..=999 {
        let head = ResponseHead { status, ..EMPTY };
        let (text, _) = answer(GET, &head, &[], b"");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status))));
        let head = ResponseHead {
            status,
            reason: Some(b"As You Like It"),
            ..EMPTY
        };
        let (text, _) = answer(GET, &head, &[], b"");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} As You Like It\r\n")));
    }
    assert_eq!(reason_phrase(511), "Network Authentication Required");
    assert_eq!(reason_phrase(299), "");
}

#[test]
fn pieces_become_chunks_and_empty_pieces_become_nothing() {
    let (text, _) = answer(
        GET,
        &STREAM,
        &[b"hello", b"", b"0123456789abcdefg"],
        b"X-A: b\r\n",
    );
    let (_, body) = text.split_once("\r\n\r\n").expect("the head ends");
    assert_eq!(
        body,
        "5\r\nhello\r\n11\r\n0123456789abcdefg\r\n0\r\nX-A: b\r\n\r\n"
    );
}

#[test]
fn trailers_are_dropped_where_the_framing_has_no_place_for_them() {
    for (request, head) in [(GET, OK), (GET_10, STREAM)] {
        let (text, _) = answer(request, &head, &[b"hello"], b"X-A: b\r\n");
        assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    }
}

#[test]
fn a_body_longer_than_declared_is_an_error_that_closes() {
    let mut out = Vec::new();
    let mut encoder = Encoder::start(GET, &OK, &date(), &mut out);
    assert_eq!(encoder.begin_data(3, &mut out), Ok(()));
    assert_eq!(
        encoder.begin_data(3, &mut out),
        Err(EncodeError::BodyTooLong)
    );
    assert!(!encoder.keep_alive());
}

#[test]
fn a_body_shorter_than_declared_is_an_error_that_closes() {
    let mut out = Vec::new();
    let mut encoder = Encoder::start(GET, &OK, &date(), &mut out);
    assert_eq!(encoder.begin_data(4, &mut out), Ok(()));
    assert_eq!(
        encoder.finish(b"", &mut out),
        Err(EncodeError::BodyTooShort)
    );
    assert!(!encoder.keep_alive());
}

#[test]
fn an_answer_without_body_ends_as_declared_or_not() {
    for (request, status) in [(HEAD, 200), (GET, 304), (GET, 204), (GET, 205)] {
        let mut out = Vec::new();
        let head = ResponseHead { status, ..OK };
        let mut encoder = Encoder::start(request, &head, &date(), &mut out);
        let length = out.len();
        assert_eq!(encoder.finish(b"X-A: b\r\n", &mut out), Ok(()));
        assert_eq!(out.len(), length, "nothing follows the head");
        assert!(encoder.keep_alive());
    }
}

#[test]
fn informational_responses_are_a_status_line_and_fields() {
    let mut out = Vec::new();
    informational(100, b"", &mut out);
    informational(103, b"Link: </a.css>; rel=preload\r\n", &mut out);
    assert_eq!(
        String::from_utf8(out).expect("ASCII"),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    );
}

fn date() -> [u8; 29] {
    http_date(784_111_777)
}

/// A whole answer as the connection writes it.
fn answer(
    request: RequestInfo,
    head: &ResponseHead<'_>,
    pieces: &[&[u8]],
    trailers: &[u8],
) -> (String, Encoder) {
    let mut out = Vec::new();
    let mut encoder = Encoder::start(request, head, &date(), &mut out);
    for piece in pieces {
        encoder
            .begin_data(piece.len() as u64, &mut out)
            .expect("the length is right");
        out.extend_from_slice(piece);
        encoder.end_data(&mut out);
    }
    encoder
        .finish(trailers, &mut out)
        .expect("the length is right");
    (
        String::from_utf8(out).expect("the test's body is text"),
        encoder,
    )
}
