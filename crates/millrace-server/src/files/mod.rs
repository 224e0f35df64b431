//! Files on their way to a socket.
//!
//! # Layout
//!
//! - `range`: a part of an open file, and those that a connection has in its output.

mod range;

pub use range::FileRange;
pub(crate) use range::{Files, read_at, shrunk};
