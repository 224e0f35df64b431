//! The core of millrace: I/O threads with their listeners, connections and timers, and the queues that connect them to
//! the JavaScript threads. The only crate that knows tokio; it does not know Node-API.
//!
//! # Layout
//!
//! - [`js_thread`](JsThread): what a JavaScript thread may do; starts the I/O threads.
//! - `thread`: one I/O thread and the task that drives all of its connections in passes.
//! - `accept`, `connection`, `answer`: new connections; from socket to records; from records to socket.
//! - `descriptors`: how many are left. `connection_info`: what can be looked up about an open connection.
//! - `routes`: where requests go. `fixed`: answers that are always the same.
//! - `body_buffer`: what large bodies are read into.
//! - `room`: what the connections of a thread share. `outbox`: the batches it fills. `lane`: the queues to a JavaScript
//!   thread.
//! - `websocket`: connections that are WebSockets.
//! - `deferred`: exchanges that wait for a worker. `compress`: bodies that are compressed on their way out.
//! - `tls`: what handshakes are made with, and what they have agreed on.
//! - `files`: files on their way to a socket.
//! - `workers`: threads for what would keep an I/O thread from its connections.
//! - `ready`, `timer`: who has something to do now, and later. `server`, `stats`, `socket`, [`Config`].

mod accept;
mod answer;
mod body_buffer;
mod compress;
mod config;
mod connection;
mod connection_info;
mod deferred;
mod descriptors;
mod files;
mod fixed;
mod journal;
mod js_thread;
mod lane;
mod outbox;
mod ready;
mod room;
mod routes;
mod server;
mod socket;
mod stats;
mod thread;
mod timer;
mod tls;
mod websocket;
mod workers;

#[cfg(unix)]
pub use config::SetReceiveLowWatermark;
pub use config::{Bind, Config, KeepAliveProbes, Plain, SocketOptions, Timeouts, Tls};
pub use connection_info::ConnectionInfo;
pub use descriptors::Descriptors;
pub use files::FileRange;
pub use fixed::FixedAnswer;
pub use js_thread::{JsThread, Listening};
pub use lane::Wake;
pub use millrace_batch::layout::INBOX_BYTES;
pub use millrace_coding::Levels;
pub use millrace_http1::{Limits, Policy};
pub use millrace_semantics::{Codings, RouteError};
pub use millrace_ws::{Config as WebSocketExtension, Limits as WebSocketLimits};
pub use routes::{FileEtag, FilesRoute, NewRoute, RouteTable, RouteTarget, RouteTimeouts};
pub use stats::Stats;
pub use tls::TlsInfo;
pub use websocket::{Overflow, WebSocketCompression, WebSocketSettings};
