//! System errors as JavaScript errors with a `code`.

use std::io;

use napi::{Error, Status};

/// The error that a failed system call becomes: its message begins with the code Node gives it (`EADDRINUSE`, …), from
/// which the facade makes an error with `code`, `syscall` and `address`.
pub(crate) fn system_error(error: &io::Error) -> Error {
    Error::new(Status::GenericFailure, format!("{}: {error}", code(error)))
}

fn code(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "EADDRINUSE",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::InvalidInput => "EINVAL",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::Unsupported => "ENOTSUP",
        io::ErrorKind::OutOfMemory => "ENOMEM",
        _ => match error.raw_os_error() {
            #[cfg(unix)]
            Some(errno) => unix_code(errno),
            _ => "EUNKNOWN",
        },
    }
}

/// Codes that `io::ErrorKind` has no name for.
#[cfg(unix)]
fn unix_code(errno: i32) -> &'static str {
    match errno {
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENOBUFS => "ENOBUFS",
        libc::EBADF => "EBADF",
        libc::ENOPROTOOPT => "ENOPROTOOPT",
        _ => "EUNKNOWN",
    }
}
