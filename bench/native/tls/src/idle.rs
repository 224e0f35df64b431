//! Connections that have had one answer each and wait.

use std::io;
use std::net::TcpStream;
use std::thread;

use bench_load::wait_for_the_end;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::client::{Client, configuration, wrong};
use crate::settings::Settings;

/// How many are opened at the same time, so that the server has all its core for it.
const OPENING: usize = 8;

pub(crate) fn hold(settings: &Settings) -> io::Result<()> {
    let sockets = open(settings)?;
    println!("held");
    wait_for_the_end()?;
    for socket in &sockets {
        match recv(socket, &mut [0; 1], RecvFlags::PEEK) {
            Ok((0, _)) => return Err(wrong("the end of a connection that waited")),
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Of what TLS knows about each nothing is kept: the sockets are enough to wait.
fn open(settings: &Settings) -> io::Result<Vec<TcpStream>> {
    let config = configuration()?;
    let request = settings.request();
    let some = |first: usize| {
        let (config, request) = (&config, request.as_bytes());
        move || {
            (first..settings.connections)
                .step_by(OPENING)
                .map(|_| {
                    let mut client = Client::open(config, settings.port)?;
                    client.ask(request)?;
                    Ok(client.into_parts()?.0)
                })
                .collect::<io::Result<Vec<_>>>()
        }
    };
    thread::scope(|scope| {
        let opening: Vec<_> = (0..OPENING).map(|first| scope.spawn(some(first))).collect();
        let mut sockets = Vec::with_capacity(settings.connections);
        for one in opening {
            sockets.extend(one.join().expect("a thread that ends")?);
        }
        Ok(sockets)
    })
}
