//! A certificate for development, signed by its own key.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::names::server_name;
use crate::{Error, ErrorKind};

/// A certificate and its key, both in PEM.
#[derive(Clone)]
pub struct SelfSigned {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS #8, not encrypted.
    pub key_pem: String,
}

/// Makes a key (ECDSA, P-256) and a certificate for `names`: DNS names, with a wildcard as the first label or without,
/// and IP addresses. It is valid from `now` (seconds since 1970) for `days` days, for servers only, and no authority.
pub fn self_signed(names: &[String], days: u32, now: i64) -> Result<SelfSigned, Error> {
    let Some(first) = names.first() else {
        return Err(Error::new(
            ErrorKind::Option,
            "a certificate needs a name: none was given",
        ));
    };
    if days == 0 {
        return Err(Error::new(
            ErrorKind::Option,
            "a certificate cannot be valid for 0 days",
        ));
    }
    let mut params = CertificateParams::default();
    params.subject_alt_names = names
        .iter()
        .map(|name| alternative(name))
        .collect::<Result<_, _>>()?;
    params.distinguished_name = DistinguishedName::new();
    // X.520 bounds common names to 64 characters; clients read the alternative names alone.
    let common_name: String = first.chars().take(64).collect();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let start = u64::try_from(now).map_err(|_| failure("the time is before 1970"))?;
    let end = start + u64::from(days) * 86_400;
    // Beyond the year 9999 there is no way to write a date in a certificate (RFC 5280, section 4.1.2.5.2).
    if end > 253_402_300_799 {
        return Err(Error::new(
            ErrorKind::Option,
            format!("a certificate cannot be valid for {days} days"),
        ));
    }
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(start);
    params.not_after = epoch + Duration::from_secs(end);

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failure)?;
    let certificate = params.self_signed(&key).map_err(failure)?;
    Ok(SelfSigned {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

fn alternative(name: &str) -> Result<SanType, Error> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let name = server_name(name)?;
    Ok(SanType::DnsName(name.try_into().map_err(failure)?))
}

fn failure(error: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Certificate,
        format!("a certificate cannot be made: {error}"),
    )
}

/// Never the key.
impl fmt::Debug for SelfSigned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SelfSigned")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}
