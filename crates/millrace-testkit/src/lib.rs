//! What the tests and fuzz targets of the other crates share. A dev-dependency only.
//!
//! # Layout
//!
//! - [`splits`] gives an input in all the pieces that a parser has to read alike.
//! - [`Transcript`] is what a decoder makes of such pieces.
//! - [`client_frame`] writes what a WebSocket's client sends, and [`Received`] is what a receiver makes of it.
//! - [`fuzz`] has the bodies of the fuzz targets, as ordinary functions.

pub mod fuzz;
mod split;
mod transcript;
mod websocket;

pub use split::splits;
pub use transcript::Transcript;
pub use websocket::{Received, client_frame};
