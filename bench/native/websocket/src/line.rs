//! A socket under load, and the set of all.

use std::io;
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use bench_load::Poll;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::client::wrong;
use crate::frame::{Expected, Walker};
use crate::messages::Ring;

/// The most one read takes.
const READ: usize = 256 * 1024;

pub(crate) struct Line {
    socket: TcpStream,
    walker: Walker,
    /// The next message in turn, and how many are to go.
    next: usize,
    due: usize,
    /// Of the ring: what the socket has had no room for.
    unsent: Range<usize>,
    /// When the last message went, for those that have one in flight.
    pub(crate) asked: Instant,
    /// Messages in all.
    pub(crate) received: u64,
}

impl Line {
    pub(crate) fn new(socket: TcpStream, first: usize) -> Self {
        Line {
            socket,
            walker: Walker::default(),
            next: first,
            due: 0,
            unsent: 0..0,
            asked: Instant::now(),
            received: 0,
        }
    }

    /// Sends so many messages more, now or when there is room.
    pub(crate) fn send(&mut self, count: usize, ring: &Ring) -> io::Result<()> {
        self.due += count;
        loop {
            if self.unsent.is_empty() {
                if self.due == 0 {
                    return Ok(());
                }
                let (frames, taken) = ring.run(self.next, self.due);
                self.unsent = frames;
                self.next += taken;
                self.due -= taken;
            }
            match send(
                &self.socket,
                &ring.bytes[self.unsent.clone()],
                SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => self.unsent.start += sent,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads what there is: how many messages are complete with it, and how many bytes it is.
    pub(crate) fn receive(
        &mut self,
        memory: &mut [u8],
        expected: &Expected,
    ) -> io::Result<(u64, u64)> {
        let (mut messages, mut bytes) = (0, 0);
        loop {
            match recv(&self.socket, &mut *memory, RecvFlags::empty()) {
                Ok((0, _)) => return Err(wrong("the end of a connection under load")),
                Ok((read, _)) => {
                    bytes += read as u64;
                    messages += self.walker.walk(&memory[..read], expected).map_err(wrong)?;
                    // A read that was not filled has left nothing; what comes later makes another event.
                    if read < memory.len() {
                        break;
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.received += messages;
        Ok((messages, bytes))
    }
}

/// All sockets in one epoll set. Edges are asked for, so that a set made once serves reading and writing.
pub(crate) struct Lines {
    poll: Poll,
    pub(crate) lines: Vec<Line>,
    pub(crate) memory: Vec<u8>,
}

impl Lines {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Lines {
            poll: Poll::new()?,
            lines: Vec::new(),
            memory: vec![0; READ],
        })
    }

    pub(crate) fn add(&mut self, line: Line) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        self.poll.add(&line.socket, self.lines.len(), flags)?;
        self.lines.push(line);
        Ok(())
    }

    /// Waits until something can be done or the time is over; `ready` gets the numbers of the lines.
    pub(crate) fn wait(&mut self, wait: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
        self.poll.wait(wait, ready)
    }
}
