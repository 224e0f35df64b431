//! TLS 1.2 and 1.3 for servers (RFC 5246, RFC 8446), on rustls: what a handshake is made with, and the bytes of one
//! connection in and out. It has no socket; whoever has one hands it what came and sends what it is given.
//!
//! Time is the one thing it does not take as an argument: certificates and tickets are judged by the system's clock,
//! which rustls reads.

#[cfg(test)]
extern crate self as millrace_tls;

mod certificate_info;
mod client_auth;
mod configs;
mod context;
mod credentials;
mod error;
mod explain;
mod groups;
mod hello;
mod key_log;
mod material;
mod names;
mod pem;
mod resumption;
mod select;
mod self_signed;
mod session;
mod session_end;
mod session_info;
mod sessions;
mod settings;
mod suites;
mod tickets;

pub use self::certificate_info::{CertificateInfo, KeyType};
pub use self::context::{Choice, Context, Named};
pub use self::credentials::Credentials;
pub use self::error::{Error, ErrorKind};
pub use self::explain::explain;
pub use self::hello::{Hello, HelloReader, Refusal};
pub use self::material::{Blob, Material};
pub use self::self_signed::{SelfSigned, self_signed};
pub use self::session::{Failure, KEPT_BYTES, RECORD_BYTES, SEAL_BYTES, Sealed, Session};
pub use self::session_info::SessionInfo;
pub use self::settings::{ClientAuth, Settings, UnknownName, Version};
pub use pkcs8::der::zeroize::Zeroizing;
pub use rustls;
