//! An answer as it comes in: its head is parsed, its body counted and thrown away.

use std::net::TcpStream;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// The most one read takes.
pub(crate) const READ: usize = 256 * 1024;

pub(crate) enum Outcome {
    More,
    Complete {
        status: u16,
    },
    /// The connection ended, or what came is not an answer.
    Broken,
}

/// Where in the answer the next byte belongs.
#[derive(Default)]
pub(crate) struct Body {
    state: State,
    status: u16,
    /// The head as far as it has come; empty once it is complete.
    head: Vec<u8>,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    /// Of a body with a length, or of a chunk.
    Left(u64),
    Chunk(Chunk),
}

enum Chunk {
    Size(u64),
    /// The rest of the line of a size.
    SizeEnd(u64),
    Data(u64),
    /// The line end behind a chunk's data.
    DataEnd,
    /// The line ends behind the last chunk's size line; trailers are not expected of anyone here.
    Last(u8),
}

impl Body {
    pub(crate) fn receive(
        &mut self,
        socket: &TcpStream,
        memory: &mut [u8],
        bytes: &mut u64,
    ) -> Outcome {
        let (room, flags) = match self.state {
            // With this flag TCP discards what it would have copied; `memory` is not written to.
            State::Left(left) => (left.min(READ as u64) as usize, RecvFlags::TRUNC),
            _ => (READ, RecvFlags::empty()),
        };
        let read = match recv(socket, &mut memory[..room], flags) {
            Ok((_, 0)) => return Outcome::Broken,
            Ok((_, read)) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Outcome::More,
            Err(_) => return Outcome::Broken,
        };
        match self.take(&memory[..read], bytes) {
            Some(true) => Outcome::Complete {
                status: self.status,
            },
            Some(false) => Outcome::More,
            None => Outcome::Broken,
        }
    }

    /// Whether the answer is complete with `input`; none when it is not as it should be.
    fn take(&mut self, input: &[u8], bytes: &mut u64) -> Option<bool> {
        let complete = match &mut self.state {
            State::Left(left) => {
                *left -= input.len() as u64;
                *bytes += input.len() as u64;
                *left == 0
            }
            State::Chunk(chunk) => chunk.take(input, bytes)?,
            State::Head => {
                self.head.extend_from_slice(input);
                let Head::Complete {
                    used,
                    status,
                    state,
                } = parse_head(&self.head)?
                else {
                    return Some(false);
                };
                let head = std::mem::take(&mut self.head);
                self.status = status;
                self.state = state;
                let rest = &head[used..];
                return match self.state {
                    State::Left(0) => self.end(rest.is_empty()),
                    _ if rest.is_empty() => Some(false),
                    _ => self.take(rest, bytes),
                };
            }
        };
        if complete {
            self.end(true)
        } else {
            Some(false)
        }
    }

    /// What comes behind an answer that nothing was asked for is a mistake.
    fn end(&mut self, empty: bool) -> Option<bool> {
        self.state = State::Head;
        empty.then_some(true)
    }
}

enum Head {
    Partial,
    Complete {
        used: usize,
        status: u16,
        state: State,
    },
}

/// None when it is not the head of an answer that can be followed by another.
fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(used) = response.parse(bytes).ok()? else {
        return Some(Head::Partial);
    };
    let field = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let state = match field("content-length") {
        Some(length) => State::Left(length.parse().ok()?),
        None if field("transfer-encoding")?.eq_ignore_ascii_case("chunked") => {
            State::Chunk(Chunk::Size(0))
        }
        None => return None,
    };
    Some(Head::Complete {
        used,
        status: response.code?,
        state,
    })
}

impl Chunk {
    fn take(&mut self, mut input: &[u8], bytes: &mut u64) -> Option<bool> {
        while let [first, rest @ ..] = input {
            input = rest;
            *self = match *self {
                Chunk::Size(size) => match (*first as char).to_digit(16) {
                    Some(digit) => Chunk::Size(size.checked_mul(16)? + u64::from(digit)),
                    None if *first == b'\r' => Chunk::SizeEnd(size),
                    None => return None,
                },
                Chunk::SizeEnd(_) if *first != b'\n' => return None,
                Chunk::SizeEnd(0) => Chunk::Last(0),
                Chunk::SizeEnd(size) => Chunk::Data(size),
                Chunk::Data(left) => {
                    let taken = left.min(1 + rest.len() as u64);
                    *bytes += taken;
                    input = &rest[taken as usize - 1..];
                    if taken == left {
                        Chunk::DataEnd
                    } else {
                        Chunk::Data(left - taken)
                    }
                }
                Chunk::DataEnd if *first == b'\r' => Chunk::DataEnd,
                Chunk::DataEnd if *first == b'\n' => Chunk::Size(0),
                Chunk::Last(0) if *first == b'\r' => Chunk::Last(1),
                Chunk::Last(1) if *first == b'\n' => return input.is_empty().then_some(true),
                Chunk::DataEnd | Chunk::Last(_) => return None,
            };
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte_however_it_is_split() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello, World",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\nA\r\nllo, World\r\n0\r\n\r\n",
        ] {
            for split in 0..text.len() {
                let (first, second) = text.as_bytes().split_at(split);
                let (mut body, mut bytes) = (Body::default(), 0);
                assert_eq!(body.take(first, &mut bytes), Some(false), "{text} {split}");
                assert_eq!(body.take(second, &mut bytes), Some(true), "{text} {split}");
                assert_eq!((bytes, body.status), (12, 200));
                // The next answer begins anew.
                assert_eq!(body.take(text.as_bytes(), &mut bytes), Some(true));
            }
        }
    }

    #[test]
    fn what_is_no_answer_ends_the_connection() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nG\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
            "SSH-2.0\r\n",
        ] {
            assert_eq!(
                Body::default().take(text.as_bytes(), &mut 0),
                None,
                "{text}"
            );
        }
    }
}
