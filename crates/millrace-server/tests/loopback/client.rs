//! The client's side of a socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::js::PATIENCE;
use crate::over_tls::secure;

/// A request that has nothing special.
pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = secure(TcpStream::connect(address).expect("the server listens"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects and sends.
pub(crate) fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(request.as_ref()).unwrap();
    stream
}

/// The head of a request with a body of this length.
pub(crate) fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

/// Reads one answer whose length is declared.
pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    let head = read_head(stream);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the whole body");
    Answer {
        status: head[9..12].parse().expect("a status"),
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

/// Reads a body that comes in chunks.
pub(crate) fn read_chunked(stream: &mut impl Read) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let chunk = read_chunk(stream);
        if chunk.is_empty() {
            return body;
        }
        body.extend(chunk);
    }
}

/// Reads one chunk; the last is empty.
pub(crate) fn read_chunk(stream: &mut impl Read) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the size of a chunk");
        line.push(byte[0]);
    }
    let size = String::from_utf8(line).unwrap();
    let size = usize::from_str_radix(size.trim_end(), 16).expect("a size");
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).expect("the whole chunk");
    chunk.truncate(size);
    chunk
}

/// Reads as far as the empty line.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!(
                "the head should go on after {}: {error}",
                head.escape_ascii()
            )
        });
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads to the orderly end of the connection.
pub(crate) fn read_to_end(stream: &mut impl Read) -> String {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("an orderly end");
    String::from_utf8(rest).unwrap()
}

/// Waits for the end of the connection, orderly or not.
pub(crate) fn await_end(stream: &mut impl Read) {
    let mut buffer = [0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the connection should have ended: {error}"),
        }
    }
}
