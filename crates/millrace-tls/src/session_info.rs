//! What was agreed on in a handshake.

use rustls::pki_types::CertificateDer;

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
