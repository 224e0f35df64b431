//! The first message, in whatever pieces it comes.

use millrace_testkit::splits;
use millrace_tls::{Hello, HelloReader, Refusal};
use proptest::prelude::*;

use crate::authority::Authority;
use crate::pair::{Client, first_bytes, read_hello};

#[test]
fn a_hello_is_read_alike_in_all_pieces_and_not_before_its_last_byte() {
    for name in ["Www.Example.org.", "192.0.2.1"] {
        let bytes = hello_of(name);
        let whole = read_hello(&bytes).unwrap().unwrap();
        for pieces in splits(&bytes) {
            assert_eq!(read_pieces(&pieces), Ok(Some(whole.clone())));
        }
        assert_eq!(read_hello(&bytes[..bytes.len() - 1]), Ok(None));
    }
}

#[test]
fn the_name_is_in_lower_case_and_has_no_dot_at_its_end() {
    let name = |name| read_hello(&hello_of(name)).unwrap().unwrap().server_name;
    assert_eq!(name("Www.Example.org.").as_deref(), Some("www.example.org"));
    assert_eq!(
        name("under_score.test").as_deref(),
        Some("under_score.test")
    );
    assert_eq!(name("192.0.2.1"), None);
}

#[test]
fn an_address_that_is_sent_as_a_name_is_none() {
    let mut bytes = hello_of("somename");
    replace(&mut bytes, b"somename", b"10.1.2.3");
    assert_eq!(read_hello(&bytes).unwrap().unwrap().server_name, None);
}

#[test]
fn a_name_that_is_none_is_refused() {
    let mut bytes = hello_of("somename");
    replace(&mut bytes, b"somename", b"some/../");
    assert_eq!(
        read_hello(&bytes),
        Err(refusal(
            47,
            "peer misbehaved: ServerNameMustContainOneHostName"
        ))
    );
}

#[test]
fn a_hello_may_be_spread_over_any_number_of_records() {
    let bytes = hello_of("example.org");
    let whole = read_hello(&bytes).unwrap();
    for size in [1, 2, 3, 7, 100, 1000] {
        let spread = records(&bytes[5..], size);
        assert_eq!(read_hello(&spread), Ok(whole.clone()));
        assert_eq!(
            read_pieces(&spread.chunks(1).collect::<Vec<_>>()),
            Ok(whole.clone())
        );
    }
}

#[test]
fn what_follows_the_hello_is_not_looked_into() {
    let mut bytes = hello_of("example.org");
    let whole = read_hello(&bytes).unwrap();
    bytes.extend_from_slice(&[23, 3, 3, 0, 4, 1, 2, 3, 4]);
    bytes.extend_from_slice(&[0xff; 20_000]);
    assert_eq!(read_hello(&bytes), Ok(whole));
}

#[test]
fn a_hello_of_more_than_64_kib_is_refused_before_it_is_read() {
    let mut message = vec![1, 1, 0, 0];
    message.resize(100_000, 0);
    let refused = read_hello(&records(&message, 16_000)).unwrap_err();
    assert_eq!(
        refused,
        refusal(
            50,
            "received corrupt message of type HandshakePayloadTooLarge"
        )
    );
}

#[test]
fn a_hello_that_is_never_complete_is_not_kept_for_long() {
    let mut message = vec![1, 0, 0xea, 0x60];
    message.resize(60_000, 0);
    let bytes = records(&message, 16_000);
    assert_eq!(read_hello(&bytes[..20_000]), Ok(None));
    let mut reader = HelloReader::new();
    let mut taken = 0;
    let refused = bytes.chunks(1000).find_map(|piece| {
        taken += piece.len();
        reader.read(&mut &*piece).err()
    });
    assert_eq!(refused, Some(refusal(50, "the ClientHello is too long")));
    assert!(taken < 26_000, "{taken}");
}

