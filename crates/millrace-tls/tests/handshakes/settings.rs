//! Settings that cannot be, and what is said of them.

use millrace_tls::{Blob, ClientAuth, Context, Material, Settings, Version};

use crate::authority::Authority;

#[test]
fn without_a_certificate_there_is_no_server() {
    let text =
        "ERR_TLS_CERTIFICATE - there is no certificate: `cert` and `key`, or `pfx`, are missing";
    assert_eq!(refused(|settings| settings.certificates.clear()), text);
}

#[test]
fn a_certificate_that_cannot_be_loaded_is_told_as_such() {
    let text = refused(|settings| settings.certificates.push(Material::default()));
    assert!(text.starts_with("ERR_TLS_CERTIFICATE - "), "{text}");
}

#[test]
fn suites_that_the_key_cannot_sign_for_are_refused() {
    assert_eq!(
        refused(|settings| settings.suites = vec!["ECDHE-RSA-AES128-GCM-SHA256".into()]),
        "ERR_TLS_OPTION - none of the cipher suites is for the certificate of example.org, which has a key that is not RSA"
    );
    assert_eq!(
        refused(|settings| {
            settings.suites = vec!["ECDHE-ECDSA-AES128-GCM-SHA256".into()];
            settings.certificates = vec![Authority::new("root").rsa_server(&["example.org"])];
        }),
        "ERR_TLS_OPTION - none of the cipher suites is for the certificate of example.org, which has an RSA key"
    );
}

#[test]
fn protocols_have_a_length() {
    let text = "ERR_TLS_OPTION - a protocol of `alpn` has 0 bytes, and must have 1 to 255";
    assert_eq!(refused(|settings| settings.alpn.push(vec![])), text);
    let text = "ERR_TLS_OPTION - a protocol of `alpn` has 256 bytes, and must have 1 to 255";
    assert_eq!(
        refused(|settings| settings.alpn.push(vec![b'a'; 256])),
        text
    );
}

#[test]
fn tickets_live_for_a_second_to_seven_days() {
    for lifetime in [0, 604_801] {
        let text =
            format!("ERR_TLS_OPTION - ticketLifetime is {lifetime} s, and must be 1 to 604800 s");
        assert_eq!(
            refused(|settings| settings.ticket_lifetime_s = lifetime),
            text
        );
    }
}

#[test]
fn early_data_needs_what_it_needs() {
    assert_eq!(
        refused(|settings| (settings.early_data_bytes, settings.resumption) = (1, false)),
        "ERR_TLS_OPTION - earlyData needs resumption, which is off: clients send it with a session that they resume"
    );
    assert_eq!(
        refused(|settings| (settings.early_data_bytes, settings.max_version) = (1, Version::Tls12)),
        "ERR_TLS_OPTION - earlyData needs TLSv1.3, which these versions and cipher suites leave out"
    );
    assert_eq!(
        refused(
            |settings| (settings.early_data_bytes, settings.ticket_keys) =
                (1, vec![[0; 48]].into())
        ),
        "ERR_TLS_OPTION - earlyData and ticketKeys exclude each other: early data could be replayed to every server that has \
         the keys (RFC 8446 section 8.1), so its sessions are kept by one server, in memory"
    );
}

#[test]
fn clients_cannot_be_judged_without_an_authority() {
    assert_eq!(
        refused(|settings| settings.client = ClientAuth::Required),
        "ERR_TLS_CLIENT_CA - client certificates are required, but `ca` names no authority to trust"
    );
    let list = Blob::Memory(Authority::new("root").list(&[], 3000).der().to_vec());
    assert_eq!(
        refused(|settings| (settings.client, settings.revocation_lists) =
            (ClientAuth::Asked, vec![list.clone()])),
        "ERR_TLS_CLIENT_CA - `crl` is set, but `ca` names no authority to trust"
    );
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    for (root, text) in [
        (
            Blob::File("/nowhere/ca.pem".into()),
            "ERR_TLS_FILE - a certificate of an authority cannot be read from /nowhere/ca.pem: No such file or directory (os \
             error 2)",
        ),
        (
            Blob::Memory(b"nonsense".to_vec()),
            "ERR_TLS_CLIENT_CA - `ca` is neither PEM nor DER: a certificate was expected",
        ),
    ] {
        assert_eq!(refused(|settings| settings.roots = vec![root]), text);
    }
}

#[test]
fn revocation_lists_that_cannot_be_read_are_named() {
    let authority = Authority::new("root");
    for (list, text) in [
        (
            Blob::File("/nowhere/ca.crl".into()),
            "ERR_TLS_FILE - the revocation list cannot be read from /nowhere/ca.crl: No such file or directory (os error 2)",
        ),
        (
            Blob::Memory(b"nonsense".to_vec()),
            "ERR_TLS_CLIENT_CA - the revocation list given as `crl` cannot be used: it cannot be read",
        ),
        (
            authority.root(),
            "ERR_TLS_CLIENT_CA - the revocation list given as `crl` is PEM without a section X509 CRL",
        ),
    ] {
        let text_of = refused(|settings| {
            settings.client = ClientAuth::Required;
            settings.roots = vec![authority.root()];
            settings.revocation_lists = vec![list];
        });
        assert_eq!(text_of, text);
    }
}

#[test]
fn printing_a_context_shows_no_key() {
    let text = format!("{:?}", Context::new(&settings(), None).unwrap());
    assert!(
        text.contains("example.org") && !text.contains("key_log") && !text.contains("PRIVATE"),
        "{text}"
    );
}

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    Context::new(&settings, None).unwrap_err().to_string()
}

fn settings() -> Settings {
    Settings {
        certificates: vec![Authority::new("root").server(&["example.org"])],
        ..Settings::default()
    }
}
