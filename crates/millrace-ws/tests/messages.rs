//! Messages in frames: whole, in fragments, and with control frames between.

use millrace_testkit::{Received, client_frame};
use millrace_ws::Limits;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[test]
fn the_masked_example_of_the_standard_is_read() {
    // RFC 6455 5.7.
    let input = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(events(input), "text Hello\n");
}

#[test]
fn messages_of_one_frame_are_given_one_by_one() {
    let input = frames(&[
        (0x81, b"one"),
        (0x82, b"\x00\xff"),
        (0x81, b""),
        (0x82, b""),
        (0x81, "\u{e9}".as_bytes()),
    ]);
    assert_eq!(
        events(&input),
        "text one\nbinary \\x00\\xff\ntext\nbinary\ntext \\xc3\\xa9\n"
    );
}

#[test]
fn fragments_are_put_together() {
    let input = frames(&[
        (0x01, b"a "),
        (0x00, b""),
        (0x00, b"fragmented"),
        (0x80, b" text"),
        (0x02, b""),
        (0x00, b"\xff"),
        (0x80, b""),
        (0x01, b""),
        (0x80, b""),
    ]);
    assert_eq!(
        events(&input),
        "text a fragmented text\nbinary \\xff\ntext\n"
    );
}

#[test]
fn control_frames_come_between_fragments() {
    let input = frames(&[
        (0x89, b""),
        (0x01, b"one"),
        (0x89, b"ping"),
        (0x00, b" and"),
        (0x8a, b"pong"),
        (0x80, b" two"),
        (0x8a, &[7; 125]),
    ]);
    let pong = format!("pong {}\n", "\\x07".repeat(125));
    assert_eq!(
        events(&input),
        format!("ping\nping ping\npong pong\ntext one and two\n{pong}")
    );
}

#[test]
fn lengths_of_all_three_forms_are_read() {
    for length in [0, 1, 125, 126, 127, 0xfffe, 0xffff, 0x1_0000, 0x1_0001] {
        let mut input = Vec::new();
        client_frame(&mut input, 0x82, KEY, &vec![b'x'; length]);
        let line = format!("binary {}", "x".repeat(length));
        let expected = format!("{}\n", line.trim_end());
        for pieces in [vec![&input[..]], input.chunks(1000).collect()] {
            let received = Received::of(pieces, &Limits::default(), None, false);
            assert_eq!(received.error, None);
            assert!(received.events == expected, "{length} bytes");
        }
    }
}

#[test]
fn nothing_is_received_after_a_close() {
    let input = frames(&[
        (0x81, b"last"),
        (0x88, b"\x03\xe8bye"),
        (0x81, b"too late"),
        (0xff, b""),
    ]);
    assert_eq!(events(&input), "text last\nclose 1000 bye\n");
}

#[test]
fn a_close_may_come_inside_a_message() {
    let input = frames(&[(0x01, b"never ended"), (0x88, b"")]);
    assert_eq!(events(&input), "close\n");
}

/// What is received of `input` without an error.
fn events(input: &[u8]) -> String {
    let received = Received::however_split(input, &Limits::default(), None);
    assert_eq!(received.error, None);
    assert_eq!(received.unread, b"");
    received.events
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut input = Vec::new();
    for (first, payload) in frames {
        client_frame(&mut input, *first, KEY, payload);
    }
    input
}
