//! The load for WebSockets: `bench-websocket <echo|publish|idle> <port> [<name>=<value>…]`; the names are in
//! `settings.rs`.
//!
//! One thread and one epoll set. All frames are made before the load begins, masked and, where that is asked for,
//! compressed; of what comes back only the frame headers are looked at, so that the server is what is measured. That
//! the contents are right is seen to beforehand: see `verify.rs`.
//!
//! It talks in lines. `echo` and `publish` verify, warm up, say `warm`, wait for a line, load for some seconds and
//! print one line of JSON; without seconds they say `right` once they have verified. `idle` says `held` when all
//! sockets are open. Then each keeps its sockets until its input ends, so that the end costs the measured server
//! nothing.

mod client;
mod compress;
mod echo;
mod frame;
mod idle;
mod line;
mod messages;
mod publish;
mod settings;
mod tally;
mod verify;

use std::io::{self, Read};
use std::process::ExitCode;
use std::time::Instant;

use settings::{Mode, Settings};
use tally::Load;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let settings = match Settings::read(&arguments) {
        Ok(settings) => settings,
        Err(complaint) => {
            eprintln!("{complaint}\n{}", settings::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> io::Result<()> {
    allow_many_sockets()?;
    match settings.mode {
        Mode::Idle => idle::hold(settings),
        Mode::Echo => measure(settings, verify::echo, echo::Echo::open),
        Mode::Publish => measure(settings, verify::publish, publish::Publish::open),
    }
}

fn measure<L: Load>(
    settings: &Settings,
    verify: fn(&Settings) -> io::Result<()>,
    open: fn(&Settings) -> io::Result<L>,
) -> io::Result<()> {
    verify(settings)?;
    if settings.seconds.is_zero() {
        println!("right");
        return Ok(());
    }
    let mut load = open(settings)?;
    load.run(settings.warmup)?;
    println!("warm");
    io::stdin().read_line(&mut String::new())?;
    let started = Instant::now();
    let tally = load.run(settings.seconds)?;
    println!("{}", tally.summary(started.elapsed()));
    wait_for_the_end()
}

fn wait_for_the_end() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn allow_many_sockets() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let whole = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, whole)?)
}
