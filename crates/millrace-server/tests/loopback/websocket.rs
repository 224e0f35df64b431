//! Connections that become WebSockets.
//!
//! # Layout
//!
//! - `records`: what JavaScript writes to them. `client`: the other end, with frames made by hand.
//! - `hall`: many clients. `publish`: messages for all of them. `slow`: those that do not read.
//! - `handshake`, `messages`, `closing`, `errors`, `timeouts`: what holds for one. `hostile`: what a client can do to the
//!   server, and that others do not notice.

pub(crate) mod client;
mod closing;
mod errors;
mod hall;
mod handshake;
mod hostile;
mod messages;
mod publish;
pub(crate) mod records;
mod slow;
mod timeouts;
