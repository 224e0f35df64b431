//! What no client of rustls sends once the handshake is complete, forged with its keys.

use std::sync::Arc;

use rustls::crypto::cipher::{InboundOpaqueMessage, OutboundChunks, OutboundPlainMessage};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ContentType, ProtocolVersion, SupportedProtocolVersion};

use super::State;
use super::keys::{Opener, Sealer};

#[path = "../../tests/sessions/pair.rs"]
#[allow(dead_code, unreachable_pub, reason = "the other tests use all of it")]
mod pair;

use self::pair::{Pair, Server, Site, deliver};

const CLIENT_HELLO: u8 = 1;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// A server whose client sends what it likes.
struct Forger {
    server: Server,
    sealer: Sealer,
    opener: Opener,
}

impl Forger {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let mut site = Site::new(&[version]);
        Arc::make_mut(&mut site.client).enable_secret_extraction = true;
        let Pair { client, server } = site.open();
        let suite = client.negotiated_cipher_suite().unwrap();
        let secrets = client.dangerous_extract_secrets().unwrap();
        Forger {
            server,
            sealer: Sealer::new(suite, secrets.tx).unwrap(),
            opener: Opener::new(suite, secrets.rx).unwrap(),
        }
    }

    fn seal(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let plain = OutboundPlainMessage {
            typ,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(payload),
        };
        let opaque = self.sealer.cipher.encrypt(plain, self.sealer.sequence);
        self.sealer.sequence += 1;
        opaque.unwrap().encode()
    }

    /// Sends a record, and returns the plaintext that the server makes of it; none when it gives up.
    fn send(&mut self, typ: ContentType, payload: &[u8]) -> Option<Vec<u8>> {
        let record = self.seal(typ, payload);
        self.server.give(&record).ok()
    }

    /// What the server sends: the types and contents of its records.
    fn read(&mut self) -> Vec<(ContentType, Vec<u8>)> {
        let mut sent = self.server.sent();
        let (mut rest, mut read) = (&mut sent[..], Vec::new());
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
            let (record, behind) = rest.split_at_mut(5 + length);
            let (typ, version) = (record[0].into(), ProtocolVersion::TLSv1_2);
            let opaque = InboundOpaqueMessage::new(typ, version, &mut record[5..]);
            let opened = self.opener.cipher.decrypt(opaque, self.opener.sequence);
            self.opener.sequence += 1;
            let plain = opened.unwrap();
            read.push((plain.typ, plain.payload.to_vec()));
            rest = behind;
        }
        read
    }

    /// That the server has given up, and what it has said why.
    fn ended_with(&mut self, alert: AlertDescription) -> bool {
        let ended = self.server.give(&[]).is_err();
        ended && self.read() == [(ContentType::Alert, vec![2, alert.into()])]
    }

    fn is_well(&mut self) -> bool {
        self.send(ContentType::ApplicationData, b"hello") == Some(b"hello".to_vec())
    }
}

fn both() -> [Forger; 2] {
    [Forger::new(&TLS12), Forger::new(&TLS13)]
}

#[test]
fn empty_records_are_taken_but_not_without_end() {
    for mut forger in both() {
        for _ in 0..3 {
            for _ in 0..32 {
                let taken = forger.send(ContentType::ApplicationData, b"");
                assert_eq!(taken, Some(Vec::new()));
            }
            assert!(forger.is_well());
        }
        for _ in 0..33 {
            forger.send(ContentType::ApplicationData, b"");
        }
        assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
    }
}

#[test]
fn key_updates_are_not_made_up_for_by_empty_records() {
    // Each changes the keys that the next is sealed with, and so a client of rustls has to make them.
    let mut site = Site::new(&[&TLS13]);
    Arc::make_mut(&mut site.client).enable_secret_extraction = true;
    let mut pair = site.open();
    for _ in 0..32 {
        pair.client.refresh_traffic_keys().unwrap();
        let bytes = pair::sent(&mut pair.client);
        assert!(pair.server.give(&bytes).is_ok());
    }
    let suite = pair.client.negotiated_cipher_suite().unwrap();
    let secrets = pair.client.dangerous_extract_secrets().unwrap();
    let mut forger = Forger {
        server: pair.server,
        sealer: Sealer::new(suite, secrets.tx).unwrap(),
        opener: Opener::new(suite, secrets.rx).unwrap(),
    };
    assert!(forger.send(ContentType::ApplicationData, b"").is_some());
    forger.send(ContentType::Handshake, &[KEY_UPDATE, 0, 0, 1, 0]);
    assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
}

