//! Whether a request may become a WebSocket (RFC 6455 4.2.1), and what proves that it was understood (RFC 6455 4.2.2).

use sha1::{Digest, Sha1};

/// What a request that may become a WebSocket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// The value of Sec-WebSocket-Key: what [`accept_value`] is made of.
    pub key: &'a [u8],
}

/// Why a request cannot become a WebSocket.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method is not GET (RFC 6455 4.1).
    NotGet,
    /// The version is below HTTP/1.1, which has no upgrade (RFC 9110 7.8).
    NotHttp11,
    /// There is no Upgrade header that names `websocket`.
    NoUpgrade,
    /// There is no Connection header that names `upgrade`.
    BadConnection,
    /// Sec-WebSocket-Version is not 13, is missing, or is there more than once (RFC 6455 4.4).
    BadVersion,
    /// Sec-WebSocket-Key is not 16 bytes in base64, is missing, or is there more than once.
    BadKey,
    /// Sec-WebSocket-Protocol is not a list of tokens.
    BadProtocols,
    /// The request has a body.
    HasBody,
}

impl Refusal {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Refusal::NotGet => 405,
            Refusal::NoUpgrade | Refusal::BadConnection | Refusal::BadVersion => 426,
            Refusal::NotHttp11 | Refusal::BadKey | Refusal::BadProtocols | Refusal::HasBody => 400,
        }
    }

    /// Lines `name: value\r\n` that the answer has to have. With 426, Connection has to name `Upgrade` too (RFC 9110 7.8),
    /// which is left to whoever writes that header.
    pub fn fields(self) -> &'static [u8] {
        match self {
            Refusal::NotGet => b"Allow: GET\r\n",
            Refusal::NoUpgrade | Refusal::BadConnection => b"Upgrade: websocket\r\n",
            Refusal::BadVersion => b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            Refusal::NotHttp11 | Refusal::BadKey | Refusal::BadProtocols | Refusal::HasBody => b"",
        }
    }

    /// What is wrong, as one sentence for whoever wrote the client.
    pub fn text(self) -> &'static str {
        match self {
            Refusal::NotGet => "A WebSocket is opened with GET.",
            Refusal::NotHttp11 => {
                "A WebSocket needs HTTP/1.1; this request is of an older version."
            }
            Refusal::NoUpgrade => {
                "Only WebSockets are served here; please send the header \"Upgrade: websocket\"."
            }
            Refusal::BadConnection => {
                "The Connection header does not name Upgrade; a proxy may have taken it away."
            }
            Refusal::BadVersion => {
                "Only version 13 of WebSocket is served here; please send one \"Sec-WebSocket-Version: 13\"."
            }
            Refusal::BadKey => {
                "There is not exactly one Sec-WebSocket-Key with 16 bytes in base64."
            }
            Refusal::BadProtocols => "The Sec-WebSocket-Protocol header is not a list of names.",
            Refusal::HasBody => "A request that opens a WebSocket cannot have a body.",
        }
    }
}

/// Checks a request: the first thing that is wrong, in the order of [`Refusal`]. `fields` are all its headers, in any case;
/// `has_body` is true with a Transfer-Encoding or a Content-Length other than 0.
pub fn check<'a>(
    method: &[u8],
    http11: bool,
    has_body: bool,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Handshake<'a>, Refusal> {
    if method != b"GET" {
        return Err(Refusal::NotGet);
    }
    if !http11 {
        return Err(Refusal::NotHttp11);
    }
    let mut found = Found::default();
    fields.for_each(|(name, value)| found.field(name, value));
    if !found.upgrade {
        return Err(Refusal::NoUpgrade);
    }
    if !found.connection {
        return Err(Refusal::BadConnection);
    }
    if found.version != Once::Is(b"13") {
        return Err(Refusal::BadVersion);
    }
    let Once::Is(key) = found.key else {
        return Err(Refusal::BadKey);
    };
    if !is_key(key) {
        return Err(Refusal::BadKey);
    }
    if found.bad_protocols {
        return Err(Refusal::BadProtocols);
    }
    if has_body {
        return Err(Refusal::HasBody);
    }
    Ok(Handshake { key })
}

/// The value of Sec-WebSocket-Accept for a key.
pub fn accept_value(key: &[u8]) -> [u8; 28] {
    let digest = Sha1::new()
        .chain_update(key)
        .chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    let mut value = [b'='; 28];
    for (group, out) in digest.chunks(3).zip(value.as_chunks_mut::<4>().0) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for (place, digit) in out.iter_mut().take(group.len() + 1).enumerate() {
            *digit = BASE64[(bits >> (18 - 6 * place)) as usize & 63];
        }
    }
    value
}

/// The fields that matter, as far as they came.
#[derive(Default)]
struct Found<'a> {
    upgrade: bool,
    connection: bool,
    version: Once<'a>,
    key: Once<'a>,
    bad_protocols: bool,
}

/// A field that may be there once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Once<'a> {
    #[default]
    Missing,
    Is(&'a [u8]),
    Repeated,
}

impl<'a> Found<'a> {
    fn field(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("upgrade") {
            self.upgrade |= names(value, b"websocket");
        } else if is("connection") {
            self.connection |= names(value, b"upgrade");
        } else if is("sec-websocket-version") {
            self.version.set(value);
        } else if is("sec-websocket-key") {
            self.key.set(value);
        } else if is("sec-websocket-protocol") {
            self.bad_protocols |= !list(value).all(|name| name.iter().all(is_token_byte));
        }
    }
}

impl<'a> Once<'a> {
    fn set(&mut self, value: &'a [u8]) {
        *self = match self {
            Once::Missing => Once::Is(value),
            Once::Is(_) | Once::Repeated => Once::Repeated,
        };
    }
}

/// Whether a list has `name` (RFC 9110 5.6.1), in any case.
fn names(value: &[u8], name: &[u8]) -> bool {
    list(value).any(|element| element.eq_ignore_ascii_case(name))
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// RFC 9110 5.6.2.
fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// Whether `key` is 16 bytes in base64. The four bits that are left over in the last digit may be anything, as decoders
/// have it.
fn is_key(key: &[u8]) -> bool {
    let Some(digits) = key.strip_suffix(b"==") else {
        return false;
    };
    digits.len() == 22 && digits.iter().all(|digit| BASE64.contains(digit))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
