//! The bodies of the fuzz targets. Each takes any bytes and panics when a promise is broken, so
//! that a fuzzer and an ordinary test can both run them.

mod batch;
mod connection;
mod inflate;
mod responses;
mod websocket;

pub use batch::batch;
pub use connection::connection;
pub use inflate::ws_inflate;
pub use websocket::{ws_frames, ws_message};

use millrace_http1::Limits;

use crate::Transcript;

/// A connection's requests, heads above all: however the bytes arrive, the decoder makes the same
/// of them.
pub fn head(input: &[u8]) {
    same_however_it_arrives(input);
}

/// A chunked body and what follows it.
pub fn body(input: &[u8]) {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    same_however_it_arrives(&[head, input].concat());
}

fn same_however_it_arrives(input: &[u8]) {
    let limits = small_limits();
    let whole = Transcript::of([input], &limits);
    let bytes = Transcript::of(input.chunks(1), &limits);
    assert_eq!(bytes, whole, "byte by byte");
    // A split that depends on the input lets a fuzzer choose it.
    let at = input.iter().fold(0, |sum, &byte| sum + usize::from(byte)) % (input.len() + 1);
    let (first, second) = input.split_at(at);
    assert_eq!(
        Transcript::of([first, second], &limits),
        whole,
        "split at {at}"
    );
}

/// Small enough for a fuzzer to reach.
fn small_limits() -> Limits {
    Limits {
        head_bytes: 256,
        header_count: 8,
        target_bytes: 32,
        body_bytes: 128,
        chunk_extension_bytes: 24,
    }
}
