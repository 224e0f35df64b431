//! What the loads that hold their sockets open share: how they talk with the harness, and what they count.
//!
//! They talk in lines: a load that is open warms up, says `warm`, waits for a line, loads for some seconds and prints
//! one line of JSON. Then it keeps its sockets until its input ends, so that the end costs the measured server nothing.

mod tally;

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub use tally::Tally;

/// Something that can be kept up for some time, and then for some more.
pub trait Load {
    fn run(&mut self, length: Duration) -> io::Result<Tally>;
}

pub fn measure(mut load: impl Load, warmup: Duration, seconds: Duration) -> io::Result<()> {
    load.run(warmup)?;
    println!("warm");
    io::stdin().read_line(&mut String::new())?;
    let started = Instant::now();
    let tally = load.run(seconds)?;
    println!("{}", tally.summary(started.elapsed()));
    wait_for_the_end()
}

pub fn wait_for_the_end() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// As many descriptors as this user may have.
pub fn allow_many_sockets() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let whole = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, whole)?)
}

/// An epoll set whose sockets are known by number.
pub struct Poll {
    set: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    pub fn new() -> io::Result<Self> {
        Ok(Poll {
            set: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(1024),
        })
    }

    pub fn add(
        &self,
        socket: impl AsFd,
        number: usize,
        flags: epoll::EventFlags,
    ) -> io::Result<()> {
        let key = epoll::EventData::new_u64(number as u64);
        Ok(epoll::add(&self.set, socket, key, flags)?)
    }

    /// Waits until something can be done or the time is over; `ready` gets the numbers of the sockets.
    pub fn wait(&mut self, wait: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        self.events.clear();
        epoll::wait(&self.set, spare_capacity(&mut self.events), Some(&wait))?;
        ready.clear();
        ready.extend(self.events.iter().map(|event| event.data.u64() as usize));
        Ok(())
    }
}
