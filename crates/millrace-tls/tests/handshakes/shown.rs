//! What is sent to clients of a server's certificate: its signature, whatever the key, and what is stapled to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use millrace_tls::{Blob, Context, Material, Settings};

use crate::pair::{Client, TakesAny, connect};

#[test]
fn every_kind_of_key_serves_both_versions() {
    for key in ["rsa-2048", "rsa-4096", "p-256", "p-384", "p-521", "ed25519"] {
        for version in [&TLS12, &TLS13] {
            let context = context(&format!("{key}.crt.pem"), &format!("{key}.key.pem"), None);
            let seen = Arc::new(TakesAny::default());
            connect(&context, &client(version, &seen), "example.org").unwrap();
            assert_eq!(seen.ocsp(), b"", "nothing is stapled");
        }
    }
}

#[test]
fn an_ocsp_response_reaches_clients_of_both_versions() {
    let response = Blob::File(testdata("leaf.ocsp.der"));
    let context = context("leaf.crt.pem", "leaf.key.pem", Some(response));
    for version in [&TLS12, &TLS13] {
        let seen = Arc::new(TakesAny::default());
        connect(&context, &client(version, &seen), "example.org").unwrap();
        assert_eq!(
            seen.ocsp(),
            std::fs::read(testdata("leaf.ocsp.der")).unwrap()
        );
    }
}

fn context(certificate: &str, key: &str, ocsp: Option<Blob>) -> Context {
    let material = Material {
        certificate: Some(Blob::File(testdata(certificate))),
        key: Some(Blob::File(testdata(key))),
        ocsp,
        ..Material::default()
    };
    let settings = Settings {
        certificates: vec![material],
        ..Settings::default()
    };
    Context::new(&settings, None).unwrap()
}

fn client(version: &'static SupportedProtocolVersion, seen: &Arc<TakesAny>) -> Arc<ClientConfig> {
    let client = Client {
        versions: vec![version],
        ..Client::default()
    };
    let mut config = ClientConfig::clone(&client.config(RootCertStore::empty()));
    config.dangerous().set_certificate_verifier(seen.clone());
    Arc::new(config)
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}
