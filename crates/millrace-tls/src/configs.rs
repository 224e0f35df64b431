//! The configurations of rustls that a server's settings come to.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::server::{ResolvesServerCert, danger::ClientCertVerifier};
use rustls::{KeyLog, NamedGroup, ServerConfig};

use crate::client_auth::ClientCertificates;
use crate::groups::needs_tls13;
use crate::hello::Hello;
use crate::resumption::Resumption;
use crate::settings::Settings;
use crate::suites::Suites;
use crate::{Error, ErrorKind};

/// One for each thing about a client that decides how it is answered.
///
/// rustls takes the first of the client's groups that the server has. When the server's order is to decide there is one
/// configuration for each group, which has no other.
#[derive(Debug)]
pub(crate) struct Configs {
    usual: ByCipher,
    by_group: Vec<(NamedGroup, ByCipher)>,
}

#[derive(Debug)]
struct ByCipher {
    usual: Arc<ServerConfig>,
    /// For clients that prefer ChaCha20, as those do that have no instructions for AES and are slower with it. None when
    /// the operator has put the suites in an order.
    chacha: Option<Arc<ServerConfig>>,
}

/// What configurations are made of, beside certificates.
pub(crate) struct Recipe<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) suites: Suites,
    pub(crate) groups: Vec<&'static dyn SupportedKxGroup>,
    pub(crate) client: &'a ClientCertificates,
    pub(crate) resumption: &'a Resumption,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

impl Configs {
    pub(crate) fn new(
        recipe: &Recipe<'_>,
        certificates: &Arc<dyn ResolvesServerCert>,
    ) -> Result<Self, Error> {
        let verifier = recipe.client.verifier();
        let make = |groups: &[&'static dyn SupportedKxGroup]| {
            recipe.make(groups, verifier.as_ref(), certificates)
        };
        let is_ordered = recipe.settings.server_order
            && !recipe.settings.groups.is_empty()
            && recipe.groups.len() > 1;
        let by_group = if is_ordered {
            let each = recipe
                .groups
                .iter()
                .map(|group| Ok((group.name(), make(&[*group])?)));
            each.collect::<Result<_, Error>>()?
        } else {
            Vec::new()
        };
        Ok(Configs {
            usual: make(&recipe.groups)?,
            by_group,
        })
    }

    /// The same with other certificates.
    pub(crate) fn with_certificates(&self, certificates: &Arc<dyn ResolvesServerCert>) -> Self {
        Configs {
            usual: self.usual.with_certificates(certificates),
            by_group: self
                .by_group
                .iter()
                .map(|(group, configs)| (*group, configs.with_certificates(certificates)))
                .collect(),
        }
    }

    pub(crate) fn choose(&self, hello: &Hello) -> &Arc<ServerConfig> {
        let is_possible = |group: NamedGroup| {
            hello.groups.contains(&group) && (hello.offers_tls13 || !needs_tls13(group))
        };
        let by_group = self.by_group.iter().find(|(group, _)| is_possible(*group));
        let configs = by_group.map_or(&self.usual, |(_, configs)| configs);
        match &configs.chacha {
            Some(chacha) if hello.prefers_chacha => chacha,
            _ => &configs.usual,
        }
    }
}

impl ByCipher {
    fn with_certificates(&self, certificates: &Arc<dyn ResolvesServerCert>) -> Self {
        let with = |config: &Arc<ServerConfig>| {
            let mut config = ServerConfig::clone(config);
            config.cert_resolver = certificates.clone();
            Arc::new(config)
        };
        ByCipher {
            usual: with(&self.usual),
            chacha: self.chacha.as_ref().map(with),
        }
    }
}

impl Recipe<'_> {
    fn make(
        &self,
        groups: &[&'static dyn SupportedKxGroup],
        verifier: Option<&Arc<dyn ClientCertVerifier>>,
        certificates: &Arc<dyn ResolvesServerCert>,
    ) -> Result<ByCipher, Error> {
        let provider = CryptoProvider {
            cipher_suites: self.suites.suites.clone(),
            kx_groups: groups.to_vec(),
            ..aws_lc_rs::default_provider()
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&self.suites.versions)
            .map_err(|error| Error::new(ErrorKind::Option, error.to_string()))?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(certificates.clone());
        config.ignore_client_order = self.settings.server_order;
        config.alpn_protocols.clone_from(&self.settings.alpn);
        if let Some(key_log) = &self.key_log {
            config.key_log = key_log.clone();
        }
        self.resumption.apply(&mut config);
        // What an answer in half a round trip would be sent to is not known to be alive, nor who it says it is.
        config.send_half_rtt_data = false;
        // An open connection keeps the keys and numbers of its records, and not the 3 KiB around them in rustls.
        config.enable_secret_extraction = true;
        // Clients of TLS 1.2 without it (RFC 7627) are refused by neither OpenSSL nor browsers; what it protects from
        // takes renegotiation, which is not spoken here, or channel bindings.
        config.require_ems = false;
        let chacha = (self.suites.are_default && self.settings.server_order).then(|| {
            let mut config = config.clone();
            config.ignore_client_order = false;
            Arc::new(config)
        });
        Ok(ByCipher {
            usual: Arc::new(config),
            chacha,
        })
    }
}
