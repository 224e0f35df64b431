//! Certificates of clients: asked for, required, and what is said of them.

use std::sync::Arc;

use millrace_tls::rustls::pki_types::{CertificateDer, UnixTime};
use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{AlertDescription, Error, SupportedProtocolVersion};
use millrace_tls::{Blob, ClientAuth, Context, Settings};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use crate::authority::{Authority, Issued};
use crate::pair::{Client, Failure, Pair, connect};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn a_client_that_is_not_asked_sends_nothing() {
    let door = Door::new(ClientAuth::None);
    let client = door.clients.client(1);
    for version in VERSIONS {
        let pair = door.enter(Some(&client), version).unwrap();
        assert_eq!(pair.server.peer_certificates(), None);
    }
    assert_eq!(door.context().client_auth(), ClientAuth::None);
}

#[test]
fn a_trusted_client_gets_in_and_shows_its_chain() {
    for mode in [ClientAuth::Asked, ClientAuth::Required] {
        let door = Door::new(mode);
        let between = door.clients.below("between", |_| {});
        for client in [door.clients.client(1), between.client(2).through(&between)] {
            for version in VERSIONS {
                let pair = door.enter(Some(&client), version).unwrap();
                assert_eq!(pair.server.peer_certificates(), Some(&client.chain[..]));
                assert_eq!(door.verdict(&client.chain), Ok(()));
            }
        }
    }
}

#[test]
fn a_client_without_a_certificate_gets_in_where_one_is_asked_for_and_not_where_it_is_required() {
    let text = "the client sent no certificate";
    for version in VERSIONS {
        let door = Door::new(ClientAuth::Asked);
        let pair = door.enter(None, version).unwrap();
        assert_eq!(pair.server.peer_certificates(), None);
        assert_eq!(door.verdict(&[]), Err(text.into()));

        let failure = Door::new(ClientAuth::Required)
            .enter(None, version)
            .err()
            .unwrap();
        assert_eq!(failure.server, text);
        assert_eq!(
            failure.client,
            Error::AlertReceived(AlertDescription::CertificateRequired)
        );
    }
}

#[test]
fn a_client_that_shows_more_certificates_than_are_kept_of_a_stranger_is_refused() {
    let (door, stranger) = (Door::new(ClientAuth::Asked), Authority::new("stranger"));
    let bytes = |client: &Issued| -> usize { client.chain.iter().map(|one| one.len()).sum() };
    let mut client = stranger.client(1);
    while bytes(&client) + stranger.certificate.der().len() <= 16 * 1024 {
        client = client.through(&stranger);
    }
    for version in VERSIONS {
        let pair = door.enter(Some(&client), version).unwrap();
        assert_eq!(pair.server.peer_certificates(), Some(&client.chain[..]));
    }
    client = client.through(&stranger);
    for version in VERSIONS {
        let failure = door.enter(Some(&client), version).err().unwrap();
        assert_eq!(
            failure.server,
            "the client has shown more than 16 KiB of certificates"
        );
        let alert = AlertDescription::HandshakeFailure;
        assert_eq!(failure.client, Error::AlertReceived(alert));
    }
}

#[test]
fn a_client_of_another_authority_is_told_apart() {
    let other = Authority::new("other");
    let text = "the client's certificate is not from an authority that is trusted";
    is_judged(
        &Door::new,
        &other.client(1),
        text,
        AlertDescription::UnknownCA,
    );
}

#[test]
fn a_client_whose_certificate_has_expired_is_told_apart() {
    let door = Door::new(ClientAuth::Asked);
    let client = door
        .clients
        .client_with(1, |params| params.not_after = date_time_ymd(2020, 2, 29));
    let door = |mode| door.with(mode);
    let text = "the client's certificate expired at 2020-02-29T00:00:00Z";
    is_judged(&door, &client, text, AlertDescription::CertificateExpired);
}

#[test]
fn a_client_whose_certificate_is_not_valid_yet_is_told_apart() {
    let door = Door::new(ClientAuth::Asked);
    let client = door
        .clients
        .client_with(1, |params| params.not_before = date_time_ymd(3020, 1, 1));
    let door = |mode| door.with(mode);
    let text = "the client's certificate is not valid before 3020-01-01T00:00:00Z";
    is_judged(&door, &client, text, AlertDescription::CertificateExpired);
}

#[test]
fn an_authority_in_between_that_has_expired_is_named_as_such() {
    let door = Door::new(ClientAuth::Asked);
    let between = door.clients.below("between", |params| {
        params.not_after = date_time_ymd(2020, 2, 29)
    });
    let client = between.client(1).through(&between);
    assert_eq!(
        door.verdict(&client.chain),
        Err("the certificate of an authority between the client's and the trusted ones expired at 2020-02-29T00:00:00Z".into())
    );
}

#[test]
fn a_certificate_that_is_not_for_clients_is_told_apart() {
    let door = Door::new(ClientAuth::Asked);
    let client = door.clients.client_with(1, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]
    });
    let door = |mode| door.with(mode);
    let text = "the client's certificate is not for clients, says its extended key usage";
    is_judged(
        &door,
        &client,
        text,
        AlertDescription::UnsupportedCertificate,
    );
}

#[test]
fn the_certificate_of_an_authority_is_no_clients() {
    let door = Door::new(ClientAuth::Asked);
    let chain = [door.clients.certificate.der().clone()];
    let text = "the client's certificate is an authority's, which cannot be a client's as well";
    assert_eq!(door.verdict(&chain), Err(text.into()));
}

