//! Before a load: the server gives back what it was given, whole.

use std::io;

use crate::client::{Client, wrong};
use crate::messages::{Message, variants};
use crate::publish::subscribers;
use crate::settings::{Kind, Settings};

/// Sizes on both sides of where a frame's length takes another form.
const SIZES: [usize; 6] = [0, 1, 125, 126, 4096, 20_000];

/// Messages of all forms and both opcodes one at a time, then those of the load in one write.
pub(crate) fn echo(settings: &Settings) -> io::Result<()> {
    let deflate = settings.kind == Kind::Deflate;
    let mut client = Client::connect(settings.port, "/", deflate)?;
    // What is too short to be worth compressing is left to the server.
    let sizes = SIZES.iter().filter(|&&size| !deflate || size >= 126);
    for (number, &size) in sizes.enumerate() {
        same(&mut client, &Message::new(settings.kind, size, number))?;
        if !deflate {
            same(&mut client, &Message::new(Kind::Text, size, number))?;
        }
    }
    let messages = variants(settings);
    for some in messages.chunks(settings.window) {
        client.send_all(some)?;
        for message in some {
            compare(&client.receive(message.payload.len())?, message)?;
        }
    }
    client.into_socket().map(drop)
}

/// Some publications, each looked at on every subscriber.
pub(crate) fn publish(settings: &Settings) -> io::Result<()> {
    let mut all = subscribers(settings.port, settings.sockets)?;
    let mut publisher = Client::connect(settings.port, "/publish", false)?;
    for message in variants(settings).iter().take(4) {
        publisher.send(message)?;
        for client in &mut all {
            compare(&client.receive(message.payload.len())?, message)?;
        }
    }
    publisher.into_socket()?;
    all.into_iter()
        .try_for_each(|client| client.into_socket().map(drop))
}

pub(crate) fn same(client: &mut Client, message: &Message) -> io::Result<()> {
    client.send(message)?;
    compare(&client.receive(message.payload.len())?, message)
}

fn compare(answer: &Message, message: &Message) -> io::Result<()> {
    if answer.opcode != message.opcode {
        return Err(wrong(format!(
            "opcode {} for {}",
            answer.opcode, message.opcode
        )));
    }
    if answer.payload != message.payload {
        let [answered, asked] = [answer, message].map(|one| one.payload.len());
        return Err(wrong(format!(
            "another message: {answered} bytes for {asked}"
        )));
    }
    Ok(())
}
