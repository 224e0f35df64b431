//! What HTTP's semantics (RFC 9110) decide about a request, without doing it: no sockets, no files,
//! no clock, no threads.
//!
//! # Layout
//!
//! - [`router`](Router) finds a request's route in `tree`; `method` has the methods as numbers and
//!   [`Allow`], `pattern` the patterns' syntax, and [`normalise`] the one spelling of a path.
//! - [`path`](file_path) says which file beneath a directory a path stands for, and
//!   [`media`](content_type) what kind of file it is.
//! - [`conditional`](evaluate) decides between the answer, 304 and 412; `etag` makes and compares
//!   entity tags.
//! - [`range`](select) says which parts of a representation are asked for, and [`Multipart`] how
//!   several are sent.
//! - [`negotiate`] chooses the content coding.
//! - `grammar` says which byte may be where.

mod conditional;
mod etag;
mod grammar;
mod media;
mod method;
mod multipart;
mod negotiate;
mod normalise;
mod path;
mod pattern;
mod range;
mod router;
mod tree;

pub use conditional::{Conditions, Lines, Precondition, Validators, evaluate};
pub use etag::{ETag, file_etag, strong_match, weak_match};
pub use media::{content_type, is_compressible};
pub use method::{Allow, Method};
pub use multipart::Multipart;
pub use negotiate::{AcceptEncoding, Coding, Codings, accepts, negotiate};
pub use normalise::normalise;
pub use path::{FilePath, PathError, PathRules, file_path};
pub use pattern::parameter_names;
pub use range::{Ranges, content_range, select, unsatisfied_range};
pub use router::{Match, RouteError, Router, RouterOptions, Span, Spans};
