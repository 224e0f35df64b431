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
    match of_key(&chain, key) {
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
            let text = match chain.len() {
                1 => format!("{key_names} does not belong to the certificate in {place}"),
                count => {
                    format!("{key_names} belongs to none of the {count} certificates in {place}")
                }
            };
            Err(Error::new(ErrorKind::Mismatch, text))
        }
    }
}

/// The chain of the key's certificate out of certificates in any order, as stores keep them: each is followed by the
/// one that issued it, by their names, and those that are not of the chain are left out. None when no certificate is
/// the key's.
pub(super) fn assembled(
    mut certificates: Vec<CertificateDer<'static>>,
    key: &dyn SigningKey,
) -> Option<Vec<CertificateDer<'static>>> {
    let leaf = certificates.remove(of_key(&certificates, key)?);
    let mut chain = vec![leaf];
    while let Some(next) = issuer_of(chain.last()?, &certificates) {
        chain.push(certificates.remove(next));
    }
    Some(chain)
}

fn of_key(certificates: &[CertificateDer<'_>], key: &dyn SigningKey) -> Option<usize> {
    let public = key.public_key()?;
    let is_of_key = |der: &CertificateDer<'_>| public_key(der).as_deref() == Some(public.as_ref());
    certificates.iter().position(is_of_key)
}

fn issuer_of(certificate: &[u8], others: &[CertificateDer<'_>]) -> Option<usize> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let body = certificate.tbs_certificate();
    if body.issuer() == body.subject() {
        return None;
    }
    others.iter().position(|other| {
        Certificate::from_der(other)
            .is_ok_and(|other| other.tbs_certificate().subject() == body.issuer())
    })
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
