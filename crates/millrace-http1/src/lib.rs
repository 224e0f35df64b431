//! HTTP/1.1 for servers as a sans-I/O state machine: bytes in, events and bytes out
//! (RFC 9110, RFC 9112). No sockets, no clock, no threads.
//!
//! # Layout
//!
//! - [`decode`](Decoder) turns one connection's bytes into requests, body data and ends; below it
//!   `head` reads request heads, `fields` header and trailer lines, `chunked` the chunk framing, `target` the forms of a request
//!   target, and `grammar` says which byte may be where.
//! - `framing` alone decides where a body ends.
//! - [`conn`](Conn) is one connection: which request is whose turn, windows, and the end. Below it `answer` has what is
//!   sent, `exchange` one request and its answer, and `tunnel` connections that stop being HTTP.
//! - [`output`](Output) queues what goes to the socket: copied, held, or elsewhere.
//! - [`encode`](Encoder) writes one response; `reason` has the standard phrases and `date` the clock
//!   value's text form.
//! - [`Limits`] bounds what a client may send, [`Error`] names everything that is refused.

mod chunked;
mod conn;
mod date;
mod decode;
mod encode;
mod error;
mod fields;
mod framing;
mod grammar;
mod head;
mod limits;
mod output;
mod reason;
mod target;

pub use conn::{Answered, Conn, Piece, Policy, Ready, Received, Rejected};
pub use date::http_date;
pub use decode::{Decoder, Event, Remaining};
pub use encode::{
    BodyFraming, BodySize, EncodeError, Encoder, RequestInfo, ResponseHead, informational, refusal,
};
pub use error::Error;
pub use fields::{Field, FieldSpans, Trailers};
pub use framing::RequestFraming;
pub use head::{Head, Version};
pub use limits::Limits;
pub use output::{Mark, Output, Segment};
pub use reason::reason_phrase;
pub use target::TargetForm;
