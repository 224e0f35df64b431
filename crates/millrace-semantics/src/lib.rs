//! What HTTP's semantics (RFC 9110) decide about a request, without doing it: no sockets, no files,
//! no clock, no threads.
//!
//! # Layout
//!
//! - [`router`](Router) finds a request's route; `method` has the methods as numbers and [`Allow`],
//!   `pattern` the patterns' syntax, and [`normalise`] the one spelling of a path.
//! - [`path`](file_path) says which file beneath a directory a path stands for.
//! - `grammar` says which byte may be where.

mod grammar;
mod method;
mod normalise;
mod path;
mod pattern;
mod router;

pub use method::{Allow, Method};
pub use normalise::normalise;
pub use path::{FilePath, PathError, PathRules, file_path};
pub use pattern::parameter_names;
pub use router::{Match, RouteError, Router, RouterOptions, Span, Spans};
