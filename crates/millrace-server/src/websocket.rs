//! Connections that have become WebSockets.
//!
//! A route says which requests may; the core checks the handshake before JavaScript sees the request, and JavaScript
//! decides. What has been accepted stays the connection that it was, with its number, its thread and its timers, and is
//! driven in the same passes: read → receive → write → settle. The state of HTTP stays until the 101 and the answers
//! before it are written, and is given back then.
//!
//! # Layout
//!
//! - `accept`: from an exchange to a socket. `receive`: from its bytes to records. `control`: what JavaScript asks for.
//! - `send`: what goes out; `backlog`: what waits for a slow client; `sent`: what became of it; `shared`: what the sockets
//!   of a thread share for this. `published`: messages for many.
//! - `flush`: one write for all that a pass has to send.
//! - `close`: how it ends, each way told once. `deadline`: when it is late.
//! - `settings`: what all of this goes by.

mod accept;
mod backlog;
mod close;
mod control;
mod deadline;
mod flush;
mod published;
mod receive;
mod send;
mod sent;
mod settings;
mod shared;

use std::sync::Arc;

use millrace_ws::Receiver;

pub use self::backlog::Overflow;
use self::close::End;
pub(crate) use self::published::Published;
pub(crate) use self::receive::HEADROOM;
pub(crate) use self::send::Outgoing;
pub use self::settings::{WebSocketCompression, WebSocketSettings};
pub(crate) use self::shared::Shared;

/// What a connection is once it has been accepted as a WebSocket. Small, because most of them wait most of the time: what
/// comes and goes has memory only meanwhile.
#[derive(Debug)]
pub(crate) struct WebSocket {
    settings: Arc<WebSocketSettings>,
    receiver: Receiver,
    pub(crate) outgoing: Outgoing,
    /// The begin of a frame that goes on with the next read.
    input: Vec<u8>,
    /// How the socket ends, once that is known: nothing is received any more.
    end: Option<Box<End>>,
    /// How long the client may take none of what is sent, in milliseconds; 0 is for ever.
    write_ms: u64,
    /// When it has lived long enough; 0 is never.
    ends_at: u64,
    /// When the client was last heard.
    heard: u64,
    /// Since when the client has not taken any of the output; 0 while there is none.
    write_since: u64,
    /// When the first Close frame came or was to be sent; 0 before.
    closing_since: u64,
    /// When the connection, not being read, was last asked for an error.
    looked: u64,
    /// JavaScript wants no messages. Nothing is read then, unless the socket closes.
    paused: bool,
    /// Messages are not handed on any more: some came while JavaScript wanted none and the socket closed.
    deaf: bool,
    /// The client has been sent a ping because it was silent, and has been silent since.
    pinged: bool,
    /// The client sends nothing more.
    peer_closed: bool,
}

#[cfg(test)]
mod tests {
    use super::WebSocket;

    #[test]
    fn a_socket_that_waits_takes_little_memory() {
        assert!(size_of::<WebSocket>() <= 384, "{}", size_of::<WebSocket>());
    }
}
