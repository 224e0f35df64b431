//! What the tests and fuzz targets of the other crates share. A dev-dependency only.
//!
//! # Layout
//!
//! - [`splits`] gives an input in all the pieces that a parser has to read alike.
//! - [`Transcript`] is what a decoder makes of such pieces.
//! - [`fuzz`] has the bodies of the fuzz targets, as ordinary functions.

pub mod fuzz;
mod split;
mod transcript;

pub use split::splits;
pub use transcript::Transcript;
