//! What is told about a certificate.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// What a certificate says of itself. Nothing of it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The DNS names and IP addresses it is for (its subject alternative names), in lower case. The common name is
    /// none of them (RFC 9525, section 6.3).
    pub names: Vec<String>,
    /// Whose it is, as RFC 4514 writes names.
    pub subject: String,
    /// Who signed it, as RFC 4514 writes names.
    pub issuer: String,
    /// Its serial number in upper-case hexadecimal.
    pub serial: String,
    /// The first second of its validity, since 1970.
    pub not_before: i64,
    /// The last second of its validity, since 1970.
    pub not_after: i64,
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
    /// The kind of its public key.
    pub key_type: KeyType,
}

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA, with the length of its modulus.
    Rsa {
        /// The length in bits.
        bits: u32,
    },
    /// An elliptic curve's, P-256.
    P256,
    /// An elliptic curve's, P-384.
    P384,
    /// An elliptic curve's, P-521.
    P521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Another one, by which servers are seldom known.
    Other,
}

impl CertificateInfo {
    /// Reads a certificate in DER. The error is for a sentence that begins with the certificate.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let certificate =
            Certificate::from_der(der).map_err(|error| format!("is not X.509: {error}"))?;
        let body = certificate.tbs_certificate();
        let serial = body.serial_number().as_bytes();
        let first = serial
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(serial.len().saturating_sub(1));
        Ok(CertificateInfo {
            names: names(&certificate)?,
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            serial: serial[first..]
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect(),
            not_before: unix(body.validity().not_before),
            not_after: unix(body.validity().not_after),
            sha256: sha256(der),
            key_type: KeyType::of(body.subject_public_key_info()),
        })
    }

    /// Whether its validity is over at `now`, in seconds since 1970.
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.not_after
    }
}

/// The subject's public key in a certificate, as its DER.
pub(crate) fn public_key(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()
}

fn names(certificate: &Certificate) -> Result<Vec<String>, String> {
    let extension = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>()
        .map_err(|error| format!("has subject alternative names that cannot be read: {error}"))?;
    let Some((_, SubjectAltName(all))) = extension else {
        return Ok(Vec::new());
    };
    let names = all.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        _ => None,
    });
    Ok(names.collect())
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(address.to_string())
}

fn unix(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn sha256(der: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    sha256
}

pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(crate) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(crate) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

impl KeyType {
    fn of(key: &SubjectPublicKeyInfoOwned) -> Self {
        match key.algorithm.oid {
            RSA => key
                .subject_public_key
                .as_bytes()
                .and_then(rsa_bits)
                .map_or(KeyType::Other, |bits| KeyType::Rsa { bits }),
            ELLIPTIC => {
                let curve = key.algorithm.parameters.as_ref();
                match curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok()) {
                    Some(P256) => KeyType::P256,
                    Some(P384) => KeyType::P384,
                    Some(P521) => KeyType::P521,
                    _ => KeyType::Other,
                }
            }
            ED25519 => KeyType::Ed25519,
            _ => KeyType::Other,
        }
    }
}

/// `RSAPublicKey` of RFC 8017, appendix A.1.1: a sequence of the modulus and the exponent.
fn rsa_bits(der: &[u8]) -> Option<u32> {
    use pkcs8::der::Reader;
    let mut reader = pkcs8::der::SliceReader::new(der).ok()?;
    let modulus = reader.sequence(|sequence| -> pkcs8::der::Result<Vec<u8>> {
        let modulus = pkcs8::der::asn1::UintRef::decode(sequence)?
            .as_bytes()
            .to_vec();
        pkcs8::der::asn1::UintRef::decode(sequence)?;
        Ok(modulus)
    });
    Some(bits(&modulus.ok()?))
}

/// The length in bits of a number, its first byte the most significant.
pub(crate) fn bits(number: &[u8]) -> u32 {
    let significant = number.iter().skip_while(|byte| **byte == 0);
    let mut bits = 0;
    for (index, byte) in significant.enumerate() {
        bits = if index == 0 {
            8 - byte.leading_zeros()
        } else {
            bits + 8
        };
    }
    bits
}

/// `RSA 2048`, `ECDSA P-256`, `Ed25519`, `other`.
impl fmt::Display for KeyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Rsa { bits } => write!(formatter, "RSA {bits}"),
            KeyType::P256 => formatter.write_str("ECDSA P-256"),
            KeyType::P384 => formatter.write_str("ECDSA P-384"),
            KeyType::P521 => formatter.write_str("ECDSA P-521"),
            KeyType::Ed25519 => formatter.write_str("Ed25519"),
            KeyType::Other => formatter.write_str("other"),
        }
    }
}
