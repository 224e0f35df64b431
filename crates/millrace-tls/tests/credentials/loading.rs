//! Chains and keys that can be used, and what is told about them.

use crate::support::{bytes, file, locked, memory, pair, path, refused, text};
use millrace_tls::rustls::SignatureScheme;
use millrace_tls::{Blob, Credentials, ErrorKind, KeyType, Material};

const SCHEMES: [SignatureScheme; 5] = [
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
];

/// Loads it and signs with its key.
#[track_caller]
fn load(material: &Material) -> Credentials {
    let credentials = Credentials::load(material).unwrap();
    let signer = credentials.certified().key.choose_scheme(&SCHEMES).unwrap();
    assert!(!signer.sign(b"a message").unwrap().is_empty());
    credentials
}

/// A chain from its parts, the key of its leaf beside it.
fn chain(parts: &[&str]) -> Material {
    let pem: String = parts.iter().map(|part| text(part)).collect();
    Material {
        certificate: memory(pem),
        key: file("leaf.key.pem"),
        ..Material::default()
    }
}

fn presented(credentials: &Credentials) -> Vec<Vec<u8>> {
    let certificates = credentials.certified().cert.iter();
    certificates.map(|der| der.to_vec()).collect()
}

#[test]
fn every_kind_of_key_that_can_be_used_is_loaded_and_signs() {
    let kinds = [
        ("rsa-2048", KeyType::Rsa { bits: 2048 }, "RSA 2048"),
        ("rsa-3072", KeyType::Rsa { bits: 3072 }, "RSA 3072"),
        ("rsa-4096", KeyType::Rsa { bits: 4096 }, "RSA 4096"),
        ("p-256", KeyType::P256, "ECDSA P-256"),
        ("p-384", KeyType::P384, "ECDSA P-384"),
        ("p-521", KeyType::P521, "ECDSA P-521"),
        ("ed25519", KeyType::Ed25519, "Ed25519"),
    ];
    for (name, kind, shown) in kinds {
        let credentials = load(&pair(
            &format!("{name}.crt.pem"),
            &format!("{name}.key.pem"),
        ));
        assert_eq!(credentials.info().key_type, kind);
        assert_eq!(credentials.info().key_type.to_string(), shown);
        assert_eq!(credentials.info().subject, format!("CN={name},O=Tests"));
    }
}

#[test]
fn keys_and_certificates_come_in_pem_and_in_der_from_files_and_from_memory() {
    let keys = [
        "p-256.key.pem",
        "p-256.key.der",
        "p-256.sec1.key.pem",
        "p-256.sec1.key.der",
    ];
    for key in keys {
        for certificate in ["p-256.crt.pem", "p-256.crt.der"] {
            let from_files = load(&pair(certificate, key));
            let from_memory = load(&Material {
                certificate: memory(bytes(certificate)),
                key: memory(bytes(key)),
                ..Material::default()
            });
            assert_eq!(from_files.info(), from_memory.info());
        }
    }
    for key in ["rsa-2048.pkcs1.key.pem", "rsa-2048.pkcs1.key.der"] {
        load(&pair("rsa-2048.crt.pem", key));
    }
}

