//! Close frames (RFC 6455 5.5.1 and 7.4).

use std::str;

use crate::Error;
use crate::frame::{CONTROL_PAYLOAD, Opcode, write_frame};

/// The codes that say why a connection was closed (RFC 6455 7.4.1).
#[derive(Clone, Copy, Debug)]
pub enum CloseCode {}

impl CloseCode {
    /// What the connection was for is done.
    pub const NORMAL: u16 = 1000;
    /// The server shuts down, or the browser leaves the page.
    pub const GOING_AWAY: u16 = 1001;
    /// The other side broke the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A message of a type that is not accepted.
    pub const UNSUPPORTED: u16 = 1003;
    /// Never sent: the Close frame had no code.
    pub const NO_STATUS: u16 = 1005;
    /// Never sent: the connection was cut without a Close frame.
    pub const ABNORMAL: u16 = 1006;
    /// A message that is not what its type says, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// Something that is not accepted, where no other code says what.
    pub const POLICY: u16 = 1008;
    /// A message that is too long.
    pub const TOO_BIG: u16 = 1009;
    /// Sent by clients: the server did not agree to an extension that they need.
    pub const EXTENSION: u16 = 1010;
    /// The server could not do what was asked.
    pub const INTERNAL: u16 = 1011;
    /// The server is busy; the client may try again later.
    pub const TRY_AGAIN: u16 = 1013;
}

/// Whether `code` may be in a Close frame: those of RFC 6455 7.4.1 and of its registry up to 1014, those that libraries
/// and frameworks register (3000 to 3999), and private ones (4000 to 4999). 1004 has no meaning; 1005, 1006 and 1015 tell
/// the application what no frame said (RFC 6455 7.4.2).
pub fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Appends a Close frame. Without a code there is no reason either; a reason of more than 123 bytes is cut after the last
/// character that fits.
pub fn write_close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let Some(code) = code else {
        return write_frame(out, Opcode::Close, true, false, b"");
    };
    let fitting = &reason[..reason.floor_char_boundary(CONTROL_PAYLOAD - 2)];
    let mut payload = [0; CONTROL_PAYLOAD];
    let length = 2 + fitting.len();
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..length].copy_from_slice(fitting.as_bytes());
    write_frame(out, Opcode::Close, true, false, &payload[..length]);
}

/// The code and the reason in the payload of a Close frame.
pub(crate) fn read_close(payload: &[u8]) -> Result<(Option<u16>, &[u8]), Error> {
    let (code, reason) = match payload {
        [] => return Ok((None, payload)),
        [_] => return Err(Error::Protocol("A Close frame has half of a code.")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !is_sendable(code) {
        return Err(Error::Protocol(
            "A Close frame has a code that must not be sent.",
        ));
    }
    if str::from_utf8(reason).is_err() {
        return Err(Error::InvalidUtf8);
    }
    Ok((Some(code), reason))
}
