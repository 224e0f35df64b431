//! Text is UTF-8, and fails at the first byte that cannot continue, wherever frames and reads end.

use millrace_testkit::{Received, client_frame};
use millrace_ws::{Error, Limits};
use proptest::prelude::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One character of every length, and those next to what is not allowed.
const VALID: [&str; 8] = [
    "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}",
    "\0\u{7f}\u{80}\u{7ff}\u{800}",
    "\u{d7ff}\u{e000}\u{fffd}",
    "\u{fffe}\u{ffff}",
    "\u{10000}\u{10ffff}",
    "a\u{1f600}b\u{1f600}",
    "\u{1f600}",
    "plain",
];

/// Bytes that are not UTF-8, and how many of them are needed to know it.
const INVALID: [(&[u8], usize); 16] = [
    (b"\x80", 1),
    (b"\xbf", 1),
    (b"a\xc0\xaf", 2),
    (b"\xc1\xbf", 1),
    (b"\xc3\x28", 2),
    (b"\xe0\x80\xaf", 2),
    (b"\xe0\x9f\xbf", 2),
    (b"\xe2\x82\x28", 3),
    (b"\xed\xa0\x80", 2),
    (b"\xed\xbf\xbf", 2),
    (b"\xf0\x80\x80\xaf", 2),
    (b"\xf0\x9f\x98\x28", 4),
    (b"\xf4\x90\x80\x80", 2),
    (b"\xf5\x80\x80\x80", 1),
    (b"\xf8\x88\x80\x80\x80", 1),
    (b"\xff", 1),
];

#[test]
fn text_may_be_cut_inside_a_character_by_frames() {
    for text in VALID {
        for at in 0..=text.len() {
            let (one, two) = text.as_bytes().split_at(at);
            let input = frames(&[(0x01, one), (0x89, b""), (0x80, two)]);
            let received = Received::however_split(&input, &Limits::default(), None);
            assert_eq!(received.error, None, "{text:?} cut at {at}");
            let line = text.as_bytes().escape_ascii();
            assert_eq!(received.events, format!("ping\ntext {line}\n"));
        }
        let bytes: Vec<_> = text.bytes().map(|byte| (0x00, [byte])).collect();
        let mut input = frames(&[(0x01, b"")]);
        for (first, payload) in &bytes {
            client_frame(&mut input, *first, KEY, payload);
        }
        client_frame(&mut input, 0x80, KEY, b"");
        let received = Received::however_split(&input, &Limits::default(), None);
        assert_eq!(received.error, None, "{text:?} in frames of one byte");
    }
}

#[test]
fn wrong_text_is_refused_before_its_frame_is_there() {
    for (bytes, needed) in INVALID {
        for before in ["", "some text before it ", "\u{3ba}\u{1f600}"] {
            let text = [before.as_bytes(), bytes, b"and what never comes"].concat();
            let input = frames(&[(0x81, &text)]);
            assert_eq!(known_after(&input), 6 + before.len() + needed, "{text:?}");
            let received = Received::however_split(&input, &Limits::default(), None);
            assert_eq!(received.error, Some(Error::InvalidUtf8), "{text:?}");
        }
    }
}

#[test]
fn wrong_text_is_refused_across_fragments() {
    for (bytes, needed) in INVALID {
        for at in 0..=needed - 1 {
            let (one, two) = bytes.split_at(at);
            let input = frames(&[(0x01, one), (0x8a, b"!"), (0x00, two), (0x80, b"")]);
            // Three headers and the pong, and in front of the second piece the first one.
            assert_eq!(
                known_after(&input),
                6 + at + 7 + 6 + needed - at,
                "{bytes:?}"
            );
            let received = Received::however_split(&input, &Limits::default(), None);
            assert_eq!(
                received.error,
                Some(Error::InvalidUtf8),
                "{bytes:?} cut at {at}"
            );
        }
    }
}

#[test]
fn a_text_that_ends_inside_a_character_is_refused() {
    for cut in [&b"\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"ok\xe2"] {
        let (one, two) = cut.split_at(cut.len() - 1);
        for input in [
            frames(&[(0x81, cut)]),
            frames(&[(0x01, cut), (0x80, b"")]),
            frames(&[(0x01, one), (0x80, two)]),
        ] {
            let received = Received::however_split(&input, &Limits::default(), None);
            assert_eq!(received.error, Some(Error::InvalidUtf8), "{cut:?}");
            assert_eq!(received.events, "");
        }
    }
}

#[test]
fn binary_messages_may_have_any_bytes() {
    for (bytes, _) in INVALID {
        let input = frames(&[(0x02, bytes), (0x80, bytes)]);
        let received = Received::however_split(&input, &Limits::default(), None);
        assert_eq!(received.error, None);
    }
}

proptest! {
    #[test]
    fn text_is_refused_exactly_when_the_standard_library_refuses_it(
        pieces in proptest::collection::vec(piece(), 1..6),
    ) {
        let mut input = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let opcode = u8::from(index == 0);
            let fin = if index + 1 == pieces.len() { 0x80 } else { 0 };
            client_frame(&mut input, fin | opcode, KEY, piece);
        }
        let whole = pieces.concat();
        let expected = match std::str::from_utf8(&whole) {
            Ok(_) => None,
            Err(_) => Some(Error::InvalidUtf8),
        };
        let received = Received::however_split(&input, &Limits::default(), None);
        prop_assert_eq!(received.error, expected);
        if let Err(error) = std::str::from_utf8(&whole)
            && let [piece] = &pieces[..]
            && let Some(_) = error.error_len()
        {
            // Known at the latest with the byte behind the wrong ones, and not before the good ones.
            let known = known_after(&input);
            let header = input.len() - piece.len();
            prop_assert!(known > header + error.valid_up_to());
            prop_assert!(known <= header + error.valid_up_to() + 4);
        }
    }
}

/// Good text, good text that is cut, and bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        ("\\PC{1,8}", 0usize..4).prop_map(|(text, cut)| {
            let mut bytes = text.into_bytes();
            bytes.truncate(bytes.len().saturating_sub(cut));
            bytes
        }),
        proptest::collection::vec(0x80u8.., 0..4),
        "[a-z]{0,40}".prop_map(String::into_bytes),
    ]
}

/// How many bytes of `input` it takes to know that it is wrong.
fn known_after(input: &[u8]) -> usize {
    let is_wrong = |count: &usize| {
        let pieces = input[..*count].chunks(1);
        Received::of(pieces, &Limits::default(), None, false)
            .error
            .is_some()
    };
    (0..=input.len()).find(is_wrong).expect("it is wrong")
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut input = Vec::new();
    for (first, payload) in frames {
        client_frame(&mut input, *first, KEY, payload);
    }
    input
}
