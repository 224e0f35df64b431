//! Everything that is refused: one row for each way to send it. Every row is fed whole, split at
//! every byte and byte by byte, and no request may come out of it.

use millrace_http1::{Error, Limits};
use millrace_testkit::Transcript;

#[test]
fn malformed_request_lines_are_refused() {
    refuse(&[
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", Error::BareLf),
        ("GET / HTTP/1.0\n\n", Error::BareLf),
        ("GET /\n", Error::BareLf),
        ("GET\n", Error::BareLf),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLf),
        ("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLf),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", Error::BareCr),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Error::BareCr),
        ("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareCr),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareCr),
        (
            "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::ControlCharacter,
        ),
        (
            "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::ControlCharacter,
        ),
        (
            "GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::ControlCharacter,
        ),
        (
            "GET / HTTP/1.1\0\r\nHost: a\r\n\r\n",
            Error::ControlCharacter,
        ),
        // A TLS client hello.
        ("\x16\x03\x01\x02\0\x01", Error::ControlCharacter),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidMethod),
        ("\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidMethod),
        ("GET\r\n\r\n", Error::InvalidMethod),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidMethod),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidMethod),
        ("GET: / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidMethod),
        (
            "G\u{c9}T / HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::InvalidMethod,
        ),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidTarget),
        ("GET  HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidTarget),
        ("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidTarget),
        ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidTarget),
        (
            "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::InvalidTarget,
        ),
        ("GET /\r\n\r\n", Error::InvalidVersion),
        ("GET \r\n\r\n", Error::InvalidVersion),
        ("GET / \r\n\r\n", Error::InvalidVersion),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Error::InvalidVersion),
        (
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::InvalidVersion,
        ),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/1.\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/11.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/a.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTP/-1.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        ("GET / ICY/1.1\r\nHost: a\r\n\r\n", Error::InvalidVersion),
        (
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            Error::UnsupportedVersion,
        ),
        (
            "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
            Error::UnsupportedVersion,
        ),
        ("GET / HTTP/3.0\r\n", Error::UnsupportedVersion),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Error::UnsupportedVersion,
        ),
        (
            "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::TooManyEmptyLines,
        ),
    ]);
}

#[test]
fn targets_in_a_form_that_the_method_does_not_have_are_refused() {
    let lines = [
        "GET *",
        "GET a",
        "GET a:80",
        "GET ?",
        "CONNECT /",
        "CONNECT a",
        "OPTIONS a",
        "GET http:/a",
    ];
    for line in lines {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        refuse(&[(&request, Error::InvalidTargetForm)]);
    }
}

#[test]
fn malformed_header_lines_are_refused() {
    for (lines, error) in [
        ("A: b\n", Error::BareLf),
        ("A\n", Error::BareLf),
        ("\n", Error::BareLf),
        ("A: b\n\r\n", Error::BareLf),
        ("A: b\rC: d\r\n", Error::BareCr),
        ("A: b\r\r\n", Error::BareCr),
        ("A:\r", Error::BareCr),
        ("A\rB: c\r\n", Error::BareCr),
        ("\rA: b\r\n", Error::BareCr),
        (" A: b\r\n", Error::ObsoleteFold),
        ("A: b\r\n c\r\n", Error::ObsoleteFold),
        ("A: b\r\n\tc\r\n", Error::ObsoleteFold),
        ("A: b\r\n \r\n", Error::ObsoleteFold),
        ("A : b\r\n", Error::SpaceBeforeColon),
        ("A\t: b\r\n", Error::SpaceBeforeColon),
        ("A \t : b\r\n", Error::SpaceBeforeColon),
        ("Content-Length : 5\r\n", Error::SpaceBeforeColon),
        ("A: b\0c\r\n", Error::ControlCharacter),
        ("A: \x01\r\n", Error::ControlCharacter),
        ("A: 12345678\x1f\r\n", Error::ControlCharacter),
        ("A: b\x7f\r\n", Error::ControlCharacter),
        ("A\0: b\r\n", Error::ControlCharacter),
        ("\x0b: b\r\n", Error::ControlCharacter),
        (": b\r\n", Error::InvalidHeaderName),
        ("A b: c\r\n", Error::InvalidHeaderName),
        ("A(b): c\r\n", Error::InvalidHeaderName),
        ("\"A\": c\r\n", Error::InvalidHeaderName),
        ("\u{c4}: c\r\n", Error::InvalidHeaderName),
        ("A@b: c\r\n", Error::InvalidHeaderName),
        ("A/b: c\r\n", Error::InvalidHeaderName),
        ("A\r\n", Error::MissingColon),
        ("GET / HTTP/1.1\r\n", Error::InvalidHeaderName),
    ] {
        for before in ["", "Host: a\r\n", "Host: a\r\nX: y\r\n"] {
            let request = format!("GET / HTTP/1.1\r\n{before}{lines}Host: a\r\n\r\n");
            refuse(&[(&request, error)]);
        }
    }
}

#[test]
fn hosts_that_are_missing_repeated_or_malformed_are_refused() {
    refuse(&[
        ("GET / HTTP/1.1\r\n\r\n", Error::MissingHost),
        ("GET / HTTP/1.2\r\n\r\n", Error::MissingHost),
        ("GET http://a/ HTTP/1.1\r\n\r\n", Error::MissingHost),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            Error::RepeatedHost,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nhOST: b\r\n\r\n",
            Error::RepeatedHost,
        ),
        (
            "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            Error::RepeatedHost,
        ),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Error::InvalidHost),
        (
            "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
            Error::InvalidHost,
        ),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Error::InvalidHost),
        (
            "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
            Error::InvalidHost,
        ),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Error::InvalidHost),
    ]);
}

#[test]
fn expectations_other_than_100_continue_are_refused() {
    for value in [
        "100-continues",
        "200-ok",
        "100-continue, a",
        "a, 100-continue",
        "100-continue=a",
        "\"\"",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: {value}\r\n\r\n");
        refuse(&[(&request, Error::UnknownExpectation)]);
    }
}

#[test]
fn of_several_faults_the_first_in_the_order_of_the_bytes_is_told() {
    refuse(&[
        ("GET / HTTP/2.0\r\nA : b\r\n\r\n", Error::UnsupportedVersion),
        ("GET * HTTP/1.1\r\nA : b\r\n\r\n", Error::SpaceBeforeColon),
        ("GET * HTTP/1.1\r\n\r\n", Error::InvalidTargetForm),
        (
            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            Error::MissingHost,
        ),
        (
            "GET / HTTP/1.1\r\nContent-Length: x\r\nHost: a\r\nExpect: b\r\n\r\n",
            Error::InvalidContentLength,
        ),
        (
            "GET / HTTP/1.1\r\nContent-Length: 999999999\r\nHost: a\r\nExpect: b\r\n\r\n",
            Error::UnknownExpectation,
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
