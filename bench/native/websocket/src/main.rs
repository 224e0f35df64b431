//! The load for WebSockets: `bench-websocket <echo|publish|idle> <port> [<name>=<value>…]`; the names are in
//! `settings.rs`.
//!
//! One thread and one epoll set. All frames are made before the load begins, masked and, where that is asked for,
//! compressed; of what comes back only the frame headers are looked at, so that the server is what is measured. That
//! the contents are right is seen to beforehand: see `verify.rs`.
//!
//! `echo` and `publish` verify and then load, talking as `bench-load` says; without seconds they say `right` once they
//! have verified. `idle` says `held` when all sockets are open, and keeps them until its input ends.

mod client;
mod compress;
mod echo;
mod frame;
mod idle;
mod line;
mod messages;
mod publish;
mod settings;
mod verify;

use std::io;
use std::process::ExitCode;

use bench_load::{Load, allow_many_sockets};
use settings::{Mode, Settings};

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
    bench_load::measure(open(settings)?, settings.warmup, settings.seconds)
}
