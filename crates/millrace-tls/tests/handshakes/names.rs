//! Certificates by the name that a client wants.

use std::sync::Arc;

use millrace_tls::rustls::pki_types::CertificateDer;
use millrace_tls::rustls::pki_types::pem::PemObject;
use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{AlertDescription, CipherSuite, ClientConfig, Error};
use millrace_tls::{Blob, Choice, Context, Credentials, Material, Settings, UnknownName};

use crate::authority::Authority;
use crate::pair::{Client, Failure, Pair, TakesAny, connect, connect_by, first_bytes, read_hello};

#[test]
fn an_exact_name_comes_before_a_wildcard_and_both_before_the_default() {
    let site = Site::new(
        &[
            &["default.test"],
            &["*.example.org"],
            &["www.example.org", "example.org"],
        ],
        |_| {},
    );
    for (name, expected) in [
        ("www.example.org", 2),
        ("WWW.Example.ORG", 2),
        ("www.example.org.", 2),
        ("example.org", 2),
        ("other.example.org", 1),
        ("default.test", 0),
    ] {
        assert_eq!(site.shown(name), expected, "{name}");
    }
}

#[test]
fn a_wildcard_stands_for_one_label() {
    let site = Site::new(&[&["default.test"], &["*.example.org"]], |_| {});
    assert_eq!(site.shown_unverified("a.b.example.org"), Ok(0));
    assert_eq!(site.shown_unverified("example.org"), Ok(0));
    assert_eq!(site.shown_unverified("b.example.org"), Ok(1));
}

#[test]
fn names_of_the_settings_take_the_place_of_those_of_the_certificate() {
    let site = Site::new(&[&["default.test"], &["example.org"]], |certificates| {
        certificates[1].names = vec!["Other.Test.".into(), "*.test".into()];
    });
    assert_eq!(site.shown_unverified("example.org"), Ok(0));
    assert_eq!(site.shown_unverified("other.test"), Ok(1));
    assert_eq!(site.shown_unverified("any.test"), Ok(1));
}

#[test]
fn an_unknown_name_gets_the_first_certificate_or_is_refused() {
    let mut site = Site::new(&[&["first.test"], &["second.test"]], |_| {});
    assert_eq!(site.shown_unverified("unknown.test"), Ok(0));
    site.settings.unknown_name = UnknownName::Refuse;
    let failure = site.connect("unknown.test").err().unwrap();
    assert_eq!(
        failure.server,
        "no certificate is for the name unknown.test"
    );
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::UnrecognisedName)
    );
    assert_eq!(site.shown("second.test"), 1);
}

#[test]
fn a_client_that_wants_no_name_gets_the_first_certificate_even_where_unknown_names_are_refused() {
    let mut site = Site::new(&[&["first.test", "192.0.2.7"], &["second.test"]], |_| {});
    assert_eq!(site.shown("192.0.2.7"), 0);
    site.settings.unknown_name = UnknownName::Refuse;
    assert_eq!(site.shown("192.0.2.7"), 0);
}

