//! The headers of records (RFC 8446 5.1, RFC 5246 6.2).

use rustls::{ContentType, Error, InvalidMessage, ProtocolVersion};

use super::RECORD_BYTES;

/// The length of a header.
pub(super) const HEADER_BYTES: usize = 5;

/// What sealing may add to a record in TLS 1.3.
const EXPANSION_13: usize = 256;

/// What it may in TLS 1.2, and before it is known what is spoken.
pub(super) const EXPANSION: usize = 2048;

/// A record's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) typ: ContentType,
    pub(super) version: ProtocolVersion,
    /// The record's length, with the header.
    pub(super) length: usize,
}

impl Header {
    /// Reads the header that bytes begin with: none when it is not all there. What it declares is judged before any of it
    /// has come.
    pub(super) fn read(bytes: &[u8], is_tls13: bool) -> Result<Option<Self>, Error> {
        let &[typ, major, minor, high, low, ..] = bytes else {
            return Ok(None);
        };
        let payload = usize::from(u16::from_be_bytes([high, low]));
        let expansion = match is_tls13 {
            true => EXPANSION_13,
            false => EXPANSION,
        };
        let typ = ContentType::from(typ);
        if matches!(typ, ContentType::Unknown(_)) {
            return Err(InvalidMessage::InvalidContentType.into());
        }
        if major != 3 {
            return Err(InvalidMessage::UnknownProtocolVersion.into());
        }
        if payload > RECORD_BYTES + expansion {
            return Err(Error::PeerSentOversizedRecord);
        }
        Ok(Some(Header {
            typ,
            version: ProtocolVersion::from(u16::from_be_bytes([major, minor])),
            length: HEADER_BYTES + payload,
        }))
    }
}