#[test]
fn a_revoked_client_is_told_apart_by_a_list_in_either_form() {
    let door = Door::new(ClientAuth::Asked);
    let list = door.clients.list(&[7], 3000);
    for blob in [
        Blob::Memory(list.pem().unwrap().into()),
        Blob::Memory(list.der().to_vec()),
    ] {
        let door = |mode| door.with_lists(mode, vec![blob.clone()]);
        let revoked = door(ClientAuth::Asked).clients_client(7);
        is_judged(
            &door,
            &revoked,
            "the client's certificate has been revoked",
            AlertDescription::CertificateRevoked,
        );
        let other = door(ClientAuth::Required).clients_client(8);
        assert!(
            door(ClientAuth::Required)
                .enter(Some(&other), &TLS13)
                .is_ok()
        );
    }
}

#[test]
fn a_client_that_no_list_covers_is_told_apart() {
    let door = Door::new(ClientAuth::Asked);
    let client = door.clients.client(1);
    let list = Authority::new("other").list(&[], 3000).pem().unwrap();
    let door = |mode| door.with_lists(mode, vec![Blob::Memory(list.clone().into())]);
    let text = "no revocation list covers the client's certificate: `crl` needs one of every authority of its chain";
    is_judged(&door, &client, text, AlertDescription::UnknownCA);
}

#[test]
fn a_list_that_has_expired_lets_nobody_in() {
    let door = Door::new(ClientAuth::Asked);
    let client = door.clients.client(1);
    let list = door.clients.list(&[], 2021).pem().unwrap();
    let door = |mode| door.with_lists(mode, vec![Blob::Memory(list.clone().into())]);
    let text = "the revocation list for the client's certificate expired at 2021-01-01T00:00:00Z";
    is_judged(&door, &client, text, AlertDescription::UnknownCA);
}

#[test]
fn clients_that_are_asked_may_come_from_anywhere_when_no_authority_is_named() {
    let mut door = Door::new(ClientAuth::Asked);
    door.settings.roots.clear();
    let client = door.clients.client(1);
    let pair = door.enter(Some(&client), &TLS13).unwrap();
    assert_eq!(pair.server.peer_certificates(), Some(&client.chain[..]));
    assert_eq!(
        door.verdict(&client.chain),
        Err("no client certificate is trusted: `ca` names no authority".into())
    );
}

#[test]
fn a_client_that_does_not_hold_the_key_is_refused_even_where_all_are_let_in() {
    let door = Door::new(ClientAuth::Asked);
    let thief = Issued {
        chain: door.clients.client(1).chain,
        key: door.clients.client(2).key,
    };
    for version in VERSIONS {
        let failure = door.enter(Some(&thief), version).err().unwrap();
        assert_eq!(
            failure.server,
            "the client's certificate is not signed by the authority that it names"
        );
    }
}

/// Where clients are asked they get in, and `text` is said of them; where they are required to be trusted they do not.
fn is_judged(
    door: &dyn Fn(ClientAuth) -> Door,
    client: &Issued,
    text: &str,
    alert: AlertDescription,
) {
    for version in VERSIONS {
        let asked = door(ClientAuth::Asked);
        let pair = asked.enter(Some(client), version).unwrap();
        assert_eq!(pair.server.peer_certificates(), Some(&client.chain[..]));
        assert_eq!(asked.verdict(&client.chain), Err(text.into()));

        let failure = door(ClientAuth::Required)
            .enter(Some(client), version)
            .err()
            .unwrap();
        assert_eq!(failure.server, text);
        assert_eq!(failure.client, Error::AlertReceived(alert));
    }
}

struct Door {
    server: Arc<Authority>,
    clients: Arc<Authority>,
    settings: Settings,
}

impl Door {
    fn new(mode: ClientAuth) -> Self {
        let (server, clients) = (Authority::new("servers"), Authority::new("clients"));
        let settings = Settings {
            certificates: vec![server.server(&["example.org"])],
            client: mode,
            roots: vec![clients.root()],
            ..Settings::default()
        };
        Door {
            server: server.into(),
            clients: clients.into(),
            settings,
        }
    }

    fn with(&self, mode: ClientAuth) -> Self {
        self.with_lists(mode, vec![])
    }

    fn with_lists(&self, mode: ClientAuth, lists: Vec<Blob>) -> Self {
        Door {
            server: self.server.clone(),
            clients: self.clients.clone(),
            settings: Settings {
                client: mode,
                revocation_lists: lists,
                ..self.settings.clone()
            },
        }
    }

    fn clients_client(&self, serial: u64) -> Issued {
        self.clients.client(serial)
    }

    fn context(&self) -> Context {
        Context::new(&self.settings, None).unwrap()
    }

    fn enter(
        &self,
        client: Option<&Issued>,
        version: &'static SupportedProtocolVersion,
    ) -> Result<Pair, Failure> {
        let client = Client {
            certificate: client,
            versions: vec![version],
            ..Client::default()
        };
        connect(
            &self.context(),
            &client.config(self.server.store()),
            "example.org",
        )
    }

    fn verdict(&self, chain: &[CertificateDer<'_>]) -> Result<(), String> {
        self.context().peer_verdict(chain, UnixTime::now())
    }
}
