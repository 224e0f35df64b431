//! The stream under a connection, and the options of listening sockets.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use millrace_batch::RemoteAddress;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket as RawSocket, TcpKeepalive, Type};
#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::config::{Bind, SocketOptions};
use crate::files::{read_at, shrunk};

/// Bytes of a file that are copied at once where the kernel does not send it.
const COPY_BYTES: usize = 64 * 1024;

/// What the kernel says of a file that it cannot send from.
#[cfg(target_os = "linux")]
const INVALID: i32 = rustix::io::Errno::INVAL.raw_os_error();

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// A listening socket that no runtime knows yet.
#[derive(Debug)]
pub(crate) enum RawListener {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connected stream on its way from the thread that accepted it to the one that serves it.
#[derive(Debug)]
pub(crate) enum RawStream {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(memory);
        ready!(match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Whether what is read from it has come over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        false
    }

    /// Whether what was read last has come as early data (RFC 8446 2.3).
    pub(crate) fn is_early(&self) -> bool {
        false
    }

    /// What has become of the connection, as far as that shows without reading or writing.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Socket::Tcp(stream) => stream.take_error(),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.take_error(),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
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
        memory.resize(COPY_BYTES, 0);
        let most = range.end - range.start;
        let most = usize::try_from(most).map_or(COPY_BYTES, |most| most.min(COPY_BYTES));
        match read_at(file, &mut memory[..most], range.start)? {
            0 => Poll::Ready(Err(shrunk())),
            count => self.poll_write(context, &memory[..count]),
        }
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
                Socket::Tcp(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || {
                        Ok(sendfile(stream, file, Some(&mut position), count)?)
                    })
                }
                Socket::Unix(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || {
                        Ok(sendfile(stream, file, Some(&mut position), count)?)
                    })
                }
            };
            match sent {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Tells the peer that nothing more will be written. That it has gone already is no news.
    pub(crate) fn shutdown_write(&self) {
        let _ = match self {
            Socket::Tcp(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            #[cfg(unix)]
            Socket::Unix(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
        };
    }

    /// The address the peer connected to, when it is an internet address.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Socket::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// The number of its descriptor, where that says how many there are.
    #[cfg(unix)]
    pub(crate) fn number(&self) -> u64 {
        use std::os::fd::AsRawFd;
        let number = match self {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
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
            Socket::Tcp(stream) => stream.into_std().map(RawStream::Tcp),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.into_std().map(RawStream::Unix),
        }
    }

    /// Puts the stream on this thread's runtime.
    pub(crate) fn from_raw(stream: RawStream) -> io::Result<Self> {
        match stream {
            RawStream::Tcp(stream) => TcpStream::from_std(stream).map(Socket::Tcp),
            #[cfg(unix)]
            RawStream::Unix(stream) => UnixStream::from_std(stream).map(Socket::Unix),
        }
    }
}

impl RawListener {
    /// Binds and listens.
    pub(crate) fn bind(bind: &Bind, options: &SocketOptions) -> io::Result<Self> {
        match bind {
            Bind::Ip { address, ipv6_only } => {
                let socket = RawSocket::new(
                    Domain::for_address(*address),
                    Type::STREAM,
                    Some(Protocol::TCP),
                )?;
                if address.is_ipv6() {
                    socket.set_only_v6(*ipv6_only)?;
                }
                #[cfg(not(windows))]
                socket.set_reuse_address(options.reuse_address)?;
                #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
                socket.set_reuse_port(options.reuse_port)?;
                // Linux hands these on to accepted sockets, which saves system calls for each.
                apply(&SockRef::from(&socket), options)?;
                socket.bind(&(*address).into())?;
                listen(&socket, options)?;
                Ok(RawListener::Tcp(socket.into()))
            }
            #[cfg(unix)]
            Bind::Unix(path) => {
                let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&SockAddr::unix(path)?)?;
                listen(&socket, options)?;
                Ok(RawListener::Unix(socket.into()))
            }
            #[cfg(not(unix))]
            Bind::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// The address, when it is an internet address.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            RawListener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            RawListener::Unix(_) => None,
        }
    }

    /// Puts the listener on this thread's runtime.
    pub(crate) fn into_listener(self) -> io::Result<Listener> {
        match self {
            RawListener::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
            #[cfg(unix)]
            RawListener::Unix(listener) => UnixListener::from_std(listener).map(Listener::Unix),
        }
    }
}

impl Listener {
    pub(crate) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
        options: &SocketOptions,
    ) -> Poll<io::Result<(Socket, RemoteAddress)>> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = ready!(listener.poll_accept(context))?;
                // A peer that has gone already is found out by the first read.
                #[cfg(not(target_os = "linux"))]
                let _ = apply(&SockRef::from(&stream), options);
                #[cfg(target_os = "linux")]
                let _ = options;
                let remote = RemoteAddress::Ip(address.ip().to_canonical(), address.port());
                Poll::Ready(Ok((Socket::Tcp(stream), remote)))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                Poll::Ready(Ok((Socket::Unix(stream), RemoteAddress::Unix)))
            }
        }
    }

    /// The number that the next descriptor would have.
    #[cfg(unix)]
    pub(crate) fn fresh_number(&self) -> io::Result<u64> {
        use std::os::fd::{AsFd, AsRawFd};
        let listener = match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        };
        let fresh = listener.try_clone_to_owned()?;
        Ok(fresh.as_raw_fd() as u64)
    }

    /// The number that the next descriptor would have.
    #[cfg(not(unix))]
    pub(crate) fn fresh_number(&self) -> io::Result<u64> {
        Ok(0)
    }
}

fn listen(socket: &RawSocket, options: &SocketOptions) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(options.backlog)
}

fn apply(socket: &SockRef<'_>, options: &SocketOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.no_delay)?;
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(probes) = options.keep_alive {
        let mut keep_alive = TcpKeepalive::new().with_time(probes.delay);
        if let Some(interval) = probes.interval {
            keep_alive = keep_alive.with_interval(interval);
        }
        if let Some(count) = probes.count {
            keep_alive = keep_alive.with_retries(count);
        }
        socket.set_tcp_keepalive(&keep_alive)?;
    }
    if options.linger.is_some() {
        socket.set_linger(options.linger)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(bytes) = options.send_low_watermark {
        socket.set_tcp_notsent_lowat(bytes)?;
    }
    #[cfg(unix)]
    if let Some((bytes, set)) = options.receive_low_watermark {
        set(std::os::fd::AsFd::as_fd(&**socket), bytes)?;
    }
    Ok(())
}
