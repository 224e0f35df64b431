//! Sockets that have had one message echoed and wait.

use std::io;

use bench_load::wait_for_the_end;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::client::{Client, wrong};
use crate::messages::Message;
use crate::settings::{Kind, Settings};
use crate::verify;

pub(crate) fn hold(settings: &Settings) -> io::Result<()> {
    let mut sockets = Vec::with_capacity(settings.sockets);
    for number in 0..settings.sockets {
        let mut client = Client::connect(settings.port, "/", settings.kind == Kind::Deflate)?;
        let message = Message::new(settings.kind, settings.bytes, number);
        verify::same(&mut client, &message)?;
        sockets.push(client.into_socket()?);
    }
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
