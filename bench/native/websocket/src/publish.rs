//! One socket publishes, many have subscribed; what counts is what they are given.

use std::io;
use std::time::{Duration, Instant};

use bench_load::{Load, Tally};

use crate::client::{Client, wrong};
use crate::frame::{Expected, TEXT};
use crate::line::{Line, Lines};
use crate::messages::{self, Ring};
use crate::settings::Settings;

/// What a server says to a socket once it has subscribed it.
pub(crate) const GREETING: &[u8] = b"subscribed";

pub(crate) struct Publish {
    /// The subscribers, and behind them the one that publishes.
    lines: Lines,
    subscribers: usize,
    ring: Ring,
    expected: Expected,
    /// Publications sent, and for each in flight how many have yet to be given it; they are over in their order,
    /// because that is the order on every socket.
    sent: u64,
    missing: Vec<usize>,
    ready: Vec<usize>,
}

impl Publish {
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        let mut lines = Lines::new()?;
        for client in subscribers(settings.port, settings.sockets)? {
            lines.add(Line::new(client.into_socket()?, 0))?;
        }
        let publisher = Client::connect(settings.port, "/publish", false)?;
        lines.add(Line::new(publisher.into_socket()?, 0))?;
        let mut publish = Publish {
            lines,
            subscribers: settings.sockets,
            ring: Ring::new(settings),
            expected: messages::expected(settings),
            sent: 0,
            missing: vec![settings.sockets; settings.window],
            ready: Vec::new(),
        };
        publish.publish(settings.window)?;
        Ok(publish)
    }

    fn publish(&mut self, count: usize) -> io::Result<()> {
        let publisher = &mut self.lines.lines[self.subscribers];
        if count > 0 {
            publisher.asked = Instant::now();
        }
        self.sent += count as u64;
        publisher.send(count, &self.ring)
    }

    /// Notes what a subscriber was given; how many publications have reached everybody with it.
    fn deliver(&mut self, key: usize, messages: u64) -> io::Result<usize> {
        let last = self.lines.lines[key].received;
        if key == self.subscribers && messages > 0 || last > self.sent {
            return Err(wrong("a message that was not published"));
        }
        let window = self.missing.len();
        let mut over = 0;
        for number in last - messages..last {
            let missing = &mut self.missing[number as usize % window];
            *missing -= 1;
            if *missing == 0 {
                *missing = self.subscribers;
                over += 1;
            }
        }
        Ok(over)
    }
}

impl Load for Publish {
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
            self.lines.wait(until - now, &mut ready)?;
            let mut over = 0;
            for &key in &ready {
                let line = &mut self.lines.lines[key];
                let (messages, bytes) = line.receive(&mut self.lines.memory, &self.expected)?;
                tally.messages += messages;
                tally.bytes += bytes;
                over += self.deliver(key, messages)?;
            }
            if over > 0 && self.missing.len() == 1 {
                tally.took(self.lines.lines[self.subscribers].asked.elapsed());
            }
            self.publish(over)?;
        }
    }
}

/// Sockets that have subscribed, and know it.
pub(crate) fn subscribers(port: u16, count: usize) -> io::Result<Vec<Client>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let mut client = Client::connect(port, "/subscribe", false)?;
        let greeting = client.receive(GREETING.len())?;
        if greeting.opcode != TEXT || greeting.payload != GREETING {
            return Err(wrong("another greeting"));
        }
        all.push(client);
    }
    Ok(all)
}
