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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::frame::{BINARY, first_byte, write_header};
    use crate::settings::Mode;

    const OPENED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    /// What goes back for the first byte and the payload of a frame.
    type Answer = fn(u8, &[u8]) -> Vec<u8>;

    #[test]
    fn a_server_that_gives_back_what_it_gets_is_right() {
        let port = serving(OPENED, frame);
        echo(&settings(port, Kind::Binary)).unwrap();
    }

    #[test]
    fn a_server_that_answers_anything_else_is_wrong() {
        let answers: [Answer; 5] = [
            |_, payload| frame(first_byte(BINARY, false), payload),
            |first, payload| frame(first, &payload[..payload.len() / 2]),
            |first, payload| {
                frame(
                    first,
                    &payload.iter().map(|byte| byte ^ 1).collect::<Vec<_>>(),
                )
            },
            |first, payload| frame(first & 0x7f, payload),
            |first, payload| frame(first | 0x40, payload),
        ];
        for (at, answer) in answers.into_iter().enumerate() {
            let port = serving(OPENED, answer);
            assert!(echo(&settings(port, Kind::Binary)).is_err(), "{at}");
        }
    }

    #[test]
    fn a_server_that_is_asked_to_compress_has_to() {
        let declining = serving(OPENED, frame);
        assert!(echo(&settings(declining, Kind::Deflate)).is_err());
        let opened = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let idle = serving(&format!("{OPENED}{opened}"), |first, _| {
            frame(first & !0x40, b"plain")
        });
        let complaint = echo(&settings(idle, Kind::Deflate)).unwrap_err();
        assert!(
            complaint.to_string().contains("not compressed"),
            "{complaint}"
        );
        let packing = serving(&format!("{OPENED}{opened}"), frame);
        echo(&settings(packing, Kind::Deflate)).unwrap();
    }

    #[test]
    fn a_server_that_opens_nothing_is_wrong() {
        for head in [
            "HTTP/1.1 200 OK\r\n",
            &OPENED.replace("s3pPL", "s3pPl"),
            &format!("{OPENED}Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        ] {
            let port = serving(head, frame);
            assert!(echo(&settings(port, Kind::Binary)).is_err(), "{head}");
        }
    }

    fn settings(port: u16, kind: Kind) -> Settings {
        Settings {
            kind,
            bytes: 1024,
            window: 3,
            ..Settings::new(Mode::Echo, port)
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out, first, payload.len() as u64);
        out.extend_from_slice(payload);
        out
    }

    /// Takes one connection and gives each message to `answer`, unmasked, with the first byte of its frame.
    fn serving(head: &str, answer: Answer) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let head = format!("{head}\r\n");
        thread::spawn(move || converse(listener.accept()?.0, &head, answer));
        port
    }

    fn converse(mut socket: TcpStream, head: &str, answer: Answer) -> io::Result<()> {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            asked.extend_from_slice(&byte);
        }
        socket.write_all(head.as_bytes())?;
        loop {
            let mut start = [0; 2];
            socket.read_exact(&mut start)?;
            let mut extended = vec![0; if start[1] & 0x7f == 126 { 2 } else { 0 }];
            socket.read_exact(&mut extended)?;
            let length = match extended.first_chunk() {
                Some(length) => u16::from_be_bytes(*length).into(),
                None => usize::from(start[1] & 0x7f),
            };
            let mut key = [0; 4];
            socket.read_exact(&mut key)?;
            let mut payload = vec![0; length];
            socket.read_exact(&mut payload)?;
            for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
                *byte ^= key;
            }
            socket.write_all(&answer(start[0], &payload))?;
        }
    }
}
