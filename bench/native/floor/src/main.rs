//! The floor: what the kernel alone costs. One epoll loop, one read and one write a pass, and either one fixed answer
//! for every blank line seen, which does not deserve to be called HTTP, or every WebSocket frame back without its mask:
//! `bench-floor [hello|ws-echo]`.
//!
//! No server that answers over TCP sockets can be cheaper than this on the same machine, so the distance to it is
//! what a server spends in user space.

mod websocket;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use websocket::Echo;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 13\r\n\
    Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello, World!";
const LISTENER: u64 = u64::MAX;

struct Connection {
    socket: OwnedFd,
    protocol: Protocol,
}

enum Protocol {
    /// Bytes of the current line read so far, so that a blank line split between two reads is still seen.
    Hello {
        line: usize,
    },
    Echo(Echo),
}

/// What a read goes into and a write comes out of.
struct Memory {
    input: Vec<u8>,
    output: Vec<u8>,
    answers: Vec<u8>,
}

fn main() -> io::Result<()> {
    let protocol = match std::env::args().nth(1).as_deref() {
        Some("hello") | None => || Protocol::Hello { line: 0 },
        Some("ws-echo") => || Protocol::Echo(Echo::default()),
        Some(other) => panic!("which handler? hello or ws-echo, not {other}"),
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());

    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        &listener,
        epoll::EventData::new_u64(LISTENER),
        epoll::EventFlags::IN,
    )?;

    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    let mut memory = Memory {
        input: vec![0; 64 * 1024],
        output: Vec::new(),
        answers: ANSWER.repeat(64),
    };
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let key = event.data.u64();
            if key == LISTENER {
                accept(&poll, &listener, &mut connections, protocol)?;
            } else if let Some(connection) = connections.get_mut(&key)
                && !serve(connection, &mut memory)
            {
                connections.remove(&key);
            }
        }
    }
}

fn accept(
    poll: &OwnedFd,
    listener: &TcpListener,
    connections: &mut HashMap<u64, Connection>,
    protocol: fn() -> Protocol,
) -> io::Result<()> {
    loop {
        match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(socket) => {
                set_tcp_nodelay(&socket, true)?;
                let key = socket.as_raw_fd() as u64;
                epoll::add(
                    poll,
                    &socket,
                    epoll::EventData::new_u64(key),
                    epoll::EventFlags::IN,
                )?;
                let protocol = protocol();
                connections.insert(key, Connection { socket, protocol });
            }
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// One read, one write. False when the connection is over.
fn serve(connection: &mut Connection, memory: &mut Memory) -> bool {
    let socket = connection.socket.as_fd();
    let input = match recv(socket, &mut *memory.input, RecvFlags::empty()) {
        Ok((0, _)) => return false,
        Ok((read, _)) => &mut memory.input[..read],
        Err(Errno::AGAIN) => return true,
        Err(_) => return false,
    };
    let output = match &mut connection.protocol {
        Protocol::Hello { line } => memory
            .answers
            .get(..blank_lines(input, line) * ANSWER.len()),
        Protocol::Echo(echo) => {
            memory.output.clear();
            echo.answer(input, &mut memory.output);
            Some(memory.output.as_slice())
        }
    };
    // The answers of one read fit the socket's buffer: the client waits for them before it sends more.
    output.is_some_and(|output| {
        output.is_empty() || send(socket, output, SendFlags::NOSIGNAL) == Ok(output.len())
    })
}

/// A line of at most its carriage return ends a request.
fn blank_lines(input: &[u8], line: &mut usize) -> usize {
    let mut blank = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', input) {
        if *line + (end - start) <= 1 {
            blank += 1;
        }
        *line = 0;
        start = end + 1;
    }
    *line += input.len() - start;
    blank
}
