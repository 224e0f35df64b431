//! Frames as they are sent.

use millrace_ws::{Opcode, header_len, write_close, write_frame, write_header, write_message};

#[test]
fn frames_are_those_of_the_standard() {
    // RFC 6455 5.7, its unmasked examples.
    assert_eq!(message(false, false, b"Hello", 0), b"\x81\x05Hello");
    assert_eq!(message(false, false, b"Hello", 3), b"\x01\x03Hel\x80\x02lo");
    assert_eq!(frame(Opcode::Ping, b"Hello"), b"\x89\x05Hello");
    let binary = message(true, false, &[0; 256], 0);
    assert_eq!(binary[..4], *b"\x82\x7e\x01\x00");
    let binary = message(true, false, &[0; 65536], 0);
    assert_eq!(binary[..10], *b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
}

#[test]
fn a_compressed_message_of_the_standard_is_marked_in_its_first_frame() {
    // RFC 7692 7.2.3.1.
    let deflated = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(
        message(false, true, deflated, 0),
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
    );
    assert_eq!(
        message(false, true, deflated, 3),
        b"\x41\x03\xf2\x48\xcd\x00\x03\xc9\xc9\x07\x80\x01\x00"
    );
}

#[test]
fn fragments_are_as_long_as_asked_and_the_last_what_is_left() {
    for (length, fragment, expected) in [
        (0, 1, &[0][..]),
        (1, 1, &[1]),
        (3, 1, &[1, 1, 1]),
        (4, 2, &[2, 2]),
        (5, 2, &[2, 2, 1]),
        (5, 5, &[5]),
        (5, 9, &[5]),
        (300, 200, &[200, 100]),
    ] {
        let payload = vec![7; length];
        let mut rest = &message(true, false, &payload, fragment)[..];
        for (index, &length) in expected.iter().enumerate() {
            let (first, last) = (index == 0, index + 1 == expected.len());
            let opcode = if first {
                Opcode::Binary
            } else {
                Opcode::Continuation
            };
            let mut piece = Vec::new();
            write_frame(&mut piece, opcode, last, false, &payload[..length]);
            rest = rest.strip_prefix(&piece[..]).expect("the next fragment");
        }
        assert_eq!(rest, b"");
    }
}

#[test]
fn headers_have_the_fewest_bytes_that_say_the_length() {
    for (length, bytes) in [
        (0, 2),
        (125, 2),
        (126, 4),
        (0xffff, 4),
        (0x1_0000, 10),
        (u64::MAX >> 1, 10),
    ] {
        let mut header = Vec::new();
        write_header(&mut header, Opcode::Binary, true, false, length);
        assert_eq!((header.len(), header_len(length)), (bytes, bytes));
    }
}

#[test]
fn a_close_has_a_code_and_a_reason_or_nothing() {
    assert_eq!(close(None, "never said"), b"\x88\x00");
    assert_eq!(close(Some(1000), ""), b"\x88\x02\x03\xe8");
    assert_eq!(close(Some(1001), "bye"), b"\x88\x05\x03\xe9bye");
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let fits = "x".repeat(123);
    assert_eq!(close(Some(4000), &fits).len(), 2 + 125);
    assert_eq!(
        close(Some(4000), &format!("{fits}y"))[2 + 2..],
        *fits.as_bytes()
    );
    let wide = "\u{1f600}".repeat(31);
    let cut = close(Some(4000), &wide);
    assert_eq!(cut[1] as usize, 2 + 120);
    assert_eq!(cut[4..], wide.as_bytes()[..120]);
}

fn message(binary: bool, rsv1: bool, payload: &[u8], fragment: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write_message(&mut out, binary, rsv1, payload, fragment);
    out
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, opcode, true, false, payload);
    out
}

fn close(code: Option<u16>, reason: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_close(&mut out, code, reason);
    out
}
