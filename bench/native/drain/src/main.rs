//! The load for large bodies: `bench-drain <port> <connections> <seconds> <method> <path> [<header line>…]`.
//!
//! wrk reads 8 KiB at a time and looks at every byte, which keeps its core busy at a rate the servers are well above.
//! This client has the kernel discard a body whose length is known (`MSG_TRUNC`), and reads one in chunks in pieces
//! of a quarter of a mebibyte, so that what is measured is the server. The summary is wrk.lua's, in one line of JSON.

mod body;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use body::{Body, Outcome};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

struct Connection {
    socket: TcpStream,
    body: Body,
    asked: Instant,
}

struct Summary {
    bytes: u64,
    latencies: Vec<u64>,
    broken: u64,
    unwanted: u64,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, connections, seconds, method, path, headers @ ..] = arguments.as_slice() else {
        eprintln!("bench-drain <port> <connections> <seconds> <method> <path> [<header line>…]");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<u16>().map_err(io::Error::other);
    let port = number(port)?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    for line in headers {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");

    let length = Duration::from_secs(number(seconds)?.into());
    let started = Instant::now();
    let summary = drain(
        port,
        number(connections)?,
        request.as_bytes(),
        started + length,
    )?;
    report(summary, started.elapsed());
    Ok(())
}

fn drain(port: u16, count: u16, request: &[u8], until: Instant) -> io::Result<Summary> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut summary = Summary {
        bytes: 0,
        latencies: Vec::new(),
        broken: 0,
        unwanted: 0,
    };
    let mut connections = Vec::new();
    for key in 0..u64::from(count) {
        connections.push(connect(&poll, port, key, request)?);
    }
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    let mut memory = vec![0; body::READ];
    loop {
        let now = Instant::now();
        if now >= until {
            return Ok(summary);
        }
        let wait = Timespec::try_from(until - now).map_err(io::Error::other)?;
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let key = event.data.u64();
            let connection = &mut connections[key as usize];
            if !receive(connection, &mut memory, request, &mut summary) {
                summary.broken += 1;
                *connection = connect(&poll, port, key, request)?;
            }
        }
    }
}

fn connect(
    poll: impl std::os::fd::AsFd,
    port: u16,
    key: u64,
    request: &[u8],
) -> io::Result<Connection> {
    let socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    epoll::add(
        poll,
        &socket,
        epoll::EventData::new_u64(key),
        epoll::EventFlags::IN,
    )?;
    ask(&socket, request)?;
    Ok(Connection {
        socket,
        body: Body::default(),
        asked: Instant::now(),
    })
}

/// A request is far smaller than a socket's buffer, which is empty whenever one is sent.
fn ask(mut socket: &TcpStream, request: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut socket, request)
}

/// One read, and the next request when it completed an answer. False when the connection is of no more use.
fn receive(
    connection: &mut Connection,
    memory: &mut [u8],
    request: &[u8],
    summary: &mut Summary,
) -> bool {
    match connection
        .body
        .receive(&connection.socket, memory, &mut summary.bytes)
    {
        Outcome::More => true,
        Outcome::Complete { status } => {
            let now = Instant::now();
            summary
                .latencies
                .push((now - connection.asked).as_micros() as u64);
            summary.unwanted += u64::from(status != 200);
            connection.asked = now;
            ask(&connection.socket, request).is_ok()
        }
        Outcome::Broken => false,
    }
}

fn report(mut summary: Summary, elapsed: Duration) {
    summary.latencies.sort_unstable();
    let count = summary.latencies.len();
    let at = |part: f64| {
        let place = (count as f64 * part) as usize;
        summary
            .latencies
            .get(place.min(count.saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    let mean = summary.latencies.iter().sum::<u64>() as f64 / count.max(1) as f64;
    println!(
        "{{\"requests\":{count},\"microseconds\":{},\"bytes\":{},\"p50\":{},\"p99\":{},\"mean\":{mean:.2},\
         \"errors\":{{\"read\":{},\"status\":{}}}}}",
        elapsed.as_micros(),
        summary.bytes,
        at(0.5),
        at(0.99),
        summary.broken,
        summary.unwanted,
    );
}
