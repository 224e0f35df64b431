//! The stream under a connection, and the options of listening sockets.

mod stream;

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use millrace_batch::RemoteAddress;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

pub(crate) use self::stream::{Stream, read_piece};
use crate::config::{Bind, SocketOptions};
use crate::server::Server;
use crate::tls::{TlsRoom, TlsStream};

/// The content type of handshake records (RFC 8446 5.1), and so the first byte of everybody who speaks TLS.
const HANDSHAKE: u8 = 0x16;

/// The stream under a connection, as HTTP and WebSockets see it: they know nothing of TLS. `tls` is the room that all such
/// streams of a thread work in.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(Stream),
    Tls(Box<TlsStream>),
    /// It is to speak TLS, and its client has not begun to.
    Fresh(Option<(Stream, Arc<Server>)>),
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
    /// Speaks what the server does on a stream of which nothing has been read.
    pub(crate) fn new(stream: Stream, server: &Arc<Server>) -> Self {
        match &server.tls {
            None => Socket::Plain(stream),
            Some(_) => Socket::Fresh(Some((stream, server.clone()))),
        }
    }

    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
        tls: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Plain(stream) => stream.poll_read(context, memory),
            Socket::Tls(stream) => stream.poll_read(context, memory, tls),
            Socket::Fresh(_) => match ready!(self.poll_first_byte(context))? {
                true => self.poll_read(context, memory, tls),
                false => Poll::Ready(Ok(0)),
            },
        }
    }

    /// Goes on with the handshake, if there is to be one, until it is complete. Nothing else is read.
    pub(crate) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
        tls: &mut TlsRoom,
    ) -> Poll<io::Result<()>> {
        match self {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => stream.poll_handshake(context, tls),
            Socket::Fresh(_) => match ready!(self.poll_first_byte(context))? {
                true => self.poll_handshake(context, tls),
                false => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            },
        }
    }

    /// Writes a part of what it is given. After `Pending` it must be given the same bytes again: what has been sealed of
    /// them is sent, and cannot be taken back.
    #[inline]
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        tls: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Plain(stream) => stream.poll_write(context, bytes),
            Socket::Tls(stream) => stream.poll_write(context, bytes, tls),
            Socket::Fresh(_) => Poll::Pending,
        }
    }

    #[inline]
    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        tls: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Plain(stream) => stream.poll_write_vectored(context, slices),
            Socket::Tls(stream) => stream.poll_write_vectored(context, slices, tls),
            Socket::Fresh(_) => Poll::Pending,
        }
    }

    /// Sends bytes of a file, by the kernel where it can; `memory` is there to copy through.
    pub(crate) fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        file: &File,
        range: Range<u64>,
        memory: &mut Vec<u8>,
        tls: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Plain(stream) => stream.poll_send_file(context, file, range, memory),
            Socket::Tls(stream) => stream.poll_send_file(context, file, range, memory, tls),
            Socket::Fresh(_) => Poll::Pending,
        }
    }

    /// Tells the peer that nothing more will be written. That it has gone already is no news.
    pub(crate) fn shutdown_write(&mut self, context: &mut Context<'_>, tls: &mut TlsRoom) {
        match self {
            Socket::Plain(stream) => stream.shutdown_write(),
            Socket::Tls(stream) => stream.shutdown_write(context, tls),
            Socket::Fresh(_) => {}
        }
    }

    /// Says what is to be said before the stream is dropped.
    pub(crate) fn take_leave(&mut self, context: &mut Context<'_>, tls: &mut TlsRoom) {
        if let Socket::Tls(stream) = self {
            stream.take_leave(context, tls);
        }
    }

    /// What has become of the connection, as far as that shows without reading or writing.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream().map_or(Ok(None), Stream::take_error)
    }

    /// The address the peer connected to, when it is an internet address.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.stream()?.local_address()
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Socket::Tls(_))
    }

    /// Whether what was read last came as early data of TLS.
    pub(crate) fn is_early(&self) -> bool {
        self.tls().is_some_and(TlsStream::is_early)
    }

    /// Whether its end may be anybody's doing: the client has not said that nothing more comes.
    pub(crate) fn is_cut(&self) -> bool {
        self.tls().is_some_and(TlsStream::is_cut)
    }

    /// Its TLS, when it speaks that.
    pub(crate) fn tls(&self) -> Option<&TlsStream> {
        match self {
            Socket::Tls(stream) => Some(stream),
            _ => None,
        }
    }

    pub(crate) fn tls_mut(&mut self) -> Option<&mut TlsStream> {
        match self {
            Socket::Tls(stream) => Some(stream),
            _ => None,
        }
    }

    /// Sees what the client begins to speak, and says whether it does at all.
    fn poll_first_byte(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Socket::Fresh(fresh) = self else {
            return Poll::Ready(Ok(true));
        };
        let Some((stream, _)) = fresh else {
            return Poll::Ready(Ok(false));
        };
        let Some(byte) = ready!(stream.poll_first_byte(context))? else {
            return Poll::Ready(Ok(false));
        };
        if byte != HANDSHAKE && !is_http(byte) {
            let text = "the client speaks neither TLS nor HTTP";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        if let Some((stream, server)) = fresh.take() {
            *self = match byte {
                HANDSHAKE => Socket::Tls(Box::new(TlsStream::new(stream, server))),
                _ => Socket::Plain(stream),
            };
        }
        Poll::Ready(Ok(true))
    }

    fn stream(&self) -> Option<&Stream> {
        match self {
            Socket::Plain(stream) => Some(stream),
            Socket::Tls(stream) => Some(stream.stream()),
            Socket::Fresh(fresh) => fresh.as_ref().map(|(stream, _)| stream),
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
                socket.bind(&socket2::SockAddr::unix(path)?)?;
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
    ) -> Poll<io::Result<(Stream, RemoteAddress)>> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = ready!(listener.poll_accept(context))?;
                // A peer that has gone already is found out by the first read.
                #[cfg(not(target_os = "linux"))]
                let _ = apply(&SockRef::from(&stream), options);
                #[cfg(target_os = "linux")]
                let _ = options;
                let remote = RemoteAddress::Ip(address.ip().to_canonical(), address.port());
                Poll::Ready(Ok((Stream::Tcp(stream), remote)))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                Poll::Ready(Ok((Stream::Unix(stream), RemoteAddress::Unix)))
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

/// Whether a method or an empty line may begin so (RFC 9112 2.2 and 3).
fn is_http(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'\r' | b'\n')
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
