//! Protocol versions and cipher suites, by the names they go by.

use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::settings::{Settings, Version};
use crate::{Error, ErrorKind};

/// The versions and suites of a server: every version has a suite, and every suite a version.
#[derive(Debug)]
pub(crate) struct Suites {
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    /// The preferred first.
    pub(crate) suites: Vec<SupportedCipherSuite>,
    /// Whether they are what they are because nothing else was wished for.
    pub(crate) are_default: bool,
}

impl Suites {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let (min, max) = (settings.min_version, settings.max_version);
        if min > max {
            let text = format!(
                "minVersion is {}, which is newer than maxVersion, {}",
                min.name(),
                max.name()
            );
            return Err(Error::new(ErrorKind::Option, text));
        }
        let mut wanted = Vec::new();
        for name in &settings.suites {
            let suite = by_name(name)?;
            if !wanted.contains(&suite) {
                wanted.push(suite);
            }
        }
        let are_default = wanted.is_empty();
        if are_default {
            wanted.extend(ALL.iter().map(|known| known.suite));
        }
        let suites: Vec<_> = wanted
            .into_iter()
            .filter(|suite| (min..=max).contains(&version_of(suite)))
            .collect();
        if suites.is_empty() {
            return Err(Error::new(ErrorKind::Option, other_version(settings)));
        }
        let versions = [&TLS12, &TLS13]
            .into_iter()
            .filter(|version| suites.iter().any(|suite| suite.version() == *version));
        Ok(Suites {
            versions: versions.collect(),
            suites,
            are_default,
        })
    }

    pub(crate) fn speak(&self, version: Version) -> bool {
        self.suites.iter().any(|suite| version_of(suite) == version)
    }
}

impl Version {
    /// As Node.js writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }
}

struct Known {
    suite: SupportedCipherSuite,
    iana: &'static str,
    /// Those of TLS 1.3 go by one name everywhere.
    openssl: Option<&'static str>,
}

/// AES-128 stands before AES-256, as in the recommendations of RFC 9325 section 4.2: it is as far out of reach, and
/// faster.
static ALL: [Known; 9] = [
    Known {
        suite: cipher_suite::TLS13_AES_128_GCM_SHA256,
        iana: "TLS_AES_128_GCM_SHA256",
        openssl: None,
    },
    Known {
        suite: cipher_suite::TLS13_AES_256_GCM_SHA384,
        iana: "TLS_AES_256_GCM_SHA384",
        openssl: None,
    },
    Known {
        suite: cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        iana: "TLS_CHACHA20_POLY1305_SHA256",
        openssl: None,
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        iana: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        openssl: Some("ECDHE-ECDSA-AES128-GCM-SHA256"),
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        iana: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        openssl: Some("ECDHE-ECDSA-AES256-GCM-SHA384"),
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        iana: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        openssl: Some("ECDHE-ECDSA-CHACHA20-POLY1305"),
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        iana: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        openssl: Some("ECDHE-RSA-AES128-GCM-SHA256"),
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        iana: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        openssl: Some("ECDHE-RSA-AES256-GCM-SHA384"),
    },
    Known {
        suite: cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        iana: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        openssl: Some("ECDHE-RSA-CHACHA20-POLY1305"),
    },
];

fn version_of(suite: &SupportedCipherSuite) -> Version {
    match suite {
        SupportedCipherSuite::Tls13(_) => Version::Tls13,
        SupportedCipherSuite::Tls12(_) => Version::Tls12,
    }
}

fn by_name(name: &str) -> Result<SupportedCipherSuite, Error> {
    let upper = name.trim().to_ascii_uppercase();
    let known = ALL
        .iter()
        .find(|known| known.iana == upper || known.openssl == Some(upper.as_str()));
    known.map(|known| known.suite).ok_or_else(|| {
        let text = format!(
            "the cipher suite {name:?} is not possible: {}. Possible are {}",
            objection(&upper),
            possible()
        );
        Error::new(ErrorKind::Option, text)
    })
}

