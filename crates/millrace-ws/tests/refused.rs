//! What breaks the protocol, with the code that it is closed with, and the byte at which it is known.

use millrace_testkit::{Received, client_frame};
use millrace_ws::{Agreed, CloseCode, Error, Limits};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How long it takes to know what is wrong: so many bytes, the first that say it included.
struct Row {
    what: &'static str,
    input: Vec<u8>,
    known_after: usize,
    code: u16,
}

#[test]
fn every_breach_of_the_protocol_is_told_at_its_first_byte_however_the_input_is_split() {
    for row in rows() {
        let received = Received::however_split(&row.input, &Limits::default(), None);
        let code = received.error.map(|error| error.close_code());
        assert_eq!(code, Some(row.code), "{}", row.what);
        assert_eq!(received.events, "", "{}", row.what);
        let before = &row.input[..row.known_after - 1];
        let received = Received::of([before], &Limits::default(), None, false);
        assert_eq!(received.error, None, "{} before it is known", row.what);
        let known = &row.input[..row.known_after];
        let received = Received::of([known], &Limits::default(), None, false);
        assert!(received.error.is_some(), "{} once it is known", row.what);
    }
}

#[test]
fn what_came_before_a_breach_is_given() {
    let mut input = Vec::new();
    client_frame(&mut input, 0x81, KEY, b"good");
    client_frame(&mut input, 0x89, KEY, b"good as well");
    client_frame(&mut input, 0x83, KEY, b"bad");
    client_frame(&mut input, 0x81, KEY, b"too late");
    let received = Received::however_split(&input, &Limits::default(), None);
    assert_eq!(received.events, "text good\nping good as well\n");
    assert_eq!(
        received.error,
        Some(Error::Protocol("A frame has a reserved opcode."))
    );
}

#[test]
fn the_bit_of_compression_is_only_of_first_frames() {
    let agreed = Some(Agreed::default());
    for first in [0xc8, 0xc9, 0xca] {
        refuse_compressed(&frame(first, b""), agreed);
    }
    for rest in [0x40, 0xc0] {
        refuse_compressed(&[frame(0x01, b"a"), frame(rest, b"")].concat(), agreed);
        refuse_compressed(&[frame(0x41, b"a"), frame(rest, b"")].concat(), agreed);
    }
}

#[test]
fn every_error_explains_itself_in_a_sentence_that_fits_into_a_close_frame() {
    let others = [
        Error::InvalidUtf8,
        Error::MessageTooBig,
        Error::FrameTooBig,
        Error::TooManyFragments,
    ];
    let protocol = rows()
        .into_iter()
        .filter_map(|row| Received::of([&row.input[..]], &Limits::default(), None, false).error);
    for error in protocol.chain(others) {
        let reason = error.to_string();
        assert!(reason.ends_with('.') && reason.len() <= 123, "{reason}");
    }
}

fn refuse_compressed(input: &[u8], agreed: Option<Agreed>) {
    let received = Received::however_split(input, &Limits::default(), agreed);
    let code = received.error.map(|error| error.close_code());
    assert_eq!(
        code,
        Some(CloseCode::PROTOCOL_ERROR),
        "{}",
        input.escape_ascii()
    );
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |what, input: Vec<u8>, known_after, code| {
        rows.push(Row {
            what,
            input,
            known_after,
            code,
        });
    };
    for bits in [0x40, 0x20, 0x10, 0x70] {
        for opcode in [0x80, 0x81, 0x82, 0x01, 0x88, 0x89, 0x8a] {
            row("a reserved bit", frame(opcode | bits, b"x"), 1, 1002);
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        row("a reserved opcode", frame(0x80 | opcode, b"x"), 1, 1002);
        row("a fragment of it", frame(opcode, b""), 1, 1002);
    }
    for opcode in [8, 9, 10] {
        row("a control frame in fragments", frame(opcode, b""), 1, 1002);
        let long = frame(0x80 | opcode, &[0; 126]);
        row("a long control frame", long, 2, 1002);
        let longer = frame(0x80 | opcode, &[0; 0x1_0000]);
        row("a longer control frame", longer[..20].to_vec(), 2, 1002);
    }
    for opcode in [0x81, 0x82, 0x88, 0x89, 0x8a, 0x80] {
        row("no mask", vec![opcode, 1, b'x'], 2, 1002);
        row("no mask on nothing", vec![opcode, 0], 2, 1002);
    }
    for length in [0, 1, 125] {
        row("2 bytes for a short length", two_bytes(length), 4, 1002);
    }
    for length in [0, 125, 126, 0xffff] {
        row("8 bytes for a short length", eight_bytes(length), 10, 1002);
    }
    for length in [1 << 63, u64::MAX] {
        row("the highest bit of a length", eight_bytes(length), 10, 1002);
    }
    let data = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
    row("a text inside a message", data, 7 + 6, 1002);
    let data = [frame(0x02, b"a"), frame(0x00, b"b"), frame(0x02, b"")].concat();
    row("a binary message inside one", data, 14 + 6, 1002);
    row("a continuation of nothing", frame(0x00, b"a"), 6, 1002);
    row("an end of nothing", frame(0x80, b""), 6, 1002);
    row("half of a close code", frame(0x88, b"\x03"), 7, 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999] {
        row("a close code that is not sent", close(code, b""), 8, 1002);
    }
    for code in [5000_u16, 0xffff] {
        row("a close code of nobody", close(code, b"why"), 11, 1002);
    }
    for reason in [
        &b"\xff"[..],
        b"abc\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        let known_after = 8 + reason.len();
        row(
            "a reason that is not UTF-8",
            close(1000, reason),
            known_after,
            1007,
        );
    }
    rows
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    client_frame(&mut frame, first, KEY, payload);
    frame
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason].concat())
}

fn two_bytes(length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    vec![0x82, 0xfe, high, low, 0, 0, 0, 0]
}

fn eight_bytes(length: u64) -> Vec<u8> {
    [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}
