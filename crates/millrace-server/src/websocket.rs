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
//!   of a thread share for this. `published`: messages for many; `run`: those of them that go together.
//! - `flush`: one write for all that a pass has to send.
//! - `close`: how it ends, each way told once. `deadline`: when it is late.
//! - `settings`: what all of this goes by. `aside`: what few sockets need at a time.

mod accept;
mod aside;
mod backlog;
mod close;
mod control;
mod deadline;
mod flush;
mod published;
mod receive;
mod run;
mod send;
mod sent;
mod settings;
mod shared;
mod window;

use std::sync::Arc;

use millrace_ws::Receiver;

use self::aside::Aside;

pub use self::backlog::Overflow;
pub(crate) use self::published::Published;
pub(crate) use self::receive::HEADROOM;
pub(crate) use self::run::Run;
pub(crate) use self::send::Outgoing;
pub use self::settings::{WebSocketCompression, WebSocketSettings};
pub(crate) use self::shared::Shared;

/// What a connection is once it has been accepted as a WebSocket. Small, because most of them wait most of the time: what
/// comes and goes has memory only meanwhile.
#[derive(Debug)]
pub(crate) struct WebSocket {
    settings: Arc<WebSocketSettings>,
    receiver: Receiver,
    /// What it sends; only while there is something, or something to remember of it.
    outgoing: Option<Box<Outgoing>>,
    aside: Option<Box<Aside>>,
    heard: Heard,
    /// What was handed on since JavaScript was last asked how far it is: see `window`.
    unasked: u32,
}

/// When a client was last heard, and whether it has been sent a ping since because it was silent. One number.
#[derive(Clone, Copy, Debug)]
struct Heard(u64);

impl Heard {
    fn at(now: u64) -> Self {
        Heard(now << 1)
    }

    fn since(self) -> u64 {
        self.0 >> 1
    }

    fn is_pinged(self) -> bool {
        self.0 & 1 != 0
    }

    fn set_pinged(&mut self) {
        self.0 |= 1;
    }
}

impl WebSocket {
    #[inline]
    fn outgoing(&mut self, shared: &mut Shared) -> &mut Outgoing {
        self.outgoing.get_or_insert_with(|| {
            shared.take_outgoing(&self.settings, self.receiver.compression())
        })
    }

    /// Gives back what is of no use while nothing is going on.
    fn rest(&mut self, shared: &mut Shared) {
        if let Some(outgoing) = self.outgoing.take_if(|outgoing| outgoing.is_at_rest()) {
            shared.give_outgoing(outgoing);
        }
        self.aside.take_if(|aside| aside.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::WebSocket;

    #[test]
    fn a_socket_that_waits_takes_little_memory() {
        assert!(size_of::<WebSocket>() <= 64, "{}", size_of::<WebSocket>());
    }
}
