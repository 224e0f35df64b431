//! A WebSocket that waits for what it reads: for opening one, and for looking at what a server answers.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::compress::Inflater;
use crate::frame::{self, CLOSE, PING, PONG};
use crate::messages::Message;

/// The key and the answer to it of RFC 6455 section 1.3: one is as good as another.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// As browsers offer it.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Client {
    socket: TcpStream,
    /// What was read and not yet looked at.
    input: Vec<u8>,
    inflater: Option<Inflater>,
}

impl Client {
    /// Opens a WebSocket; `deflate` offers to compress, and a server that will not is an error.
    pub(crate) fn connect(port: u16, path: &str, deflate: bool) -> io::Result<Self> {
        let mut socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let offer = if deflate { OFFER } else { "" };
        // In one write: some servers do not wait for the rest of a head.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{offer}\r\n"
        );
        socket.write_all(request.as_bytes())?;
        let mut client = Client {
            socket,
            input: Vec::new(),
            inflater: deflate.then(Inflater::new),
        };
        loop {
            if let Some(used) = check_head(&client.input, deflate)? {
                client.input.drain(..used);
                return Ok(client);
            }
            client.read()?;
        }
    }

    pub(crate) fn send(&mut self, message: &Message) -> io::Result<()> {
        self.send_all(std::slice::from_ref(message))
    }

    /// In one write.
    pub(crate) fn send_all(&mut self, messages: &[Message]) -> io::Result<()> {
        let mut out = Vec::new();
        for message in messages {
            message.write_to(&mut out, self.inflater.is_some());
        }
        self.socket.write_all(&out)
    }

    /// The next message, decompressed. Its frame is to be compressed exactly when that was agreed to.
    pub(crate) fn receive(&mut self, limit: usize) -> io::Result<Message> {
        loop {
            let (first, payload) = self.frame()?;
            let opcode = first & 0xf;
            if opcode == PING || opcode == PONG {
                continue;
            }
            if opcode == CLOSE {
                return Err(wrong(format!("a close with {payload:?}")));
            }
            let compressed = first & 0x40 != 0;
            if frame::first_byte(opcode, compressed) != first {
                return Err(wrong(format!("a frame that begins with {first:#x}")));
            }
            let payload = match &mut self.inflater {
                Some(inflater) if compressed => inflater
                    .inflate(&payload, limit)
                    .ok_or_else(|| wrong("a message that cannot be decompressed"))?,
                None if !compressed => payload,
                Some(_) => return Err(wrong("an answer that is not compressed")),
                None => return Err(wrong("compression that was not agreed to")),
            };
            return Ok(Message { opcode, payload });
        }
    }

    /// The socket for the load, which must not have missed anything.
    pub(crate) fn into_socket(self) -> io::Result<TcpStream> {
        if !self.input.is_empty() {
            return Err(wrong("a message that nothing was asked for"));
        }
        self.socket.set_nonblocking(true)?;
        Ok(self.socket)
    }

    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            if let Some((first, length, header)) = frame::read_header(&self.input).map_err(wrong)? {
                let end = header as u64 + length;
                while (self.input.len() as u64) < end {
                    self.read()?;
                }
                let payload = self.input[header..end as usize].to_vec();
                self.input.drain(..end as usize);
                return Ok((first, payload));
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let mut memory = [0; 16 * 1024];
        match self.socket.read(&mut memory) {
            Ok(0) => Err(wrong("the end of the connection")),
            Ok(read) => {
                self.input.extend_from_slice(&memory[..read]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(wrong("nothing for five seconds"))
            }
            Err(error) => Err(error),
        }
    }
}

/// The length of the head, or none while it is not complete; an error when it does not open the WebSocket asked for.
fn check_head(input: &[u8], deflate: bool) -> io::Result<Option<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(used) = head.parse(input).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let field = |name: &str| {
        let found = head
            .headers
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name));
        found.map(|one| one.value)
    };
    if head.code != Some(101) {
        return Err(wrong(format!("status {:?} to an upgrade", head.code)));
    }
    if field("sec-websocket-accept") != Some(ACCEPT) {
        return Err(wrong("a Sec-WebSocket-Accept of something else"));
    }
    let extensions = field("sec-websocket-extensions").map(String::from_utf8_lossy);
    match extensions {
        Some(agreed) if deflate && agreed.starts_with("permessage-deflate") => {
            // What is sent refers as far back as zlib's ordinary window.
            if agreed.contains("client_max_window_bits")
                && !agreed.contains("client_max_window_bits=15")
            {
                return Err(wrong(format!(
                    "a window this client does not have: {agreed}"
                )));
            }
        }
        None if !deflate => {}
        other => return Err(wrong(format!("the extensions {other:?}"))),
    }
    Ok(Some(used))
}

pub(crate) fn wrong(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the server gave {what}"))
}