#[test]
fn alerts_and_messages_without_content_are_refused() {
    for typ in [ContentType::Alert, ContentType::Handshake] {
        for mut forger in both() {
            assert_eq!(forger.send(typ, b""), None);
            assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
        }
    }
}

#[test]
fn records_of_other_kinds_are_refused() {
    for mut forger in both() {
        forger.send(ContentType::Heartbeat, b"beat");
        assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
    }
    for mut forger in both() {
        assert!(forger.server.give(&[20, 3, 3, 0, 1, 1]).is_err());
        assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
    }
    for mut forger in both() {
        assert!(forger.server.give(&[99, 3, 3, 0, 1]).is_err());
        assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
    }
}

#[test]
fn records_that_are_too_long_are_refused_before_they_have_come() {
    for (mut forger, most) in both().into_iter().zip([0x4800, 0x4100u16]) {
        let [high, low] = most.to_be_bytes();
        assert_eq!(forger.server.give(&[23, 3, 3, high, low]), Ok(Vec::new()));
        assert_eq!(forger.server.session.kept(), 5);
    }
    for (mut forger, most) in both().into_iter().zip([0x4801, 0x4101u16]) {
        let [high, low] = most.to_be_bytes();
        assert!(forger.server.give(&[23, 3, 3, high, low]).is_err());
        assert!(forger.ended_with(AlertDescription::RecordOverflow));
        assert_eq!(forger.server.session.kept(), 0);
    }
}

#[test]
fn warnings_are_taken_but_not_without_end() {
    let mut forger = Forger::new(&TLS12);
    for _ in 0..4 {
        assert_eq!(forger.send(ContentType::Alert, &[1, 41]), Some(Vec::new()));
        assert!(forger.is_well());
    }
    assert_eq!(forger.send(ContentType::Alert, &[1, 41]), None);

    let mut forger = Forger::new(&TLS13);
    let canceled = [1, AlertDescription::UserCanceled.into()];
    assert_eq!(forger.send(ContentType::Alert, &canceled), Some(Vec::new()));
    assert!(forger.is_well());
    assert_eq!(forger.send(ContentType::Alert, &[1, 41]), None);
}

#[test]
fn fatal_alerts_end_the_session_and_are_not_answered() {
    for mut forger in both() {
        let record = forger.seal(ContentType::Alert, &[2, 80]);
        let failure = forger.server.give(&record).unwrap_err();
        assert!(failure.is_alert());
        assert_eq!(forger.read(), []);
        // Asked again, it says the same.
        assert_eq!(forger.server.give(b"more"), Err(failure.clone()));
        let sealed = forger.server.session.seal(b"x", &mut forger.server.sealed);
        assert_eq!(sealed, Err(failure));
    }
    for malformed in [&[2][..], &[3, 80], &[2, 80, 0]] {
        for mut forger in both() {
            forger.send(ContentType::Alert, malformed);
            assert!(
                forger.ended_with(AlertDescription::DecodeError),
                "{malformed:?}"
            );
        }
    }
}

