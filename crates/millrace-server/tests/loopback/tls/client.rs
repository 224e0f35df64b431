//! The client's side of TLS.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_server::{Config, Plain, Tls};
use millrace_tls::rustls::pki_types::pem::PemObject;
use millrace_tls::rustls::pki_types::{CertificateDer, ServerName};
use millrace_tls::rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};
use millrace_tls::{Blob, Context, Material, Settings, self_signed};

use crate::client::connect;
use crate::js::config;

pub(crate) static TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
pub(crate) static TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];

/// A client that speaks TLS.
pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

/// What a server and its clients are set up with.
pub(crate) struct Pair {
    pub(crate) config: Config,
    pub(crate) client: Arc<ClientConfig>,
}

/// A server with a certificate of its own for `localhost`, and clients that trust it.
pub(crate) fn pair() -> Pair {
    pair_with(Settings::default(), ALL_VERSIONS)
}

/// The same, with other settings.
pub(crate) fn pair_with(
    settings: Settings,
    versions: &[&'static SupportedProtocolVersion],
) -> Pair {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let own = self_signed(&["localhost".into()], 1, now.as_secs() as i64).expect("a certificate");
    let settings = Settings {
        certificates: vec![Material {
            certificate: Some(Blob::Memory(own.certificate_pem.clone().into())),
            key: Some(Blob::Memory(own.key_pem.clone().into())),
            ..Material::default()
        }],
        ..settings
    };
    let context = Context::new(&settings, None).expect("valid settings");
    let config = Config {
        tls: Some(Tls {
            context: Arc::new(context),
            plain: Plain::Refuse,
            handshakes: 1000,
            name_ms: 0,
        }),
        ..config()
    };
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(own.certificate_pem.as_bytes()).unwrap();
    roots.add(certificate).expect("a certificate");
    let client = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    Pair {
        config,
        client: Arc::new(client),
    }
}

impl Pair {
    /// Connects; the handshake is made with the first bytes that are written or read.
    pub(crate) fn connect(&self, address: SocketAddr) -> Client {
        StreamOwned::new(self.connection(), connect(address))
    }

    /// A client without a socket.
    pub(crate) fn connection(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(self.client.clone(), name).expect("a valid configuration")
    }
}
