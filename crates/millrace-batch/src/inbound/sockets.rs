//! Records of WebSockets.

use bytes::Bytes;

use super::Inbound;
use crate::layout::{
    INBOUND_WORDS, INLINE_BODY_BYTES, SocketEvent, WriteOutcome, inbound_flag, inbound_kind,
};
use crate::{ExchangeId, SocketId};

/// A message of a WebSocket, or a part of one that is handed on as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Binary, or else UTF-8 text.
    pub binary: bool,
    /// The text has only ASCII characters, so that JavaScript need not decode it.
    pub ascii: bool,
    /// The message begins with it.
    pub first: bool,
    /// The message ends with it.
    pub last: bool,
}

impl Inbound {
    /// Adds that an exchange has become a WebSocket; `extensions` is the line it was told.
    pub fn push_opened(&mut self, exchange: ExchangeId, extensions: &[u8]) {
        let text_start = self.text.len() as u32;
        self.text.extend_from_slice(extensions);
        self.push_exchange(inbound_kind::OPENED, exchange, text_start);
        self.words.push(extensions.len() as u32);
    }

    /// Adds a message, copied when small and held when large.
    pub fn push_message(&mut self, socket: SocketId, message: Message, payload: &[u8]) {
        if payload.len() > INLINE_BODY_BYTES {
            return self.push_large_message(socket, message, Bytes::copy_from_slice(payload));
        }
        let offset = self.put_aligned(payload);
        self.byte_offsets.push(self.words.len() as u32 + 3);
        self.push_socket_words(flags(message), socket, offset, payload.len() as u32);
        self.requests += 1;
    }

    /// Adds a message that is held, whatever its size.
    pub fn push_large_message(&mut self, socket: SocketId, message: Message, payload: Bytes) {
        let first = flags(message) | inbound_flag::MESSAGE_LARGE;
        let index = self.chunks.len() as u32;
        self.push_socket_words(first, socket, index, payload.len() as u32);
        self.requests += 1;
        self.chunk_bytes += payload.len();
        self.chunks.push(payload);
    }

    /// Adds that a Ping or Pong frame came.
    pub fn push_heartbeat(&mut self, socket: SocketId, event: SocketEvent, payload: &[u8]) {
        debug_assert!(matches!(event, SocketEvent::Ping | SocketEvent::Pong));
        let offset = self.put_aligned(payload);
        self.byte_offsets.push(self.words.len() as u32 + 3);
        let first = inbound_kind::SOCKET | (event as u32) << inbound_flag::EVENT_SHIFT;
        self.push_socket_words(first, socket, offset, payload.len() as u32);
    }

    /// Adds that what waits for the client has fallen below the low mark; `waiting` bytes still do.
    pub fn push_drained(&mut self, socket: SocketId, waiting: usize) {
        let first =
            inbound_kind::SOCKET | (SocketEvent::Drained as u32) << inbound_flag::EVENT_SHIFT;
        self.push_socket_words(first, socket, saturated(waiting), 0);
    }

    /// Adds that so many messages with so many bytes were dropped because the client is slow.
    pub fn push_dropped(&mut self, socket: SocketId, messages: u32, bytes: usize) {
        let first =
            inbound_kind::SOCKET | (SocketEvent::Dropped as u32) << inbound_flag::EVENT_SHIFT;
        self.push_socket_words(first, socket, messages, saturated(bytes));
    }

    /// Adds the end of a WebSocket. `clean` says that both sides have sent a Close frame; `reason` is UTF-8.
    pub fn push_closed(&mut self, socket: SocketId, clean: bool, code: u16, reason: &[u8]) {
        let offset = self.put_aligned(reason);
        self.byte_offsets.push(self.words.len() as u32 + 4);
        let clean = if clean { inbound_flag::CLEAN } else { 0 };
        self.push_socket_words(
            inbound_kind::CLOSED | clean,
            socket,
            u32::from(code),
            offset,
        );
        self.words.push(reason.len() as u32);
    }

    /// Adds what became of the message with this token, and how many bytes of its payload were handed over.
    pub fn push_sent(
        &mut self,
        socket: SocketId,
        token: u32,
        outcome: WriteOutcome,
        transferred: usize,
    ) {
        self.push_socket_words(inbound_kind::SENT, socket, token, outcome.to_word());
        self.words.push(saturated(transferred));
    }

    /// Has a socket wait until everything before has been dispatched; it is no record.
    pub fn push_barrier(&mut self, socket: SocketId) {
        self.barriers.push(socket);
    }

    /// Takes the sockets out that wait until the batch has been dispatched.
    pub fn take_barriers(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.barriers)
    }

    /// Puts bytes where the reader can copy them word by word.
    fn put_aligned(&mut self, payload: &[u8]) -> u32 {
        let start = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(start, 0);
        self.bytes.extend_from_slice(payload);
        start as u32
    }

    fn push_socket_words(&mut self, first: u32, socket: SocketId, third: u32, fourth: u32) {
        debug_assert!(INBOUND_WORDS[(first & 0xff) as usize] >= 5);
        self.words
            .extend_from_slice(&[first, socket.connection, socket.generation, third, fourth]);
    }
}

fn flags(message: Message) -> u32 {
    let mut first = inbound_kind::MESSAGE;
    for (is_set, flag) in [
        (message.binary, inbound_flag::BINARY),
        (message.ascii, inbound_flag::ASCII),
        (message.first, inbound_flag::FIRST),
        (message.last, inbound_flag::LAST),
    ] {
        if is_set {
            first |= flag;
        }
    }
    first
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
