//! A site with many clients, some of which are slow.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use millrace_batch::ExchangeId;
use millrace_batch::SocketId;
use millrace_batch::layout::{EVERY_THREAD, THREAD_SHIFT, control, outbound_flag, outbound_kind};
use millrace_server::{Config, WebSocketSettings};
use socket2::{Domain, SockRef, Socket, Type};

use super::client::{HANDSHAKE, Site, read_frame};
use super::records;
use crate::client::read_head;
use crate::js::{Event, PATIENCE, SocketEvent, record};
use crate::over_tls::secure;

/// The site.
pub(crate) struct Hall {
    pub(crate) site: Site,
}

/// A client whose handshake was accepted.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// The head of the 101.
    pub(crate) head: String,
}

impl Hall {
    pub(crate) fn new(config: Config, settings: WebSocketSettings) -> Hall {
        Hall {
            site: Site::with(config, settings),
        }
    }

    /// The server's number.
    pub(crate) fn server(&self) -> u32 {
        self.site.listening.id
    }

    /// Hands records to the core.
    pub(crate) fn send(&mut self, records: Vec<u8>) {
        self.site.js.send(records);
    }

    /// Opens a socket.
    pub(crate) fn join(&mut self) -> (Client, SocketId) {
        let stream = secure(TcpStream::connect(self.site.address).expect("the server listens"));
        self.join_by(stream, "")
    }

    /// Opens a socket whose client has little room for what it does not read.
    pub(crate) fn join_slow(&mut self) -> (Client, SocketId) {
        let stream = self.connect_slow();
        self.join_by(stream, "")
    }

    /// Connects with little room for what is not read.
    pub(crate) fn connect_slow(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.site.address.into()).unwrap();
        let stream = secure(TcpStream::from(socket));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Opens a socket that offers extensions.
    pub(crate) fn join_offering(&mut self, extensions: &str) -> (Client, SocketId) {
        let stream = secure(TcpStream::connect(self.site.address).expect("the server listens"));
        self.join_by(stream, extensions)
    }

    fn join_by(&mut self, mut stream: TcpStream, extensions: &str) -> (Client, SocketId) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(HANDSHAKE.as_bytes()).unwrap();
        let socket = self.site.accept("", extensions);
        let head = read_head(&mut stream);
        (Client { stream, head }, socket)
    }

    /// The next thing that happens to a socket.
    pub(crate) fn event(&mut self) -> SocketEvent {
        match self.site.js.next() {
            Event::Socket(event) => event,
            other => panic!("something should have happened to a socket, not {other:?}"),
        }
    }

    /// Bytes that wait for a socket.
    pub(crate) fn queued(&self, socket: SocketId) -> u64 {
        let thread = &self.site.js.thread;
        let info = thread.connection_info(socket.connection, socket.generation);
        info.expect("it is open").bytes_queued
    }

    /// Sends a message so large that the rest of it waits, and waits until it does.
    pub(crate) fn block(&mut self, socket: SocketId, bytes: usize) {
        self.send(send(socket, &vec![b'-'; bytes]));
        while self.queued(socket) == 0 {
            std::thread::yield_now();
        }
    }
}

impl Client {
    /// Reads a message of one frame that is not compressed.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let (first, payload) = read_frame(&mut self.stream);
        assert!(matches!(first, 0x81 | 0x82), "{first:#x}");
        payload
    }

    /// Resets the connection.
    pub(crate) fn vanish(self) {
        let at_once = Some(Duration::ZERO);
        SockRef::from(&self.stream).set_linger(at_once).unwrap();
    }
}

/// A binary message.
pub(crate) fn send(to: SocketId, payload: &[u8]) -> Vec<u8> {
    records::send(to, outbound_flag::BINARY, 0, payload)
}

/// A binary message that is reported under `token`.
pub(crate) fn send_and_tell(to: SocketId, payload: &[u8], token: u32) -> Vec<u8> {
    let flags = outbound_flag::BINARY | outbound_flag::NOTIFY;
    records::send(to, flags, token, payload)
}

/// Another rule for a slow client.
pub(crate) fn set_overflow(of: SocketId, policy: u32, bytes: u32) -> Vec<u8> {
    let mut record = records::controlled(of, control::OVERFLOW, policy, b"");
    // In place of the payload's length.
    record[24..28].copy_from_slice(&bytes.to_le_bytes());
    record
}

pub(crate) fn subscribe(socket: SocketId, topic: &str) -> Vec<u8> {
    about_topic(socket, 1, topic)
}

pub(crate) fn unsubscribe(socket: SocketId, topic: &str) -> Vec<u8> {
    about_topic(socket, 2, topic)
}

fn about_topic(socket: SocketId, op: u32, topic: &str) -> Vec<u8> {
    let named = ExchangeId {
        connection: socket.connection,
        generation: socket.generation,
        sequence: op,
    };
    let words = [topic.len() as u32];
    record(outbound_kind::TOPIC, named, &words, topic.as_bytes())
}

/// A binary message for everybody who wants the topic.
pub(crate) fn publish(server: u32, topic: &str, payload: &[u8]) -> Vec<u8> {
    publish_but(server, topic, payload, None)
}

/// The same, but not for one of them.
pub(crate) fn publish_but(
    server: u32,
    topic: &str,
    payload: &[u8],
    except: Option<SocketId>,
) -> Vec<u8> {
    let flag = except.map_or(0, |_| outbound_flag::EXCEPT);
    let named = ExchangeId {
        connection: EVERY_THREAD << THREAD_SHIFT,
        generation: server,
        sequence: except.map_or(0, |socket| socket.connection),
    };
    let words = [
        except.map_or(0, |socket| socket.generation),
        topic.len() as u32,
        payload.len() as u32,
    ];
    let first = outbound_kind::PUBLISH | outbound_flag::BINARY | flag;
    let payload = [topic.as_bytes(), payload].concat();
    record(first, named, &words, &payload)
}
