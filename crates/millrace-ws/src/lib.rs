//! The WebSocket protocol (RFC 6455), its compression (RFC 7692), and who gets what is published: bytes in, events and
//! bytes out. Knows no socket, no clock and no HTTP/1.1 connection: the same engine serves any stream of bytes.

mod deflate;
mod extension;

pub use deflate::{Deflater, InflateError, Inflater, SharedInflater};
pub use extension::{Agreed, Config, DEFAULT_LEVEL, is_well_formed, negotiate};