#[test]
fn a_key_update_may_come_in_pieces_and_must_end_its_record() {
    let mut forger = Forger::new(&TLS13);
    for piece in [&[KEY_UPDATE][..], &[0, 0], &[1], &[1]] {
        assert_eq!(forger.send(ContentType::Handshake, piece), Some(Vec::new()));
    }
    // It is answered with the old keys before anything else is sent, once.
    assert_eq!(forger.server.seal(b"hello"), 5);
    let answer = forger.server.sent();
    let length = 5 + usize::from(u16::from_be_bytes([answer[3], answer[4]]));
    forger.server.sealed.extend(&answer[..length]);
    let update = vec![KEY_UPDATE, 0, 0, 1, 0];
    assert_eq!(forger.read(), [(ContentType::Handshake, update)]);
    assert!(answer.len() > length);

    for (message, alert) in [
        (
            &[KEY_UPDATE, 0, 0, 1, 0, 0][..],
            AlertDescription::UnexpectedMessage,
        ),
        (
            &[KEY_UPDATE, 0, 0, 1, 2],
            AlertDescription::IllegalParameter,
        ),
        (
            &[KEY_UPDATE, 0, 0, 2, 0, 0],
            AlertDescription::IllegalParameter,
        ),
        (&[KEY_UPDATE, 0xff, 0, 0], AlertDescription::DecodeError),
        (&[FINISHED, 0, 0, 0], AlertDescription::UnexpectedMessage),
        (
            &[CLIENT_HELLO, 0, 0, 0],
            AlertDescription::UnexpectedMessage,
        ),
    ] {
        let mut forger = Forger::new(&TLS13);
        forger.send(ContentType::Handshake, message);
        assert!(forger.ended_with(alert), "{message:?}");
    }
}

#[test]
fn nothing_comes_between_the_pieces_of_a_message() {
    let mut forger = Forger::new(&TLS13);
    forger.send(ContentType::Handshake, &[KEY_UPDATE, 0]);
    forger.send(ContentType::ApplicationData, b"between");
    assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
}

#[test]
fn renegotiation_is_refused_and_what_asks_for_it_is_not_kept() {
    let mut forger = Forger::new(&TLS12);
    let refused = (
        ContentType::Alert,
        vec![1, AlertDescription::NoRenegotiation.into()],
    );
    // 60,000 bytes, in pieces.
    forger.send(ContentType::Handshake, &[CLIENT_HELLO, 0, 0xea]);
    assert_eq!(forger.read(), []);
    forger.send(ContentType::Handshake, &[0x60, 1, 2, 3]);
    assert_eq!(forger.read(), [refused]);
    let mut left = 60_000 - 3;
    while left > 0 {
        let piece = left.min(10_000);
        assert!(
            forger
                .send(ContentType::Handshake, &vec![0; piece])
                .is_some()
        );
        left -= piece;
        match &forger.server.session.state {
            State::Open(traffic, _) => assert_eq!(traffic.kept(), 0),
            _ => panic!("it goes on"),
        }
    }
    assert!(forger.is_well());
    forger.send(ContentType::Handshake, &[CLIENT_HELLO, 0, 0, 0]);
    assert!(forger.ended_with(AlertDescription::UnexpectedMessage));

    let mut forger = Forger::new(&TLS12);
    forger.send(ContentType::Handshake, &[KEY_UPDATE, 0, 0, 1, 0]);
    assert!(forger.ended_with(AlertDescription::UnexpectedMessage));
}

#[test]
fn keys_are_changed_before_they_have_sealed_too_much() {
    let mut pair = Site::new(&[&TLS13]).open();
    let State::Open(traffic, _) = &mut pair.server.session.state else {
        panic!("it is open");
    };
    traffic.limit(5);
    let mut updates = 0;
    for round in 0..40u8 {
        assert_eq!(pair.server.seal(&[round]), 1);
        let sent = pair.server.sent();
        // A record of one byte, and perhaps another before it.
        updates += usize::from(sent.len() > 23);
        assert_eq!(deliver(&mut pair.client, &sent), Ok(vec![round]));
    }
    assert!(updates > 5, "{updates}");

    let mut pair = Site::new(&[&TLS12]).open();
    let State::Open(traffic, _) = &mut pair.server.session.state else {
        panic!("it is open");
    };
    traffic.limit(5);
    let server = &mut pair.server;
    let sealed = (0..10).map(|_| server.session.seal(b"x", &mut server.sealed));
    assert_eq!(sealed.filter(Result::is_ok).count(), 3);
    let sent = pair.server.sent();
    assert!(deliver(&mut pair.client, &sent).is_err(), "it is told");
}
