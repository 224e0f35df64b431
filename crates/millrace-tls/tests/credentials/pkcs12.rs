//! PKCS #12 stores.

use crate::support::{PASSPHRASE, bytes, costly_scrypt, file, memory, pair, refused, store, text};
use millrace_tls::{Credentials, ErrorKind, Material};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};

#[test]
fn stores_are_loaded_as_openssl_writes_them_today_and_wrote_them_before() {
    for name in ["modern.p12", "legacy.p12", "des3.p12"] {
        let credentials = Credentials::load(&store(name, Some(PASSPHRASE))).unwrap();
        assert_eq!(credentials.names(), ["leaf.example"]);
    }
}

#[test]
fn the_chain_of_a_store_is_presented_from_the_leaf_up() {
    let expected = Credentials::load(&pair("chain.crt.pem", "leaf.key.pem")).unwrap();
    for name in ["modern.p12", "legacy.p12", "des3.p12"] {
        let credentials = Credentials::load(&store(name, Some(PASSPHRASE))).unwrap();
        assert_eq!(
            credentials.certified().cert,
            expected.certified().cert,
            "{name}"
        );
    }
}

#[test]
fn a_store_comes_from_memory_too() {
    let material = Material {
        pkcs12: memory(bytes("modern.p12")),
        passphrase: Some(PASSPHRASE.to_owned().into()),
        ..Material::default()
    };
    assert_eq!(
        Credentials::load(&material).unwrap().info().subject,
        "CN=leaf"
    );
}

#[test]
fn a_store_without_a_passphrase_needs_none() {
    for passphrase in [None, Some("")] {
        Credentials::load(&store("empty.p12", passphrase)).unwrap();
        Credentials::load(&store("bare.p12", passphrase)).unwrap();
    }
}

#[test]
fn a_passphrase_may_have_letters_beyond_ascii() {
    Credentials::load(&store("umlauts.p12", Some("schöne Grüße"))).unwrap();
    refused(
        &store("umlauts.p12", Some("schöne Grüße 👋")),
        ErrorKind::Passphrase,
        "the PKCS #12 store in testdata/umlauts.p12 cannot have this passphrase: a character of it is beyond what \
         PKCS #12 encodes",
    );
}

#[test]
fn a_missing_passphrase_is_told_from_a_wrong_one() {
    for name in ["modern.p12", "legacy.p12", "des3.p12"] {
        let store_is = format!("the PKCS #12 store in testdata/{name}");
        refused(
            &store(name, None),
            ErrorKind::Passphrase,
            &format!("{store_is} is encrypted: its passphrase is needed"),
        );
        refused(
            &store(name, Some("Correct horse")),
            ErrorKind::Passphrase,
            &format!("{store_is} cannot be decrypted: the passphrase is wrong"),
        );
    }
}

#[test]
fn a_store_without_one_half_is_refused() {
    refused(
        &store("no-key.p12", Some(PASSPHRASE)),
        ErrorKind::Key,
        "testdata/no-key.p12 holds no private key",
    );
    refused(
        &store("no-certificate.p12", Some(PASSPHRASE)),
        ErrorKind::Certificate,
        "testdata/no-certificate.p12 holds no certificate",
    );
}

#[test]
fn a_store_whose_halves_do_not_belong_together_is_refused() {
    refused(
        &written(&["p-256.key.der"]),
        ErrorKind::Mismatch,
        "the private key in `pfx` belongs to none of the certificates in it",
    );
}

#[test]
fn a_store_with_several_keys_is_refused() {
    refused(
        &written(&["p-256.key.der", "p-256.key.der"]),
        ErrorKind::Key,
        "`pfx` holds 2 private keys: one was expected",
    );
}

#[test]
fn a_store_beside_a_certificate_or_a_key_is_refused() {
    let text = "`pfx` holds a certificate and its key: `cert` and `key` cannot be given beside it";
    let both = Material {
        certificate: file("leaf.crt.pem"),
        ..store("modern.p12", Some(PASSPHRASE))
    };
    refused(&both, ErrorKind::Option, text);
    let both = Material {
        key: file("leaf.key.pem"),
        ..store("modern.p12", Some(PASSPHRASE))
    };
    refused(&both, ErrorKind::Option, text);
}

