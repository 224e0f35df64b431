//! How sessions end.

use std::io::Write;

use millrace_tls::rustls::version::{TLS12, TLS13};

use crate::pair::{Site, deliver, sent};

#[test]
fn the_client_says_that_nothing_more_comes_and_still_reads() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Site::new(&[version]).open();
        pair.client.writer().write_all(b"last").unwrap();
        pair.client.send_close_notify();
        let bytes = sent(&mut pair.client);
        assert_eq!(pair.server.give(&bytes), Ok(b"last".to_vec()));
        assert!(pair.server.session.has_peer_closed());
        assert_eq!(pair.server.seal(b"an answer"), 9);
        pair.server.session.close_notify(&mut pair.server.sealed);
        let sent = pair.server.sent();
        assert_eq!(deliver(&mut pair.client, &sent).unwrap(), b"an answer");
        let state = pair.client.process_new_packets().unwrap();
        assert!(state.peer_has_closed());
    }
}

#[test]
fn the_server_says_that_nothing_more_comes_and_still_reads() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Site::new(&[version]).open();
        pair.server.seal(b"last");
        pair.server.session.close_notify(&mut pair.server.sealed);
        let first = pair.server.sent();
        pair.server.session.close_notify(&mut pair.server.sealed);
        assert!(pair.server.sealed.is_empty(), "it is said once");
        assert_eq!(deliver(&mut pair.client, &first).unwrap(), b"last");
        pair.client.writer().write_all(b"more").unwrap();
        let bytes = sent(&mut pair.client);
        assert_eq!(pair.server.give(&bytes), Ok(b"more".to_vec()));
        assert!(!pair.server.session.has_peer_closed());
    }
}

#[test]
fn what_comes_behind_the_end_is_ignored() {
    let mut pair = Site::new(&[&TLS13]).open();
    pair.client.send_close_notify();
    let mut bytes = sent(&mut pair.client);
    bytes.extend_from_slice(b"whatever");
    assert_eq!(pair.server.give(&bytes), Ok(Vec::new()));
    assert_eq!(pair.server.give(b"and more"), Ok(Vec::new()));
    assert!(pair.server.session.has_peer_closed());
    assert_eq!(pair.server.session.kept(), 0);
}

#[test]
fn a_stream_that_is_cut_has_not_been_closed() {
    let mut pair = Site::new(&[&TLS13]).open();
    pair.client.writer().write_all(b"cut").unwrap();
    let bytes = sent(&mut pair.client);
    assert_eq!(pair.server.give(&bytes[..bytes.len() - 1]), Ok(Vec::new()));
    assert!(!pair.server.session.has_peer_closed());
    assert_eq!(pair.server.session.kept(), bytes.len() - 1);
}
