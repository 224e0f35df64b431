//! Servers that speak TLS.
//!
//! # Layout
//!
//! - `client`: the other end, and what both are set up with. `certificates`: the same where it matters who is shown what.
//! - `exchange`: requests and answers. `early`: requests that come before the handshake is complete.
//! - `handshake`: what may happen before. `facts`: what it agrees on. `ending`: ends of connections, orderly and not.
//! - `names`: server names that JavaScript is asked for. `reload`: other certificates for a server that is busy.
//! - `plain`: plain HTTP where TLS is spoken.

mod certificates;
mod client;
mod early;
mod ending;
mod exchange;
mod facts;
mod handshake;
mod names;
mod plain;
mod reload;