#[test]
fn what_is_no_hello_is_refused_with_an_alert() {
    for (bytes, alert, text) in [
        (
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            50,
            "received corrupt message of type InvalidContentType",
        ),
        (
            &[22, 3, 1, 0xff, 0xff],
            50,
            "received corrupt message of type MessageTooLarge",
        ),
        (
            &[22, 3, 1, 0, 0],
            50,
            "received corrupt message of type InvalidEmptyPayload",
        ),
        (
            &[22, 9, 9, 0, 4, 1, 0, 0, 0],
            50,
            "received corrupt message of type UnknownProtocolVersion",
        ),
        (
            &[22, 3, 1, 0, 4, 1, 0, 0, 0],
            50,
            "received corrupt message of type MissingData(\"ProtocolVersion\")",
        ),
        (
            &[22, 3, 1, 0, 4, 14, 0, 0, 0],
            10,
            "received unexpected handshake message: got ServerHelloDone when expecting ClientHello",
        ),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            10,
            "received unexpected message: got Alert when expecting Handshake",
        ),
        (
            &[23, 3, 3, 0, 2, 2, 40],
            10,
            "received unexpected message: got ApplicationData when expecting Handshake",
        ),
        (
            &[20, 3, 3, 0, 1, 1],
            10,
            "received unexpected message: got ChangeCipherSpec when expecting Handshake",
        ),
    ] {
        assert_eq!(read_hello(bytes), Err(refusal(alert, text)), "{bytes:?}");
    }
}

#[test]
fn a_client_of_old_versions_is_told_that_they_are() {
    let hello = |version: u8| {
        let mut hello = vec![3, version];
        hello.extend_from_slice(&[7; 32]);
        // No session, one suite, no compression, no extensions.
        hello.extend_from_slice(&[0, 0, 2, 0xc0, 0x13, 1, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        [&[1, 0, 0, length][..], &hello].concat()
    };
    let text = "the client speaks no version of TLS above 1.1";
    for version in 0..3 {
        let bytes = records(&hello(version), 1000);
        assert_eq!(read_hello(&bytes), Err(refusal(70, text)));
        assert_eq!(
            read_pieces(&bytes.chunks(1).collect::<Vec<_>>()),
            Err(refusal(70, text))
        );
    }
    let text = "the client does not say which signatures it can verify";
    assert_eq!(
        read_hello(&records(&hello(3), 1000)),
        Err(refusal(40, text))
    );
    assert_eq!(read_hello(&records(&hello(2), 5)), Err(refusal(40, text)));
}

#[test]
fn a_second_message_behind_the_hello_is_refused() {
    let bytes = hello_of("example.org");
    let mut message = bytes[5..].to_vec();
    message.extend_from_slice(&[14, 0, 0, 0]);
    assert_eq!(
        read_hello(&records(&message, 16_000)),
        Err(refusal(10, "peer misbehaved: KeyEpochWithPendingFragment"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_hello_that_was_touched_is_read_or_refused_with_an_alert(
        touches in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = TOUCHED.with(Clone::clone);
        for (place, value) in touches {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let at = cut.index(bytes.len());
        let whole = read_hello(&bytes);
        prop_assert_eq!(&read_pieces(&[&bytes[..at], &bytes[at..]]), &whole);
        if let Err(refusal) = whole {
            prop_assert_eq!(&refusal.alert[..6], &[21, 3, 3, 0, 2, 2]);
            prop_assert_eq!(refusal.alert.len(), 7);
        }
    }
}

thread_local! {
    static TOUCHED: Vec<u8> = hello_of("example.org");
}

fn hello_of(name: &str) -> Vec<u8> {
    let client = Client {
        alpn: &["http/1.1"],
        ..Client::default()
    };
    first_bytes(&client.config(Authority::new("root").store()), name)
}

fn read_pieces(pieces: &[&[u8]]) -> Result<Option<Hello>, Refusal> {
    let mut reader = HelloReader::new();
    for piece in pieces {
        let mut piece = *piece;
        if let Some(hello) = reader.read(&mut piece)? {
            return Ok(Some(hello));
        }
        assert!(piece.is_empty());
    }
    Ok(None)
}

/// A handshake message in records of at most `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |piece: &[u8]| {
        [
            &[22, 3, 1][..],
            &u16::try_from(piece.len()).unwrap().to_be_bytes(),
            piece,
        ]
        .concat()
    };
    message.chunks(size).flat_map(record).collect()
}

fn replace(bytes: &mut [u8], what: &[u8], with: &[u8]) {
    let place = bytes
        .windows(what.len())
        .position(|window| window == what)
        .unwrap();
    bytes[place..place + with.len()].copy_from_slice(with);
}

fn refusal(alert: u8, text: &str) -> Refusal {
    Refusal {
        text: text.into(),
        alert: vec![21, 3, 3, 0, 2, 2, alert],
    }
}
