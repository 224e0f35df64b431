//! Clients that break the protocol: each is told how, and JavaScript too.

use std::io::Write;

use millrace_server::{WebSocketLimits, WebSocketSettings};

use super::client::{BINARY, CLOSE, PING, Site, TEXT, close_payload, frame, read_frame};
use super::records::send;
use crate::client::read_to_end;

#[test]
fn each_error_closes_with_its_code_and_its_reason() {
    let limits = WebSocketLimits {
        message: 1000,
        frame: 500,
        fragments: 3,
    };
    let unmasked = vec![0x81, 2, b'h', b'i'];
    let table: [(&str, Vec<u8>, u16); 18] = [
        ("not masked", unmasked, 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("another reserved bit", frame(0x91, b"x"), 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a reserved control opcode", frame(0x8b, b"x"), 1002),
        ("a fragmented ping", frame(0x09, b"x"), 1002),
        ("a long ping", frame(PING, &[0; 126]), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        (
            "a message within another",
            [frame(0x01, b"x"), frame(TEXT, b"y")].concat(),
            1002,
        ),
        ("half of a code", frame(CLOSE, &[3]), 1002),
        (
            "a code that is never sent",
            frame(CLOSE, &close_payload(1005, "")),
            1002,
        ),
        (
            "a reason that is no text",
            frame(CLOSE, b"\x03\xe8\xff"),
            1007,
        ),
        ("a text that is none", frame(TEXT, b"a\xffb"), 1007),
        (
            "a text that ends within a character",
            frame(TEXT, b"\xe2\x82"),
            1007,
        ),
        (
            "a text that breaks within a frame",
            frame(TEXT, b"a\xffb")[..9].to_vec(),
            1007,
        ),
        ("a long frame", frame(BINARY, &[0; 501])[..8].to_vec(), 1009),
        (
            "a long message",
            [
                frame(0x02, &[0; 400]),
                frame(0x00, &[0; 400]),
                frame(0x80, &[0; 400]),
            ]
            .concat(),
            1009,
        ),
        (
            "many fragments",
            [frame(0x02, b""), frame(0, b"").repeat(3)].concat(),
            1008,
        ),
    ];
    let mut site = Site::new(WebSocketSettings {
        limits,
        ..WebSocketSettings::default()
    });
    let count = table.len() as u64;
    for (what, bytes, expected) in table {
        let (mut client, id) = site.open();
        client
            .write_all(&[frame(TEXT, b"fine"), bytes].concat())
            .unwrap();
        assert_eq!(site.js.message(), b"fine", "{what}");
        site.js.send(send(id, 0, 0, b"fine too"));
        let (is_clean, code, reason) = site.js.closed(id);
        assert_eq!((is_clean, code), (false, expected), "{what}");
        assert!(reason.len() > 10, "{what}: {reason}");
        assert_eq!(
            read_frame(&mut client),
            (TEXT, b"fine too".to_vec()),
            "{what}"
        );
        let told = (CLOSE, close_payload(code, &reason));
        assert_eq!(read_frame(&mut client), told, "{what}");
        assert_eq!(read_to_end(&mut client), "", "{what}");
    }
    assert_eq!(site.stats().protocol_errors, count);
    assert_eq!(site.stats().websockets, 0);
}

#[test]
fn nothing_is_received_behind_an_error() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let bytes = [frame(0x83, b""), frame(TEXT, b"not looked at")].concat();
    client.write_all(&bytes).unwrap();
    assert_eq!(site.js.closed(id).1, 1002);
    // What comes while the connection lingers is read and forgotten.
    client.write_all(&frame(TEXT, &[b'x'; 50_000])).unwrap();
    assert_eq!(read_frame(&mut client).0, CLOSE);
    assert_eq!(read_to_end(&mut client), "");
    assert_eq!(site.stats().messages_received, 0);
    site.is_well();
}
