//! Servers that speak TLS.
//!
//! # Layout
//!
//! - `client`: the other end, and what both are set up with.
//! - `exchange`: requests and answers. `handshake`: what may happen before.

mod client;
mod exchange;
mod handshake;
