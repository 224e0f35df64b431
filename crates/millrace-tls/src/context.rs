//! What the handshakes of a server are made with.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ResolvesServerCert;
use rustls::{AlertDescription, KeyLog, ServerConfig, SignatureAlgorithm};

use crate::certificate_info::CertificateInfo;
use crate::client_auth::ClientCertificates;
use crate::configs::{Configs, Recipe};
use crate::credentials::Credentials;
use crate::groups::groups;
use crate::hello::{Hello, Refusal};
use crate::key_log::KeyLogFile;
use crate::resumption::Resumption;
use crate::select::Names;
use crate::settings::{ClientAuth, Settings, UnknownName};
use crate::suites::Suites;
use crate::{Error, ErrorKind};

/// The settings of a server, read and checked. It does not change; new settings make a new one.
pub struct Context {
    certificates: Vec<Credentials>,
    names: Arc<Names>,
    configs: Configs,
    client_mode: ClientAuth,
    client: ClientCertificates,
    resumption: Resumption,
    key_log: Option<Arc<KeyLogFile>>,
    unknown_name: UnknownName,
    asks_names: bool,
}

/// How a client is answered.
#[derive(Clone, Debug)]
pub enum Choice {
    /// With this.
    Config(Arc<ServerConfig>),
    /// With what there is for this name, which is in lower case; it is not known here.
    Ask(String),
    /// Not at all.
    Refuse(Refusal),
}

/// What clients are answered with that want a server of a name that was asked for. It belongs to the [`Context`] that it
/// was made by. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Named {
    configs: Arc<Configs>,
}

impl Context {
    /// Reads files and derives keys, which can take a second: nothing for a thread that serves.
    ///
    /// Sessions that were begun under `previous` can be resumed, unless clients are let in by other rules than then.
    pub fn new(settings: &Settings, previous: Option<&Context>) -> Result<Self, Error> {
        let suites = Suites::new(settings)?;
        let groups = groups(settings, &suites)?;
        check_alpn(&settings.alpn)?;
        let certificates: Vec<_> = settings
            .certificates
            .iter()
            .map(Credentials::load)
            .collect::<Result<_, _>>()?;
        if certificates.is_empty() && !settings.asks_names {
            let text = "there is no certificate: `cert` and `key`, or `pfx`, are missing";
            return Err(Error::new(ErrorKind::Certificate, text));
        }
        check_keys(&certificates, &suites)?;
        let client = ClientCertificates::new(settings, &Arc::new(aws_lc_rs::default_provider()))?;
        let previous = previous.map(|previous| &previous.resumption);
        let resumption = Resumption::new(settings, &suites, client.fingerprint, previous)?;
        let key_log = settings
            .key_log
            .as_deref()
            .map(KeyLogFile::open)
            .transpose()?
            .map(Arc::new);
        let names = Arc::new(Names::new(&certificates));
        let recipe = Recipe {
            settings,
            suites,
            groups,
            client: &client,
            resumption: &resumption,
            key_log: key_log.clone().map(|log| log as Arc<dyn KeyLog>),
        };
        let configs = Configs::new(&recipe, &(names.clone() as Arc<dyn ResolvesServerCert>))?;
        Ok(Context {
            certificates,
            names,
            configs,
            client_mode: settings.client,
            client,
            resumption,
            key_log,
            unknown_name: settings.unknown_name,
            asks_names: settings.asks_names,
        })
    }

    /// How to answer a client.
    pub fn choose(&self, hello: &Hello) -> Choice {
        match &hello.server_name {
            Some(name) if !self.names.know(name) && self.asks_names => Choice::Ask(name.clone()),
            _ => self.unanswered(hello),
        }
    }

    /// How to answer a client when nothing was found for the name that it wants, or nobody asked.
    pub fn unanswered(&self, hello: &Hello) -> Choice {
        let is_unknown = |name: &String| !self.names.know(name);
        let refusal = match &hello.server_name {
            Some(name)
                if is_unknown(name)
                    && (self.unknown_name == UnknownName::Refuse || !self.names.has_default()) =>
            {
                Refusal::new(
                    AlertDescription::UnrecognisedName,
                    format!("no certificate is for the name {name}"),
                )
            }
            // RFC 8446 section 9.2.
            None if !self.names.has_default() => Refusal::new(
                AlertDescription::MissingExtension,
                "the client names no server, and no certificate is for clients that name none",
            ),
            _ => return Choice::Config(self.configs.choose(hello).clone()),
        };
        Choice::Refuse(refusal)
    }

    /// What to answer clients with that want a name these credentials were found for.
    pub fn for_credentials(&self, credentials: &Credentials) -> Named {
        let certificates: Arc<dyn ResolvesServerCert> = Arc::new(Names::one(credentials));
        Named {
            configs: Arc::new(self.configs.with_certificates(&certificates)),
        }
    }

    /// What the certificates of the settings say, in their order.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &CertificateInfo> {
        self.certificates.iter().map(Credentials::info)
    }

    /// Whether clients are asked for certificates.
    pub fn client_auth(&self) -> ClientAuth {
        self.client_mode
    }

    /// Whether a client is who its chain of certificates says, or why that cannot be told. An empty chain is nobody's.
    ///
    /// A session that is resumed brings the chain of the connection that it began with, which handshakes do not judge
    /// again. It ends when one of its certificates does, or when the settings that clients are judged by change.
    pub fn peer_verdict(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), String> {
        self.client.verdict(chain, now)
    }

    /// Why the key log cannot be written, told once.
    pub fn take_key_log_error(&self) -> Option<String> {
        self.key_log.as_ref()?.take_error()
    }
}

impl Named {
    /// What to answer a client with.
    pub fn choose(&self, hello: &Hello) -> Arc<ServerConfig> {
        self.configs.choose(hello).clone()
    }
}

/// RFC 7301 section 3.1.
fn check_alpn(protocols: &[Vec<u8>]) -> Result<(), Error> {
    match protocols
        .iter()
        .find(|protocol| !(1..=255).contains(&protocol.len()))
    {
        None => Ok(()),
        Some(protocol) => {
            let text = format!(
                "a protocol of `alpn` has {} bytes, and must have 1 to 255",
                protocol.len()
            );
            Err(Error::new(ErrorKind::Option, text))
        }
    }
}

/// In TLS 1.2 suites are for a kind of key.
fn check_keys(certificates: &[Credentials], suites: &Suites) -> Result<(), Error> {
    for credentials in certificates {
        let algorithm = credentials.certified().key.algorithm();
        if !suites
            .suites
            .iter()
            .any(|suite| suite.usable_for_signature_algorithm(algorithm))
        {
            let kind = if algorithm == SignatureAlgorithm::RSA {
                "an RSA key"
            } else {
                "a key that is not RSA"
            };
            let name = credentials
                .names()
                .first()
                .map_or("the certificate", String::as_str);
            let text = format!(
                "none of the cipher suites is for the certificate of {name}, which has {kind}"
            );
            return Err(Error::new(ErrorKind::Option, text));
        }
    }
    Ok(())
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}
