//! Plaintext in and out.

use std::io::{IoSlice, Write};

use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::{RECORD_BYTES, SEAL_BYTES};

use crate::pair::{Site, deliver, sent, text};

#[test]
fn comes_split_at_every_byte() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Site::new(&[version]).open();
        for round in 0..120 {
            pair.client.writer().write_all(b"one").unwrap();
            pair.client.writer().write_all(b"").unwrap();
            pair.client.writer().write_all(b"other").unwrap();
            let bytes = sent(&mut pair.client);
            let (begin, end) = bytes.split_at(round % bytes.len());
            let mut plaintext = pair.server.give(begin).unwrap();
            plaintext.extend(pair.server.give(end).unwrap());
            assert_eq!(plaintext, b"oneother");
            assert_eq!(pair.server.session.kept(), 0);
        }
    }
}

#[test]
fn comes_whole_however_little_memory_there_is_for_it() {
    let all = text(100_000);
    for version in [&TLS12, &TLS13] {
        for room in [
            1,
            100,
            RECORD_BYTES - 1,
            RECORD_BYTES,
            RECORD_BYTES + 1,
            200_000,
        ] {
            let mut pair = Site::new(&[version]).open();
            pair.server.room = room;
            pair.client.set_buffer_limit(None);
            pair.client.writer().write_all(&all).unwrap();
            let bytes = sent(&mut pair.client);
            let mut plaintext = Vec::new();
            for piece in bytes.chunks(65_000) {
                plaintext.extend(pair.server.give(piece).unwrap());
            }
            assert!(plaintext == all, "{room}");
        }
    }
}

#[test]
fn records_for_which_there_is_no_memory_wait_as_they_came() {
    let mut pair = Site::new(&[&TLS13]).open();
    pair.client.set_buffer_limit(None);
    pair.client.writer().write_all(&text(50_000)).unwrap();
    let bytes = sent(&mut pair.client);
    let (mut memory, mut plaintext) = (bytes.clone(), vec![0; 1000]);
    let server = &mut pair.server;
    let count = server
        .session
        .receive(&mut memory, bytes.len(), &mut plaintext, &mut server.sealed)
        .unwrap();
    assert_eq!(count, 1000);
    assert!(server.session.has_records());
    assert!(server.session.kept() > 50_000 - RECORD_BYTES);

    // What is sent meanwhile does not disturb them.
    assert_eq!(server.seal(b"hello"), 5);
    let sent = server.sent();
    assert_eq!(deliver(&mut pair.client, &sent).unwrap(), b"hello");
    plaintext.extend(server.give(&[]).unwrap());
    assert!(plaintext == text(50_000));
    assert_eq!(server.session.kept(), 0);
}

#[test]
fn is_sealed_in_records_of_the_largest_size() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Site::new(&[version]).open();
        for length in [1, 100, RECORD_BYTES, RECORD_BYTES + 1, SEAL_BYTES] {
            assert_eq!(pair.server.seal(&text(length)), length);
            let bytes = pair.server.sent();
            let records = length.div_ceil(RECORD_BYTES);
            assert!(
                bytes.len() - length <= records * 29,
                "{length}: {}",
                bytes.len()
            );
            assert!(deliver(&mut pair.client, &bytes).unwrap() == text(length));
        }
        assert_eq!(pair.server.seal(&text(SEAL_BYTES + 1)), SEAL_BYTES);
    }
}

#[test]
fn slices_are_sealed_in_order_and_small_ones_share_a_record() {
    let mut pair = Site::new(&[&TLS13]).open();
    for lengths in [
        &[1, 2, 3][..],
        &[150, 20_000],
        &[150, 100_000, 7],
        &[0, 0, 5, 0],
        &[40_000, 150, 40_000],
        &[RECORD_BYTES; 6],
        &[RECORD_BYTES - 1, 2],
        &[100; 32],
    ] {
        let all = text(lengths.iter().sum());
        let mut rest = &all[..];
        let slices: Vec<IoSlice<'_>> = lengths
            .iter()
            .map(|&length| IoSlice::new(rest.split_off(..length).unwrap()))
            .collect();
        let server = &mut pair.server;
        let count = server
            .session
            .seal_slices(&slices, &mut server.sealed)
            .unwrap();
        assert_eq!(count, all.len().min(SEAL_BYTES), "{lengths:?}");
        let bytes = server.sent();
        let records = count.div_ceil(RECORD_BYTES);
        assert!(bytes.len() - count <= (records + 1) * 22, "{lengths:?}");
        assert!(deliver(&mut pair.client, &bytes).unwrap() == all[..count]);
    }
}

#[test]
fn keys_are_changed_when_the_client_asks_for_it() {
    let mut pair = Site::new(&[&TLS13]).open();
    for round in 0..100 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"hello").unwrap();
        let bytes = sent(&mut pair.client);
        let (begin, end) = bytes.split_at(round % bytes.len());
        let mut plaintext = pair.server.give(begin).unwrap();
        // Half a message of a handshake must not be in the way of what is sent.
        assert_eq!(pair.server.seal(b"mean"), 4);
        plaintext.extend(pair.server.give(end).unwrap());
        assert_eq!(plaintext, b"hello");
        assert_eq!(pair.server.seal(b"while"), 5);
        let sent = pair.server.sent();
        assert_eq!(deliver(&mut pair.client, &sent).unwrap(), b"meanwhile");
    }
}
