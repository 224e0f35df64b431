//! What a document turns out to hold, and how errors call it.

use pkcs8::der::Decode;
use rustls::pki_types::PrivateKeyDer;
use x509_cert::Certificate;

use super::encrypted::is_encrypted;
use crate::material::Document;
use crate::pem::{self, Section};
use crate::{Error, ErrorKind};

/// A document, told apart by its first bytes.
pub(crate) enum Contents {
    /// At least one section of PEM.
    Pem(Vec<Section>),
    /// No PEM: DER, if it is anything.
    Der,
}

/// Tells them apart. `expected` is what the document should have held: "a private key".
pub(crate) fn contents(
    document: &Document,
    expected: &str,
    kind: ErrorKind,
) -> Result<Contents, Error> {
    if document.bytes.trim_ascii().is_empty() {
        return Err(Error::new(
            kind,
            format!("{} is empty: {expected} was expected", document.place),
        ));
    }
    // What redirecting into a file makes of PEM in some shells.
    if document.bytes.starts_with(&[0xff, 0xfe]) || document.bytes.starts_with(&[0xfe, 0xff]) {
        let place = &document.place;
        let text = format!(
            "{place} is text in UTF-16, which PEM is never written in: {expected} was expected"
        );
        return Err(Error::new(kind, text));
    }
    let sections = pem::sections(&document.bytes).map_err(|why| {
        Error::new(
            kind,
            format!("{} {why}: {expected} was expected", document.place),
        )
    })?;
    Ok(if sections.is_empty() {
        Contents::Der
    } else {
        Contents::Pem(sections)
    })
}

/// The error of a document that holds something else than what was expected.
pub(crate) fn unexpected(
    document: &Document,
    contents: &Contents,
    expected: &str,
    kind: ErrorKind,
) -> Error {
    let held = match contents {
        Contents::Pem(sections) => Some(list(sections)),
        Contents::Der => der(&document.bytes).map(str::to_owned),
    };
    let place = &document.place;
    Error::new(
        kind,
        match held {
            Some(held) => format!("{place} holds {held}: {expected} was expected"),
            None => format!("{place} is neither PEM nor DER: {expected} was expected"),
        },
    )
}

fn list(sections: &[Section]) -> String {
    let mut names: Vec<String> = Vec::new();
    for section in sections {
        let name = section_name(&section.label);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" and ")
}

fn section_name(label: &str) -> String {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => "a certificate".into(),
        "TRUSTED CERTIFICATE" => "a certificate in OpenSSL's own format".into(),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate request".into(),
        "X509 CRL" => "a revocation list".into(),
        "PKCS7" | "CMS" => "a PKCS #7 bundle".into(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key".into(),
        label if label.ends_with("PRIVATE KEY") => "a private key".into(),
        "EC PARAMETERS" => "the parameters of a curve".into(),
        "DH PARAMETERS" | "X9.42 DH PARAMETERS" => "Diffie-Hellman parameters".into(),
        label => format!("a section {label:?}"),
    }
}

fn der(bytes: &[u8]) -> Option<&'static str> {
    if is_pkcs12(bytes) {
        Some("a PKCS #12 store, which belongs in `pfx`")
    } else if Certificate::from_der(bytes).is_ok() {
        Some("a certificate")
    } else if PrivateKeyDer::try_from(bytes).is_ok() || is_encrypted(bytes) {
        Some("a private key")
    } else {
        None
    }
}

/// `PFX` of RFC 7292, section 4: a sequence that begins with the version, 3. (A private key's is 0 or 1.)
pub(crate) fn is_pkcs12(bytes: &[u8]) -> bool {
    let length_of_length = match bytes {
        [0x30, first, ..] if *first < 0x80 => 0,
        [0x30, first, ..] => usize::from(first & 0x7f),
        _ => return false,
    };
    bytes[2..]
        .get(length_of_length..)
        .is_some_and(|body| body.starts_with(&[0x02, 0x01, 0x03, 0x30]))
}
