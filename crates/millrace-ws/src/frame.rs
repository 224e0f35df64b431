//! Frame headers (RFC 6455 5.2): reading a client's, with all that is wrong whatever came before, and writing ours.

use crate::Error;

/// What a frame carries (RFC 6455 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// More of the message that an earlier frame began.
    Continuation = 0,
    /// The beginning of a text message.
    Text = 1,
    /// The beginning of a binary message.
    Binary = 2,
    /// The last frame of its sender.
    Close = 8,
    /// Asks for a pong with the same payload.
    Ping = 9,
    /// Answers a ping, or only says that its sender lives.
    Pong = 10,
}

impl Opcode {
    /// Whether it is one of the control frames, which may come between the fragments of a message (RFC 6455 5.5).
    pub fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// The most bytes that the payload of a control frame may have (RFC 6455 5.5).
pub const CONTROL_PAYLOAD: usize = 125;

/// Appends the header of a frame as servers send them, unmasked (RFC 6455 5.1): 2, 4 or 10 bytes, the fewest that can say
/// `length`. `rsv1` marks the first frame of a compressed message (RFC 7692 6).
#[inline]
pub fn write_header(out: &mut Vec<u8>, opcode: Opcode, fin: bool, rsv1: bool, length: u64) {
    let first = u8::from(fin) << 7 | u8::from(rsv1) << 6 | opcode as u8;
    match length {
        0..126 => out.extend_from_slice(&[first, length as u8]),
        126..0x1_0000 => {
            let [high, low] = (length as u16).to_be_bytes();
            out.extend_from_slice(&[first, 126, high, low]);
        }
        _ => {
            let mut header = [first, 127, 0, 0, 0, 0, 0, 0, 0, 0];
            header[2..].copy_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&header);
        }
    }
}

/// How many bytes [`write_header`] appends for a payload of `length` bytes.
#[inline]
pub fn header_len(length: u64) -> usize {
    match length {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    }
}

/// Appends a whole frame.
#[inline]
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, fin: bool, rsv1: bool, payload: &[u8]) {
    out.reserve(10 + payload.len());
    write_header(out, opcode, fin, rsv1, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// The header of a client's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    /// The first frame of a compressed message.
    pub(crate) compressed: bool,
    pub(crate) key: [u8; 4],
    /// Bytes of the payload.
    pub(crate) length: u64,
    /// Bytes of the header itself.
    pub(crate) size: usize,
}

impl Header {
    /// Reads the header that `input` begins with; `None` while it is not all there. What is wrong is told with the first
    /// byte that says so, and always as the same error however much of the frame there is.
    #[inline]
    pub(crate) fn read(input: &[u8], has_compression: bool) -> Result<Option<Header>, Error> {
        let Some(&first) = input.first() else {
            return Ok(None);
        };
        let opcode = opcode(first, has_compression)?;
        let Some(&second) = input.get(1) else {
            return Ok(None);
        };
        if second & MASKED == 0 {
            return Err(Error::Protocol("A frame of the client is not masked."));
        }
        let short = second & !MASKED;
        if opcode.is_control() && short as usize > CONTROL_PAYLOAD {
            return Err(Error::Protocol(
                "A control frame has more than 125 bytes of payload.",
            ));
        }
        let Some((length, length_size)) = length(short, &input[2..])? else {
            return Ok(None);
        };
        let size = 2 + length_size + 4;
        let Some(&key) = input[2 + length_size..].first_chunk() else {
            return Ok(None);
        };
        Ok(Some(Header {
            opcode,
            fin: first & FIN != 0,
            compressed: first & RSV1 != 0,
            key,
            length,
            size,
        }))
    }
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const MASKED: u8 = 0x80;

/// The opcode in a frame's first byte, whose other bits must go with it.
#[inline]
fn opcode(first: u8, has_compression: bool) -> Result<Opcode, Error> {
    if first & RSV2_RSV3 != 0 || first & RSV1 != 0 && !has_compression {
        return Err(Error::Protocol(
            "A frame has a reserved bit set that no agreed extension gives a meaning.",
        ));
    }
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(Error::Protocol("A frame has a reserved opcode.")),
    };
    if opcode.is_control() && first & FIN == 0 {
        return Err(Error::Protocol("A control frame is fragmented."));
    }
    // RFC 7692 6.1: the bit is of the message, and only its first frame has it.
    if first & RSV1 != 0 && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Error::Protocol(
            "A frame other than the first of a message is marked as compressed.",
        ));
    }
    Ok(opcode)
}

/// The length of the payload and how many of `rest`, the bytes behind the first two, say it. RFC 6455 5.2: "the minimal
/// number of bytes MUST be used", and the highest bit of eight is 0.
#[inline]
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    let (length, size, least) = match short {
        126 => match rest.first_chunk() {
            Some(&bytes) => (u16::from_be_bytes(bytes) as u64, 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(&bytes) => (u64::from_be_bytes(bytes), 8, 0x1_0000),
            None => return Ok(None),
        },
        _ => return Ok(Some((short as u64, 0))),
    };
    if length < least {
        return Err(Error::Protocol(
            "The length of a frame is written with more bytes than it needs.",
        ));
    }
    if length > i64::MAX as u64 {
        return Err(Error::Protocol(
            "The length of a frame has its highest bit set.",
        ));
    }
    Ok(Some((length, size)))
}
