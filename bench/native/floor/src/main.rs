//! The floor: what the kernel alone costs. One epoll loop, one read and one write a pass, one fixed answer for
//! every blank line seen, and nothing that deserves to be called HTTP.
//!
//! No server that answers over TCP sockets can be cheaper than this on the same machine, so the distance to it is
//! what a server spends in user space.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 13\r\n\
    Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello, World!";
const LISTENER: u64 = u64::MAX;

struct Connection {
    socket: OwnedFd,
    /// Bytes of the current line read so far, so that a blank line split between two reads is still seen.
    line: usize,
}

fn main() -> io::Result<()> {
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
    let mut input = vec![0; 64 * 1024];
    let answers = ANSWER.repeat(64);
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let key = event.data.u64();
            if key == LISTENER {
                accept(&poll, &listener, &mut connections)?;
            } else if let Some(connection) = connections.get_mut(&key)
                && !serve(connection, &mut input, &answers)
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
                connections.insert(key, Connection { socket, line: 0 });
            }
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// One read, one write. False when the connection is over.
fn serve(connection: &mut Connection, input: &mut [u8], answers: &[u8]) -> bool {
    let socket = connection.socket.as_fd();
    let read = match recv(socket, &mut *input, RecvFlags::empty()) {
        Ok((0, _)) => return false,
        Ok((read, _)) => read,
        Err(Errno::AGAIN) => return true,
        Err(_) => return false,
    };
    let mut requests = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', &input[..read]) {
        // A line of at most its carriage return ends a request.
        if connection.line + (end - start) <= 1 {
            requests += 1;
        }
        connection.line = 0;
        start = end + 1;
    }
    connection.line += read - start;
    // The answers of one read fit the socket's buffer: the client waits for them before it sends more.
    requests == 0 || {
        let wanted = requests * ANSWER.len();
        wanted <= answers.len()
            && send(socket, &answers[..wanted], SendFlags::NOSIGNAL) == Ok(wanted)
    }
}
