//! The WebSocket protocol (RFC 6455), its compression (RFC 7692), and who gets what is published: bytes in, events and
//! bytes out. Knows no socket, no clock and no HTTP/1.1 connection: the same engine serves any stream of bytes.
//!
//! # Layout
//!
//! - [`receiver`](Receiver) turns a client's bytes into messages, pings, pongs and a Close; below it `frame` reads headers,
//!   `mask` unmasks, `utf8` checks text in pieces, `message` is what does not come at once, and `event` what is found.
//! - [`send`](write_message) makes frames of messages, `frame` writes their headers, `close` has the codes that end it all.
//! - [`handshake`](check) says whether a request may become a WebSocket, and why not.
//! - `extension` negotiates compression, `deflate` and `inflate` do it, and a [`Window`] is what is kept between messages.
//! - [`Topics`] has who is subscribed to what.
//! - [`Limits`] bounds what a client may send, [`Error`] names what it did wrong.

mod close;
mod deflate;
mod error;
mod event;
mod extension;
mod frame;
mod handshake;
mod inflate;
mod mask;
mod message;
mod receiver;
mod send;
mod topics;
mod utf8;
mod window;

pub use close::{CloseCode, is_sendable, write_close};
pub use deflate::Deflater;
pub use error::Error;
pub use event::{Data, Event, Limits};
pub use extension::{Agreed, Config, DEFAULT_LEVEL, is_well_formed, negotiate};
pub use frame::{CONTROL_PAYLOAD, Opcode, header_len, write_frame, write_header};
pub use handshake::{Handshake, Refusal, accept_value, check};
pub use inflate::{InflateError, Inflater, SharedInflater};
pub use mask::unmask;
pub use receiver::Receiver;
pub use send::write_message;
pub use topics::{Subscriber, TopicError, Topics};
pub use window::Window;
