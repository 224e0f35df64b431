//! A client's first message, read before it is known what will answer it.

use rustls::server::{AcceptedAlert, Acceptor};
use rustls::{AlertDescription, CipherSuite, Error, NamedGroup, PeerIncompatible};

use crate::explain::explain;

/// Collects the ClientHello (RFC 8446 section 4.1.2), which may come in any number of records and pieces.
///
/// It judges the message as the handshake will that is given the same bytes afterwards, because both are rustls.
pub struct HelloReader {
    acceptor: Option<Acceptor>,
    /// How much has come.
    taken: usize,
    /// What came first, as far as the client's version.
    head: [u8; HEAD],
    head_filled: usize,
}

/// The header of a record, that of a message, and a version.
const HEAD: usize = 5 + 4 + 2;

/// The most bytes, headers of records and all, that come before a message is complete. Those of browsers are of 2 KiB; one
/// with a ticket that has a client's certificates in it is the longest there is. All of it is kept for as long as a handshake
/// may take, and anybody can send it.
const MOST_BYTES: usize = 24 * 1024;

/// What a client said in its first message, as far as choosing what to answer with needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name of the server that it wants: in lower case, without a dot at the end, never an address.
    pub server_name: Option<String>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) offers_tls13: bool,
    pub(crate) prefers_chacha: bool,
}

/// Why a client cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for people.
    pub text: String,
    /// What to send before the connection is closed: a record with an alert.
    pub alert: Vec<u8>,
}

impl HelloReader {
    /// A reader that has seen nothing. It takes no memory before it does.
    pub fn new() -> Self {
        HelloReader {
            acceptor: None,
            taken: 0,
            head: [0; HEAD],
            head_filled: 0,
        }
    }

    /// Takes what came next, and advances `bytes` past what it looked at, which is not all when more follows the
    /// message. `None`: more is needed. It must not be asked again once it has answered.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Hello>, Refusal> {
        let count = bytes.len().min(HEAD - self.head_filled);
        self.head[self.head_filled..][..count].copy_from_slice(&bytes[..count]);
        self.head_filled += count;
        let acceptor = self.acceptor.get_or_insert_default();
        while !bytes.is_empty() {
            let before = bytes.len();
            acceptor.read_tls(bytes).map_err(|_| too_long())?;
            self.taken += before - bytes.len();
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    let hello = Hello::of(&accepted.client_hello());
                    self.acceptor = None;
                    return Ok(Some(hello));
                }
                Ok(None) if self.taken > MOST_BYTES => return Err(too_long()),
                Ok(None) => {}
                Err((error, alert)) => return Err(self.refusal(&error, alert)),
            }
        }
        Ok(None)
    }

    fn refusal(&self, error: &Error, mut alert: AcceptedAlert) -> Refusal {
        // Clients that are older than the extension which rustls misses here are to be told that they are (RFC 8446
        // appendix D.2), in words that people find when they search for them.
        let lacks = PeerIncompatible::SignatureAlgorithmsExtensionRequired;
        if *error == Error::PeerIncompatible(lacks) && self.is_old() {
            let text = "the client speaks no version of TLS above 1.1";
            return Refusal::new(AlertDescription::ProtocolVersion, text);
        }
        let mut refusal = Refusal::new(alert_of(error), explain(error));
        let mut record = Vec::new();
        // Writing into memory does not fail; were it to, the alert above is sent.
        let _ = alert.write_all(&mut record);
        if !record.is_empty() {
            refusal.alert = record;
        }
        refusal
    }

    /// Whether the newest version that the client speaks is older than TLS 1.2. Those that speak TLS 1.3 say 1.2 here. It
    /// is not seen when the first record ends before it, which takes a client that is made for that.
    fn is_old(&self) -> bool {
        let [22, _, _, high, low, 1, _, _, _, version @ ..] = self.head else {
            return false;
        };
        u16::from_be_bytes([high, low]) >= 6 && u16::from_be_bytes(version) < 0x0303
    }
}

impl Default for HelloReader {
    fn default() -> Self {
        HelloReader::new()
    }
}

impl Hello {
    fn of(hello: &rustls::server::ClientHello<'_>) -> Self {
        let suites = hello.cipher_suites();
        Hello {
            server_name: hello
                .server_name()
                .map(|name| name.trim_end_matches('.').to_ascii_lowercase()),
            groups: known_groups(hello.named_groups().unwrap_or_default()),
            offers_tls13: suites.iter().any(|suite| is_tls13(*suite)),
            prefers_chacha: suites
                .iter()
                .find(|suite| !is_grease(**suite))
                .is_some_and(|suite| is_chacha(*suite)),
        }
    }
}

impl Refusal {
    pub(crate) fn new(alert: AlertDescription, text: impl Into<String>) -> Self {
        // A record of content type 21, of the version that records before an agreement have (RFC 8446 section 5.1), with
        // a fatal alert in it.
        Refusal {
            text: text.into(),
            alert: vec![21, 3, 3, 0, 2, 2, alert.into()],
        }
    }
}

fn too_long() -> Refusal {
    Refusal::new(AlertDescription::DecodeError, "the ClientHello is too long")
}

/// The alert for the errors that rustls leaves without one while it has no configuration.
fn alert_of(error: &Error) -> AlertDescription {
    match error {
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            AlertDescription::UnexpectedMessage
        }
        Error::InvalidMessage(_) => AlertDescription::DecodeError,
        Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        Error::PeerIncompatible(_) => AlertDescription::HandshakeFailure,
        _ => AlertDescription::IllegalParameter,
    }
}

/// The groups that could be asked about: a hello of 64 KiB can list 32,000 others.
fn known_groups(offered: &[NamedGroup]) -> Vec<NamedGroup> {
    let mut groups = Vec::new();
    for group in offered {
        if !matches!(group, NamedGroup::Unknown(_)) && !groups.contains(group) {
            groups.push(*group);
        }
    }
    groups
}

/// The suites of TLS 1.3 are those of RFC 8446 appendix B.4, and no older version has them.
fn is_tls13(suite: CipherSuite) -> bool {
    u16::from(suite) >> 8 == 0x13
}

fn is_chacha(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

/// Values that clients mix in so that servers keep ignoring what they do not know (RFC 8701).
fn is_grease(suite: CipherSuite) -> bool {
    let value = u16::from(suite);
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}
