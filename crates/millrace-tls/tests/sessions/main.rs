//! Sessions in memory: a client of rustls against the server's side, in pieces of every size.
//!
//! # Layout
//!
//! - `pair`: both ends. `handshake`: up to the first plaintext. `traffic`: behind it. `closing`: how it ends.
//! - `hostile`: what no client of rustls sends. `early`: data that comes before the handshake is complete.

mod closing;
mod early;
mod handshake;
mod hostile;
mod pair;
mod traffic;
