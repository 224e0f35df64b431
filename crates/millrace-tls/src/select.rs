//! Which certificate a client is shown, by the name of the server that it wants (RFC 6066 section 3).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::credentials::Credentials;

/// Certificates by their names. Where several have a name, they differ in their kind of key.
#[derive(Debug)]
pub(crate) struct Names {
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*.`: a wildcard stands for one label (RFC 9525 section 6.3).
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that want no name, or an unknown one. Empty: there is no certificate for them.
    default: Vec<Arc<CertifiedKey>>,
}

impl Names {
    /// The default is the first, with those that share its first name.
    pub(crate) fn new(all: &[Credentials]) -> Self {
        let mut names = Names {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: Vec::new(),
        };
        for credentials in all {
            for name in credentials.names() {
                // Addresses are never asked for: RFC 6066 section 3.
                if name.parse::<IpAddr>().is_ok() {
                    continue;
                }
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent.to_owned()),
                    None => (&mut names.exact, name),
                };
                add(map.entry(name).or_default(), credentials.certified());
            }
        }
        if let Some(first) = all.first() {
            add(&mut names.default, first.certified());
            let alike = all.iter().filter(|other| {
                first
                    .names()
                    .first()
                    .is_some_and(|name| other.names().contains(name))
            });
            for credentials in alike {
                add(&mut names.default, credentials.certified());
            }
        }
        names
    }

    /// One certificate for whatever name.
    pub(crate) fn one(credentials: &Credentials) -> Self {
        Names {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: vec![credentials.certified().clone()],
        }
    }

    pub(crate) fn has_default(&self) -> bool {
        !self.default.is_empty()
    }

    /// Whether there is a certificate for a name, which is in lower case and has no dot at its end.
    pub(crate) fn know(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let found = self.exact.get(name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.wildcard.get(parent)
        });
        found.map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| {
            let name = name.trim_end_matches('.');
            // rustls hands it over in lower case.
            self.find(name)
        });
        pick(named.unwrap_or(&self.default), hello.signature_schemes())
    }
}

/// The first whose signatures the client can verify. When it can verify none, any will do for rustls to say so.
fn pick(
    candidates: &[Arc<CertifiedKey>],
    schemes: &[SignatureScheme],
) -> Option<Arc<CertifiedKey>> {
    let verifiable = candidates
        .iter()
        .find(|candidate| candidate.key.choose_scheme(schemes).is_some());
    verifiable.or(candidates.first()).cloned()
}

/// Keeps RSA behind the others: a signature takes 250 µs with 2,048 bits of it and 16 µs on P-256, and clients that can
/// verify only RSA still get it.
fn add(list: &mut Vec<Arc<CertifiedKey>>, certified: &Arc<CertifiedKey>) {
    if list.iter().any(|known| Arc::ptr_eq(known, certified)) {
        return;
    }
    let is_rsa = |key: &CertifiedKey| key.key.algorithm() == SignatureAlgorithm::RSA;
    let place = if is_rsa(certified) {
        list.len()
    } else {
        list.iter()
            .position(|known| is_rsa(known))
            .unwrap_or(list.len())
    };
    list.insert(place, certified.clone());
}
