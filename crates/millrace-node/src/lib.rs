//! The Node-API addon: what `src/binding.ts` loads. Thin on purpose; what it exposes lives in `millrace-server`.
//!
//! # Layout
//!
//! - `lane`: the class that one JavaScript thread makes once.
//! - `lent`: memory that JavaScript fills and that goes out without a copy.
//! - `options`: what it listens with, turned into the core's configuration. `stats`: what it has counted.
//! - `routes`: the routes that it listens with.
//! - `tls`: what it makes TLS connections with, loaded off the JavaScript thread, and `tls_options`, which says with what.
//! - `wake`: how the core wakes the JavaScript thread.
//! - `body_decoder`: the class that decodes a request body, and `decode_queue`, which keeps its calls in order on the
//!   threads of the runtime's pool.
//! - `receive_watermark`: the one socket option that only C can set.
//! - `error`: system errors with the codes Node users know.

// Node-API is a C interface; the blocks that call it say what they rely on.
#![allow(unsafe_code)]

mod body_decoder;
mod decode_queue;
mod error;
mod lane;
mod lent;
mod options;
#[cfg(unix)]
mod receive_watermark;
mod routes;
mod stats;
mod tls;
mod tls_options;
mod wake;
mod websocket;

use napi_derive::napi;

// Without the addon's registration, as its tests are built, nothing else would call what is no method.
pub use self::tls::{load_tls, load_tls_credentials, self_signed_certificate};

/// The addon's version, which the package compares with its own.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
