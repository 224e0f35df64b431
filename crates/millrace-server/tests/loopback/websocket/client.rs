//! The client's end of a WebSocket, with frames made by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use millrace_batch::SocketId;
use millrace_server::{Config, Listening, RouteTarget, WebSocketSettings};
use millrace_testkit::client_frame;

use super::records::{accept, socket};
use crate::client::{ask, read_head};
use crate::js::SocketEvent;
use crate::js::{Js, config, route};

/// The key of RFC 6455 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The handshake of RFC 6455 1.3, without what is optional.
pub(crate) const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n\
     Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A server with a route for WebSockets at `/chat`.
pub(crate) struct Site {
    pub(crate) js: Js,
    pub(crate) listening: Listening,
    pub(crate) address: SocketAddr,
    settings: u32,
}

impl Site {
    pub(crate) fn new(settings: WebSocketSettings) -> Site {
        Site::with(config(), settings)
    }

    pub(crate) fn with(config: Config, settings: WebSocketSettings) -> Site {
        let routes = vec![route("GET", "/chat", RouteTarget::WebSocket)];
        let (js, listening, address) = Js::routing(config, routes);
        let settings = js.thread.add_websocket_settings(settings);
        Site {
            js,
            listening,
            address,
            settings,
        }
    }

    /// A client whose handshake has been accepted.
    pub(crate) fn open(&mut self) -> (TcpStream, SocketId) {
        self.open_with("")
    }

    /// A client that sends something right behind its handshake.
    pub(crate) fn open_with(&mut self, early: impl AsRef<[u8]>) -> (TcpStream, SocketId) {
        let request = [HANDSHAKE.as_bytes(), early.as_ref()].concat();
        let mut client = ask(self.address, request);
        let id = self.accept("", "");
        let head = read_head(&mut client);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (client, id)
    }

    /// Accepts the handshake that comes next.
    pub(crate) fn accept(&mut self, fields: &str, offers: &str) -> SocketId {
        let id = self.js.request();
        self.js.send(accept(id, self.settings, fields, KEY, offers));
        match self.js.socket_event() {
            SocketEvent::Opened(opened, _) => assert_eq!(opened, id),
            other => panic!("the socket should have opened, not {other:?}"),
        }
        socket(id)
    }

    /// What the server has counted.
    pub(crate) fn stats(&self) -> millrace_server::Stats {
        let stats = self.js.thread.stats(self.listening.id);
        stats.expect("a server that is known")
    }

    /// Another client is served, so that the thread has seen everything that came before.
    pub(crate) fn is_well(&mut self) {
        let (mut client, id) = self.open_with(frame(TEXT, b"hello"));
        assert_eq!(self.js.message(), b"hello");
        self.js.send(super::records::send(id, 0, 0, b"hello back"));
        assert_eq!(read_frame(&mut client), (TEXT, b"hello back".to_vec()));
        self.js.send(super::records::terminate(id));
        assert!(!self.js.closed(id).0);
    }
}

/// A frame as a client sends it.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    client_frame(&mut frame, first, [0x37, 0xfa, 0x21, 0x3d], payload);
    frame
}

/// The payload of a Close frame.
pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

pub(crate) fn put(client: &mut TcpStream, first: u8, payload: &[u8]) {
    client.write_all(&frame(first, payload)).unwrap();
}

/// Reads one of the server's frames: its first byte and the payload.
pub(crate) fn read_frame(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame should come");
    let mut length = [0; 8];
    let size = match head[1] {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    stream.read_exact(&mut length[8 - size..]).unwrap();
    let length = match size {
        0 => head[1].into(),
        _ => u64::from_be_bytes(length),
    };
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).expect("all of the frame");
    (head[0], payload)
}
