//! Connections that become WebSockets.
//!
//! # Layout
//!
//! - `records`: what JavaScript writes to them. `client`: the other end, with frames made by hand.
//! - `handshake`, `messages`, `closing`, `errors`, `timeouts`: what holds for one. `hostile`: what a client can do to the
//!   server, and that others do not notice.

mod client;
mod closing;
mod errors;
mod handshake;
mod hostile;
mod messages;
mod records;
mod timeouts;
