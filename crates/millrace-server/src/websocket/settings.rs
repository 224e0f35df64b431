//! What the WebSockets of a route are told, in the units the core works with.

use millrace_ws::{Config, Limits};

use super::Overflow;

/// What holds for the WebSockets that are accepted with it. Times are in milliseconds; 0 is for ever.
#[derive(Clone, Debug)]
pub struct WebSocketSettings {
    /// What a client may send.
    pub limits: Limits,
    /// What may wait for a client that does not take it, in bytes.
    pub backlog_bytes: usize,
    /// What becomes of messages that a slow client does not take.
    pub overflow: Overflow,
    /// Without any byte from the client.
    pub idle_ms: u64,
    /// A client that has been silent for half of `idle_ms` is sent a ping, so that one that lives is not idle.
    pub ping: bool,
    /// From the handshake to a Close frame.
    pub lifetime_ms: u64,
    /// From the first Close frame to the end of the connection.
    pub close_ms: u64,
    /// Messages are handed to JavaScript as they come and not as wholes.
    pub streaming: bool,
    /// Pings are answered by the core.
    pub answer_pings: bool,
    /// Pings are reported.
    pub report_pings: bool,
    /// Pongs are reported.
    pub report_pongs: bool,
    /// permessage-deflate, for clients that offer it.
    pub compression: Option<WebSocketCompression>,
}

/// How the messages of WebSockets are compressed (RFC 7692).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketCompression {
    /// What is agreed on.
    pub config: Config,
    /// Messages with fewer bytes are sent as they are.
    pub threshold_bytes: usize,
}

impl Default for WebSocketSettings {
    /// No limit of time and no compression.
    fn default() -> Self {
        WebSocketSettings {
            limits: Limits::default(),
            backlog_bytes: 1024 * 1024,
            overflow: Overflow::Close,
            idle_ms: 0,
            ping: true,
            lifetime_ms: 0,
            close_ms: 0,
            streaming: false,
            answer_pings: true,
            report_pings: false,
            report_pongs: false,
            compression: None,
        }
    }
}
