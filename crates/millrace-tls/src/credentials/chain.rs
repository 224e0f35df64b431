//! The certificates of a chain, and their order.

use pkcs8::der::Decode;
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;
use x509_cert::Certificate;

use super::contents::{Contents, contents, unexpected};
use crate::certificate_info::public_key;
use crate::material::Document;
use crate::{Error, ErrorKind};

const EXPECTED: &str = "a certificate";

/// All certificates in a document, at least one, each of which can be read. Other sections of PEM are skipped.
pub(crate) fn certificates(
    document: &Document,
    kind: ErrorKind,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let contents = contents(document, EXPECTED, kind)?;
    match &contents {
        Contents::Der if Certificate::from_der(&document.bytes).is_ok() => {
            Ok(vec![CertificateDer::from(document.bytes.to_vec())])
        }
        Contents::Pem(sections)
            if sections
                .iter()
                .any(|section| is_certificate(&section.label)) =>
        {
            let certificates = sections
                .iter()
                .filter(|section| is_certificate(&section.label));
            let read = certificates.enumerate().map(|(index, section)| {
                Certificate::from_der(&section.der).map_err(|error| {
                    let text = format!(
                        "certificate {} in {} cannot be read: {error}",
                        index + 1,
                        document.place
                    );
                    Error::new(kind, text)
                })?;
                Ok(CertificateDer::from(section.der.to_vec()))
            });
            read.collect()
        }
        contents => Err(unexpected(document, contents, EXPECTED, kind)),
    }
}

fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE")
}

/// The chain with the key's certificate first. A chain that was given from the root down is turned around; in any
/// other order it is refused, because what a client would be sent is anyone's guess.
pub(super) fn ordered(
    mut chain: Vec<CertificateDer<'static>>,
    key: &dyn SigningKey,
    place: &str,
    key_names: &str,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    // A key that does not tell its public half is taken at its word; none of those that are supported is one.
    let Some(public) = key.public_key() else {
        return Ok(chain);
    };
    let is_of_key = |certificate: &CertificateDer<'_>| {
        public_key(certificate).as_deref() == Some(public.as_ref())
    };
    match chain.iter().position(is_of_key) {
        Some(0) => Ok(chain),
        Some(last) if last + 1 == chain.len() && is_reversed(&chain) => {
            chain.reverse();
            Ok(chain)
        }
        Some(other) => {
            let text = format!(
                "the certificates in {place} are in the wrong order: {key_names} belongs to certificate {} of {}, which \
                 must be the first",
                other + 1,
                chain.len()
            );
            Err(Error::new(ErrorKind::Certificate, text))
        }
        None => {
            let text = format!("{key_names} does not belong to the certificate in {place}");
            Err(Error::new(ErrorKind::Mismatch, text))
        }
    }
}

/// Whether each certificate was issued by the one before it, by their names.
fn is_reversed(chain: &[CertificateDer<'_>]) -> bool {
    let parsed: Vec<Certificate> = chain
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    parsed.len() == chain.len()
        && parsed
            .windows(2)
            .all(|pair| pair[1].tbs_certificate().issuer() == pair[0].tbs_certificate().subject())
}
