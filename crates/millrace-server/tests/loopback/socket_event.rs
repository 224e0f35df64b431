//! What JavaScript reads of WebSockets.

use millrace_batch::layout::{inbound_flag, inbound_kind};
use millrace_batch::{ExchangeId, SocketId};

use super::{Event, Js};

/// A record of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SocketEvent {
    /// The exchange, and the extensions.
    Opened(ExchangeId, String),
    /// The payload, and the flags in letters: binary, ascii, first, last, large.
    Message(SocketId, Vec<u8>, String),
    Ping(SocketId, Vec<u8>),
    Pong(SocketId, Vec<u8>),
    Drained(SocketId),
    Dropped(SocketId, u32, u32),
    Closed(SocketId, bool, u16, String),
    /// The token, the outcome and the bytes handed over.
    Sent(SocketId, u32, u32, u32),
}

impl SocketEvent {
    /// The event that a record's first words say, and how many it has. `bytes` gives what is elsewhere in the batch: by
    /// offset or index, by length, and whether it is large.
    pub(crate) fn read(
        words: &[u32],
        text: &[u8],
        mut bytes: impl FnMut(usize, usize, bool) -> Vec<u8>,
    ) -> (SocketEvent, usize) {
        let socket = SocketId {
            connection: words[1],
            generation: words[2],
        };
        let (first, [third, fourth, fifth]) = (words[0], [words[3], words[4], words[5]]);
        let at = |word: u32| word as usize;
        match first & 0xff {
            inbound_kind::OPENED => {
                let exchange = ExchangeId {
                    connection: words[1],
                    generation: words[2],
                    sequence: third,
                };
                let line = &text[at(fourth)..at(fourth) + at(fifth)];
                let line = String::from_utf8(line.to_vec()).expect("a line of text");
                (SocketEvent::Opened(exchange, line), 6)
            }
            inbound_kind::MESSAGE => {
                let letters = [
                    (inbound_flag::BINARY, 'b'),
                    (inbound_flag::ASCII, 'a'),
                    (inbound_flag::FIRST, 'f'),
                    (inbound_flag::LAST, 'l'),
                    (inbound_flag::MESSAGE_LARGE, 'L'),
                ];
                let set = letters.iter().filter(|(flag, _)| first & flag != 0);
                let flags = set.map(|&(_, letter)| letter).collect();
                let is_large = first & inbound_flag::MESSAGE_LARGE != 0;
                let payload = bytes(at(third), at(fourth), is_large);
                (SocketEvent::Message(socket, payload, flags), 5)
            }
            inbound_kind::SOCKET => {
                let event = match first >> inbound_flag::EVENT_SHIFT {
                    1 => SocketEvent::Ping(socket, bytes(at(third), at(fourth), false)),
                    2 => SocketEvent::Pong(socket, bytes(at(third), at(fourth), false)),
                    3 => SocketEvent::Drained(socket),
                    4 => SocketEvent::Dropped(socket, third, fourth),
                    event => panic!("event {event}"),
                };
                (event, 5)
            }
            inbound_kind::CLOSED => {
                let reason = bytes(at(fourth), at(fifth), false);
                let reason = String::from_utf8(reason).expect("a reason in UTF-8");
                let is_clean = first & inbound_flag::CLEAN != 0;
                (
                    SocketEvent::Closed(socket, is_clean, third as u16, reason),
                    6,
                )
            }
            inbound_kind::SENT => (SocketEvent::Sent(socket, third, fourth, fifth), 6),
            kind => panic!("record of kind {kind}"),
        }
    }
}

impl Js {
    /// The next record, which is of a WebSocket.
    pub(crate) fn socket_event(&mut self) -> SocketEvent {
        match self.next() {
            Event::Socket(event) => event,
            other => panic!("a record of a socket should have come, not {other:?}"),
        }
    }

    /// The next record, which is a whole message.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        match self.socket_event() {
            SocketEvent::Message(_, payload, _) => payload,
            other => panic!("a message should have come, not {other:?}"),
        }
    }

    /// The end of a socket: whether it is clean, the code and the reason. What is said of it before is left out.
    pub(crate) fn closed(&mut self, socket: SocketId) -> (bool, u16, String) {
        loop {
            if let SocketEvent::Closed(id, is_clean, code, reason) = self.socket_event() {
                assert_eq!(id, socket);
                return (is_clean, code, reason);
            }
        }
    }
}
