//! What client and server agree on: versions, cipher suites, groups, protocols.

use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{
    AlertDescription, CipherSuite, Error, HandshakeKind, NamedGroup, ProtocolVersion,
};
use millrace_tls::{Context, Settings, Version};

use crate::authority::Authority;
use crate::pair::{Client, Failure, Pair, connect};

#[test]
fn the_newest_version_that_both_speak_is_spoken() {
    for (min, max, client, expected) in [
        (
            Version::Tls12,
            Version::Tls13,
            vec![],
            ProtocolVersion::TLSv1_3,
        ),
        (
            Version::Tls12,
            Version::Tls13,
            vec![&TLS12],
            ProtocolVersion::TLSv1_2,
        ),
        (
            Version::Tls12,
            Version::Tls12,
            vec![],
            ProtocolVersion::TLSv1_2,
        ),
        (
            Version::Tls13,
            Version::Tls13,
            vec![],
            ProtocolVersion::TLSv1_3,
        ),
    ] {
        let server =
            |settings: &mut Settings| (settings.min_version, settings.max_version) = (min, max);
        let client = Client {
            versions: client,
            ..Client::default()
        };
        assert_eq!(
            agree(server, &client).unwrap().server.protocol_version(),
            Some(expected)
        );
    }
}

#[test]
fn a_client_of_other_versions_is_told_so() {
    for (version, other) in [(Version::Tls12, &TLS13), (Version::Tls13, &TLS12)] {
        let server = |settings: &mut Settings| {
            (settings.min_version, settings.max_version) = (version, version)
        };
        let client = Client {
            versions: vec![other],
            ..Client::default()
        };
        let failure = agree(server, &client).err().unwrap();
        assert_eq!(
            failure.server,
            "the client speaks none of the versions of TLS"
        );
        assert_eq!(
            failure.client,
            Error::AlertReceived(AlertDescription::ProtocolVersion)
        );
    }
}

#[test]
fn every_cipher_suite_can_be_agreed_on_alone() {
    let authority = Authority::new("root");
    let both = [
        authority.server(&["example.org"]),
        authority.rsa_server(&["example.org"]),
    ];
    for name in [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ] {
        let certificate = both[usize::from(name.contains("RSA"))].clone();
        let settings = Settings {
            certificates: vec![certificate],
            suites: vec![name.into()],
            ..Settings::default()
        };
        let context = Context::new(&settings, None).unwrap();
        let pair = connect(
            &context,
            &Client::default().config(authority.store()),
            "example.org",
        )
        .unwrap();
        assert_eq!(
            format!("{:?}", pair.suite()).replace("TLS13_", "TLS_"),
            name
        );
    }
}

#[test]
fn the_servers_order_of_suites_decides_unless_the_clients_is_to() {
    let client = || Client {
        suites: vec![
            CipherSuite::TLS13_AES_256_GCM_SHA384,
            CipherSuite::TLS13_AES_128_GCM_SHA256,
        ],
        versions: vec![&TLS13],
        ..Client::default()
    };
    assert_eq!(
        agree(|_| {}, &client()).unwrap().suite(),
        CipherSuite::TLS13_AES_128_GCM_SHA256
    );
    let clients = |settings: &mut Settings| settings.server_order = false;
    assert_eq!(
        agree(clients, &client()).unwrap().suite(),
        CipherSuite::TLS13_AES_256_GCM_SHA384
    );
}

#[test]
fn clients_that_prefer_chacha_get_it_unless_the_operator_put_the_suites_in_order() {
    let client = || Client {
        suites: vec![
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS13_AES_128_GCM_SHA256,
        ],
        versions: vec![&TLS13],
        ..Client::default()
    };
    assert_eq!(
        agree(|_| {}, &client()).unwrap().suite(),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
    );
    let ordered = |settings: &mut Settings| {
        settings.suites = vec![
            "TLS_AES_128_GCM_SHA256".into(),
            "TLS_CHACHA20_POLY1305_SHA256".into(),
        ];
    };
    assert_eq!(
        agree(ordered, &client()).unwrap().suite(),
        CipherSuite::TLS13_AES_128_GCM_SHA256
    );
}

#[test]
fn a_client_without_a_common_suite_is_told_so() {
    let server = |settings: &mut Settings| settings.suites = vec!["TLS_AES_256_GCM_SHA384".into()];
    let client = Client {
        suites: vec![CipherSuite::TLS13_AES_128_GCM_SHA256],
        versions: vec![&TLS13],
        ..Client::default()
    };
    let failure = agree(server, &client).err().unwrap();
    assert_eq!(
        failure.server,
        "the client offers none of the cipher suites"
    );
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::HandshakeFailure)
    );
}

