//! Sessions that are resumed, and those that must not be.

use std::io::{Read, Write};
use std::sync::Arc;

use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{
    ClientConfig, ClientConnection, ServerConnection, SupportedProtocolVersion,
};
use millrace_tls::{Blob, Choice, ClientAuth, Context, Credentials, Settings};
use rcgen::date_time_ymd;

use crate::authority::Authority;
use crate::pair::{Client, connect, connect_by, read_hello};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn a_session_is_resumed_in_both_versions_with_tickets() {
    for version in VERSIONS {
        let stage = Stage::new(version);
        let context = stage.context(None);
        assert!(!stage.resumes(&context));
        assert!(stage.resumes(&context));
        assert!(stage.resumes(&context), "resuming gives another ticket");
    }
}

#[test]
fn a_client_gets_two_tickets_at_once() {
    let stage = Stage::new(&TLS13);
    let context = stage.context(None);
    let pair = connect(&context, &stage.client, "example.org").unwrap();
    assert_eq!(pair.client.tls13_tickets_received(), 2);
}

#[test]
fn without_resumption_there_are_no_tickets() {
    for version in VERSIONS {
        let mut stage = Stage::new(version);
        stage.settings.resumption = false;
        let context = stage.context(None);
        let pair = connect(&context, &stage.client, "example.org").unwrap();
        assert_eq!(pair.client.tls13_tickets_received(), 0);
        assert!(!stage.resumes(&context));
    }
}

#[test]
fn turning_resumption_off_ends_the_sessions_that_were_begun() {
    for version in VERSIONS {
        let mut stage = Stage::new(version);
        let context = stage.context(None);
        stage.resumes(&context);
        stage.settings.resumption = false;
        assert!(!stage.resumes(&stage.context(Some(&context))));
    }
}

#[test]
fn sessions_outlive_a_reload_with_other_certificates_and_lifetimes() {
    for version in VERSIONS {
        let mut stage = Stage::new(version);
        let context = stage.context(None);
        stage.resumes(&context);
        stage.settings.certificates = vec![stage.authority.rsa_server(&["example.org"])];
        stage.settings.suites = vec![
            "TLS_AES_128_GCM_SHA256".into(),
            "ECDHE-RSA-AES128-GCM-SHA256".into(),
        ];
        stage.settings.ticket_lifetime_s = 60;
        let reloaded = stage.context(Some(&context));
        // In TLS 1.2 the suite of the session is for the other kind of key.
        if version == &TLS13 {
            assert!(stage.resumes(&reloaded));
        }
        assert!(
            !stage.resumes(&stage.context(None)),
            "a server of its own has its own keys"
        );
    }
}

#[test]
fn sessions_outlive_a_reload_with_the_same_settings_in_both_versions() {
    for version in VERSIONS {
        for early_data_bytes in [0, 1000] {
            let mut stage = Stage::new(version);
            stage.settings.early_data_bytes = early_data_bytes;
            let context = stage.context(None);
            stage.resumes(&context);
            let reloaded = stage.context(Some(&context));
            drop(context);
            assert!(stage.resumes(&reloaded));
            assert!(stage.resumes(&stage.context(Some(&reloaded))));
        }
    }
}

#[test]
fn sessions_end_when_clients_are_let_in_by_other_rules() {
    let other = Authority::new("other");
    let list = Blob::Memory(other.list(&[], 3000).der().to_vec());
    let changes: [&dyn Fn(&mut Settings); 3] = [
        &|settings| settings.client = ClientAuth::Required,
        &|settings| settings.roots.push(other.root()),
        &|settings| settings.revocation_lists.push(list.clone()),
    ];
    for change in changes {
        for version in VERSIONS {
            for keys in [vec![], vec![[7; 48]]] {
                let mut stage = Stage::with_clients(version);
                stage.settings.ticket_keys = keys.into();
                let context = stage.context(None);
                stage.resumes(&context);
                assert!(
                    stage.resumes(&stage.context(Some(&context))),
                    "the same rules"
                );
                change(&mut stage.settings);
                stage.settings.revocation_lists.extend(
                    (!stage.settings.revocation_lists.is_empty()).then(|| {
                        // So that the client gets in by the new rules as well.
                        Blob::Memory(stage.authority.list(&[], 3000).der().to_vec())
                    }),
                );
                assert!(!stage.resumes(&stage.context(Some(&context))));
            }
        }
    }
}

#[test]
fn the_order_of_the_authorities_is_no_rule() {
    let mut stage = Stage::with_clients(&TLS13);
    stage.settings.roots.push(Authority::new("other").root());
    let context = stage.context(None);
    stage.resumes(&context);
    stage.settings.roots.reverse();
    assert!(stage.resumes(&stage.context(Some(&context))));
}

#[test]
fn a_resumed_session_still_shows_the_clients_certificate() {
    for version in VERSIONS {
        let stage = Stage::with_clients(version);
        let context = stage.context(None);
        stage.resumes(&context);
        let pair = connect(&context, &stage.client, "example.org").unwrap();
        assert!(pair.was_resumed());
        assert_eq!(pair.server.peer_certificates().unwrap().len(), 1);
    }
}

