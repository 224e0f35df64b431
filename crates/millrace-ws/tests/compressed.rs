//! Compressed messages in frames (RFC 7692 6): marked by the first, checked and limited once they are whole.

use millrace_testkit::{Received, client_frame};
use millrace_ws::{Agreed, CloseCode, Deflater, Error, Limits};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// RFC 7692 7.2.3.1: "Hello" in one block.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

#[test]
fn the_compressed_examples_of_the_standard_are_read() {
    let one = frames(&[(0xc1, HELLO)]);
    assert_eq!(events(&one), "text Hello\n");
    // 7.2.3.2: the second message refers to the first one.
    let again = frames(&[(0xc1, HELLO), (0xc1, b"\xf2\x00\x11\x00\x00")]);
    assert_eq!(events(&again), "text Hello\ntext Hello\n");
    // 7.2.3.3: a block of no compression; 7.2.3.4: a final block; 7.2.3.5: two blocks.
    let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let two = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    for payload in [&stored[..], last, two] {
        assert_eq!(events(&frames(&[(0xc1, payload)])), "text Hello\n");
    }
}

#[test]
fn a_compressed_message_may_be_in_fragments_and_others_between() {
    let input = frames(&[
        (0x41, &HELLO[..3]),
        (0x89, b"?"),
        (0x00, b""),
        (0x80, &HELLO[3..]),
        (0x81, b"plain"),
        (0xc2, b"\xf2\x00\x11\x00\x00"),
        (0xc1, b"\x00"),
    ]);
    assert_eq!(
        events(&input),
        "ping ?\ntext Hello\ntext plain\nbinary Hello\ntext\n"
    );
}

#[test]
fn text_is_checked_once_it_is_decompressed() {
    for text in [&b"\xff"[..], b"good, then \xed\xa0\x80", b"cut \xe2\x82"] {
        let input = frames(&[(0xc1, &deflated(text))]);
        assert_eq!(error(&input, u64::MAX), Some(Error::InvalidUtf8));
        let input = frames(&[(0xc2, &deflated(text))]);
        assert_eq!(error(&input, u64::MAX), None, "binary may be anything");
    }
    let wide = "wide \u{1f600} text".as_bytes();
    assert_eq!(error(&frames(&[(0xc1, &deflated(wide))]), u64::MAX), None);
}

#[test]
fn the_limit_of_a_message_counts_what_is_decompressed() {
    let input = frames(&[(0xc2, &deflated(&[b'x'; 1000]))]);
    assert_eq!(error(&input, 1000), None);
    assert_eq!(error(&input, 999), Some(Error::MessageTooBig));
}

#[test]
fn a_message_that_cannot_be_compressed_may_be_as_long_as_the_limit() {
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(1000)
    .collect();
    let payload = deflated(&noise);
    assert!(payload.len() > noise.len());
    assert_eq!(error(&frames(&[(0xc2, &payload)]), 1000), None);
    let fragments = frames(&[(0x42, b""), (0x80, &payload)]);
    assert_eq!(error(&fragments, 1000), None);
}

#[test]
fn more_than_could_be_a_message_is_refused_before_it_is_decompressed() {
    let input = frames(&[(0x42, &[0; 150]), (0x00, &[0; 50])]);
    assert_eq!(error(&input, 100), Some(Error::MessageTooBig));
    let mut header = vec![0xc2, 0xff];
    header.extend_from_slice(&(1_u64 << 50).to_be_bytes());
    header.extend_from_slice(&KEY);
    assert_eq!(error(&header, 1 << 30), Some(Error::MessageTooBig));
}

#[test]
fn what_is_not_deflate_data_is_refused() {
    for payload in [&b"\xff\xff\xff"[..], b"\x07", b"\xf2\x48\xcd"] {
        let input = frames(&[(0xc1, payload)]);
        let error = error(&input, u64::MAX).expect("it is wrong");
        assert!(matches!(error, Error::Inflate(_)), "{error:?}");
        assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
        let reason = error.reason();
        assert!(reason.ends_with('.') && reason.len() <= 123, "{reason}");
    }
}

#[test]
fn without_takeover_each_message_stands_on_its_own() {
    let agreed = Agreed {
        client_no_context_takeover: true,
        ..Agreed::default()
    };
    let input = frames(&[(0xc1, HELLO), (0xc1, b"\xf2\x00\x11\x00\x00")]);
    let received = Received::however_split(&input, &Limits::default(), Some(agreed));
    assert_eq!(received.events, "text Hello\n");
    assert!(matches!(received.error, Some(Error::Inflate(_))));
}

fn events(input: &[u8]) -> String {
    let received = Received::however_split(input, &Limits::default(), Some(Agreed::default()));
    assert_eq!(received.error, None);
    received.events
}

fn error(input: &[u8], message: u64) -> Option<Error> {
    let limits = Limits {
        message,
        frame: u64::MAX,
        ..Limits::default()
    };
    Received::however_split(input, &limits, Some(Agreed::default())).error
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(15, 6).compress(payload, &mut out, false);
    out
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut input = Vec::new();
    for (first, payload) in frames {
        client_frame(&mut input, *first, KEY, payload);
    }
    input
}
