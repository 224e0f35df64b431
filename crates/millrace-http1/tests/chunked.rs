//! Chunked bodies: what is refused, and random ones that come out as they were put in.

use millrace_http1::{Error, Limits};
use millrace_testkit::Transcript;
use proptest::collection::vec;
use proptest::prelude::*;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn malformed_chunk_sizes_are_refused() {
    refuse(&[
        ("\r\n", Error::InvalidChunkSize),
        (";a=b\r\nx\r\n", Error::InvalidChunkSize),
        ("+1\r\nx\r\n", Error::InvalidChunkSize),
        ("-1\r\nx\r\n", Error::InvalidChunkSize),
        ("0x1\r\nx\r\n", Error::InvalidChunkSize),
        ("1h\r\nx\r\n", Error::InvalidChunkSize),
        ("g\r\nx\r\n", Error::InvalidChunkSize),
        ("1_0\r\n", Error::InvalidChunkSize),
        ("1,\r\n", Error::InvalidChunkSize),
        ("1.0\r\n", Error::InvalidChunkSize),
        (" 1\r\nx\r\n", Error::InvalidChunkSize),
        ("\t1\r\nx\r\n", Error::InvalidChunkSize),
        ("1 \r\nx\r\n", Error::InvalidChunkSize),
        ("1\t\r\nx\r\n", Error::InvalidChunkSize),
        ("1 1\r\nx\r\n", Error::InvalidChunkSize),
        ("1\0\r\nx\r\n", Error::InvalidChunkSize),
        ("\u{661}\r\nx\r\n", Error::InvalidChunkSize),
        ("00000000000000001\r\nx\r\n", Error::ChunkSizeOverflow),
        ("10000000000000000\r\n", Error::ChunkSizeOverflow),
        ("00000000000000000\r\n\r\n", Error::ChunkSizeOverflow),
        ("1\nx\r\n", Error::BareLf),
        ("1\rx\r\n", Error::BareCr),
        ("1\r\r\nx\r\n", Error::BareCr),
    ]);
}

#[test]
fn malformed_chunk_ends_are_refused() {
    refuse(&[
        ("1\r\nxy\r\n", Error::InvalidChunkEnd),
        ("1\r\nx\n", Error::InvalidChunkEnd),
        ("1\r\nx\r\r\n", Error::InvalidChunkEnd),
        ("1\r\nx0\r\n\r\n", Error::InvalidChunkEnd),
        ("1\r\nx \r\n", Error::InvalidChunkEnd),
        ("1\r\n\r\n0\r\n\r\n", Error::InvalidChunkEnd),
    ]);
}

#[test]
fn malformed_chunk_extensions_are_refused() {
    refuse(&[
        ("1;\r\n", Error::InvalidChunkExtension),
        ("1; \r\n", Error::InvalidChunkExtension),
        ("1;;a\r\n", Error::InvalidChunkExtension),
        ("1;=a\r\n", Error::InvalidChunkExtension),
        ("1;a=\r\n", Error::InvalidChunkExtension),
        ("1;a=;b\r\n", Error::InvalidChunkExtension),
        ("1;a==b\r\n", Error::InvalidChunkExtension),
        ("1;a b\r\n", Error::InvalidChunkExtension),
        ("1;a \r\n", Error::InvalidChunkExtension),
        ("1;a=b \r\n", Error::InvalidChunkExtension),
        ("1;a=\"b\" \r\n", Error::InvalidChunkExtension),
        ("1;a=b c\r\n", Error::InvalidChunkExtension),
        ("1;a=\"b\"c\r\n", Error::InvalidChunkExtension),
        ("1;\"a\"\r\n", Error::InvalidChunkExtension),
        ("1;a=\"b\r\n", Error::InvalidChunkExtension),
        ("1;a=\"\\\r\n", Error::InvalidChunkExtension),
        ("1;a=@\r\n", Error::InvalidChunkExtension),
        ("1;a=\"\0\"\r\n", Error::ControlCharacter),
        ("1;a\x7f\r\n", Error::ControlCharacter),
        ("1;a\nx\r\n", Error::BareLf),
        ("1;a=\"\n\"\r\n", Error::BareLf),
        ("1;\n", Error::BareLf),
        ("1 \n", Error::BareLf),
        ("1;a\rx\r\n", Error::BareCr),
    ]);
}

#[test]
fn malformed_trailers_are_refused() {
    refuse(&[
        ("0\r\nA: b\n\r\n", Error::BareLf),
        ("0\r\n\n", Error::BareLf),
        ("0\r\nA: b\rC\r\n\r\n", Error::BareCr),
        ("0\r\n\rA: b\r\n", Error::BareCr),
        ("0\r\n A: b\r\n\r\n", Error::ObsoleteFold),
        ("0\r\nA: b\r\n c\r\n\r\n", Error::ObsoleteFold),
        ("0\r\nA : b\r\n\r\n", Error::SpaceBeforeColon),
        ("0\r\nA: \0\r\n\r\n", Error::ControlCharacter),
        ("0\r\n: b\r\n\r\n", Error::InvalidHeaderName),
        ("0\r\nA\r\n\r\n", Error::MissingColon),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", Error::InvalidHeaderName),
    ]);
}

