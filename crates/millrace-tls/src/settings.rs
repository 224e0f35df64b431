//! What the operator of a server decides about its TLS.

use std::path::PathBuf;

use pkcs8::der::zeroize::Zeroizing;

use crate::material::{Blob, Material};

/// Everything that a [`Context`](crate::Context) is made of.
#[derive(Clone)]
pub struct Settings {
    /// The server's certificates, the default one first. None are needed when names are asked for.
    pub certificates: Vec<Material>,
    /// What happens to clients that want a server of a name that no certificate is for.
    pub unknown_name: UnknownName,
    /// Whether names without a certificate are to be asked for before `unknown_name` decides.
    pub asks_names: bool,
    /// The oldest version that is spoken.
    pub min_version: Version,
    /// The newest version that is spoken.
    pub max_version: Version,
    /// Cipher suites by their IANA or OpenSSL names, the preferred first; empty: all there are.
    pub suites: Vec<String>,
    /// Key exchange groups by their IANA or OpenSSL names, the preferred first; empty: the usual ones in the order that
    /// the client prefers.
    pub groups: Vec<String>,
    /// Whether the server's order of suites and groups decides, rather than the client's.
    pub server_order: bool,
    /// Protocols of ALPN (RFC 7301), the preferred first; empty: ALPN is ignored.
    pub alpn: Vec<Vec<u8>>,
    /// Whether clients are to show a certificate.
    pub client: ClientAuth,
    /// Certificates of the authorities that client certificates are trusted by.
    pub roots: Vec<Blob>,
    /// Lists of revoked client certificates. When there is one, every certificate of a client's chain must be covered by
    /// a list that has not expired.
    pub revocation_lists: Vec<Blob>,
    /// Whether clients may resume sessions.
    pub resumption: bool,
    /// How long a session can be resumed, in seconds: 1 to 604,800 (seven days, RFC 8446 section 4.6.1).
    pub ticket_lifetime_s: u32,
    /// Keys of tickets that several servers share: the first encrypts, all decrypt. Empty: keys of its own that rotate.
    pub ticket_keys: Zeroizing<Vec<[u8; 48]>>,
    /// How many bytes of early data (0-RTT, RFC 8446 section 2.3) are taken; 0: none.
    pub early_data_bytes: u32,
    /// A file that secrets of connections are appended to, so that captured traffic can be read.
    pub key_log: Option<PathBuf>,
}

/// What happens to a client that wants a server of a name that no certificate is for. A client that wants none at all,
/// as those that connect to an address do, always gets the first certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownName {
    /// It gets the first certificate.
    Default,
    /// It is refused with the alert `unrecognized_name`.
    Refuse,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

/// Whether clients are to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    None,
    /// They are asked for one, and let in without, and with one that is not trusted: the application decides.
    Asked,
    /// They are let in with a trusted one only.
    Required,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            certificates: Vec::new(),
            unknown_name: UnknownName::Default,
            asks_names: false,
            min_version: Version::Tls12,
            max_version: Version::Tls13,
            suites: Vec::new(),
            groups: Vec::new(),
            server_order: true,
            alpn: vec![b"http/1.1".to_vec()],
            client: ClientAuth::None,
            roots: Vec::new(),
            revocation_lists: Vec::new(),
            resumption: true,
            ticket_lifetime_s: 7200,
            ticket_keys: Zeroizing::default(),
            early_data_bytes: 0,
            key_log: None,
        }
    }
}
