//! What a client sends on a WebSocket, as read by the server.

use std::fmt::Write;

use millrace_ws::{Agreed, Deflater, Limits, Window};

use crate::{Received, client_frame};

/// Any bytes as frames: however they arrive, the receiver makes the same of them. The first byte says what was agreed.
pub fn ws_frames(input: &[u8]) {
    let Some((&agreed, wire)) = input.split_first() else {
        return;
    };
    same_however_it_arrives(wire, agreed_by(agreed));
}

/// A script of messages, pings and pongs, encoded as a client does: what is received is what was sent. Should the script
/// change a byte on the way, at least the receiver makes the same of it however it arrives.
pub fn ws_message(script: &[u8]) {
    let Some((&agreed, script)) = script.split_first() else {
        return;
    };
    let agreed = agreed_by(agreed);
    let mut client = Client::new(agreed);
    let is_damaged = client.run(script);
    let received = same_however_it_arrives(&client.wire, agreed);
    if !is_damaged {
        assert_eq!(received.error, None);
        assert_eq!(received.events, client.sent);
    }
}

fn agreed_by(byte: u8) -> Option<Agreed> {
    let bits = 8 + (byte >> 4 & 7);
    (byte & 1 != 0).then(|| Agreed {
        client_no_context_takeover: byte & 2 != 0,
        client_window_bits: bits,
        ..Agreed::default()
    })
}

fn same_however_it_arrives(wire: &[u8], agreed: Option<Agreed>) -> Received {
    let whole = Received::of([wire], &LIMITS, agreed, false);
    // A split that depends on the input lets a fuzzer choose it.
    let at = wire.iter().fold(0, |sum, &byte| sum + usize::from(byte)) % (wire.len() + 1);
    let (first, second) = wire.split_at(at);
    for streaming in [false, true] {
        let bytes = Received::of(wire.chunks(1), &LIMITS, agreed, streaming);
        assert_eq!(bytes, whole, "byte by byte, streaming: {streaming}");
        let halves = Received::of([first, second], &LIMITS, agreed, streaming);
        assert_eq!(halves, whole, "split at {at}, streaming: {streaming}");
    }
    assert_eq!(
        Received::of([wire], &LIMITS, agreed, true),
        whole,
        "streaming"
    );
    whole
}

/// Small enough for a fuzzer to reach.
const LIMITS: Limits = Limits {
    message: 300,
    frame: 200,
    fragments: 6,
};

/// A client that does as a script says.
struct Client {
    agreed: Option<Agreed>,
    deflater: Option<Deflater>,
    window: Window,
    wire: Vec<u8>,
    /// As [`Received`] has it.
    sent: String,
}

impl Client {
    fn new(agreed: Option<Agreed>) -> Client {
        let bits = agreed.map_or(8, |agreed| agreed.client_window_bits);
        Client {
            agreed,
            deflater: None,
            window: Window::new(bits),
            wire: Vec::new(),
            sent: String::new(),
        }
    }

    /// Each step is a byte that says what to do, one that says how long a payload is, and the payload. Says whether a byte
    /// was changed on the way.
    fn run(&mut self, mut script: &[u8]) -> bool {
        let mut is_damaged = false;
        while let [what, length, rest @ ..] = script {
            let length = usize::from(*length);
            let (payload, rest) = rest.split_at(length.min(rest.len()));
            script = rest;
            match what & 7 {
                0..=3 => self.message(*what, payload),
                4 => {
                    let payload = &payload[..payload.len().min(125)];
                    self.frame(0x89, payload);
                    self.says("ping", payload);
                }
                5 => {
                    let payload = &payload[..payload.len().min(125)];
                    self.frame(0x8a, payload);
                    self.says("pong", payload);
                }
                6 => {
                    let reason = String::from_utf8_lossy(&payload[..payload.len().min(40)]);
                    let payload = [&1000u16.to_be_bytes(), reason.as_bytes()].concat();
                    self.frame(0x88, &payload);
                    self.says("close 1000", reason.as_bytes());
                    return is_damaged;
                }
                _ => {
                    if let Some(byte) = self.wire.len().checked_sub(1 + length) {
                        self.wire[byte] ^= 1 << (what >> 5);
                        is_damaged = true;
                    }
                }
            }
        }
        is_damaged
    }

    /// Bit 0 of `what` says that it is binary, bit 1 that it is compressed, and what is above bit 2 in how many frames.
    fn message(&mut self, what: u8, payload: &[u8]) {
        let binary = what & 1 != 0;
        // Compressed or not, it is within the limit of a frame.
        let payload = &payload[..payload.len().min(150)];
        let text = String::from_utf8_lossy(payload);
        let data = match binary {
            true => payload,
            // What is not UTF-8 became three bytes each.
            false => &text.as_bytes()[..text.floor_char_boundary(150)],
        };
        let compressed = match self.agreed {
            Some(agreed) if what & 2 != 0 => Some(self.compress(agreed, data)),
            _ => None,
        };
        let sent = compressed.as_deref().unwrap_or(data);
        let frames = usize::from(what >> 3).min(LIMITS.fragments as usize - 1) + 1;
        let size = sent.len().div_ceil(frames);
        for index in 0..frames {
            let from = (index * size).min(sent.len());
            let to = (from + size).min(sent.len());
            let mut first = match index {
                0 => 1 + u8::from(binary),
                _ => 0,
            };
            if index == 0 && compressed.is_some() {
                first |= 0x40;
            }
            if index + 1 == frames {
                first |= 0x80;
            }
            self.frame(first, &sent[from..to]);
        }
        self.says(if binary { "binary" } else { "text" }, data);
    }

    fn compress(&mut self, agreed: Agreed, data: &[u8]) -> Vec<u8> {
        let bits = agreed.client_window_bits;
        let deflater = self.deflater.get_or_insert_with(|| Deflater::new(bits, 1));
        let mut compressed = Vec::new();
        match agreed.client_no_context_takeover {
            true => deflater.compress(data, &mut compressed, false),
            false => deflater.compress_after(&mut self.window, data, &mut compressed),
        }
        compressed
    }

    /// A masked frame (RFC 6455 5.2) with a key that goes by what was sent before.
    fn frame(&mut self, first: u8, payload: &[u8]) {
        let key = [
            self.wire.len() as u8,
            0x80,
            payload.len() as u8 ^ 0x55,
            first,
        ];
        client_frame(&mut self.wire, first, key, payload);
    }

    fn says(&mut self, kind: &str, payload: &[u8]) {
        let space = if payload.is_empty() { "" } else { " " };
        let payload = payload.escape_ascii();
        writeln!(self.sent, "{kind}{space}{payload}").expect("a string takes any text");
    }
}