#[test]
fn what_is_not_a_store_is_named() {
    let with = |bytes: Vec<u8>| Material {
        pkcs12: memory(bytes),
        ..Material::default()
    };
    let cases: [(Vec<u8>, &str); 5] = [
        (vec![], "`pfx` is empty: a PKCS #12 store was expected"),
        (
            bytes("p-256.crt.der"),
            "`pfx` holds a certificate: a PKCS #12 store was expected",
        ),
        (
            bytes("p-256.key.der"),
            "`pfx` holds a private key: a PKCS #12 store was expected",
        ),
        (
            (text("p-256.crt.pem") + &text("p-256.key.pem")).into_bytes(),
            "`pfx` holds a certificate and a private key: a PKCS #12 store was expected",
        ),
        (
            b"garbage".to_vec(),
            "`pfx` is neither PEM nor DER: a PKCS #12 store was expected",
        ),
    ];
    for (bytes, text) in cases {
        refused(&with(bytes), ErrorKind::Certificate, text);
    }
}

#[test]
fn a_damaged_store_is_refused_wherever_it_ends() {
    let whole = bytes("bare.p12");
    let damaged = "the PKCS #12 store given as `pfx` is damaged: it cannot be read";
    for end in (8..whole.len()).step_by(7) {
        let cut = Material {
            pkcs12: memory(&whole[..end]),
            ..Material::default()
        };
        refused(&cut, ErrorKind::Certificate, damaged);
    }
}

#[test]
fn a_store_that_cannot_be_decrypted_here_is_refused_with_the_way_out() {
    for name in ["rc2-128.p12", "camellia.p12"] {
        let text = format!(
            "the PKCS #12 store in testdata/{name} is encrypted in a way that is not supported: `openssl pkcs12 \
             -export` writes one that is"
        );
        refused(
            &store(name, Some(PASSPHRASE)),
            ErrorKind::Certificate,
            &text,
        );
    }
    let mut indefinite = vec![0x30, 0x80];
    indefinite.extend([0x02, 0x01, 0x03, 0x30, 0x80]);
    refused(
        &Material {
            pkcs12: memory(indefinite),
            ..Material::default()
        },
        ErrorKind::Certificate,
        "the PKCS #12 store given as `pfx` is written in BER, of which only DER is supported: `openssl pkcs12 -export` \
         writes that",
    );
}

#[test]
fn a_store_that_would_take_minutes_to_decrypt_is_refused() {
    refused(
        &store("slow.p12", Some(PASSPHRASE)),
        ErrorKind::Certificate,
        "the PKCS #12 store in testdata/slow.p12 costs too much to decrypt, or says so by mistake: 1000000 iterations at \
         a time are the most",
    );
}

#[test]
fn what_many_sections_of_a_store_cost_is_added_up() {
    let with = |sections: Vec<u8>| {
        let mut store = vec![0x30, 0x83, 0, 0, 0, 0x02, 0x01, 0x03];
        store.extend(sections);
        Material {
            pkcs12: memory(store),
            ..Material::default()
        }
    };
    refused(
        &with(bytes("slow.p12").repeat(3)),
        ErrorKind::Certificate,
        "the PKCS #12 store given as `pfx` costs too much to decrypt: it asks for 12000000 iterations, and 10000000 \
         are the most",
    );
    refused(
        &with(costly_scrypt()),
        ErrorKind::Certificate,
        "the PKCS #12 store given as `pfx` costs too much to decrypt: it asks for 32258 MiB of scrypt, and 256 are the \
         most",
    );
    refused(
        &with(bytes("slow-legacy.p12").repeat(11)),
        ErrorKind::Certificate,
        "the PKCS #12 store given as `pfx` costs too much to decrypt: it asks for 11000000 iterations, and 10000000 \
         are the most",
    );
}

/// A store of these keys, each with a certificate that is not its own; `openssl` refuses to write such a one.
fn written(keys: &[&str]) -> Material {
    let der = Credentials::load(&pair("leaf.crt.pem", "leaf.key.pem")).unwrap();
    let mut store = KeyStore::new();
    for (index, key) in keys.iter().enumerate() {
        let key = PrivateKey::from_der(&bytes(key)).unwrap();
        let certificate = Certificate::from_der(&der.certified().cert[0]).unwrap();
        let chain = PrivateKeyChain::new(vec![index as u8], key, [certificate]);
        store.add_entry(&index.to_string(), KeyStoreEntry::PrivateKeyChain(chain));
    }
    Material {
        pkcs12: memory(store.writer(PASSPHRASE).write().unwrap()),
        passphrase: Some(PASSPHRASE.to_owned().into()),
        ..Material::default()
    }
}
