//! A connected stream of the system.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
#[cfg(unix)]
use tokio::io::Interest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::RawStream;
use crate::files::{read_at, shrunk};

/// Bytes of a file that are copied at once where the kernel does not send it.
const COPY_BYTES: usize = 64 * 1024;

/// What the kernel says of a file that it cannot send from.
#[cfg(target_os = "linux")]
const INVALID: i32 = rustix::io::Errno::INVAL.raw_os_error();

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(memory);
        ready!(match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// The first byte that comes, which is left to be read; `None` when none comes.
    pub(crate) fn poll_first_byte(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<u8>>> {
        let mut byte = [0];
        let count = match self {
            Stream::Tcp(stream) => ready!(stream.poll_peek(context, &mut ReadBuf::new(&mut byte)))?,
            #[cfg(unix)]
            Stream::Unix(stream) => loop {
                use rustix::net::{RecvFlags, recv};
                ready!(stream.poll_read_ready(context))?;
                let peeked = stream.try_io(Interest::READABLE, || {
                    let (count, _) = recv(stream, &mut byte[..], RecvFlags::PEEK)?;
                    Ok(count)
                });
                match peeked {
                    Err(error) if is_passing(&error) => {}
                    peeked => break peeked?,
                }
            },
        };
        Poll::Ready(Ok((count > 0).then_some(byte[0])))
    }

    /// What has become of the connection, as far as that shows without reading or writing.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Stream::Tcp(stream) => stream.take_error(),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.take_error(),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    /// Sends bytes of a file, by the kernel where it can; `memory` is there to copy through.
    pub(crate) fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        file: &File,
        range: Range<u64>,
        memory: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        #[cfg(target_os = "linux")]
        match self.poll_kernel_send_file(context, file, &range) {
            // Not every file system can.
            Poll::Ready(Err(error)) if error.raw_os_error() == Some(INVALID) => {}
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(shrunk())),
            sent => return sent,
        }
        let piece = read_piece(file, &range, memory)?;
        self.poll_write(context, piece)
    }

    #[cfg(target_os = "linux")]
    fn poll_kernel_send_file(
        &self,
        context: &mut Context<'_>,
        file: &File,
        range: &Range<u64>,
    ) -> Poll<io::Result<usize>> {
        use rustix::fs::sendfile;
        let count = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        loop {
            let mut position = range.start;
            let sent = match self {
                Stream::Tcp(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || {
                        Ok(sendfile(stream, file, Some(&mut position), count)?)
                    })
                }
                Stream::Unix(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || {
                        Ok(sendfile(stream, file, Some(&mut position), count)?)
                    })
                }
            };
            match sent {
                Err(error) if is_passing(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Tells the peer that nothing more will be written. That it has gone already is no news.
    pub(crate) fn shutdown_write(&self) {
        let _ = match self {
            Stream::Tcp(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            #[cfg(unix)]
            Stream::Unix(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
        };
    }

    /// The address the peer connected to, when it is an internet address.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Stream::Unix(_) => None,
        }
    }

    /// The number of its descriptor, where that says how many there are.
    #[cfg(unix)]
    pub(crate) fn number(&self) -> u64 {
        use std::os::fd::AsRawFd;
        let number = match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        };
        number as u64
    }

    /// The number of its descriptor, where that says how many there are.
    #[cfg(not(unix))]
    pub(crate) fn number(&self) -> u64 {
        0
    }

    /// Takes the stream off this thread's runtime.
    pub(crate) fn into_raw(self) -> io::Result<RawStream> {
        match self {
            Stream::Tcp(stream) => stream.into_std().map(RawStream::Tcp),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.into_std().map(RawStream::Unix),
        }
    }

    /// Puts the stream on this thread's runtime.
    pub(crate) fn from_raw(stream: RawStream) -> io::Result<Self> {
        match stream {
            RawStream::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
            #[cfg(unix)]
            RawStream::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
        }
    }
}

/// Reads what comes next of a file and is sent at once.
pub(crate) fn read_piece<'a>(
    file: &File,
    range: &Range<u64>,
    memory: &'a mut Vec<u8>,
) -> io::Result<&'a [u8]> {
    memory.resize(COPY_BYTES, 0);
    let most = range.end - range.start;
    let most = usize::try_from(most).map_or(COPY_BYTES, |most| most.min(COPY_BYTES));
    match read_at(file, &mut memory[..most], range.start)? {
        0 => Err(shrunk()),
        count => Ok(&memory[..count]),
    }
}

/// Whether the same is to be tried again.
#[cfg(unix)]
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
