//! `SO_RCVLOWAT`, for which no safe interface exists; this crate is the one that may call C.

use std::io;

/// Sets the receive low watermark of a listening socket, which accepted sockets inherit.
#[cfg(unix)]
pub(crate) fn set(descriptor: std::os::fd::BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    // SAFETY: the descriptor is open for the duration of the borrow, and the option's value is an int that lives until
    // the call returns.
    let result = unsafe {
        libc::setsockopt(
            descriptor.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