#[test]
fn a_file_is_read_anew_at_each_load() {
    let directory = tempdir();
    let (certificate, key) = (directory.join("crt.pem"), directory.join("key.pem"));
    let material = Material {
        certificate: Some(Blob::File(certificate.clone())),
        key: Some(Blob::File(key.clone())),
        ..Material::default()
    };
    for kind in ["p-256", "ed25519"] {
        std::fs::copy(path(&format!("{kind}.crt.pem")), &certificate).unwrap();
        std::fs::copy(path(&format!("{kind}.key.pem")), &key).unwrap();
        assert_eq!(load(&material).info().subject, format!("CN={kind},O=Tests"));
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_certificate_tells_its_names_and_dates_and_digest() {
    let credentials = load(&pair("leaf.crt.pem", "leaf.key.pem"));
    let info = credentials.info();
    assert_eq!(info.names, ["leaf.example"]);
    assert_eq!(
        (info.subject.as_str(), info.issuer.as_str()),
        ("CN=leaf", "CN=intermediate")
    );
    assert_eq!(info.serial, "C0FFEE00112233");
    assert_eq!(info.not_after - info.not_before, 36_500 * 86_400);
    let fingerprint: String = info
        .sha256
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(fingerprint.len(), 64);
    assert!(!info.is_expired(info.not_after) && info.is_expired(info.not_after + 1));
}

#[test]
fn names_are_those_of_the_certificate_in_lower_case() {
    let credentials = load(&pair("p-256.crt.pem", "p-256.key.pem"));
    assert_eq!(
        credentials.names(),
        ["localhost", "*.example.org", "127.0.0.1", "::1"]
    );
}

#[test]
fn names_that_are_given_replace_those_of_the_certificate() {
    let names = ["A.Example.", "*.B.example", "0:0::1"]
        .map(str::to_owned)
        .to_vec();
    let credentials = load(&Material {
        names,
        ..pair("p-256.crt.pem", "p-256.key.pem")
    });
    assert_eq!(credentials.names(), ["a.example", "*.b.example", "::1"]);
    assert_eq!(credentials.info().names.len(), 4);
}

#[test]
fn a_name_that_no_client_can_ask_for_is_refused() {
    let too_long = format!("{}.example", "a".repeat(64));
    for name in [
        "",
        "a b",
        "*",
        "*.",
        "a.*.example",
        "a..b",
        "-a.example",
        "https://a.example",
        &too_long,
    ] {
        let material = Material {
            names: vec![name.to_owned()],
            ..pair("p-256.crt.pem", "p-256.key.pem")
        };
        refused(
            &material,
            ErrorKind::Option,
            &format!("{name:?} is not a server name"),
        );
    }
}

#[test]
fn the_common_name_is_not_a_name() {
    let credentials = load(&pair("v1.crt.pem", "p-256.key.pem"));
    assert_eq!(credentials.info().subject, "CN=v1");
    assert!(credentials.names().is_empty());
}

#[test]
fn an_expired_certificate_is_loaded_and_says_so() {
    let credentials = load(&pair("expired.crt.pem", "p-256.key.pem"));
    assert_eq!(credentials.info().not_after, 1_609_459_200);
    assert!(credentials.info().is_expired(1_609_459_201));
}

#[test]
fn a_chain_is_presented_in_the_order_it_was_given() {
    let chained = load(&pair("chain.crt.pem", "leaf.key.pem"));
    let parts = ["leaf.crt.pem", "intermediate.crt.pem", "root.crt.pem"];
    assert_eq!(presented(&chained).len(), 3);
    assert_eq!(presented(&chained), presented(&load(&chain(&parts))));
}

#[test]
fn a_chain_from_the_root_down_is_turned_around() {
    let given = load(&chain(&[
        "root.crt.pem",
        "intermediate.crt.pem",
        "leaf.crt.pem",
    ]));
    assert_eq!(
        presented(&given),
        presented(&load(&pair("chain.crt.pem", "leaf.key.pem")))
    );
    assert_eq!(given.info().subject, "CN=leaf");
    let given = load(&chain(&["intermediate.crt.pem", "leaf.crt.pem"]));
    assert_eq!(given.info().subject, "CN=leaf");
    assert_eq!(presented(&given).len(), 2);
}

#[test]
fn a_chain_in_any_other_order_is_refused() {
    refused(
        &chain(&["intermediate.crt.pem", "leaf.crt.pem", "root.crt.pem"]),
        ErrorKind::Certificate,
        "the certificates in `cert` are in the wrong order: the private key in testdata/leaf.key.pem belongs to \
         certificate 2 of 3, which must be the first",
    );
    refused(
        &chain(&["root.crt.pem", "leaf.crt.pem"]),
        ErrorKind::Certificate,
        "the certificates in `cert` are in the wrong order: the private key in testdata/leaf.key.pem belongs to \
         certificate 2 of 2, which must be the first",
    );
}

#[test]
fn one_document_may_hold_the_chain_and_the_key() {
    let both = text("p-256.crt.pem") + &text("p-256.key.pem");
    let alone = Material {
        certificate: memory(both.clone()),
        ..Material::default()
    };
    assert_eq!(load(&alone).info().subject, "CN=p-256,O=Tests");
    let twice = Material {
        key: memory(both),
        ..alone
    };
    assert_eq!(load(&twice).info().subject, "CN=p-256,O=Tests");
}

#[test]
fn pem_is_read_with_any_line_ends_and_with_text_around_it() {
    let with_text = format!(
        "\u{feff}{}\nBag Attributes\n    x: y\n",
        text("p-256.crt.pem").replace('\n', "\r\n")
    );
    let credentials = load(&Material {
        certificate: memory(with_text),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    });
    assert_eq!(credentials.info().subject, "CN=p-256,O=Tests");
    let one_line = text("p-256.key.pem")
        .lines()
        .map(|line| format!("  {line}  \n"))
        .collect::<String>();
    load(&Material {
        key: memory(one_line),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    });
}

#[test]
fn an_ocsp_response_is_stapled() {
    let credentials = load(&Material {
        ocsp: file("leaf.ocsp.der"),
        ..pair("leaf.crt.pem", "leaf.key.pem")
    });
    assert_eq!(credentials.certified().ocsp, Some(bytes("leaf.ocsp.der")));
    assert_eq!(
        load(&pair("leaf.crt.pem", "leaf.key.pem")).certified().ocsp,
        None
    );
}

#[test]
fn an_ocsp_response_that_cannot_be_stapled_is_refused() {
    let with = |ocsp: Vec<u8>| Material {
        ocsp: memory(ocsp),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    };
    refused(
        &with(vec![]),
        ErrorKind::Certificate,
        "`ocsp` is not an OCSP response in DER",
    );
    refused(
        &with(bytes("p-256.crt.der")),
        ErrorKind::Certificate,
        "`ocsp` is not an OCSP response in DER",
    );
    refused(
        &with(vec![0x30, 3, 0x0a, 1, 3]),
        ErrorKind::Certificate,
        "`ocsp` is an OCSP response without an answer: its status is 3",
    );
    refused(
        &with(bytes("leaf.ocsp.der")),
        ErrorKind::Certificate,
        "`ocsp` is an OCSP response for another certificate",
    );
}

#[test]
fn neither_keys_nor_passphrases_are_in_what_is_printed_for_debugging() {
    let material = Material {
        key: memory(text("p-256.key.pem")),
        ..locked("p-256.key.pem", Some("secret"))
    };
    assert_eq!(
        format!("{material:?}"),
        "Material { certificate: Some(File(\"testdata/p-256.crt.pem\")), key: Some(Memory(241 bytes)), pkcs12: None, \
         passphrase: Some(…), ocsp: None, names: [] }"
    );
    let printed = format!("{:?}", load(&material));
    assert!(
        printed.starts_with("Credentials { names: [\"localhost\""),
        "{printed}"
    );
    assert!(
        printed.ends_with(".. }") && !printed.contains("certified"),
        "{printed}"
    );
}

fn tempdir() -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("millrace-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
