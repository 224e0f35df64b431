//! A client and a server that are connected by memory.

use std::ops::DerefMut;
use std::sync::{Arc, Mutex};

use millrace_tls::rustls::client::Resumption;
use millrace_tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use millrace_tls::rustls::crypto::aws_lc_rs;
use millrace_tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use millrace_tls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use millrace_tls::rustls::{
    CipherSuite, ClientConfig, ClientConnection, ConnectionCommon, DigitallySignedStruct, Error,
    HandshakeKind, NamedGroup, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};
use millrace_tls::{Choice, Context, Hello, HelloReader, Refusal, explain};

use crate::authority::Issued;

pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// Why there is no connection, as the server sees it and as the client does.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) server: String,
    pub(crate) client: Error,
}

/// What is special about a client.
#[derive(Default)]
pub(crate) struct Client<'a> {
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) alpn: &'a [&'a str],
    pub(crate) certificate: Option<&'a Issued>,
    pub(crate) early_data: bool,
}

impl Client<'_> {
    pub(crate) fn config(&self, roots: RootCertStore) -> Arc<ClientConfig> {
        let mut provider = aws_lc_rs::default_provider();
        choose(&mut provider.cipher_suites, &self.suites, |suite| {
            suite.suite()
        });
        if !self.groups.is_empty() {
            provider.kx_groups = aws_lc_rs::ALL_KX_GROUPS.to_vec();
            choose(&mut provider.kx_groups, &self.groups, |group| group.name());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = if self.versions.is_empty() {
            builder.with_safe_default_protocol_versions().unwrap()
        } else {
            builder.with_protocol_versions(&self.versions).unwrap()
        };
        let builder = builder.with_root_certificates(roots);
        let mut config = match self.certificate {
            // Whether they belong together is for the server to find out.
            Some(issued) => {
                let key = aws_lc_rs::sign::any_supported_type(&issued.key()).unwrap();
                let certified = CertifiedKey::new(issued.chain.clone(), key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config.enable_early_data = self.early_data;
        config.resumption = Resumption::in_memory_sessions(8);
        Arc::new(config)
    }
}

/// Keeps what is wanted, in that order; all when nothing is.
fn choose<T: Clone, K: PartialEq>(all: &mut Vec<T>, wanted: &[K], key: impl Fn(&T) -> K) {
    if !wanted.is_empty() {
        *all = wanted
            .iter()
            .map(|wanted| all.iter().find(|one| key(one) == *wanted).unwrap().clone())
            .collect();
    }
}

/// Connects; every byte goes through, tickets and all.
pub(crate) fn connect(
    context: &Context,
    config: &Arc<ClientConfig>,
    name: &str,
) -> Result<Pair, Failure> {
    connect_by(config, name, |hello| context.choose(hello))
}

pub(crate) fn connect_by(
    config: &Arc<ClientConfig>,
    name: &str,
    choose: impl FnOnce(&Hello) -> Choice,
) -> Result<Pair, Failure> {
    let mut client =
        ClientConnection::new(config.clone(), name.to_owned().try_into().unwrap()).unwrap();
    let mut first = Vec::new();
    client.write_tls(&mut first).unwrap();
    let hello = read_hello(&first).unwrap().expect("a whole hello");
    match choose(&hello) {
        Choice::Config(config) => answer(client, &config, &first),
        Choice::Refuse(refusal) => Err(Failure {
            server: refusal.text,
            client: deliver(&mut client, &refusal.alert).unwrap_err(),
        }),
        Choice::Ask(name) => panic!("asked for {name}"),
    }
}

pub(crate) fn read_hello(bytes: &[u8]) -> Result<Option<Hello>, Refusal> {
    HelloReader::new().read(&mut &bytes[..])
}

/// What a client sends first.
pub(crate) fn first_bytes(config: &Arc<ClientConfig>, name: &str) -> Vec<u8> {
    let mut client =
        ClientConnection::new(config.clone(), name.to_owned().try_into().unwrap()).unwrap();
    let mut first = Vec::new();
    client.write_tls(&mut first).unwrap();
    first
}

fn answer(
    mut client: ClientConnection,
    config: &Arc<ServerConfig>,
    first: &[u8],
) -> Result<Pair, Failure> {
    let mut server = ServerConnection::new(config.clone()).unwrap();
    let mut to_server = first.to_vec();
    loop {
        let served = deliver(&mut server, &to_server);
        let mut to_client = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut to_client).unwrap();
        }
        let received = deliver(&mut client, &to_client);
        to_server.clear();
        while client.wants_write() {
            client.write_tls(&mut to_server).unwrap();
        }
        match (served, received) {
            (Ok(()), Ok(())) if to_server.is_empty() => return Ok(Pair { client, server }),
            (Ok(()), Ok(())) => {}
            (Err(server), Ok(())) => panic!("the client was not told: {server}"),
            (Err(server), Err(client)) => {
                return Err(Failure {
                    server: explain(&server),
                    client,
                });
            }
            (Ok(()), Err(client)) => {
                let server = deliver(&mut server, &to_server).unwrap_err();
                return Err(Failure {
                    server: explain(&server),
                    client,
                });
            }
        }
    }
}

fn deliver<Data>(
    connection: &mut impl DerefMut<Target = ConnectionCommon<Data>>,
    mut bytes: &[u8],
) -> Result<(), Error> {
    while !bytes.is_empty() {
        connection.read_tls(&mut bytes).unwrap();
        connection.process_new_packets()?;
    }
    Ok(())
}

impl Pair {
    pub(crate) fn was_resumed(&self) -> bool {
        let kinds = (
            self.client.handshake_kind().unwrap(),
            self.server.handshake_kind().unwrap(),
        );
        assert_eq!(kinds.0, kinds.1);
        kinds.1 == HandshakeKind::Resumed
    }

    pub(crate) fn suite(&self) -> CipherSuite {
        self.server.negotiated_cipher_suite().unwrap().suite()
    }

    pub(crate) fn group(&self) -> NamedGroup {
        self.server.negotiated_key_exchange_group().unwrap().name()
    }
}

/// A client's verifier that takes any certificate, and remembers the last with what was stapled to it.
#[derive(Debug, Default)]
pub(crate) struct TakesAny(Mutex<(Vec<u8>, Vec<u8>)>);

impl TakesAny {
    pub(crate) fn leaf(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }

    pub(crate) fn ocsp(&self) -> Vec<u8> {
        self.0.lock().unwrap().1.clone()
    }
}

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = (leaf.to_vec(), ocsp.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