#[test]
fn of_two_certificates_for_a_name_the_one_that_the_client_can_verify_is_shown() {
    let authority = Arc::new(Authority::new("root"));
    for swapped in [false, true] {
        let mut certificates = vec![
            authority.rsa_server(&["example.org"]),
            authority.server(&["example.org"]),
        ];
        if swapped {
            certificates.swap(0, 1);
        }
        let rsa = usize::from(swapped);
        let site = Site::of(&authority, certificates);
        let old = |suite| Client {
            suites: vec![suite],
            versions: vec![&TLS12],
            ..Client::default()
        };
        let by_rsa = old(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        assert_eq!(site.shown_to(&by_rsa, "example.org"), rsa);
        let by_ecdsa = old(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
        assert_eq!(site.shown_to(&by_ecdsa, "example.org"), 1 - rsa);
        // To those that can verify both the one that is faster to sign with, whatever the order.
        let both = Client {
            versions: vec![&TLS13],
            ..Client::default()
        };
        assert_eq!(site.shown_to(&both, "example.org"), 1 - rsa);
    }
}

#[test]
fn both_kinds_of_key_serve_clients_of_unknown_names_too() {
    let authority = Arc::new(Authority::new("root"));
    let certificates = vec![
        authority.server(&["example.org"]),
        authority.rsa_server(&["example.org"]),
    ];
    let site = Site::of(&authority, certificates);
    let client = Client {
        suites: vec![CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256],
        versions: vec![&TLS12],
        ..Client::default()
    };
    let config = client.config(authority.store());
    assert_eq!(site.shown_unverified_by(&config, "unknown.test"), Ok(1));
}

#[test]
fn a_name_without_a_certificate_is_asked_for_and_answered_with_what_is_found() {
    let mut site = Site::new(&[&["first.test"]], |_| {});
    site.settings.asks_names = true;
    let context = site.context();
    let config = Client::default().config(site.authority.store());
    let hello = |name| read_hello(&first_bytes(&config, name)).unwrap().unwrap();

    let Choice::Ask(name) = context.choose(&hello("Found.Test.")) else {
        panic!("not asked")
    };
    assert_eq!(name, "found.test");
    assert!(matches!(
        context.choose(&hello("first.test")),
        Choice::Config(_)
    ));
    assert!(
        matches!(context.choose(&hello("192.0.2.1")), Choice::Config(_)),
        "no name is nothing to ask for"
    );

    let found = site.authority.server(&["found.test"]);
    let named = context.for_credentials(&Credentials::load(&found).unwrap());
    let pair = connect_by(&config, "found.test", |hello| {
        Choice::Config(named.clone().choose(hello))
    })
    .unwrap();
    assert_eq!(leaf(&pair), leaf_of(&found));

    let nothing = connect_by(&config, "lost.test", |hello| context.unanswered(hello))
        .err()
        .unwrap();
    assert!(
        matches!(nothing.client, Error::InvalidCertificate(_)),
        "it got the default: {nothing:?}"
    );
    site.settings.unknown_name = UnknownName::Refuse;
    let context = site.context();
    assert!(matches!(
        context.choose(&hello("lost.test")),
        Choice::Ask(_)
    ));
    let nothing = connect_by(&config, "lost.test", |hello| context.unanswered(hello))
        .err()
        .unwrap();
    assert_eq!(nothing.server, "no certificate is for the name lost.test");
    assert_eq!(
        nothing.client,
        Error::AlertReceived(AlertDescription::UnrecognisedName)
    );
}

#[test]
fn a_server_that_asks_for_all_names_needs_no_certificate_and_refuses_who_wants_no_name() {
    let authority = Arc::new(Authority::new("root"));
    let mut site = Site::of(&authority, vec![]);
    site.settings.asks_names = true;
    let context = site.context();
    assert_eq!(context.certificates().len(), 0);
    let config = Client::default().config(authority.store());
    let failure = connect(&context, &config, "192.0.2.1").err().unwrap();
    assert_eq!(
        failure.server,
        "the client names no server, and no certificate is for clients that name none"
    );
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::MissingExtension)
    );
    let failure = connect_by(&config, "lost.test", |hello| context.unanswered(hello))
        .err()
        .unwrap();
    assert_eq!(
        failure.client,
        Error::AlertReceived(AlertDescription::UnrecognisedName)
    );
}

#[test]
fn the_certificates_tell_of_themselves_in_their_order() {
    let site = Site::new(&[&["first.test"], &["second.test", "192.0.2.7"]], |_| {});
    let context = site.context();
    let names: Vec<_> = context
        .certificates()
        .map(|info| info.names.clone())
        .collect();
    assert_eq!(
        names,
        [
            vec!["first.test".to_owned()],
            vec!["second.test".into(), "192.0.2.7".into()]
        ]
    );
}

struct Site {
    authority: Arc<Authority>,
    settings: Settings,
}

impl Site {
    fn new(names: &[&[&str]], change: impl FnOnce(&mut Vec<Material>)) -> Self {
        let authority = Arc::new(Authority::new("root"));
        let mut certificates = names.iter().map(|names| authority.server(names)).collect();
        change(&mut certificates);
        Site::of(&authority, certificates)
    }

    fn of(authority: &Arc<Authority>, certificates: Vec<Material>) -> Self {
        let settings = Settings {
            certificates,
            ..Settings::default()
        };
        Site {
            authority: authority.clone(),
            settings,
        }
    }

    fn context(&self) -> Context {
        Context::new(&self.settings, None).unwrap()
    }

    fn connect(&self, name: &str) -> Result<Pair, Failure> {
        connect(
            &self.context(),
            &Client::default().config(self.authority.store()),
            name,
        )
    }

    /// The index of the certificate that a client gets.
    fn shown(&self, name: &str) -> usize {
        self.shown_to(&Client::default(), name)
    }

    fn shown_to(&self, client: &Client<'_>, name: &str) -> usize {
        let pair = connect(
            &self.context(),
            &client.config(self.authority.store()),
            name,
        )
        .unwrap();
        self.index(&leaf(&pair))
    }

    /// The same for a client that takes any certificate for any name.
    fn shown_unverified(&self, name: &str) -> Result<usize, String> {
        self.shown_unverified_by(&Client::default().config(self.authority.store()), name)
    }

    fn shown_unverified_by(&self, config: &Arc<ClientConfig>, name: &str) -> Result<usize, String> {
        let seen = Arc::new(TakesAny::default());
        let mut config = ClientConfig::clone(config);
        config.dangerous().set_certificate_verifier(seen.clone());
        connect(&self.context(), &Arc::new(config), name).map_err(|failure| failure.server)?;
        Ok(self.index(&seen.leaf()))
    }

    fn index(&self, leaf: &[u8]) -> usize {
        self.settings
            .certificates
            .iter()
            .position(|material| leaf_of(material) == leaf)
            .unwrap()
    }
}

fn leaf(pair: &Pair) -> Vec<u8> {
    pair.client.peer_certificates().unwrap()[0].to_vec()
}

fn leaf_of(material: &Material) -> Vec<u8> {
    let Some(Blob::Memory(pem)) = &material.certificate else {
        panic!("not in memory")
    };
    CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}
