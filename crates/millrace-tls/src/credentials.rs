//! A chain of certificates with its private key, ready to be presented.

mod chain;
mod contents;
mod cost;
mod encrypted;
mod key;
mod legacy_pem;
mod ocsp;
mod pkcs12;

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};

use crate::certificate_info::CertificateInfo;
use crate::material::Material;
use crate::names::server_name;
use crate::{Error, ErrorKind};

pub(crate) use self::chain::certificates;

/// A chain of certificates with its private key, and the names it is presented for. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    shared: Arc<Shared>,
}

struct Shared {
    names: Vec<String>,
    info: CertificateInfo,
    certified: Arc<CertifiedKey>,
}

impl Credentials {
    /// Reads and checks them. This reads files and derives keys from passphrases, which may take a second: not for a
    /// thread that serves.
    ///
    /// A certificate that has expired is no error; [`CertificateInfo::is_expired`] tells.
    pub fn load(material: &Material) -> Result<Self, Error> {
        let names: Vec<String> = material
            .names
            .iter()
            .map(|name| server_name(name))
            .collect::<Result<_, _>>()?;
        let pair = read_pair(material)?;
        let leaf = pair.chain[0].clone();
        let info = CertificateInfo::read(&leaf).map_err(|why| {
            let text = format!("{} {why}", pair.certificate);
            Error::new(ErrorKind::Certificate, text)
        })?;
        let mut certified = CertifiedKey::new(pair.chain, pair.signer);
        certified.ocsp = material
            .ocsp
            .as_ref()
            .map(|blob| ocsp::read(blob, &leaf))
            .transpose()?;
        Ok(Credentials {
            shared: Arc::new(Shared {
                names: if names.is_empty() {
                    info.names.clone()
                } else {
                    names
                },
                info,
                certified: Arc::new(certified),
            }),
        })
    }

    /// The names they are presented for, in lower case; a wildcard is a whole first label.
    pub fn names(&self) -> &[String] {
        &self.shared.names
    }

    /// What the server's own certificate says.
    pub fn info(&self) -> &CertificateInfo {
        &self.shared.info
    }

    /// What rustls presents: the chain, what signs with its key, and the OCSP response.
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.shared.certified
    }
}

/// A chain, the first of which is the key's.
struct Pair {
    chain: Vec<CertificateDer<'static>>,
    signer: Arc<dyn SigningKey>,
    /// How errors call the certificate.
    certificate: String,
}

fn read_pair(material: &Material) -> Result<Pair, Error> {
    let passphrase = material.passphrase.as_deref().map(String::as_str);
    if let Some(store) = &material.pkcs12 {
        if material.certificate.is_some() || material.key.is_some() {
            let text =
                "`pfx` holds a certificate and its key: `cert` and `key` cannot be given beside it";
            return Err(Error::new(ErrorKind::Option, text));
        }
        return pkcs12::read(&store.open("the PKCS #12 store", "pfx")?, passphrase);
    }
    let Some(certificate) = &material.certificate else {
        return Err(Error::new(
            ErrorKind::Certificate,
            missing_certificate(material),
        ));
    };
    let certificate = certificate.open("the certificate", "cert")?;
    let chain = certificates(&certificate, ErrorKind::Certificate)?;
    let (signer, key) = match &material.key {
        Some(key) => {
            let key = key.open("the private key", "key")?;
            (key::read(&key, passphrase)?, key.names("the private key"))
        }
        None if key::is_in(&certificate) => (
            key::read(&certificate, passphrase)?,
            certificate.names("the private key"),
        ),
        None => {
            let text = format!(
                "{} has no private key: `key` is missing",
                certificate.names("the certificate")
            );
            return Err(Error::new(ErrorKind::Key, text));
        }
    };
    Ok(Pair {
        chain: chain::ordered(chain, signer.as_ref(), &certificate.place, &key)?,
        signer,
        certificate: certificate.names("the certificate"),
    })
}

fn missing_certificate(material: &Material) -> &'static str {
    if material.key.is_some() {
        "the private key has no certificate: `cert` is missing"
    } else {
        "there is no certificate: `cert` and `key`, or `pfx`, are missing"
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("names", &self.shared.names)
            .field("info", &self.shared.info)
            .finish_non_exhaustive()
    }
}