#[test]
fn a_session_ends_with_the_clients_certificate() {
    for version in VERSIONS {
        for early_data_bytes in [0, 1000] {
            let mut stage = Stage::with_clients(version);
            stage.settings.early_data_bytes = early_data_bytes;
            let expired = stage.authority.client_with(1, |params| {
                params.not_after = date_time_ymd(2020, 1, 1);
            });
            let client = Client {
                versions: vec![version],
                certificate: Some(&expired),
                ..Client::default()
            };
            stage.client = client.config(stage.authority.store());
            let context = stage.context(None);
            assert!(!stage.resumes(&context));
            assert!(
                !stage.resumes(&context),
                "each connection shows the certificate anew"
            );
        }
    }
}

#[test]
fn servers_with_the_same_ticket_keys_resume_each_others_sessions() {
    for version in VERSIONS {
        let mut stage = Stage::new(version);
        stage.settings.ticket_keys = vec![[1; 48], [2; 48]].into();
        let one = stage.context(None);
        let two = stage.context(None);
        stage.resumes(&one);
        assert!(stage.resumes(&two));
        assert!(stage.resumes(&one));
        stage.settings.ticket_keys = vec![[3; 48], [1; 48]].into();
        assert!(
            stage.resumes(&stage.context(None)),
            "the key that sealed it is the second now"
        );
        stage.settings.ticket_keys = vec![[4; 48], [2; 48]].into();
        assert!(
            !stage.resumes(&stage.context(None)),
            "the key that sealed it is gone"
        );
    }
}

#[test]
fn a_ticket_for_one_name_is_no_good_for_another() {
    let mut stage = Stage::new(&TLS13);
    stage
        .settings
        .certificates
        .push(stage.authority.server(&["other.test"]));
    let context = stage.context(None);
    stage.resumes(&context);
    let pair = connect(&context, &stage.client, "other.test").unwrap();
    assert!(!pair.was_resumed());
}

#[test]
fn names_that_were_asked_for_resume_as_others_do() {
    let mut stage = Stage::new(&TLS13);
    stage.settings.asks_names = true;
    let context = stage.context(None);
    let credentials = Credentials::load(&stage.authority.server(&["found.test"])).unwrap();
    let connect = |context: &Context| {
        let named = context.for_credentials(&credentials);
        let pair = connect_by(&stage.client, "found.test", |hello| {
            Choice::Config(named.choose(hello))
        });
        pair.unwrap().was_resumed()
    };
    assert!(!connect(&context));
    assert!(connect(&context));
    assert!(connect(&stage.context(Some(&context))));
}

#[test]
fn early_data_is_taken_once_and_only_with_a_session_that_is_kept() {
    let mut stage = Stage::new(&TLS13);
    stage.client = Client {
        early_data: true,
        ..Client::default()
    }
    .config(stage.authority.store());
    let without = stage.context(None);
    stage.resumes(&without);
    assert_eq!(
        early(&without, &stage.client).1,
        None,
        "the tickets allow none"
    );

    stage.settings.early_data_bytes = 100;
    let context = stage.context(None);
    stage.resumes(&context);
    let (replay, taken) = early(&context, &stage.client);
    assert_eq!(taken.as_deref(), Some(&b"early"[..]));

    // The same bytes again: the session is gone, and nothing is taken.
    let Choice::Config(config) = context.choose(&read_hello(&replay).unwrap().unwrap()) else {
        panic!("not answered")
    };
    let mut server = ServerConnection::new(config).unwrap();
    server.read_tls(&mut &replay[..]).unwrap();
    server.process_new_packets().unwrap();
    assert!(server.early_data().is_none());
}

/// What a client sends first, and what of it the server took as early data.
fn early(context: &Context, client: &Arc<ClientConfig>) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut client =
        ClientConnection::new(client.clone(), "example.org".try_into().unwrap()).unwrap();
    if let Some(mut early) = client.early_data() {
        early.write_all(b"early").unwrap();
    }
    let mut first = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut first).unwrap();
    }
    let hello = read_hello(&first).unwrap().unwrap();
    let Choice::Config(config) = context.choose(&hello) else {
        panic!("not answered")
    };
    let mut server = ServerConnection::new(config).unwrap();
    server.read_tls(&mut &first[..]).unwrap();
    server.process_new_packets().unwrap();
    let taken = server.early_data().map(|mut early| {
        let mut taken = vec![0; 100];
        let length = early.read(&mut taken).unwrap();
        taken.truncate(length);
        taken
    });
    (first, taken)
}

struct Stage {
    authority: Authority,
    settings: Settings,
    client: Arc<ClientConfig>,
}

impl Stage {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let authority = Authority::new("root");
        let client = Client {
            versions: vec![version],
            ..Client::default()
        };
        Stage {
            settings: Settings {
                certificates: vec![authority.server(&["example.org"])],
                ..Settings::default()
            },
            client: client.config(authority.store()),
            authority,
        }
    }

    fn with_clients(version: &'static SupportedProtocolVersion) -> Self {
        let mut stage = Stage::new(version);
        stage.settings.client = ClientAuth::Asked;
        stage.settings.roots = vec![stage.authority.root()];
        let client = Client {
            versions: vec![version],
            certificate: Some(&stage.authority.client(1)),
            ..Client::default()
        };
        stage.client = client.config(stage.authority.store());
        stage
    }

    fn context(&self, previous: Option<&Context>) -> Context {
        Context::new(&self.settings, previous).unwrap()
    }

    /// Connects, and says whether that resumed a session.
    fn resumes(&self, context: &Context) -> bool {
        connect(context, &self.client, "example.org")
            .unwrap()
            .was_resumed()
    }
}
