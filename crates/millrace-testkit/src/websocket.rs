//! A WebSocket client's frames, and what a receiver makes of them, as text that tests can compare and people can read.

use std::fmt::Write;
use std::mem;

use millrace_ws::{Agreed, Error, Event, Limits, Receiver, SharedInflater, unmask};

use crate::splits;

/// Appends a frame as a client sends it: masked, with the fewest bytes of length. `first` is its first byte, the opcode
/// with the bits FIN (0x80) and RSV1 (0x40).
pub fn client_frame(out: &mut Vec<u8>, first: u8, key: [u8; 4], payload: &[u8]) {
    out.push(first);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key);
}

/// Everything that came out of a [`Receiver`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// One line for each message, ping, pong and Close. The parts of a message are put together, and one that is cut short
    /// has no line, as how much of it came depends on how the input arrived.
    pub events: String,
    /// The error that ended it.
    pub error: Option<Error>,
    /// The bytes left unused at the end of the input.
    pub unread: Vec<u8>,
}

impl Received {
    /// Feeds `pieces` as a connection would: each is appended to what the receiver left unread.
    ///
    /// # Panics
    ///
    /// When the receiver breaks a promise that holds for any input.
    pub fn of<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
        compression: Option<Agreed>,
        streaming: bool,
    ) -> Received {
        let mut reader = Reader {
            receiver: Receiver::new(compression),
            limits,
            shared: SharedInflater::default(),
            streaming,
            message: None,
            received: Received::default(),
        };
        for piece in pieces {
            let mut input = mem::take(&mut reader.received.unread);
            input.extend_from_slice(piece);
            match reader.read(&mut input) {
                Ok(used) => reader.received.unread = input.split_off(used),
                Err(error) => reader.received.error = Some(error),
            }
        }
        reader.received
    }

    /// What is received of `input`, which is the same fed whole, split at every byte and byte by byte, in whole messages
    /// and in parts.
    ///
    /// # Panics
    ///
    /// When it is not the same.
    pub fn however_split(input: &[u8], limits: &Limits, compression: Option<Agreed>) -> Received {
        let whole = Received::of([input], limits, compression, false);
        for pieces in splits(input) {
            for streaming in [false, true] {
                let pieces = pieces.iter().copied();
                let received = Received::of(pieces.clone(), limits, compression, streaming);
                assert_eq!(
                    received,
                    whole,
                    "{} in {} pieces, streaming: {streaming}",
                    input.escape_ascii(),
                    pieces.len()
                );
            }
        }
        whole
    }
}

struct Reader<'a> {
    receiver: Receiver,
    limits: &'a Limits,
    shared: SharedInflater,
    streaming: bool,
    /// The parts of the message that is under way.
    message: Option<(bool, Vec<u8>)>,
    received: Received,
}

impl Reader<'_> {
    /// Says how much of `input` was used.
    fn read(&mut self, input: &mut [u8]) -> Result<usize, Error> {
        let mut used = 0;
        loop {
            let input = &mut input[used..];
            let length = input.len();
            let was_over = self.receiver.is_over();
            let (count, event) =
                self.receiver
                    .receive(input, self.limits, &mut self.shared, self.streaming)?;
            assert!(count <= length, "no more bytes are used than there are");
            used += count;
            if was_over {
                assert_eq!((count, &event), (length, &Event::NeedMore), "it is over");
            }
            if event == Event::NeedMore {
                assert!(length - count <= 130, "{} bytes are left", length - count);
                return Ok(used);
            }
            assert!(count > 0, "an event is made of something");
            self.event(event);
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::NeedMore => {}
            Event::Message {
                binary,
                ascii,
                data,
            } => {
                assert!(!self.streaming, "messages come in parts");
                assert_eq!(ascii, !binary && data.is_ascii(), "{data:?}");
                self.message(binary, &data);
            }
            Event::Part {
                binary,
                ascii,
                first,
                last,
                data,
            } => {
                assert!(self.streaming, "messages come whole");
                assert_eq!(ascii, !binary && data.is_ascii(), "{data:?}");
                assert!(last || !data.is_empty(), "a part is not empty");
                assert!(binary || str::from_utf8(&data).is_ok(), "{data:?}");
                assert_eq!(first, self.message.is_none(), "each message begins once");
                let (was_binary, message) = self.message.get_or_insert((binary, Vec::new()));
                assert_eq!(*was_binary, binary, "parts are of one kind");
                message.extend_from_slice(&data);
                if last && let Some((binary, message)) = self.message.take() {
                    self.message(binary, &message);
                }
            }
            Event::Ping(payload) => self.line("ping", payload),
            Event::Pong(payload) => self.line("pong", payload),
            Event::Close { code: None, reason } => self.line("close", reason),
            Event::Close {
                code: Some(code),
                reason,
            } => {
                assert!(str::from_utf8(reason).is_ok(), "{}", reason.escape_ascii());
                self.line(&format!("close {code}"), reason);
            }
        }
    }

    fn message(&mut self, binary: bool, data: &[u8]) {
        assert!(binary || str::from_utf8(data).is_ok(), "text is UTF-8");
        assert!(data.len() as u64 <= self.limits.message, "within the limit");
        self.line(if binary { "binary" } else { "text" }, data);
    }

    fn line(&mut self, kind: &str, bytes: &[u8]) {
        let space = if bytes.is_empty() { "" } else { " " };
        writeln!(
            self.received.events,
            "{kind}{space}{}",
            bytes.escape_ascii()
        )
        .expect("a string takes any text");
    }
}
