//! The same message back, on many sockets at once.

use std::io;
use std::time::{Duration, Instant};

use bench_load::{Load, Tally};

use crate::client::Client;
use crate::frame::Expected;
use crate::line::{Line, Lines};
use crate::messages::{self, Ring};
use crate::settings::{Kind, Settings};

pub(crate) struct Echo {
    lines: Lines,
    ring: Ring,
    expected: Expected,
    window: usize,
    ready: Vec<usize>,
}

impl Echo {
    /// Opens the sockets and sends on each what is to be in flight.
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        let mut echo = Echo {
            lines: Lines::new()?,
            ring: Ring::new(settings),
            expected: messages::expected(settings),
            window: settings.window,
            ready: Vec::new(),
        };
        for number in 0..settings.sockets {
            let client = Client::connect(settings.port, "/", settings.kind == Kind::Deflate)?;
            echo.lines.add(Line::new(client.into_socket()?, number))?;
        }
        for line in &mut echo.lines.lines {
            line.asked = Instant::now();
            line.send(settings.window, &echo.ring)?;
        }
        Ok(echo)
    }
}

impl Load for Echo {
    fn run(&mut self, length: Duration) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let until = Instant::now() + length;
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(tally);
            }
            self.lines.wait(until - now, &mut self.ready)?;
            for &key in &self.ready {
                let line = &mut self.lines.lines[key];
                let (messages, bytes) = line.receive(&mut self.lines.memory, &self.expected)?;
                tally.messages += messages;
                tally.bytes += bytes;
                if self.window == 1 && messages > 0 {
                    let now = Instant::now();
                    tally.took(now - line.asked);
                    line.asked = now;
                }
                line.send(messages as usize, &self.ring)?;
            }
        }
    }
}
