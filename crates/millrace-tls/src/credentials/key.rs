//! A private key in any of the forms that keys are kept in.

use std::sync::Arc;

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{ContextSpecific, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{Decode, Header, SliceReader, Tag, TagNumber};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

use super::contents::{Contents, contents, is_pkcs12, unexpected};
use super::{encrypted, legacy_pem};
use crate::certificate_info::{ED25519, ELLIPTIC, P256, P384, P521, RSA, bits};
use crate::material::Document;
use crate::pem::{self, Section};
use crate::{Error, ErrorKind};

const EXPECTED: &str = "a private key";

/// The one private key in a document, decrypted when it has to be. Other sections of PEM are skipped.
pub(super) fn read(
    document: &Document,
    passphrase: Option<&str>,
) -> Result<Arc<dyn SigningKey>, Error> {
    let contents = contents(document, EXPECTED, ErrorKind::Key)?;
    let names = document.names("the private key");
    let der = match &contents {
        Contents::Der if is_key(&document.bytes) => plain(&document.bytes, passphrase, &names)?,
        Contents::Pem(sections) if sections.iter().any(is_key_section) => {
            plain_section(only(sections, document)?, passphrase, &names)?
        }
        contents => return Err(unexpected(document, contents, EXPECTED, ErrorKind::Key)),
    };
    signer(&der, &names)
}

/// Whether there is a private key among other sections of PEM.
pub(super) fn is_in(document: &Document) -> bool {
    pem::sections(&document.bytes).is_ok_and(|sections| sections.iter().any(is_key_section))
}

/// What signs with a key that is not encrypted: PKCS #8, SEC 1 or PKCS #1, told apart by its structure, since labels
/// of PEM are confused at times.
pub(super) fn signer(der: &[u8], names: &str) -> Result<Arc<dyn SigningKey>, Error> {
    let key = PrivateKeyDer::try_from(der).map_err(|_| damaged(names))?;
    any_supported_type(&key).map_err(|_| match unsupported(&key) {
        Some(kind) => not_supported(names, &kind),
        None => damaged(names),
    })
}

fn is_key(der: &[u8]) -> bool {
    !is_pkcs12(der) && (PrivateKeyDer::try_from(der).is_ok() || encrypted::is_encrypted(der))
}

fn is_key_section(section: &Section) -> bool {
    section.label.ends_with("PRIVATE KEY")
}

fn only<'a>(sections: &'a [Section], document: &Document) -> Result<&'a Section, Error> {
    let mut keys = sections.iter().filter(|section| is_key_section(section));
    let count = keys.clone().count();
    match keys.next() {
        Some(key) if count == 1 => Ok(key),
        _ => {
            let text = format!(
                "{} holds {count} private keys: one was expected",
                document.place
            );
            Err(Error::new(ErrorKind::Key, text))
        }
    }
}

fn plain_section(
    section: &Section,
    passphrase: Option<&str>,
    names: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if section.label == "OPENSSH PRIVATE KEY" {
        let text =
            format!("{names} is in OpenSSH's own format: `ssh-keygen -p -m PKCS8` rewrites it");
        return Err(Error::new(ErrorKind::Key, text));
    }
    let der = match legacy_pem::is_encrypted(section) {
        true => legacy_pem::decrypt(section, needed(passphrase, names)?, names)?,
        false => plain(&section.der, passphrase, names)?,
    };
    if section.label == "DSA PRIVATE KEY" {
        return Err(not_supported(names, "a DSA key"));
    }
    Ok(der)
}

fn plain(der: &[u8], passphrase: Option<&str>, names: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    match encrypted::is_encrypted(der) {
        true => encrypted::decrypt(der, needed(passphrase, names)?, names),
        false => Ok(Zeroizing::new(der.to_vec())),
    }
}

fn needed<'a>(passphrase: Option<&'a str>, names: &str) -> Result<&'a str, Error> {
    passphrase.ok_or_else(|| {
        let text = format!("{names} is encrypted: its passphrase is needed");
        Error::new(ErrorKind::Passphrase, text)
    })
}

fn damaged(names: &str) -> Error {
    Error::new(
        ErrorKind::Key,
        format!("{names} is damaged: it cannot be read"),
    )
}

fn not_supported(names: &str, kind: &str) -> Error {
    let text = format!(
        "{names} is {kind}: RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519 can be used"
    );
    Error::new(ErrorKind::Key, text)
}

/// What kind of a key it is, when that is the reason why it cannot be used.
fn unsupported(key: &PrivateKeyDer<'_>) -> Option<String> {
    match key {
        PrivateKeyDer::Pkcs1(key) => unsupported_rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => unsupported_curve(curve(key.secret_sec1_der())?),
        PrivateKeyDer::Pkcs8(key) => {
            let info = PrivateKeyInfoRef::try_from(key.secret_pkcs8_der()).ok()?;
            match info.algorithm.oid {
                RSA => unsupported_rsa(info.private_key.as_bytes()),
                ELLIPTIC => unsupported_curve(info.algorithm.parameters?.decode_as().ok()?),
                ED25519 => None,
                other => Some(kind_name(other)),
            }
        }
        _ => None,
    }
}

fn unsupported_rsa(der: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    header.tag().assert_eq(Tag::Sequence).ok()?;
    UintRef::decode(&mut reader).ok()?;
    let bits = bits(UintRef::decode(&mut reader).ok()?.as_bytes());
    (!(2048..=8192).contains(&bits)).then(|| format!("an RSA key of {bits} bits"))
}

/// `ECPrivateKey` of RFC 5915: version, key, and the curve as `[0]`.
fn curve(der: &[u8]) -> Option<ObjectIdentifier> {
    let mut reader = SliceReader::new(der).ok()?;
    Header::decode(&mut reader).ok()?;
    UintRef::decode(&mut reader).ok()?;
    <&OctetStringRef>::decode(&mut reader).ok()?;
    let parameters =
        ContextSpecific::<ObjectIdentifier>::decode_explicit(&mut reader, TagNumber(0));
    Some(parameters.ok()??.value)
}

fn unsupported_curve(curve: ObjectIdentifier) -> Option<String> {
    let name = match curve.to_string().as_str() {
        "1.3.132.0.10" => "secp256k1".to_owned(),
        "1.2.840.10045.3.1.1" => "P-192".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1".to_owned(),
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1".to_owned(),
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1".to_owned(),
        oid => oid.to_owned(),
    };
    (![P256, P384, P521].contains(&curve)).then(|| format!("an ECDSA key on the curve {name}"))
}

fn kind_name(algorithm: ObjectIdentifier) -> String {
    match algorithm.to_string().as_str() {
        "1.2.840.10040.4.1" => "a DSA key".into(),
        "1.2.840.113549.1.1.10" => "an RSA key for PSS alone".into(),
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => "a Diffie-Hellman key".into(),
        "1.3.101.110" => "an X25519 key, which does not sign".into(),
        "1.3.101.111" => "an X448 key, which does not sign".into(),
        "1.3.101.113" => "an Ed448 key".into(),
        oid => format!("a key of a kind that is not known ({oid})"),
    }
}
