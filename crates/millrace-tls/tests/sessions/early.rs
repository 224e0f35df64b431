//! Data that comes before the handshake is complete.

use std::io::Write;

use millrace_tls::Settings;
use millrace_tls::rustls::version::TLS13;

use crate::pair::{Pair, Server, Site, deliver, sent};

fn site(early_data_bytes: u32) -> Site {
    let settings = Settings {
        early_data_bytes,
        ..Settings::default()
    };
    Site::with(settings, &[&TLS13])
}

/// A client that has a ticket and sends this at once, and a server that has heard nothing.
fn hasty(site: &Site, early: &[u8]) -> (Pair, Vec<u8>) {
    site.open();
    let mut client = site.client();
    let mut writer = client.early_data().expect("a ticket that allows it");
    writer.write_all(early).unwrap();
    let first = sent(&mut client);
    let server = Server::new(site.config(&first));
    (Pair { client, server }, first)
}

#[test]
fn is_told_apart_from_what_comes_later() {
    let site = site(1000);
    let (mut pair, first) = hasty(&site, b"early");
    let (mut memory, mut plaintext) = (vec![0; 100_000], [0; 100]);
    memory[..first.len()].copy_from_slice(&first);
    let server = &mut pair.server;
    let count = server
        .session
        .receive(&mut memory, first.len(), &mut plaintext, &mut server.sealed)
        .unwrap();
    assert_eq!(count, 0, "it is taken by itself");
    assert!(server.session.is_early() && !server.session.is_open());

    // The rest of the handshake and more come before it is taken.
    let flight = server.sent();
    deliver(&mut pair.client, &flight).unwrap();
    pair.client.writer().write_all(b"late").unwrap();
    let bytes = sent(&mut pair.client);
    let mut fresh = bytes.len();
    memory[server.session.kept()..][..fresh].copy_from_slice(&bytes);
    while !server.session.is_open() || server.session.has_records() {
        let count = server
            .session
            .receive(&mut memory, fresh, &mut [], &mut server.sealed)
            .unwrap();
        assert_eq!(count, 0);
        fresh = 0;
    }
    assert!(server.session.is_early());
    assert_eq!(server.session.take_plaintext(&mut plaintext), 5);
    assert_eq!(&plaintext[..5], b"early");
    assert!(!server.session.is_early());
    assert_eq!(server.session.take_plaintext(&mut plaintext), 4);
    assert_eq!(&plaintext[..4], b"late");
}

#[test]
fn comes_in_pieces_of_every_size() {
    let site = site(1000);
    for piece in [1, 2, 3, 5, 8, 100, 1000] {
        let (mut pair, first) = hasty(&site, b"early");
        let mut plaintext = Vec::new();
        for bytes in first.chunks(piece) {
            plaintext.extend(pair.server.give(bytes).unwrap());
        }
        assert_eq!(plaintext, b"early", "{piece}");
        pair.exchange();
        assert!(pair.server.session.is_open());
    }
}

#[test]
fn is_skipped_where_it_is_not_wanted() {
    let wanted = site(16_000);
    for records in [0, 1, 2, 10, 15] {
        let (mut pair, mut first) = hasty(&wanted, b"early");
        for _ in 0..records {
            let mut writer = pair.client.early_data().unwrap();
            writer.write_all(&[b'e'; 500]).unwrap();
            first.extend(sent(&mut pair.client));
        }
        // The same client comes to a server that has forgotten its tickets.
        let forgetful = wanted.config_of_another(&first);
        pair.server = Server::new(forgetful);
        assert_eq!(pair.server.give(&first), Ok(Vec::new()));
        assert!(!pair.server.session.is_open() && !pair.server.session.is_early());
        assert_eq!(pair.exchange(), b"");
        assert!(pair.server.session.is_open(), "{records}");
        assert!(!pair.client.is_early_data_accepted());
    }
}
