//! PKCS #12 stores (RFC 7292): a key and its chain in one encrypted document.

use std::sync::Arc;

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as StoreError;
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;

use super::contents::{Contents, contents, is_pkcs12, unexpected};
use super::cost::Cost;
use super::{Pair, chain, key};
use crate::material::Document;
use crate::{Error, ErrorKind};

const EXPECTED: &str = "a PKCS #12 store";

/// The one private key in a store and the chain that belongs to it. A missing passphrase is tried as an empty one,
/// which is what stores without one are written with.
pub(super) fn read(document: &Document, passphrase: Option<&str>) -> Result<Pair, Error> {
    let contents = contents(document, EXPECTED, ErrorKind::Certificate)?;
    if !matches!(contents, Contents::Der) || !is_pkcs12(&document.bytes) {
        return Err(unexpected(
            document,
            &contents,
            EXPECTED,
            ErrorKind::Certificate,
        ));
    }
    let archive = open(document, passphrase)?;
    let place = &document.place;
    let signer = only_key(&archive, document)?;
    if archive.certs.is_empty() {
        let text = format!("{place} holds no certificate");
        return Err(Error::new(ErrorKind::Certificate, text));
    }
    let certificates = archive
        .certs
        .iter()
        .map(|bag| CertificateDer::from(bag.cert.as_der().to_vec()));
    let chain = chain::assembled(certificates.collect(), signer.as_ref()).ok_or_else(|| {
        let text = format!("the private key in {place} belongs to none of the certificates in it");
        Error::new(ErrorKind::Mismatch, text)
    })?;
    Ok(Pair {
        chain,
        signer,
        certificate: document.names("the certificate"),
    })
}

fn open(document: &Document, passphrase: Option<&str>) -> Result<Pkcs12Archive, Error> {
    let store = document.names("the PKCS #12 store");
    let problem = |kind: ErrorKind, why: &str| Error::new(kind, format!("{store} {why}"));
    if passphrase.is_some_and(|passphrase| passphrase.chars().any(|char| u32::from(char) > 0xffff))
    {
        return Err(problem(
            ErrorKind::Passphrase,
            "cannot have this passphrase: a character of it is beyond what PKCS #12 encodes",
        ));
    }
    if let Some(cost) = Cost::of_store(&document.bytes).excess() {
        return Err(problem(
            ErrorKind::Certificate,
            &format!("costs too much to decrypt: {cost}"),
        ));
    }
    Pkcs12Archive::from_pkcs12(&document.bytes, passphrase.unwrap_or("")).map_err(|error| match error {
        StoreError::MacError(_) | StoreError::UnpadError | StoreError::Pkcs5Error(_) => match passphrase {
            Some(_) => problem(ErrorKind::Passphrase, "cannot be decrypted: the passphrase is wrong"),
            None => problem(ErrorKind::Passphrase, "is encrypted: its passphrase is needed"),
        },
        StoreError::InvalidParameters => problem(
            ErrorKind::Certificate,
            "costs too much to decrypt, or says so by mistake: 1000000 iterations at a time are the most",
        ),
        error if is_unsupported(&error) => problem(
            ErrorKind::Certificate,
            "is encrypted in a way that is not supported: `openssl pkcs12 -export` writes one that is",
        ),
        // 0x80 is the indefinite length that DER excludes.
        _ if document.bytes.get(1) == Some(&0x80) => problem(
            ErrorKind::Certificate,
            "is written in BER, of which only DER is supported: `openssl pkcs12 -export` writes that",
        ),
        _ => problem(ErrorKind::Certificate, "is damaged: it cannot be read"),
    })
}

fn is_unsupported(error: &StoreError) -> bool {
    match error {
        StoreError::UnsupportedEncryptionScheme
        | StoreError::UnsupportedMacAlgorithm
        | StoreError::UnsupportedContentType
        | StoreError::UnsupportedCertificateType => true,
        StoreError::DerError(error) => {
            matches!(error.kind(), pkcs8::der::ErrorKind::OidUnknown { .. })
        }
        _ => false,
    }
}

fn only_key(archive: &Pkcs12Archive, document: &Document) -> Result<Arc<dyn SigningKey>, Error> {
    match &archive.keys[..] {
        [bag] => key::signer(bag.key.as_der(), &document.names("the private key")),
        [] => {
            let text = format!("{} holds no private key", document.place);
            Err(Error::new(ErrorKind::Key, text))
        }
        keys => {
            let text = format!(
                "{} holds {} private keys: one was expected",
                document.place,
                keys.len()
            );
            Err(Error::new(ErrorKind::Key, text))
        }
    }
}
