//! What a server is told, in the units the core works with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_coding::Levels;
use millrace_http1::Policy;
use millrace_semantics::Codings;
use millrace_tls::Context;

/// Everything a server is made from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub bind: Bind,
    /// How many I/O threads serve the connections. They are shared by all servers of the process.
    pub io_threads: usize,
    /// Options of the sockets.
    pub socket: SocketOptions,
    /// What HTTP/1.1 allows a connection.
    pub policy: Policy,
    /// Connections open at a time; one more is answered 503 and closed.
    pub connections: usize,
    /// Descriptors that are kept free for files and the application: no connection is accepted that would take them. By
    /// default 64, or an eighth of the process's limit when that is less; never more than half of it.
    pub reserved_descriptors: Option<u64>,
    /// Connections are accepted only as [`JsThread::accept_more`](crate::JsThread::accept_more) allows.
    pub pull_accept: bool,
    /// Bytes that may wait for JavaScript before sockets are no longer read.
    pub queued_bytes: usize,
    /// A handler that waits for a drain is told once no more than this many bytes are unwritten.
    pub write_low: usize,
    /// Requests that have no route are answered 404 by the core: JavaScript has no handler for them.
    pub not_found_in_core: bool,
    /// Codings that answers may be compressed with, the preferred one first; none when nothing is compressed.
    pub codings: Codings,
    /// How hard answers are compressed.
    pub levels: Levels,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// A client that closes its sending side only may still want its answer, and its requests are not aborted.
    pub allow_half_close: bool,
    /// Connections that fail before they have a request to report it to are reported one by one.
    pub report_connection_errors: bool,
    /// What becomes of exchanges is reported, one by one.
    pub report_answers: bool,
    /// What connections are encrypted with, when they are.
    pub tls: Option<Tls>,
}

/// What a server that speaks TLS needs for it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What handshakes are made with at first; see [`JsThread::reload_tls`](crate::JsThread::reload_tls).
    pub context: Arc<Context>,
    /// What becomes of clients that speak plain HTTP.
    pub plain: Plain,
    /// Handshakes under way at a time; one more, and the oldest gives way.
    pub handshakes: usize,
    /// How long a handshake waits for the credentials of its name, in milliseconds; 0 is for as long as it may take itself.
    pub name_ms: u64,
}

/// What becomes of plain HTTP that is spoken where TLS is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// The first request is answered 400, saying why.
    Refuse,
    /// It is served like any other, and known to be plain.
    Serve,
    /// Each request is answered 308, to the same target by https.
    Redirect,
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Bind {
    /// An internet address.
    Ip {
        /// Address and port; port 0 lets the system choose.
        address: SocketAddr,
        /// An IPv6 address takes no IPv4 connections.
        ipv6_only: bool,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// Options of the listening socket and of the connections it accepts. `None` leaves the system's default.
#[derive(Clone, Debug, Default)]
pub struct SocketOptions {
    /// Connections the system completes before they are accepted.
    pub backlog: i32,
    /// `SO_REUSEADDR`.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `TCP_NODELAY`.
    pub no_delay: bool,
    /// Keep-alive probes.
    pub keep_alive: Option<KeepAliveProbes>,
    /// `SO_SNDBUF`, in bytes.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF`, in bytes.
    pub receive_buffer: Option<usize>,
    /// `TCP_NOTSENT_LOWAT`, in bytes.
    pub send_low_watermark: Option<u32>,
    /// `SO_RCVLOWAT`, in bytes, and what sets it: there is no safe interface to it, and this crate has no other.
    #[cfg(unix)]
    pub receive_low_watermark: Option<(i32, SetReceiveLowWatermark)>,
    /// `SO_LINGER`.
    pub linger: Option<Duration>,
}

/// Sets `SO_RCVLOWAT` on a socket.
#[cfg(unix)]
pub type SetReceiveLowWatermark = fn(std::os::fd::BorrowedFd<'_>, i32) -> std::io::Result<()>;

/// How a silent peer is asked whether it still lives.
#[derive(Clone, Copy, Debug)]
pub struct KeepAliveProbes {
    /// Silence before the first probe.
    pub delay: Duration,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Probes without an answer before the connection is given up.
    pub count: Option<u32>,
}

/// How long things may take, in milliseconds; 0 is for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timeouts {
    /// From the first byte of a request, or the connection's begin, to the end of its head.
    pub headers: u64,
    /// Without any byte of a body that is wanted.
    pub body: u64,
    /// The least average rate of a body, in bytes a second, once it has taken `body` milliseconds; 0 is any.
    pub body_rate: u64,
    /// Without a request on a connection that has made one.
    pub idle: u64,
    /// From a request to its answer's head.
    pub handler: u64,
    /// Without any byte of an answer taken by the client.
    pub write: u64,
    /// How long a closed connection is read on, so that the client gets to read the answer.
    pub linger: u64,
    /// From the connection's begin to the end of its TLS handshake.
    pub handshake: u64,
}
