//! Errors of handshakes in words that an operator can act upon.

use std::time::Duration;

use pkcs8::der::DateTime;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::certificate_info::CertificateInfo;

/// What clients are refused for that show more certificates than are kept of anybody.
pub(crate) const TOO_MANY_CERTIFICATES: &str =
    "the client has shown more than 16 KiB of certificates";

/// Why a handshake failed, or a connection after it.
pub fn explain(error: &Error) -> String {
    let text = match error {
        Error::InvalidCertificate(_) => return certificate_problem(error, None),
        Error::NoCertificatesPresented => "the client sent no certificate",
        Error::NoApplicationProtocol => "the client speaks none of the protocols of `alpn`",
        Error::AlertReceived(alert) => return alert_received(*alert),
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon) => {
            "the client offers none of the cipher suites"
        }
        Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon) => {
            "the client offers none of the groups"
        }
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon) => {
            "the client cannot verify signatures of the certificate's kind of key"
        }
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => "the client speaks none of the versions of TLS",
        Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired) => {
            "the client does not say which signatures it can verify"
        }
        Error::PeerIncompatible(PeerIncompatible::NamedGroupsExtensionRequired) => {
            "the client does not say which groups it speaks"
        }
        Error::PeerIncompatible(PeerIncompatible::KeyShareExtensionRequired) => {
            "the client sends no key share"
        }
        Error::PeerIncompatible(
            PeerIncompatible::NoEcPointFormatsInCommon
            | PeerIncompatible::UncompressedEcPointsRequired,
        ) => "the client takes no uncompressed points of elliptic curves",
        Error::PeerIncompatible(PeerIncompatible::NullCompressionRequired) => {
            "the client insists on compression"
        }
        Error::General(text) if text == TOO_MANY_CERTIFICATES => TOO_MANY_CERTIFICATES,
        error => return error.to_string(),
    };
    text.into()
}

/// What is wrong with a client's certificate, which is `own` when it is at hand.
pub(crate) fn certificate_problem(error: &Error, own: Option<&CertificateDer<'_>>) -> String {
    let Error::InvalidCertificate(error) = error else {
        return format!("the client's certificate cannot be used: {error}");
    };
    let text = match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            return format!("{} expired at {}", whose(own, *not_after), date(*not_after));
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            return format!(
                "{} is not valid before {}",
                whose(own, *not_before),
                date(*not_before)
            );
        }
        CertificateError::ExpiredRevocationListContext { next_update, .. } => {
            return format!(
                "the revocation list for the client's certificate expired at {}",
                date(*next_update)
            );
        }
        CertificateError::Expired => "the client's certificate has expired",
        CertificateError::NotValidYet => "the client's certificate is not valid yet",
        CertificateError::Revoked => "the client's certificate has been revoked",
        CertificateError::UnknownIssuer => {
            "the client's certificate is not from an authority that is trusted"
        }
        CertificateError::UnknownRevocationStatus => {
            "no revocation list covers the client's certificate: `crl` needs one of every authority of its chain"
        }
        CertificateError::BadSignature => {
            "the client's certificate is not signed by the authority that it names"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the client's certificate is not for clients, says its extended key usage"
        }
        CertificateError::BadEncoding => "the client's certificate cannot be read",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the client's certificate is signed in a way that is not supported"
        }
        // It has no variant of its own, and is what those meet who use the authority's certificate as a client's.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "the client's certificate is an authority's, which cannot be a client's as well"
        }
        error => return format!("the client's certificate cannot be used: {error}"),
    };
    text.into()
}

/// Whose certificate a moment is about: an error tells the moment, but not the certificate.
fn whose(own: Option<&CertificateDer<'_>>, moment: UnixTime) -> &'static str {
    let moment = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX);
    match own.map(|own| CertificateInfo::read(own)) {
        Some(Ok(info)) if info.not_after != moment && info.not_before != moment => {
            "the certificate of an authority between the client's and the trusted ones"
        }
        _ => "the client's certificate",
    }
}

fn alert_received(alert: AlertDescription) -> String {
    let meaning = match alert {
        AlertDescription::UnknownCA => {
            "it does not trust the authority that signed the server's certificate"
        }
        AlertDescription::CertificateExpired => "the server's certificate has expired",
        AlertDescription::CertificateRevoked => "the server's certificate has been revoked",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not accept the server's certificate"
        }
        AlertDescription::UserCanceled => "its user gave up",
        alert => return format!("the client sent the alert {}", alert_name(alert)),
    };
    format!("the client sent the alert {}: {meaning}", alert_name(alert))
}

/// The name that an alert is registered by, and that people find when they search for it.
fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownPSKIdentity => return "unknown_psk_identity".into(),
        AlertDescription::UnrecognisedName => return "unrecognized_name".into(),
        AlertDescription::Unknown(number) => return number.to_string(),
        _ => {}
    }
    let mut name = String::new();
    let mut was_small = false;
    for char in format!("{alert:?}").chars() {
        if char.is_ascii_uppercase() && was_small {
            name.push('_');
        }
        was_small = char.is_ascii_lowercase();
        name.push(char.to_ascii_lowercase());
    }
    name
}

fn date(time: UnixTime) -> String {
    let seconds = Duration::from_secs(time.as_secs());
    match DateTime::from_unix_duration(seconds) {
        Ok(date) => date.to_string(),
        Err(_) => format!("second {} since 1970", seconds.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_that_they_are_registered_by() {
        for (number, name) in [
            (10, "unexpected_message"),
            (20, "bad_record_mac"),
            (48, "unknown_ca"),
            (86, "inappropriate_fallback"),
            (112, "unrecognized_name"),
            (115, "unknown_psk_identity"),
            (116, "certificate_required"),
            (120, "no_application_protocol"),
            (200, "200"),
        ] {
            assert_eq!(alert_name(AlertDescription::from(number)), name);
        }
        let text = explain(&Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(text.starts_with("the client sent the alert unknown_ca: "));
    }
}
