//! Servers that speak TLS.
//!
//! # Layout
//!
//! - `client`: the other end, and what both are set up with.
//! - `exchange`: requests and answers. `early`: requests that come before the handshake is complete. `handshake`: what may happen before. `ending`: ends of connections, orderly and not.

mod client;
mod early;
mod ending;
mod exchange;
mod handshake;