/// Why a suite that others have is not here. Its name says what it is made of.
fn objection(upper: &str) -> &'static str {
    let has = |part: &str| upper.contains(part);
    let is_expression =
        upper.starts_with(['!', '-', '+', '@']) || has("+") || MACROS.contains(&upper);
    if is_expression {
        "it stands for a set of suites, and they are listed one by one here"
    } else if has("RC4") || has("NULL") || has("EXP") || has("ANON") || has("ADH") || has("AECDH") {
        "it does not protect what is sent"
    } else if has("PSK") || has("SRP") {
        "keys agreed on beforehand are not supported, certificates are"
    } else if has("CCM") {
        "CCM is not supported, GCM is"
    } else if has("DES") || has("IDEA") {
        "its blocks of 64 bits are too short"
    } else if has("CBC")
        || upper.ends_with("-SHA")
        || has("-SHA256") && !has("GCM")
        || has("-SHA384") && !has("GCM")
    {
        "it encrypts in CBC mode, which has been attacked again and again"
    } else if has("ECDHE") {
        "its cipher is not supported"
    } else if has("DHE-") || has("DHE_") || has("EDH") {
        "it agrees on keys with Diffie-Hellman over numbers, which elliptic curves have replaced"
    } else if has("GCM") {
        "it has no forward secrecy: whoever gets hold of the private key later reads all of it (RFC 9325 section 4.1)"
    } else {
        "there is no such suite"
    }
}

/// The words of OpenSSL's cipher lists that operators write most.
const MACROS: [&str; 14] = [
    "DEFAULT",
    "ALL",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "HIGH",
    "MEDIUM",
    "LOW",
    "SECURE",
    "TLSV1",
    "TLSV1.2",
    "EECDH",
    "ECDHE",
    "AESGCM",
    "CHACHA20",
];

fn possible() -> String {
    let names: Vec<_> = ALL
        .iter()
        .map(|known| known.openssl.unwrap_or(known.iana))
        .collect();
    names.join(", ")
}

