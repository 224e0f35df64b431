//! From the first byte to the first plaintext.

use std::io::Write;

use millrace_tls::rustls::version::{TLS12, TLS13};

use crate::pair::{Pair, Server, Site, deliver, sent};

/// A whole handshake whose bytes come to the server in pieces.
fn handshake_in_pieces(site: &Site, piece: usize) {
    let (
        Pair {
            mut client,
            mut server,
        },
        first,
    ) = site.greeting();
    client.writer().write_all(b"first").unwrap();
    let mut to_server = first;
    let mut plaintext = Vec::new();
    while !to_server.is_empty() {
        for bytes in to_server.chunks(piece) {
            plaintext.extend(server.give(bytes).unwrap());
        }
        deliver(&mut client, &server.sent()).unwrap();
        to_server = sent(&mut client);
    }
    assert!(server.session.is_open());
    assert_eq!(plaintext, b"first");
    assert_eq!(server.session.kept(), 0);
}

#[test]
fn comes_in_pieces_of_every_size() {
    for version in [&TLS12, &TLS13] {
        let site = Site::new(&[version]);
        for piece in (1..40).chain([100, 1000, 10_000]) {
            handshake_in_pieces(&site, piece);
        }
    }
}

#[test]
fn comes_split_at_every_byte() {
    for version in [&TLS12, &TLS13] {
        let site = Site::new(&[version]);
        let (_, first) = site.greeting();
        for split in 1..first.len() {
            let (pair, first) = site.greeting();
            let (one, other) = first.split_at(split.min(first.len() - 1));
            let mut pair = pair;
            assert_eq!(pair.server.give(one), Ok(Vec::new()));
            assert!(
                pair.server.sealed.is_empty(),
                "there is nothing to say to that"
            );
            assert_eq!(pair.server.give(other), Ok(Vec::new()));
            pair.exchange();
            assert!(pair.server.session.is_open() && !pair.client.is_handshaking());
        }
    }
}

#[test]
fn comes_in_records_of_every_small_size() {
    for version in [&TLS12, &TLS13] {
        let site = Site::new(&[version]);
        for size in [1, 2, 3, 4, 5, 7, 64] {
            let (mut pair, first) = site.greeting();
            let records: Vec<u8> = first[5..]
                .chunks(size)
                .flat_map(|chunk| [&[22, 3, 1, 0, chunk.len() as u8], chunk].concat())
                .collect();
            for bytes in records.chunks(11) {
                assert_eq!(pair.server.give(bytes), Ok(Vec::new()));
            }
            pair.exchange();
            assert!(pair.server.session.is_open(), "{size}");
        }
    }
}

#[test]
fn begins_with_what_came_before_it_was_known_how_to_answer() {
    let site = Site::new(&[&TLS13]);
    let mut client = site.client();
    let first = sent(&mut client);
    let mut server = Server::new(site.config(&first));
    server.session = millrace_tls::Session::new(site.config(&first), first).unwrap();
    assert!(server.session.has_records());
    assert_eq!(server.give(&[]), Ok(Vec::new()));
    let mut pair = Pair { client, server };
    pair.exchange();
    assert!(pair.server.session.is_open());
}

#[test]
fn says_what_was_agreed_on() {
    for (version, number, suite) in [
        (&TLS12, 0x0303, "TLS_ECDHE_ECDSA_WITH_"),
        (&TLS13, 0x0304, "TLS_AES_"),
    ] {
        let site = Site::new(&[version]);
        let info = site.open().server.session.info();
        assert_eq!(info.version, number);
        assert!(info.suite_name.starts_with(suite), "{}", info.suite_name);
        assert_ne!(info.suite, 0);
        assert!(info.group.is_some_and(|group| group.contains("25519")));
        assert!(!info.resumed && info.peer_chain.is_empty());
        let again = site.open().server.session.info();
        assert!(again.resumed);
    }
}

#[test]
fn nothing_is_sealed_before_it_is_complete() {
    let (mut pair, first) = Site::new(&[&TLS13]).greeting();
    assert_eq!(pair.server.seal(b"too early"), 0);
    pair.server.give(&first).unwrap();
    let flight = pair.server.sent();
    assert_eq!(pair.server.seal(b"too early"), 0);
    pair.server.session.close_notify(&mut pair.server.sealed);
    assert!(pair.server.sealed.is_empty());
    deliver(&mut pair.client, &flight).unwrap();
    pair.exchange();
    assert_eq!(pair.server.seal(b"in time"), 7);
    let sent = pair.server.sent();
    assert_eq!(deliver(&mut pair.client, &sent).unwrap(), b"in time");
}
