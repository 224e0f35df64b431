//! Certificates for the tests, servers that have them, and clients that trust them.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use millrace_server::{Config, Plain, Tls};
use millrace_tls::rustls::crypto::aws_lc_rs::default_provider;
use millrace_tls::rustls::pki_types::pem::PemObject;
use millrace_tls::rustls::pki_types::{CertificateDer, ServerName};
use millrace_tls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use millrace_tls::{Blob, Context, Credentials, Material, Settings, self_signed};

use crate::client::connect;
use crate::js::config;

/// A connection over TLS.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) material: Material,
}

impl Pair {
    /// Signs a certificate for a name, valid now.
    pub(crate) fn new(name: &str) -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a time after 1970");
        let pair = self_signed(&[name.to_owned()], 2, now.as_secs() as i64).expect("a pair");
        let pem = pair.certificate_pem.into_bytes();
        Pair {
            certificate: CertificateDer::from_pem_slice(&pem).expect("a certificate"),
            material: Material {
                certificate: Some(Blob::Memory(pem)),
                key: Some(Blob::Memory(pair.key_pem.into_bytes())),
                ..Material::default()
            },
        }
    }

    /// What JavaScript answers with when it is asked for the name.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::load(&self.material).expect("credentials")
    }
}

/// What handshakes are made with that show these certificates, the first by default.
pub(crate) fn context(pairs: &[&Pair], settings: Settings) -> Arc<Context> {
    let certificates = pairs.iter().map(|pair| pair.material.clone()).collect();
    let settings = Settings {
        certificates,
        ..settings
    };
    Arc::new(Context::new(&settings, None).expect("a context"))
}

/// A server that speaks TLS with this, and refuses plain HTTP.
pub(crate) fn secured(context: Arc<Context>) -> Config {
    Config {
        tls: Some(Tls {
            context,
            plain: Plain::Refuse,
            handshakes: 4096,
            name_ms: 0,
        }),
        ..config()
    }
}

/// A client that trusts these certificates and no other.
pub(crate) fn trusting(pairs: &[&Pair]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for pair in pairs {
        roots.add(pair.certificate.clone()).expect("a root");
    }
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Connects; the handshake is made with the first bytes that are written or read.
pub(crate) fn open(address: SocketAddr, client: &Arc<ClientConfig>, name: &str) -> Stream {
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    let connection = ClientConnection::new(client.clone(), name).expect("a client");
    StreamOwned::new(connection, connect(address))
}

/// Connects and makes the handshake; the error is the client's.
pub(crate) fn shake_hands(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Stream> {
    let mut stream = open(address, client, name);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Whether the server has shown this certificate.
pub(crate) fn shows(stream: &Stream, pair: &Pair) -> bool {
    let chain = stream.conn.peer_certificates();
    chain.and_then(<[_]>::first) == Some(&pair.certificate)
}
