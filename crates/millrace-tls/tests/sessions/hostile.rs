//! What no client of rustls sends.

use std::io::Write;

use millrace_tls::KEPT_BYTES;
use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{AlertDescription, Error};

use crate::pair::{Server, Site, deliver, sent};

/// The alert in a record that is not encrypted.
fn alert(sealed: &[u8]) -> Option<AlertDescription> {
    match sealed {
        [21, 3, _, 0, 2, 2, alert] => Some((*alert).into()),
        _ => None,
    }
}

/// A server that has heard nothing.
fn silent() -> Server {
    Site::new(&[&TLS12, &TLS13]).greeting().0.server
}

#[test]
fn garbage_is_refused_with_an_alert() {
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[22, 9, 9, 0, 1, 0],
        &[0; 100],
        &[255; 100],
        // A record that is empty, of a type that is unknown, and one with a handshake message that nothing may begin with.
        &[99, 3, 3, 0, 0],
        &[22, 3, 3, 0, 4, 20, 0, 0, 0],
    ] {
        let mut server = silent();
        let failure = server.give(garbage).expect_err("it is not TLS");
        assert!(!failure.is_alert());
        assert!(!failure.to_string().is_empty());
        let sealed = server.sent();
        assert!(alert(&sealed).is_some(), "{sealed:?}");
        assert_eq!(server.session.kept(), 0);
    }
}

#[test]
fn a_record_that_is_too_long_is_refused_before_it_has_come() {
    let mut server = silent();
    assert!(server.give(&[22, 3, 3, 0x48, 0x01, 1]).is_err());
    assert!(alert(&server.sent()).is_some());
}

#[test]
fn a_message_that_declares_too_much_is_refused_before_it_has_come() {
    let mut server = silent();
    assert!(server.give(&[22, 3, 3, 0, 4, 1, 255, 255, 255]).is_err());
    assert_eq!(server.session.kept(), 0);

    // As much as is taken: what is kept is what came.
    let mut server = silent();
    assert_eq!(
        server.give(&[22, 3, 3, 0, 4, 1, 0, 255, 255]),
        Ok(Vec::new())
    );
    assert_eq!(server.session.kept(), 9);
}

#[test]
fn a_message_in_many_small_records_is_not_kept_for_ever() {
    let mut server = silent();
    server.give(&[22, 3, 3, 0, 4, 1, 0, 255, 255]).unwrap();
    let records = [22, 3, 3, 0, 1, 0].repeat(100);
    let failed = (0..200).any(|_| {
        let failed = server.give(&records).is_err();
        assert!(server.session.kept() <= KEPT_BYTES);
        failed
    });
    assert!(failed);
}

#[test]
fn floods_of_what_leads_nowhere_are_cut_off() {
    // Empty records, and warnings.
    for record in [&[22, 3, 3, 0, 0][..], &[21, 3, 3, 0, 2, 1, 90]] {
        let mut server = silent();
        let failed = (0..100).any(|_| server.give(record).is_err());
        assert!(failed, "{record:?}");
    }
}

#[test]
fn endless_key_updates_are_cut_off() {
    let mut pair = Site::new(&[&TLS13]).open();
    let failed = (0..100).any(|_| {
        pair.client.refresh_traffic_keys().unwrap();
        let bytes = sent(&mut pair.client);
        pair.server.give(&bytes).is_err()
    });
    assert!(failed);
}

#[test]
fn damaged_traffic_ends_the_session_and_tells_the_client() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Site::new(&[version]).open();
        pair.client.writer().write_all(b"hello").unwrap();
        let mut bytes = sent(&mut pair.client);
        *bytes.last_mut().unwrap() ^= 1;
        assert!(pair.server.give(&bytes).is_err());
        let told = pair.server.sent();
        let told = deliver(&mut pair.client, &told);
        assert_eq!(
            told,
            Err(Error::AlertReceived(AlertDescription::BadRecordMac))
        );
        let sealed = pair
            .server
            .session
            .seal(b"nothing", &mut pair.server.sealed);
        assert!(sealed.is_err());
        pair.server.session.close_notify(&mut pair.server.sealed);
        assert!(pair.server.sealed.is_empty(), "an alert was sent already");
    }
}

#[test]
fn a_hello_in_the_clear_is_refused_within_a_session() {
    let mut pair = Site::new(&[&TLS12]).open();
    let (_, hello) = Site::new(&[&TLS12]).greeting();
    assert!(pair.server.give(&hello).is_err());
}