#[test]
fn headers_that_decide_how_a_request_is_handled_are_refused_as_trailers() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "HOST",
        "Trailer",
        "Connection",
        "Authorization",
        "TE",
    ] {
        let body = format!("0\r\nA: b\r\n{name}: 1\r\n\r\n");
        refuse(&[(&body, Error::ForbiddenTrailer)]);
    }
}

#[test]
fn a_refused_chunk_keeps_what_came_before_it() {
    let input = format!("{HEAD}3\r\nabc\r\nx");
    let transcript = Transcript::however_split(input.as_bytes(), &Limits::default());
    assert_eq!(transcript.error, Some(Error::InvalidChunkSize));
    assert!(
        transcript.events.ends_with("data abc\n"),
        "{}",
        transcript.events
    );
}

proptest! {
    #[test]
    fn a_body_comes_out_of_its_chunks_however_they_arrive(
        body in body(),
        cuts in vec(0usize..4096, 0..12),
    ) {
        let input = [HEAD.as_bytes(), &body.bytes, b"GET / HTTP/1.0\r\n\r\n"].concat();
        let transcript = Transcript::of(cut(&input, cuts), &Limits::default());
        prop_assert_eq!(transcript.error, None);
        prop_assert_eq!(transcript.unread, b"");
        let head = "POST / Origin Http11 Chunked persistent\n\
                    header Host: a\n\
                    header Transfer-Encoding: chunked\n";
        let expected = format!("{head}{}GET / Origin Http10 None\n", body.events);
        prop_assert_eq!(transcript.events, expected);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_arrive(
        bytes in vec(prop_oneof![any::<u8>(), select(b"\r\n;= \t\"\\0123aAfF:GET/HP.")], 0..80),
        cuts in vec(0usize..160, 0..6),
    ) {
        for input in [bytes.clone(), [HEAD.as_bytes(), &bytes].concat()] {
            let whole = Transcript::of([&input[..]], &Limits::default());
            let pieces = Transcript::of(cut(&input, cuts.clone()), &Limits::default());
            prop_assert_eq!(pieces, whole);
        }
    }
}

/// An encoded chunked body and the lines that a transcript has of it.
#[derive(Clone, Debug)]
struct Body {
    bytes: Vec<u8>,
    events: String,
}

fn body() -> impl Strategy<Value = Body> {
    let chunk = (vec(any::<u8>(), 1..300), size_format(), extensions());
    let trailer = (
        "[a-z]{1,3}-[A-Z0-9]{1,9}",
        "([!-~]([ -~]{0,20}[!-~])?)?",
        "[ \t]{0,3}",
    );
    let last = (1usize..17, extensions());
    (vec(chunk, 0..8), last, vec(trailer, 0..4)).prop_map(
        |(chunks, (zeros, extension), trailers)| {
            let mut bytes = Vec::new();
            let mut data = Vec::new();
            for (piece, (width, capitals), extension) in chunks {
                let size = format!("{:0width$x}", piece.len());
                let size = if capitals { size.to_uppercase() } else { size };
                bytes.extend_from_slice(format!("{size}{extension}\r\n").as_bytes());
                bytes.extend_from_slice(&piece);
                bytes.extend_from_slice(b"\r\n");
                data.extend_from_slice(&piece);
            }
            let mut events = String::new();
            if !data.is_empty() {
                events.push_str(&format!("data {}\n", data.escape_ascii()));
            }
            events.push_str("end\n");
            bytes.extend_from_slice(format!("{}{extension}\r\n", "0".repeat(zeros)).as_bytes());
            for (name, value, space) in trailers {
                bytes.extend_from_slice(format!("{name}:{space}{value}{space}\r\n").as_bytes());
                events.push_str(&format!(
                    "trailer {name}: {}\n",
                    value.as_bytes().escape_ascii()
                ));
            }
            bytes.extend_from_slice(b"\r\n");
            Body { bytes, events }
        },
    )
}

/// How many digits a size has at least, and whether they are capitals.
fn size_format() -> impl Strategy<Value = (usize, bool)> {
    (0usize..17, any::<bool>())
}

fn extensions() -> impl Strategy<Value = String> {
    let token = "[ \t]{0,2};[ \t]{0,2}[!#$%&'*+.^_`|~0-9A-Za-z-]{1,6}";
    let value = prop_oneof![
        Just(String::new()),
        "[ \t]{0,2}=[ \t]{0,2}[!#$%&'*+.^_`|~0-9A-Za-z-]{1,6}",
        "[ \t]{0,2}=[ \t]{0,2}\"([ !#-\\[\\]-~\t]|\\\\[ -~\t]){0,8}\"",
    ];
    vec((token, value), 0..3).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(name, value)| name + &value)
            .collect()
    })
}

/// `input` cut at those of `cuts` that are within it.
fn cut(input: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.push(0);
    cuts.push(input.len());
    cuts.retain(|&at| at <= input.len());
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &input[pair[0]..pair[1]])
        .collect()
}

fn select(bytes: &'static [u8]) -> impl Strategy<Value = u8> {
    proptest::sample::select(bytes)
}

fn refuse(rows: &[(&str, Error)]) {
    for (body, error) in rows {
        let input = format!("{HEAD}{body}");
        let transcript = Transcript::however_split(input.as_bytes(), &Limits::default());
        assert_eq!(transcript.error, Some(*error), "{body:?}");
        assert!(!transcript.events.contains("end\n"), "{body:?}");
    }
}