#[test]
fn every_group_can_be_agreed_on_alone() {
    for (name, group) in [
        ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
        ("SecP256r1MLKEM768", NamedGroup::secp256r1MLKEM768),
        ("X25519", NamedGroup::X25519),
        ("prime256v1", NamedGroup::secp256r1),
        ("P-384", NamedGroup::secp384r1),
        ("MLKEM768", NamedGroup::MLKEM768),
        ("MLKEM1024", NamedGroup::MLKEM1024),
    ] {
        let server = |settings: &mut Settings| settings.groups = vec![name.into()];
        let client = Client {
            groups: vec![group],
            versions: vec![&TLS13],
            ..Client::default()
        };
        assert_eq!(agree(server, &client).unwrap().group(), group);
    }
}

#[test]
fn the_post_quantum_hybrid_is_agreed_on_without_being_asked_for() {
    assert_eq!(
        agree(|_| {}, &Client::default()).unwrap().group(),
        NamedGroup::X25519MLKEM768
    );
}

#[test]
fn groups_that_were_put_in_order_are_taken_in_it_even_if_it_costs_a_round_trip() {
    let server = |settings: &mut Settings| {
        settings.groups = vec!["P-384".into(), "X25519".into(), "P-256".into()]
    };
    let client = || Client {
        groups: vec![
            NamedGroup::secp256r1,
            NamedGroup::X25519,
            NamedGroup::secp384r1,
        ],
        ..Client::default()
    };
    let pair = agree(server, &client()).unwrap();
    assert_eq!(pair.group(), NamedGroup::secp384r1);
    assert_eq!(
        pair.server.handshake_kind(),
        Some(HandshakeKind::FullWithHelloRetryRequest)
    );

    let clients = |settings: &mut Settings| {
        server(settings);
        settings.server_order = false;
    };
    let pair = agree(clients, &client()).unwrap();
    assert_eq!(pair.group(), NamedGroup::secp256r1);
    assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn without_an_order_the_client_keeps_the_group_that_it_began_with() {
    let client = Client {
        groups: vec![NamedGroup::secp256r1, NamedGroup::X25519MLKEM768],
        ..Client::default()
    };
    let pair = agree(|_| {}, &client).unwrap();
    assert_eq!(
        (pair.group(), pair.server.handshake_kind()),
        (NamedGroup::secp256r1, Some(HandshakeKind::Full))
    );
}

#[test]
fn groups_of_the_newest_version_are_passed_over_with_clients_of_the_older() {
    let server = |settings: &mut Settings| {
        settings.groups = vec!["X25519MLKEM768".into(), "P-256".into(), "X25519".into()]
    };
    let client = Client {
        groups: vec![NamedGroup::X25519, NamedGroup::secp256r1],
        versions: vec![&TLS12],
        ..Client::default()
    };
    assert_eq!(
        agree(server, &client).unwrap().group(),
        NamedGroup::secp256r1
    );
}

#[test]
fn a_client_without_a_common_group_is_told_so() {
    let server = |settings: &mut Settings| settings.groups = vec!["P-384".into(), "P-256".into()];
    let client = Client {
        groups: vec![NamedGroup::X25519],
        ..Client::default()
    };
    let failure = agree(server, &client).err().unwrap();
    assert_eq!(failure.server, "the client offers none of the groups");
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::HandshakeFailure)
    );
}

#[test]
fn the_first_protocol_of_the_server_that_the_client_speaks_is_spoken() {
    let server =
        |settings: &mut Settings| settings.alpn = vec![b"first".to_vec(), b"second".to_vec()];
    for (offered, expected) in [
        (&["second", "first"][..], Some("first")),
        (&["other", "second"], Some("second")),
        (&[], None),
    ] {
        let client = Client {
            alpn: offered,
            ..Client::default()
        };
        let pair = agree(server, &client).unwrap();
        assert_eq!(pair.server.alpn_protocol(), expected.map(str::as_bytes));
        assert_eq!(pair.client.alpn_protocol(), expected.map(str::as_bytes));
    }
}

#[test]
fn a_client_of_other_protocols_is_told_so() {
    let client = Client {
        alpn: &["h2"],
        ..Client::default()
    };
    let failure = agree(|_| {}, &client).err().unwrap();
    assert_eq!(
        failure.server,
        "the client speaks none of the protocols of `alpn`"
    );
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::NoApplicationProtocol)
    );
}

fn agree(change: impl FnOnce(&mut Settings), client: &Client<'_>) -> Result<Pair, Failure> {
    let authority = Authority::new("root");
    let mut settings = Settings {
        certificates: vec![authority.server(&["example.org"])],
        ..Settings::default()
    };
    change(&mut settings);
    let context = Context::new(&settings, None).unwrap();
    connect(&context, &client.config(authority.store()), "example.org")
}
