//! The byte layout of what crosses between the core and JavaScript, and nothing else: no I/O, no clock, no Node-API.
//!
//! One direction is a batch of *inbound* records (requests, body pieces, aborts …) that JavaScript receives, the other
//! a batch of *outbound* records (answers, body pieces, credit …) that it hands back.
//!
//! # Layout
//!
//! - [`layout`]: every number of the format: kinds, flags, sizes. The TypeScript side has the same in
//!   `src/inbound.ts`, `src/outbound.ts` and `src/socket-records.ts`.
//! - [`inbound`]: [`Inbound`], written by an I/O thread and delivered into the memory JavaScript reads.
//! - [`outbound`]: [`Outbound`], an iterator over what JavaScript wrote.
//!
//! Golden vectors in `testdata/` are read by the tests of both languages.

pub mod inbound;
pub mod layout;
pub mod outbound;

pub use inbound::{Inbound, Message, RemoteAddress, Request, Routed};
pub use outbound::{Malformed, Outbound, Record};

/// Names one exchange: a request and its answer.
///
/// The generation tells a connection from an earlier one that had the same slot, so that a late record is dropped
/// instead of reaching a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeId {
    /// I/O thread in the highest 8 bits, slot in that thread's table below.
    pub connection: u32,
    /// How often the slot has been used before.
    pub generation: u32,
    /// The request's number on its connection, from 0.
    pub sequence: u32,
}

/// Names a WebSocket: the connection that it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId {
    /// As [`ExchangeId::connection`].
    pub connection: u32,
    /// As [`ExchangeId::generation`].
    pub generation: u32,
}