fn other_version(settings: &Settings) -> String {
    let named = settings.suites.join(", ");
    if settings.max_version == Version::Tls12 {
        format!("maxVersion is TLSv1.2, but the cipher suites {named} are of TLSv1.3 only")
    } else {
        format!("minVersion is TLSv1.3, but the cipher suites {named} are of TLSv1.2 only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_suites_of_the_provider_have_their_names() {
        let known: Vec<_> = ALL.iter().map(|known| known.suite).collect();
        let all = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        assert_eq!(known.len(), all.len());
        assert!(all.iter().all(|suite| known.contains(suite)));
        for known in &ALL {
            // rustls calls those of TLS 1.3 TLS13_….
            let name = format!("{:?}", known.suite.suite()).replace("TLS13_", "TLS_");
            assert_eq!(known.iana, name);
        }
    }

    #[test]
    fn suites_are_found_by_either_name_in_any_case_and_kept_in_order_once() {
        let suites = suites(&[
            "tls_ecdhe_rsa_with_aes_256_gcm_sha384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            " TLS_AES_256_GCM_SHA384",
        ]);
        let names: Vec<_> = suites
            .unwrap()
            .suites
            .iter()
            .map(|suite| format!("{:?}", suite.suite()))
            .collect();
        assert_eq!(
            names,
            [
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS13_AES_256_GCM_SHA384"
            ]
        );
    }

    #[test]
    fn impossible_suites_are_refused_with_the_reason_and_the_possible_ones() {
        for (name, reason) in [
            (
                "HIGH",
                "it stands for a set of suites, and they are listed one by one here",
            ),
            (
                "!aNULL",
                "it stands for a set of suites, and they are listed one by one here",
            ),
            (
                "EECDH+AESGCM",
                "it stands for a set of suites, and they are listed one by one here",
            ),
            (
                "@SECLEVEL=0",
                "it stands for a set of suites, and they are listed one by one here",
            ),
            ("RC4-SHA", "it does not protect what is sent"),
            ("TLS_RSA_WITH_NULL_SHA", "it does not protect what is sent"),
            (
                "PSK-AES128-GCM-SHA256",
                "keys agreed on beforehand are not supported, certificates are",
            ),
            ("TLS_AES_128_CCM_SHA256", "CCM is not supported, GCM is"),
            ("DES-CBC3-SHA", "its blocks of 64 bits are too short"),
            (
                "ECDHE-RSA-AES128-SHA",
                "it encrypts in CBC mode, which has been attacked again and again",
            ),
            (
                "ECDHE-RSA-AES256-SHA384",
                "it encrypts in CBC mode, which has been attacked again and again",
            ),
            (
                "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
                "it encrypts in CBC mode, which has been attacked again and again",
            ),
            (
                "DHE-RSA-AES128-GCM-SHA256",
                "it agrees on keys with Diffie-Hellman over numbers, which elliptic curves have replaced",
            ),
            (
                "AES128-GCM-SHA256",
                "it has no forward secrecy: whoever gets hold of the private key later reads all of it (RFC 9325 section 4.1)",
            ),
            ("ECDHE-ARIA128-GCM-SHA256", "its cipher is not supported"),
            ("rot13", "there is no such suite"),
        ] {
            let error = suites(&[name]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Option);
            assert_eq!(
                error.to_string(),
                format!(
                    "ERR_TLS_OPTION - the cipher suite {name:?} is not possible: {reason}. Possible are TLS_AES_128_GCM_SHA256, \
                     TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, ECDHE-ECDSA-AES128-GCM-SHA256, \
                     ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-ECDSA-CHACHA20-POLY1305, ECDHE-RSA-AES128-GCM-SHA256, \
                     ECDHE-RSA-AES256-GCM-SHA384, ECDHE-RSA-CHACHA20-POLY1305"
                )
            );
        }
    }

    #[test]
    fn suites_of_one_version_leave_the_other_out() {
        let old = suites(&["ECDHE-RSA-AES128-GCM-SHA256"]).unwrap();
        assert!(old.speak(Version::Tls12) && !old.speak(Version::Tls13));
        assert_eq!(old.versions, [&TLS12]);
        let new = suites(&["TLS_AES_128_GCM_SHA256"]).unwrap();
        assert!(new.speak(Version::Tls13) && !new.speak(Version::Tls12));
        assert_eq!(new.versions, [&TLS13]);
    }

    #[test]
    fn versions_without_a_suite_are_refused() {
        let mut settings = Settings {
            suites: vec!["TLS_AES_128_GCM_SHA256".into()],
            max_version: Version::Tls12,
            ..Settings::default()
        };
        let text = "ERR_TLS_OPTION - maxVersion is TLSv1.2, but the cipher suites TLS_AES_128_GCM_SHA256 are of TLSv1.3 only";
        assert_eq!(Suites::new(&settings).unwrap_err().to_string(), text);

        settings.suites = vec!["ECDHE-RSA-AES128-GCM-SHA256".into()];
        (settings.min_version, settings.max_version) = (Version::Tls13, Version::Tls13);
        let text = "ERR_TLS_OPTION - minVersion is TLSv1.3, but the cipher suites ECDHE-RSA-AES128-GCM-SHA256 are of TLSv1.2 only";
        assert_eq!(Suites::new(&settings).unwrap_err().to_string(), text);

        settings.max_version = Version::Tls12;
        let text =
            "ERR_TLS_OPTION - minVersion is TLSv1.3, which is newer than maxVersion, TLSv1.2";
        assert_eq!(Suites::new(&settings).unwrap_err().to_string(), text);
    }

    fn suites(names: &[&str]) -> Result<Suites, Error> {
        Suites::new(&Settings {
            suites: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Settings::default()
        })
    }
}
