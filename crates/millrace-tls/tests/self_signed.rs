//! Certificates for development.

use millrace_tls::{Blob, Credentials, ErrorKind, KeyType, Material, self_signed};

const NOW: i64 = 1_800_000_000;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn refused(wanted: &[&str], days: u32, now: i64) -> String {
    let error = self_signed(&names(wanted), days, now).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Option);
    error.to_string()
}

#[test]
fn a_self_signed_pair_is_loaded_and_tells_what_it_is() {
    let made = self_signed(
        &names(&["LocalHost", "*.Example.org", "127.0.0.1", "::1"]),
        30,
        NOW,
    )
    .unwrap();
    let credentials = Credentials::load(&Material {
        certificate: Some(Blob::Memory(made.certificate_pem.into())),
        key: Some(Blob::Memory(made.key_pem.into())),
        ..Material::default()
    })
    .unwrap();

    assert_eq!(
        credentials.names(),
        ["localhost", "*.example.org", "127.0.0.1", "::1"]
    );
    let info = credentials.info();
    assert_eq!(info.names, credentials.names());
    assert_eq!(
        (info.subject.as_str(), info.issuer.as_str()),
        ("CN=LocalHost", "CN=LocalHost")
    );
    assert_eq!((info.not_before, info.not_after), (NOW, NOW + 30 * 86_400));
    assert_eq!(info.key_type, KeyType::P256);
    assert!(!info.is_expired(NOW) && info.is_expired(NOW + 30 * 86_400 + 1));
}

#[test]
fn two_pairs_differ_in_keys_and_serial_numbers() {
    let one = self_signed(&names(&["localhost"]), 1, NOW).unwrap();
    let other = self_signed(&names(&["localhost"]), 1, NOW).unwrap();
    assert_ne!(one.key_pem, other.key_pem);
    assert_ne!(one.certificate_pem, other.certificate_pem);
}

#[test]
fn the_key_is_not_in_what_is_printed_for_debugging() {
    let made = self_signed(&names(&["localhost"]), 1, NOW).unwrap();
    let printed = format!("{made:?}");
    assert!(
        printed.contains("BEGIN CERTIFICATE") && !printed.contains("PRIVATE KEY"),
        "{printed}"
    );
}

#[test]
fn what_no_certificate_can_say_is_refused() {
    assert_eq!(
        refused(&[], 1, NOW),
        "ERR_TLS_OPTION - a certificate needs a name: none was given"
    );
    assert_eq!(
        refused(&["localhost"], 0, NOW),
        "ERR_TLS_OPTION - a certificate cannot be valid for 0 days"
    );
    assert_eq!(
        refused(&["a b"], 1, NOW),
        "ERR_TLS_OPTION - \"a b\" is not a server name"
    );
    assert_eq!(
        refused(&["a.*.example"], 1, NOW),
        "ERR_TLS_OPTION - \"a.*.example\" is not a server name"
    );
    assert_eq!(
        refused(&["bücher.example"], 1, NOW),
        "ERR_TLS_OPTION - \"bücher.example\" is not a server name (names in other scripts are written in Punycode, xn--…)"
    );
    assert_eq!(
        refused(&["localhost"], u32::MAX, NOW),
        "ERR_TLS_OPTION - a certificate cannot be valid for 4294967295 days"
    );
}
