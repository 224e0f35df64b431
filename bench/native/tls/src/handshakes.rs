//! Full handshakes, so many at once, each on a connection of its own.
//!
//! The client's last message comes with one request, and the handshake counts when that is answered: the server has
//! verified the message by then and has sent its session tickets, which some servers do with the first answer only. Then
//! the client says that it is done, in TLS and in TCP, and connects anew when the server has closed too.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_load::{Load, Poll, Tally};
use rustix::event::epoll::EventFlags;
use rustls::{ClientConfig, ClientConnection};

use crate::client::{configuration, connect, length, read_content, wrong};
use crate::settings::Settings;

pub(crate) struct Handshakes {
    poll: Poll,
    config: Arc<ClientConfig>,
    port: u16,
    request: Vec<u8>,
    connections: Vec<Connection>,
    ready: Vec<usize>,
}

struct Connection {
    socket: TcpStream,
    tls: ClientConnection,
    answer: Vec<u8>,
    began: Instant,
    done: bool,
}

enum Progress {
    None,
    Done,
    Closed,
}

impl Handshakes {
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        let mut handshakes = Handshakes {
            poll: Poll::new()?,
            config: configuration()?,
            port: settings.port,
            request: settings.request().into_bytes(),
            connections: Vec::with_capacity(settings.connections),
            ready: Vec::new(),
        };
        for number in 0..settings.connections {
            let connection = handshakes.begin(number)?;
            handshakes.connections.push(connection);
        }
        Ok(handshakes)
    }

    fn begin(&self, number: usize) -> io::Result<Connection> {
        let began = Instant::now();
        let (socket, tls) = connect(&self.config, self.port)?;
        socket.set_nonblocking(true)?;
        self.poll.add(&socket, number, EventFlags::IN)?;
        let mut connection = Connection {
            socket,
            tls,
            answer: Vec::new(),
            began,
            done: false,
        };
        // What is written before the handshake is over goes out with the end of it.
        connection.tls.writer().write_all(&self.request)?;
        connection.send()?;
        Ok(connection)
    }
}

impl Load for Handshakes {
    fn run(&mut self, length: Duration) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let mut ready = std::mem::take(&mut self.ready);
        let until = Instant::now() + length;
        loop {
            let now = Instant::now();
            if now >= until {
                self.ready = ready;
                return Ok(tally);
            }
            self.poll.wait(until - now, &mut ready)?;
            for &number in &ready {
                let connection = &mut self.connections[number];
                match connection.advance()? {
                    Progress::None => {}
                    Progress::Done => {
                        tally.messages += 1;
                        tally.took(connection.began.elapsed());
                    }
                    // The set forgets a socket that is closed.
                    Progress::Closed => self.connections[number] = self.begin(number)?,
                }
            }
        }
    }
}

impl Connection {
    /// One read, and what follows from it.
    fn advance(&mut self) -> io::Result<Progress> {
        match self.tls.read_tls(&mut self.socket) {
            Ok(0) if self.done => return Ok(Progress::Closed),
            Ok(0) => return Err(wrong("the end of a connection in its handshake")),
            Ok(_) => {}
            // What the server still had to send when it was told that nobody reads it.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && self.done => {
                return Ok(Progress::Closed);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::None),
            Err(error) => return Err(error),
        }
        self.tls.process_new_packets().map_err(io::Error::other)?;
        if self.done || !self.answered()? {
            self.send()?;
            return Ok(Progress::None);
        }
        self.done = true;
        self.tls.send_close_notify();
        self.send()?;
        self.socket.shutdown(Shutdown::Write)?;
        Ok(Progress::Done)
    }

    fn answered(&mut self) -> io::Result<bool> {
        let mut memory = [0; 1024];
        while let Some(content) = read_content(&mut self.tls, &mut memory)? {
            self.answer.extend_from_slice(content);
        }
        Ok(length(&self.answer)?.is_some_and(|length| self.answer.len() as u64 >= length))
    }

    /// All of a handshake is far smaller than a socket's buffer.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}
