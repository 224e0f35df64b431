//! The load for TLS: `bench-tls <requests|handshakes|idle> <port> [<name>=<value>…]`; the names are in `settings.rs`.
//!
//! TLS 1.3 with one cipher suite and one group, so that every server does the same work. The client does as little as
//! it can, so that the server is what is measured: it looks at no certificate, makes its key pair once, and does not
//! decrypt what it knows the length of.
//!
//! - `requests`: the same request again and again on each connection. The first answer is decrypted and looked at;
//!   of the later ones the record headers are read, which say how long what is in them is.
//! - `handshakes`: connections that each make a full handshake and end.
//! - `idle`: connections that have had one answer each and wait. It says `held` when all are open, and keeps them until
//!   its input ends.
//!
//! How the first two talk is said in `bench-load`.

mod client;
mod handshakes;
mod idle;
mod key_exchange;
mod records;
mod requests;
mod settings;

use std::io;
use std::process::ExitCode;

use bench_load::{allow_many_sockets, measure};
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
    let Settings {
        warmup, seconds, ..
    } = *settings;
    allow_many_sockets()?;
    match settings.mode {
        Mode::Requests => measure(requests::Requests::open(settings)?, warmup, seconds),
        Mode::Handshakes => measure(handshakes::Handshakes::open(settings)?, warmup, seconds),
        Mode::Idle => idle::hold(settings),
    }
}
