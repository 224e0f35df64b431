//! The content codings of HTTP (RFC 9110 8.4.1): gzip, brotli and zstd, encoded whole or as a stream and decoded under
//! limits. No sockets, no clock; made to run on whichever thread has time.
//!
//! # Layout
//!
//! - `coding` has the [`Coding`]s with their names and [`Levels`], and reads `Content-Encoding` into a [`Chain`].
//! - [`encode`] encodes a body that is there as a whole, an [`Encoder`] one that comes in pieces. Below them, `gzip`,
//!   `brotli` and `zstd` each drive one library, and `pool` keeps their state for the next body.
//! - A [`Decoder`] undoes a chain of codings under [`DecodeLimits`]; below it, `inflate`, `brotli` and `zstd` are one
//!   stage each.

mod coding;
mod decode;
mod encode;
mod pool;

pub use coding::{Chain, Coding, Levels, UnsupportedCoding};
pub use decode::{DecodeError, DecodeLimits, Decoder, PIECE};
pub use encode::{Encoder, encode};
