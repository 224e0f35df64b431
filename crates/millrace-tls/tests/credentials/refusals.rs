//! What cannot be used, and in which words it is refused.

use crate::support::{bytes, file, memory, pair, refused, text};
use millrace_tls::{Blob, Credentials, ErrorKind, Material};

fn with_key(key: impl Into<Vec<u8>>) -> Material {
    Material {
        key: memory(key),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    }
}

fn with_certificate(certificate: impl Into<Vec<u8>>) -> Material {
    Material {
        certificate: memory(certificate),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    }
}

#[test]
fn a_missing_half_is_named() {
    refused(
        &Material::default(),
        ErrorKind::Certificate,
        "there is no certificate: `cert` and `key`, or `pfx`, are missing",
    );
    refused(
        &Material {
            key: file("p-256.key.pem"),
            ..Material::default()
        },
        ErrorKind::Certificate,
        "the private key has no certificate: `cert` is missing",
    );
    refused(
        &Material {
            certificate: file("p-256.crt.pem"),
            ..Material::default()
        },
        ErrorKind::Key,
        "the certificate in testdata/p-256.crt.pem has no private key: `key` is missing",
    );
    refused(
        &Material {
            certificate: memory(text("p-256.crt.pem")),
            ..Material::default()
        },
        ErrorKind::Key,
        "the certificate given as `cert` has no private key: `key` is missing",
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    refused(
        &pair("missing.pem", "p-256.key.pem"),
        ErrorKind::File,
        "the certificate cannot be read from testdata/missing.pem: No such file or directory (os error 2)",
    );
    refused(
        &pair("p-256.crt.pem", "missing.pem"),
        ErrorKind::File,
        "the private key cannot be read from testdata/missing.pem: No such file or directory (os error 2)",
    );
    refused(
        &Material {
            pkcs12: Some(Blob::File("testdata".into())),
            ..Material::default()
        },
        ErrorKind::File,
        "the PKCS #12 store cannot be read from testdata: Is a directory (os error 21)",
    );
    refused(
        &Material {
            ocsp: file("missing.der"),
            ..pair("p-256.crt.pem", "p-256.key.pem")
        },
        ErrorKind::File,
        "the OCSP response cannot be read from testdata/missing.der: No such file or directory (os error 2)",
    );
    refused(
        &Material {
            key: Some(Blob::File("/dev/zero".into())),
            ..pair("p-256.crt.pem", "p-256.key.pem")
        },
        ErrorKind::File,
        "the private key cannot be read from /dev/zero: it is not a regular file",
    );
}

#[test]
fn a_file_that_is_too_large_for_a_key_is_not_read_to_its_end() {
    let path = std::env::temp_dir().join(format!("millrace-large-{}.pem", std::process::id()));
    let file = std::fs::File::create(&path).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let error = Credentials::load(&Material {
        key: Some(Blob::File(path.clone())),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    });
    std::fs::remove_file(&path).unwrap();
    let text = error.unwrap_err().to_string();
    assert!(text.ends_with(": it is larger than 64 MiB"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let path = std::env::temp_dir().join(format!("millrace-pipe-{}.pem", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let error = Credentials::load(&Material {
        key: Some(Blob::File(path.clone())),
        ..pair("p-256.crt.pem", "p-256.key.pem")
    });
    std::fs::remove_file(&path).unwrap();
    let text = error.unwrap_err().to_string();
    assert!(text.ends_with(": it is not a regular file"), "{text}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    refused(
        &pair("p-384.crt.pem", "p-256.key.pem"),
        ErrorKind::Mismatch,
        "the private key in testdata/p-256.key.pem does not belong to the certificate in testdata/p-384.crt.pem",
    );
    refused(
        &Material {
            certificate: memory(bytes("leaf.crt.pem")),
            ..with_key(bytes("p-256.key.pem"))
        },
        ErrorKind::Mismatch,
        "the private key given as `key` does not belong to the certificate in `cert`",
    );
    refused(
        &pair("chain.crt.pem", "p-256.key.pem"),
        ErrorKind::Mismatch,
        "the private key in testdata/p-256.key.pem belongs to none of the 3 certificates in testdata/chain.crt.pem",
    );
}

#[test]
fn something_else_than_a_key_is_named() {
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text("p-256.key.pem").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(Vec<u8>, &str); 12] = [
        (
            utf16,
            "`key` is text in UTF-16, which PEM is never written in: a private key was expected",
        ),
        (vec![], "`key` is empty: a private key was expected"),
        (
            b" \r\n".to_vec(),
            "`key` is empty: a private key was expected",
        ),
        (
            b"garbage".to_vec(),
            "`key` is neither PEM nor DER: a private key was expected",
        ),
        (
            vec![0x30, 0x03, 0x02, 0x01, 0x07],
            "`key` is neither PEM nor DER: a private key was expected",
        ),
        (
            bytes("p-256.crt.pem"),
            "`key` holds a certificate: a private key was expected",
        ),
        (
            bytes("p-256.crt.der"),
            "`key` holds a certificate: a private key was expected",
        ),
        (
            bytes("public.pem"),
            "`key` holds a public key: a private key was expected",
        ),
        (
            bytes("request.csr.pem"),
            "`key` holds a certificate request: a private key was expected",
        ),
        (
            bytes("bundle.p7b.pem"),
            "`key` holds a PKCS #7 bundle: a private key was expected",
        ),
        (
            bytes("modern.p12"),
            "`key` holds a PKCS #12 store, which belongs in `pfx`: a private key was expected",
        ),
        (
            text("p-256.sec1.key.pem")
                .split_inclusive("-----END EC PARAMETERS-----")
                .take(1)
                .collect::<String>()
                .into(),
            "`key` holds the parameters of a curve: a private key was expected",
        ),
    ];
    for (key, text) in cases {
        refused(&with_key(key), ErrorKind::Key, text);
    }
    refused(
        &pair("p-256.crt.pem", "p-256.crt.pem"),
        ErrorKind::Key,
        "testdata/p-256.crt.pem holds a certificate: a private key was expected",
    );
}

#[test]
fn something_else_than_a_certificate_is_named() {
    let cases: [(Vec<u8>, &str); 8] = [
        (vec![], "`cert` is empty: a certificate was expected"),
        (
            b"garbage".to_vec(),
            "`cert` is neither PEM nor DER: a certificate was expected",
        ),
        (
            bytes("p-256.key.pem"),
            "`cert` holds a private key: a certificate was expected",
        ),
        (
            bytes("p-256.key.der"),
            "`cert` holds a private key: a certificate was expected",
        ),
        (
            bytes("default.enc.der"),
            "`cert` holds a private key: a certificate was expected",
        ),
        (
            bytes("request.csr.pem"),
            "`cert` holds a certificate request: a certificate was expected",
        ),
        (
            bytes("bundle.p7b.pem"),
            "`cert` holds a PKCS #7 bundle: a certificate was expected",
        ),
        (
            bytes("modern.p12"),
            "`cert` holds a PKCS #12 store, which belongs in `pfx`: a certificate was expected",
        ),
    ];
    for (certificate, text) in cases {
        refused(&with_certificate(certificate), ErrorKind::Certificate, text);
    }
    refused(
        &pair("p-256.key.pem", "p-256.key.pem"),
        ErrorKind::Certificate,
        "testdata/p-256.key.pem holds a private key: a certificate was expected",
    );
}

#[test]
fn several_keys_in_one_document_are_refused() {
    let keys = text("p-256.key.pem") + &text("p-384.key.pem");
    refused(
        &with_key(keys),
        ErrorKind::Key,
        "`key` holds 2 private keys: one was expected",
    );
}

#[test]
fn a_key_of_a_kind_that_cannot_be_used_is_named() {
    let kinds = [
        ("rsa-1024.key.pem", "an RSA key of 1024 bits"),
        ("rsa-pss.key.pem", "an RSA key for PSS alone"),
        ("secp256k1.key.pem", "an ECDSA key on the curve secp256k1"),
        (
            "secp256k1.sec1.key.pem",
            "an ECDSA key on the curve secp256k1",
        ),
        ("dsa.key.pem", "a DSA key"),
        ("dsa.old.key.pem", "a DSA key"),
        ("ed448.key.pem", "an Ed448 key"),
        ("x25519.key.pem", "an X25519 key, which does not sign"),
    ];
    for (file, kind) in kinds {
        let text = format!(
            "the private key in testdata/{file} is {kind}: RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, \
             and Ed25519 can be used"
        );
        refused(&pair("p-256.crt.pem", file), ErrorKind::Key, &text);
    }
    refused(
        &pair("p-256.crt.pem", "openssh.key.pem"),
        ErrorKind::Key,
        "the private key in testdata/openssh.key.pem is in OpenSSH's own format: `ssh-keygen -p -m PKCS8` rewrites it",
    );
}

#[test]
fn damaged_pem_is_refused_with_what_is_wrong_with_it() {
    let key = text("p-256.key.pem");
    let cases = [
        (
            key.replace("-----END PRIVATE KEY-----", ""),
            "holds a section PRIVATE KEY that has no end",
        ),
        (
            key.replace("END PRIVATE", "END RSA PRIVATE"),
            "holds a section PRIVATE KEY that ends as another one",
        ),
        (
            key.replacen("MI", "M*", 1),
            "holds a section PRIVATE KEY that is not base64",
        ),
        (
            key.replace('\n', "\\n"),
            "has a backslash and an n where its lines should end",
        ),
        (
            key.replace('\n', " "),
            "has text after -----BEGIN on the same line: PEM needs its line ends",
        ),
    ];
    for (pem, why) in cases {
        refused(
            &with_key(pem),
            ErrorKind::Key,
            &format!("`key` {why}: a private key was expected"),
        );
    }
}

#[test]
fn a_key_is_refused_wherever_it_ends() {
    for name in [
        "p-256.key.der",
        "p-256.sec1.key.der",
        "rsa-2048.pkcs1.key.der",
    ] {
        let whole = bytes(name);
        for end in 7..whole.len() {
            let cut = with_key(&whole[..end]);
            refused(
                &cut,
                ErrorKind::Key,
                "the private key given as `key` is damaged: it cannot be read",
            );
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_counted() {
    let damaged = text("p-256.crt.pem").replacen("MII", "MIA", 1);
    let chain = text("p-256.crt.pem") + &damaged;
    let error = millrace_tls::Credentials::load(&with_certificate(chain)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    let text = error.to_string();
    assert!(
        text.starts_with("ERR_TLS_CERTIFICATE - certificate 2 in `cert` cannot be read: "),
        "{text}"
    );
}

#[test]
fn a_certificate_whose_names_cannot_be_read_is_refused() {
    let mut der = bytes("p-256.crt.der");
    let name = b"\x82\x09localhost";
    let at = der
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    // An address of X.400, which a string of letters is none of.
    der[at] = 0x83;
    refused(
        &with_certificate(der),
        ErrorKind::Certificate,
        "the certificate given as `cert` has subject alternative names that cannot be read: unexpected ASN.1 DER tag: \
         got CONTEXT-SPECIFIC [3] (primitive) at DER byte 2",
    );
}
