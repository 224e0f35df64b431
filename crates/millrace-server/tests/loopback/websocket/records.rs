//! What JavaScript writes to WebSockets.

use millrace_batch::layout::{control, outbound_flag, outbound_kind};
use millrace_batch::{ExchangeId, SocketId};

use crate::js::record;

/// The socket that an exchange becomes.
pub(crate) fn socket(id: ExchangeId) -> SocketId {
    SocketId {
        connection: id.connection,
        generation: id.generation,
    }
}

/// Accepts a handshake.
pub(crate) fn accept(
    id: ExchangeId,
    settings: u32,
    fields: &str,
    key: &str,
    offers: &str,
) -> Vec<u8> {
    let length = |text: &str| text.len() as u32;
    let words = [settings, length(fields), length(key), length(offers)];
    let payload = [fields, key, offers].concat();
    record(outbound_kind::ACCEPT, id, &words, payload.as_bytes())
}

/// Sends a whole message; `flags` are of [`outbound_flag`].
pub(crate) fn send(to: SocketId, flags: u32, token: u32, payload: &[u8]) -> Vec<u8> {
    let first = outbound_kind::SEND | flags;
    let words = [payload.len() as u32, 0];
    record(first, named(to, token), &words, payload)
}

/// Sends what was put beside the records.
pub(crate) fn send_large(to: SocketId, flags: u32, token: u32, index: u32) -> Vec<u8> {
    let first = outbound_kind::SEND | outbound_flag::LARGE | flags;
    record(first, named(to, token), &[index, 0], b"")
}

pub(crate) fn close(to: SocketId, code: u16, reason: &str) -> Vec<u8> {
    controlled(to, control::CLOSE, code.into(), reason.as_bytes())
}

pub(crate) fn terminate(to: SocketId) -> Vec<u8> {
    controlled(to, control::TERMINATE, 0, b"")
}

/// Asks for something else.
pub(crate) fn controlled(to: SocketId, op: u32, argument: u32, payload: &[u8]) -> Vec<u8> {
    let words = [argument, payload.len() as u32];
    record(outbound_kind::CONTROL, named(to, op), &words, payload)
}

fn named(to: SocketId, third: u32) -> ExchangeId {
    ExchangeId {
        connection: to.connection,
        generation: to.generation,
        sequence: third,
    }
}
