//! What was agreed on in a handshake.

use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::{CipherSuite, HandshakeKind, NamedGroup, SupportedCipherSuite};

/// What was agreed on in a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionInfo {
    /// The version's number: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub version: u16,
    /// The cipher suite's registered number.
    pub suite: u16,
    /// The cipher suite's registered name, for example `TLS_AES_128_GCM_SHA256`.
    pub suite_name: &'static str,
    /// The group of the key exchange, for example `X25519`; none when a session of TLS 1.2 was resumed.
    pub group: Option<&'static str>,
    /// The protocol that was chosen by ALPN (RFC 7301).
    pub alpn: Option<Box<[u8]>>,
    /// An earlier session goes on: no certificate was shown in this handshake.
    pub resumed: bool,
    /// The certificates that the client has shown, its own first.
    pub peer_chain: Vec<CertificateDer<'static>>,
}

impl SessionInfo {
    pub(crate) fn of(connection: &UnbufferedServerConnection) -> Self {
        let suite = connection.negotiated_cipher_suite();
        SessionInfo {
            version: connection.protocol_version().map_or(0, u16::from),
            suite: suite.map_or(0, |suite| suite.suite().into()),
            suite_name: suite.map_or("", suite_name),
            group: connection.negotiated_key_exchange_group().map(group_name),
            alpn: connection.alpn_protocol().map(Box::from),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer_chain: connection
                .peer_certificates()
                .map(<[_]>::to_vec)
                .unwrap_or_default(),
        }
    }
}

/// The registered name. rustls calls the suites of TLS 1.3 a little differently.
fn suite_name(suite: SupportedCipherSuite) -> &'static str {
    match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or("unknown"),
    }
}

/// The name that settings have for a group.
fn group_name(group: &'static dyn SupportedKxGroup) -> &'static str {
    match group.name() {
        NamedGroup::secp256r1 => "P-256",
        NamedGroup::secp384r1 => "P-384",
        NamedGroup::secp521r1 => "P-521",
        name => name.as_str().unwrap_or("unknown"),
    }
}
