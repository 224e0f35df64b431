//! Frames of RFC 6455 section 5.2: a client's made, a server's counted.

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;
/// That of the standard's example; a key of zeros would let a server skip the work.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// The longest header of a server.
const HEAD: usize = 10;

/// The first byte of a whole message.
pub(crate) fn first_byte(opcode: u8, compressed: bool) -> u8 {
    FIN | opcode | if compressed { RSV1 } else { 0 }
}

/// Appends a client's frame: a whole message, masked.
pub(crate) fn write_masked(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    let header = out.len();
    write_header(out, first, payload.len() as u64);
    out[header + 1] |= MASKED;
    out.extend_from_slice(&KEY);
    out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
}

/// Appends a header as a server sends it.
pub(crate) fn write_header(out: &mut Vec<u8>, first: u8, length: u64) {
    out.push(first);
    match length {
        0..=125 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// A server's header: its first byte, the length of the payload, and how many bytes it has itself. None when it is not
/// complete.
pub(crate) fn read_header(input: &[u8]) -> Result<Option<(u8, u64, usize)>, Fault> {
    let [first, second, rest @ ..] = input else {
        return Ok(None);
    };
    if second & MASKED != 0 {
        return Err("a masked frame from the server");
    }
    Ok(match second {
        126 => rest
            .first_chunk()
            .map(|length| (*first, u16::from_be_bytes(*length).into(), 4)),
        127 => rest
            .first_chunk()
            .map(|length| (*first, u64::from_be_bytes(*length), 10)),
        short => Some((*first, u64::from(*short), 2)),
    })
}

/// What a server does that ends the measurement.
pub(crate) type Fault = &'static str;

/// Every message is to be of one frame with this first byte and, unless the server chooses how to compress, this length.
pub(crate) struct Expected {
    first: u8,
    length: Option<u64>,
    /// The header that goes with a known length.
    header: Vec<u8>,
}

impl Expected {
    pub(crate) fn new(opcode: u8, compressed: bool, length: u64) -> Self {
        let first = first_byte(opcode, compressed);
        let length = (!compressed).then_some(length);
        let mut header = Vec::new();
        if let Some(length) = length {
            write_header(&mut header, first, length);
        }
        Expected {
            first,
            length,
            header,
        }
    }

    /// What follows a whole message at the start of `input`.
    fn skip<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let rest = input.strip_prefix(self.header.as_slice())?;
        rest.get(self.length? as usize..)
    }

    /// Whether a frame is a message (true) or a ping or pong, which may come at any time.
    fn check(&self, first: u8, length: u64) -> Result<bool, Fault> {
        if first == FIN | PING || first == FIN | PONG {
            return Ok(false);
        }
        if first == FIN | CLOSE {
            return Err("the server closed a WebSocket");
        }
        if first | RSV1 == self.first && first != self.first {
            return Err("an answer that is not compressed");
        }
        if first != self.first {
            return Err("an answer of another opcode, or in fragments");
        }
        if self.length.is_some_and(|expected| expected != length) {
            return Err("an answer of another length");
        }
        Ok(true)
    }
}

/// Where in the server's frames a socket is.
#[derive(Default)]
pub(crate) struct Walker {
    /// A header that has come in part.
    head: [u8; HEAD],
    have: u8,
    /// Whether the frame under way is a message.
    counts: bool,
    left: u64,
}

impl Walker {
    /// How many messages are complete with `input`.
    pub(crate) fn walk(&mut self, mut input: &[u8], expected: &Expected) -> Result<u64, Fault> {
        let mut messages = 0;
        while !input.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(input.len() as u64);
                input = &input[taken as usize..];
                self.left -= taken;
                messages += u64::from(self.left == 0 && self.counts);
            } else if self.have == 0
                && let Some(rest) = expected.skip(input)
            {
                input = rest;
                messages += 1;
            } else {
                self.head[usize::from(self.have)] = input[0];
                self.have += 1;
                input = &input[1..];
                let head = &self.head[..usize::from(self.have)];
                if let Some((first, length, _)) = read_header(head)? {
                    self.have = 0;
                    self.counts = expected.check(first, length)?;
                    self.left = length;
                    messages += u64::from(length == 0 && self.counts);
                }
            }
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out, first, payload.len() as u64);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn messages_are_counted_once_however_they_are_split() {
        for length in [0, 1, 125, 126, 300, 0xffff, 0x10000] {
            let message = frame(first_byte(BINARY, false), &vec![7; length]);
            let ping = frame(FIN | PING, b"there?");
            let stream = [message.clone(), ping, message.clone(), message].concat();
            let expected = Expected::new(BINARY, false, length as u64);
            for step in [1, 2, 3, 5, 11, 64, 4096, stream.len()] {
                let mut walker = Walker::default();
                let counted = stream
                    .chunks(step)
                    .map(|piece| walker.walk(piece, &expected));
                assert_eq!(
                    counted.sum::<Result<u64, Fault>>(),
                    Ok(3),
                    "{length}, {step}"
                );
            }
        }
    }

    #[test]
    fn compressed_messages_may_have_any_length() {
        let first = first_byte(TEXT, true);
        let stream = [frame(first, b"abc"), frame(first, &[1; 200])].concat();
        let expected = Expected::new(TEXT, true, 1024);
        assert_eq!(Walker::default().walk(&stream, &expected), Ok(2));
    }

    #[test]
    fn whatever_was_not_asked_for_is_a_fault() {
        let expected = Expected::new(TEXT, false, 5);
        let compressing = Expected::new(TEXT, true, 5);
        let fault = |bytes: &[u8], expected: &Expected| Walker::default().walk(bytes, expected);
        for bytes in [
            frame(first_byte(BINARY, false), b"hello"),
            frame(TEXT, b"hello"),
            frame(first_byte(TEXT, true), b"hello"),
            frame(first_byte(TEXT, false), b"hello!"),
            frame(FIN | CLOSE, b""),
            vec![first_byte(TEXT, false), MASKED | 5],
        ] {
            assert!(fault(&bytes, &expected).is_err(), "{bytes:?}");
        }
        let plain = frame(first_byte(TEXT, false), b"hello");
        assert_eq!(
            fault(&plain, &compressing),
            Err("an answer that is not compressed")
        );
    }

    #[test]
    fn a_masked_frame_is_the_standards_example() {
        let mut out = Vec::new();
        write_masked(&mut out, first_byte(TEXT, false), b"Hello");
        let example = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(out, example);
    }

    #[test]
    fn a_masked_frame_of_any_length_says_it_as_a_server_does() {
        for length in [125, 126, 0xffff, 0x10000] {
            let mut out = Vec::new();
            write_masked(&mut out, first_byte(BINARY, false), &vec![0; length]);
            out[1] &= !MASKED;
            let (_, read, header) = read_header(&out).unwrap().unwrap();
            assert_eq!((read, header + 4 + length), (length as u64, out.len()));
        }
    }
}
