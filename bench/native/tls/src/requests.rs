//! One request at a time on each connection, the next when the answer is there.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bench_load::{Load, Poll, Tally};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustls::ClientConnection;

use crate::client::{Client, configuration, wrong};
use crate::records::Records;
use crate::settings::Settings;

/// The most one read takes.
const READ: usize = 256 * 1024;

pub(crate) struct Requests {
    poll: Poll,
    connections: Vec<Connection>,
    request: Vec<u8>,
    memory: Vec<u8>,
    ready: Vec<usize>,
}

struct Connection {
    socket: TcpStream,
    /// For encrypting: of what was read since the first answer it knows nothing.
    tls: ClientConnection,
    records: Records,
    /// Of each answer, and what is still to come of this one.
    length: u64,
    left: u64,
    asked: Instant,
}

impl Requests {
    /// Opens the connections and has one answer on each.
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        let config = configuration()?;
        let mut requests = Requests {
            poll: Poll::new()?,
            connections: Vec::with_capacity(settings.connections),
            request: settings.request().into_bytes(),
            memory: vec![0; READ],
            ready: Vec::new(),
        };
        for number in 0..settings.connections {
            let mut client = Client::open(&config, settings.port)?;
            let length = client.ask(&requests.request)?;
            let (socket, tls) = client.into_parts()?;
            requests.poll.add(&socket, number, EventFlags::IN)?;
            requests.connections.push(Connection {
                socket,
                tls,
                records: Records::default(),
                length,
                left: 0,
                asked: Instant::now(),
            });
        }
        for connection in &mut requests.connections {
            connection.ask(&requests.request)?;
        }
        Ok(requests)
    }
}

impl Load for Requests {
    fn run(&mut self, length: Duration) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let until = Instant::now() + length;
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(tally);
            }
            self.poll.wait(until - now, &mut self.ready)?;
            for &number in &self.ready {
                let connection = &mut self.connections[number];
                let content = connection.receive(&mut self.memory)?;
                tally.bytes += content;
                if connection.left == 0 {
                    tally.messages += 1;
                    tally.took(connection.asked.elapsed());
                    connection.ask(&self.request)?;
                }
            }
        }
    }
}

impl Connection {
    /// A request is far smaller than a socket's buffer, which is empty whenever one is sent.
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.left = self.length;
        self.asked = Instant::now();
        self.tls.writer().write_all(request)?;
        self.tls.write_tls(&mut self.socket)?;
        if self.tls.wants_write() {
            return Err(io::Error::other("a request did not go out at once"));
        }
        Ok(())
    }

    /// One read: how much of the answer is complete with it.
    fn receive(&mut self, memory: &mut [u8]) -> io::Result<u64> {
        let read = match recv(&self.socket, &mut *memory, RecvFlags::empty()) {
            Ok((0, _)) => return Err(wrong("the end of a connection under load")),
            Ok((read, _)) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let content = self.records.walk(&memory[..read]).map_err(wrong)?;
        self.left = self
            .left
            .checked_sub(content)
            .ok_or_else(|| wrong("an answer longer than the first"))?;
        Ok(content)
    }
}
