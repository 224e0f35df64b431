//! What a server has counted, as it crosses.

use millrace_server::Stats;
use napi_derive::napi;

/// What a server has counted since it began to listen.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct ServerStats {
    pub connections: f64,
    pub accepted: f64,
    pub refused_connections: f64,
    pub requests: f64,
    pub pending: f64,
    pub bytes_read: f64,
    pub bytes_written: f64,
    pub protocol_errors: f64,
    pub timeouts: f64,
    pub aborted: f64,
    pub accept_errors: f64,
    pub fixed_answers: f64,
    pub file_answers: f64,
    pub compressed: f64,
    /// No connection is accepted because the process has few descriptors left.
    pub descriptors_low: bool,
    /// Bytes that wait for this JavaScript thread, of all its servers.
    pub queued_bytes: f64,
    pub websockets: WebSocketStats,
    pub tls: TlsStats,
}

/// What a server has counted of TLS.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct TlsStats {
    /// Handshakes that have succeeded.
    pub handshakes: f64,
    pub handshakes_failed: f64,
    /// Handshakes under way.
    pub handshakes_open: f64,
    /// Handshakes, of those that have succeeded, that went on with an earlier session.
    pub resumed: f64,
    /// Questions for the credentials of a name.
    pub names_asked: f64,
    /// Requests of plain HTTP that were refused or redirected.
    pub plain_refused: f64,
}

/// What a server has counted of its WebSockets.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct WebSocketStats {
    pub open: f64,
    pub opened: f64,
    /// Handshakes that the core has refused alone.
    pub refused_handshakes: f64,
    pub messages_received: f64,
    /// Messages sent one by one.
    pub messages_sent: f64,
    /// Published messages, counted for each socket they went to.
    pub messages_published: f64,
    pub dropped_newest: f64,
    pub dropped_oldest: f64,
    pub dropped_latest: f64,
    /// Sockets cut because too much waited for their clients.
    pub closed_slow: f64,
}

impl ServerStats {
    pub(crate) fn new(stats: Stats, queued_bytes: usize) -> Self {
        ServerStats {
            connections: stats.connections as f64,
            accepted: stats.accepted as f64,
            refused_connections: stats.refused_connections as f64,
            requests: stats.requests as f64,
            pending: stats.pending as f64,
            bytes_read: stats.bytes_read as f64,
            bytes_written: stats.bytes_written as f64,
            protocol_errors: stats.protocol_errors as f64,
            timeouts: stats.timeouts as f64,
            aborted: stats.aborted as f64,
            accept_errors: stats.accept_errors as f64,
            fixed_answers: stats.fixed_answers as f64,
            file_answers: stats.file_answers as f64,
            compressed: stats.compressed as f64,
            descriptors_low: stats.descriptors_low > 0,
            queued_bytes: queued_bytes as f64,
            websockets: WebSocketStats {
                open: stats.websockets as f64,
                opened: stats.websockets_opened as f64,
                refused_handshakes: stats.handshakes_refused as f64,
                messages_received: stats.messages_received as f64,
                messages_sent: stats.messages_sent as f64,
                messages_published: stats.messages_published as f64,
                dropped_newest: stats.dropped_newest as f64,
                dropped_oldest: stats.dropped_oldest as f64,
                dropped_latest: stats.dropped_latest as f64,
                closed_slow: stats.websockets_slow as f64,
            },
            tls: TlsStats {
                handshakes: stats.tls_handshakes as f64,
                handshakes_failed: stats.tls_failed as f64,
                handshakes_open: stats.tls_open as f64,
                resumed: stats.tls_resumed as f64,
                names_asked: stats.tls_names_asked as f64,
                plain_refused: stats.tls_plain_refused as f64,
            },
        }
    }
}
