//! What the tests of credentials share. Paths are relative to the crate, where cargo runs its tests.

use std::path::PathBuf;

use millrace_tls::{Blob, Credentials, ErrorKind, Material};

/// The passphrase of everything in `testdata` that is encrypted.
pub(crate) const PASSPHRASE: &str = "correct horse";

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from("testdata").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap()
}

pub(crate) fn file(name: &str) -> Option<Blob> {
    Some(Blob::File(path(name)))
}

pub(crate) fn memory(bytes: impl Into<Vec<u8>>) -> Option<Blob> {
    Some(Blob::Memory(bytes.into()))
}

/// A certificate and its key, both from files.
pub(crate) fn pair(certificate: &str, key: &str) -> Material {
    Material {
        certificate: file(certificate),
        key: file(key),
        ..Material::default()
    }
}

/// The key from a file, with a passphrase, for the certificate that almost all keys of `testdata` belong to.
pub(crate) fn locked(key: &str, passphrase: Option<&str>) -> Material {
    Material {
        passphrase: passphrase.map(|passphrase| passphrase.to_owned().into()),
        ..pair("p-256.crt.pem", key)
    }
}

pub(crate) fn store(name: &str, passphrase: Option<&str>) -> Material {
    Material {
        pkcs12: file(name),
        passphrase: passphrase.map(|passphrase| passphrase.to_owned().into()),
        ..Material::default()
    }
}

/// Asserts that it is refused, in these words.
#[track_caller]
pub(crate) fn refused(material: &Material, kind: ErrorKind, text: &str) {
    let error = Credentials::load(material).expect_err(text);
    assert_eq!(error.to_string(), format!("{} - {text}", kind.code()));
}

/// A key under scrypt that would go through 32 GiB.
pub(crate) fn costly_scrypt() -> Vec<u8> {
    let mut key = bytes("scrypt.enc.der");
    // N = 16384, r = 8, p = 1; both of the latter become 127.
    let costs = [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x01];
    let at = key
        .windows(costs.len())
        .position(|window| window == costs)
        .unwrap();
    (key[at + 6], key[at + 9]) = (0x7f, 0x7f);
    key
}
