//! Keys under a passphrase: PKCS #8, and the encryption of PEM that came before it.

use crate::support::{PASSPHRASE, bytes, costly_scrypt, locked, memory, refused, text};
use millrace_tls::{Credentials, ErrorKind, Material};

const PKCS8: [&str; 6] = [
    "default.enc.pem",
    "default.enc.der",
    "aes128-sha1.enc.pem",
    "aes192-sha512.enc.pem",
    "des3.enc.pem",
    "scrypt.enc.der",
];
const OLD_PEM: [&str; 5] = [
    "aes128.old.pem",
    "aes192.old.pem",
    "aes256.old.pem",
    "des3.old.pem",
    "des.old.pem",
];

#[test]
fn keys_in_encrypted_pkcs8_are_decrypted() {
    for key in PKCS8 {
        Credentials::load(&locked(key, Some(PASSPHRASE))).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_key_that_was_encrypted_when_it_was_made_is_decrypted() {
    // It belongs to no certificate here, which only shows once it has been decrypted.
    refused(
        &locked("aes256.enc.pem", Some(PASSPHRASE)),
        ErrorKind::Mismatch,
        "the private key in testdata/aes256.enc.pem does not belong to the certificate in testdata/p-256.crt.pem",
    );
}

#[test]
fn keys_in_pem_that_was_encrypted_of_old_are_decrypted() {
    for key in OLD_PEM {
        Credentials::load(&locked(key, Some(PASSPHRASE))).unwrap_or_else(|error| panic!("{error}"));
    }
    let rsa = Material {
        certificate: memory(text("rsa-2048.crt.pem")),
        ..locked("rsa-aes256.old.pem", Some(PASSPHRASE))
    };
    Credentials::load(&rsa).unwrap();
}

#[test]
fn without_the_passphrase_the_error_asks_for_it() {
    for key in PKCS8.iter().chain(&OLD_PEM) {
        let text =
            format!("the private key in testdata/{key} is encrypted: its passphrase is needed");
        refused(&locked(key, None), ErrorKind::Passphrase, &text);
    }
    let in_memory = Material {
        key: memory(bytes("default.enc.pem")),
        ..locked("default.enc.pem", None)
    };
    refused(
        &in_memory,
        ErrorKind::Passphrase,
        "the private key given as `key` is encrypted: its passphrase is needed",
    );
}

#[test]
fn a_wrong_passphrase_is_told_from_a_missing_one() {
    for key in PKCS8.iter().chain(&OLD_PEM) {
        for wrong in ["", "Correct horse"] {
            let text = format!(
                "the private key in testdata/{key} cannot be decrypted: the passphrase is wrong"
            );
            refused(&locked(key, Some(wrong)), ErrorKind::Passphrase, &text);
        }
    }
}

#[test]
fn no_passphrase_decrypts_by_chance_what_is_not_a_key() {
    // One in some hundred wrong keys yields padding that seems right: these would find one.
    for number in 0..1000 {
        let text = "the private key in testdata/aes128.old.pem cannot be decrypted: the passphrase is wrong";
        refused(
            &locked("aes128.old.pem", Some(&number.to_string())),
            ErrorKind::Passphrase,
            text,
        );
    }
}

#[test]
fn an_empty_passphrase_is_a_passphrase() {
    Credentials::load(&locked("empty.enc.pem", Some(""))).unwrap();
    refused(
        &locked("empty.enc.pem", None),
        ErrorKind::Passphrase,
        "the private key in testdata/empty.enc.pem is encrypted: its passphrase is needed",
    );
}

#[test]
fn a_passphrase_for_a_key_that_is_not_encrypted_is_ignored() {
    Credentials::load(&locked("p-256.key.pem", Some(PASSPHRASE))).unwrap();
}

#[test]
fn encryption_that_is_not_supported_is_named_with_the_way_out() {
    refused(
        &locked("v1.enc.pem", Some(PASSPHRASE)),
        ErrorKind::Key,
        "the private key in testdata/v1.enc.pem is encrypted in a way that is not supported (1.2.840.113549.1.12.1.3): \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc` rewrites it",
    );
    refused(
        &locked("camellia.enc.pem", Some(PASSPHRASE)),
        ErrorKind::Key,
        "the private key in testdata/camellia.enc.pem is encrypted in a way that is not supported \
         (1.2.392.200011.61.1.1.1.4): `openssl pkcs8 -topk8 -v2 aes-256-cbc` rewrites it",
    );
    refused(
        &locked("camellia256.old.pem", Some(PASSPHRASE)),
        ErrorKind::Key,
        "the private key in testdata/camellia256.old.pem is encrypted with CAMELLIA-256-CBC, which is not supported: \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc` rewrites it",
    );
}

#[test]
fn a_key_that_would_take_minutes_to_decrypt_is_refused() {
    refused(
        &locked("slow.enc.pem", Some(PASSPHRASE)),
        ErrorKind::Key,
        "the private key in testdata/slow.enc.pem costs too much to decrypt: it asks for 20000000 iterations, \
         and 10000000 are the most",
    );
    let scrypt = costly_scrypt();
    refused(
        &Material {
            key: memory(scrypt),
            ..locked("scrypt.enc.der", Some(PASSPHRASE))
        },
        ErrorKind::Key,
        "the private key given as `key` costs too much to decrypt: it asks for 32258 MiB of scrypt, and 256 are the most",
    );
}

#[test]
fn headers_of_old_pem_that_make_no_sense_are_refused() {
    let with = |from: &str, to: &str| {
        let pem = text("aes128.old.pem");
        let lines = pem
            .lines()
            .map(|line| if line.starts_with(from) { to } else { line });
        let key: String = lines.flat_map(|line| [line, "\n"]).collect();
        Material {
            key: memory(key),
            ..locked("aes128.old.pem", Some(PASSPHRASE))
        }
    };
    refused(
        &with("DEK-Info", ""),
        ErrorKind::Key,
        "the private key given as `key` is damaged: its DEK-Info is missing",
    );
    for iv in [
        "DEK-Info: AES-128-CBC",
        "DEK-Info: AES-128-CBC,00",
        "DEK-Info: AES-128-CBC,xx",
    ] {
        refused(
            &with("DEK-Info", iv),
            ErrorKind::Key,
            "the private key given as `key` is damaged: its DEK-Info has no initialization vector",
        );
    }
}
