//! Every number of the format. Words are little-endian `u32`.

/// Bytes of the memory JavaScript lends for inbound batches, at least: [`SEGMENT_BYTES`] of records and small bodies
/// and one record with the largest inline body on top.
pub const INBOX_BYTES: usize = 192 * 1024;

/// An inbound batch takes no further record once its records, its text or its small bodies pass this size, in bytes.
///
/// It bounds what one request object can keep alive (the batch's string) and keeps a batch in the level-2 cache.
pub const SEGMENT_BYTES: usize = 64 * 1024;

/// Body pieces up to this size, in bytes, are copied into the batch; larger ones are handed over one by one.
pub const INLINE_BODY_BYTES: usize = 16 * 1024;

/// An inbound batch takes no further record once it holds this many bytes of large body pieces, so that the bound on what
/// waits for JavaScript is looked at in time.
pub const LARGE_BODY_BYTES: usize = 1024 * 1024;

/// Words before the first inbound record: the end of the records, and whether more batches wait.
pub const INBOUND_HEADER_WORDS: usize = 2;

/// Bits that the I/O thread's number is shifted by in a connection number.
pub const THREAD_SHIFT: u32 = 24;

/// Kinds of inbound records, in the lowest 8 bits of a record's first word.
pub mod inbound_kind {
    /// A request, 18 words and 2 for each of its route's parameters.
    pub const REQUEST: u32 = 1;
    /// A piece of a request's body, 6 words.
    pub const BODY: u32 = 2;
    /// The end of a request's body with its trailers, 6 words.
    pub const BODY_END: u32 = 3;
    /// The exchange has failed or its client has gone, 5 words.
    pub const ABORT: u32 = 4;
    /// The connection's output has fallen below the low mark, 5 words.
    pub const DRAIN: u32 = 5;
    /// A write asked to be notified about is done, 6 words.
    pub const WRITTEN: u32 = 6;
    /// Something happened to a server, 5 words.
    pub const SERVER: u32 = 7;
    /// An exchange has become a WebSocket, 6 words.
    pub const OPENED: u32 = 8;
    /// A message of a WebSocket, or a part of one, 5 words.
    pub const MESSAGE: u32 = 9;
    /// Something else happened to a WebSocket, 5 words.
    pub const SOCKET: u32 = 10;
    /// A WebSocket is over, 6 words. Behind it come only SENT records of what was sent too late.
    pub const CLOSED: u32 = 11;
    /// A message asked to be notified about is done, 6 words.
    pub const SENT: u32 = 12;
}

/// Flags of inbound records, in place in a record's first word.
pub mod inbound_flag {
    /// REQUEST: where the method's code is.
    pub const METHOD_SHIFT: u32 = 8;
    /// REQUEST: the request is HTTP/1.0.
    pub const HTTP10: u32 = 1 << 16;
    /// REQUEST: there is a body.
    pub const HAS_BODY: u32 = 1 << 17;
    /// REQUEST: the whole body is in this record and no record of it follows.
    pub const BODY_INLINE: u32 = 1 << 18;
    /// REQUEST: the client waits for 100 (Continue).
    pub const EXPECT_CONTINUE: u32 = 1 << 19;
    /// REQUEST: the client offers another protocol.
    pub const UPGRADE: u32 = 1 << 20;
    /// REQUEST: the client's address is IPv6 and its 16 bytes end the text.
    pub const IPV6: u32 = 1 << 21;
    /// REQUEST: the client came through a Unix domain socket and has no address.
    pub const UNIX: u32 = 1 << 22;
    /// REQUEST: where the code of the content coding is that the answer may have.
    pub const CODING_SHIFT: u32 = 24;
    /// REQUEST: a parameter of the route may have something percent-encoded.
    pub const ENCODED: u32 = 1 << 26;
    /// REQUEST: it came over TLS.
    pub const SECURE: u32 = 1 << 27;
    /// REQUEST: it came as early data of TLS, which an attacker can send once more (RFC 8470).
    pub const EARLY: u32 = 1 << 28;
    /// BODY: the piece is outside the batch, under the index in place of the offset.
    pub const LARGE: u32 = 1 << 8;
    /// BODY: it is the last piece and there are no trailers.
    pub const END: u32 = 1 << 9;
    /// MESSAGE: the payload is outside the batch, under the index in place of the offset.
    pub const MESSAGE_LARGE: u32 = 1 << 8;
    /// MESSAGE: it is binary; else it is UTF-8 text.
    pub const BINARY: u32 = 1 << 9;
    /// MESSAGE: the text has only ASCII characters.
    pub const ASCII: u32 = 1 << 10;
    /// MESSAGE: the message begins with it.
    pub const FIRST: u32 = 1 << 11;
    /// MESSAGE: the message ends with it.
    pub const LAST: u32 = 1 << 12;
    /// SOCKET: where the event is.
    pub const EVENT_SHIFT: u32 = 8;
    /// CLOSED: both sides have sent a Close frame.
    pub const CLEAN: u32 = 1 << 8;
}

/// Words of each inbound record, by kind; a request has two more for each of its route's parameters.
pub const INBOUND_WORDS: [usize; 13] = [0, 18, 6, 6, 5, 5, 6, 5, 6, 5, 5, 6, 6];

/// REQUEST: where the count of parameters is in the word that holds the route's number.
pub const PARAMETER_COUNT_SHIFT: u32 = 24;

/// Codes of content codings, in REQUEST, RESPOND and HEAD records; 0 is none.
pub mod coding {
    /// `gzip` (RFC 1952).
    pub const GZIP: u32 = 1;
    /// `br` (RFC 7932).
    pub const BROTLI: u32 = 2;
    /// `zstd` (RFC 8878).
    pub const ZSTD: u32 = 3;
}

/// Kinds of outbound records.
pub mod outbound_kind {
    /// A whole answer, 9 words and its payload.
    pub const RESPOND: u32 = 1;
    /// The head of an answer whose body follows, 9 words and its payload.
    pub const HEAD: u32 = 2;
    /// An informational response, 7 words and its payload.
    pub const INFORMATIONAL: u32 = 3;
    /// A piece of an answer's body, 7 words and its payload.
    pub const CHUNK: u32 = 4;
    /// The end of an answer, 7 words and its trailers.
    pub const END: u32 = 5;
    /// Room for more of a request's body, 6 words.
    pub const CREDIT: u32 = 6;
    /// The exchange and its connection are given up, 6 words. The last is 1 when the connection is, even though the
    /// exchange is over.
    pub const RESET: u32 = 7;
    /// A file as the whole answer, 13 words and its payload.
    pub const FILE: u32 = 8;
    /// The exchange becomes a WebSocket, 9 words and its payload.
    pub const ACCEPT: u32 = 9;
    /// A message for a WebSocket, or a part of one, 7 words and its payload.
    pub const SEND: u32 = 10;
    /// Something else for a WebSocket, 7 words and its payload.
    pub const CONTROL: u32 = 11;
    /// What is published under a topic is wanted, or no more, 6 words and the topic.
    pub const TOPIC: u32 = 12;
    /// A message for all WebSockets that want its topic, 8 words and its payload. It is for every I/O thread: see
    /// [`EVERY_THREAD`](super::EVERY_THREAD).
    pub const PUBLISH: u32 = 13;
}

/// The number in place of an I/O thread's in the records that all of them are to carry out.
pub const EVERY_THREAD: u32 = 0xff;

/// Flags of outbound records, already shifted to their place above the kind.
pub mod outbound_flag {
    /// The answer says `Connection: close`.
    pub const CLOSE: u32 = 1 << 8;
    /// The fields hold a `Date`.
    pub const HAS_DATE: u32 = 2 << 8;
    /// The payload is outside the batch, under the index in place of its length.
    pub const LARGE: u32 = 4 << 8;
    /// A WRITTEN record with the token is wanted.
    pub const NOTIFY: u32 = 8 << 8;
    /// HEAD: the length of the body is declared.
    pub const LENGTH: u32 = 16 << 8;
    /// A DRAIN record is wanted once the connection's output has fallen below the low mark.
    pub const WANT_DRAIN: u32 = 32 << 8;
    /// HEAD: from here on the connection is the exchange's, with raw bytes both ways.
    pub const TUNNEL: u32 = 64 << 8;
    /// CHUNK: what a compressor holds back is to go out.
    pub const FLUSH: u32 = 128 << 8;
    /// RESPOND, HEAD: where the code of the coding is that the body is to be compressed with.
    pub const CODING_SHIFT: u32 = 16;
    /// SEND, PUBLISH: it is binary; else it is UTF-8 text.
    pub const BINARY: u32 = 1 << 8;
    /// SEND, PUBLISH: it may be compressed.
    pub const COMPRESS: u32 = 16 << 8;
    /// SEND: it is a part of the streamed message, and not its last.
    pub const MORE: u32 = 64 << 8;
    /// SEND: it belongs to the streamed message.
    pub const PART: u32 = 128 << 8;
    /// PUBLISH: one socket is left out.
    pub const EXCEPT: u32 = 256 << 8;
}

/// What a CONTROL record asks for.
pub mod control {
    /// A Ping frame.
    pub const PING: u32 = 1;
    /// A Pong frame.
    pub const PONG: u32 = 2;
    /// A Close frame with the argument as its code, and no code when that is 0; nothing is sent after it.
    pub const CLOSE: u32 = 3;
    /// The connection is cut.
    pub const TERMINATE: u32 = 4;
    /// The socket is not read.
    pub const PAUSE: u32 = 5;
    /// The socket is read again.
    pub const RESUME: u32 = 6;
    /// What becomes of messages that a slow client does not take: the argument is a code of [`overflow`](super::overflow),
    /// and in place of the payload's length is what may wait, in bytes.
    pub const OVERFLOW: u32 = 7;
}

/// Codes of what becomes of messages that a slow client does not take.
pub mod overflow {
    /// The socket is closed.
    pub const CLOSE: u32 = 0;
    /// The message that does not fit is dropped.
    pub const DROP_NEWEST: u32 = 1;
    /// The oldest messages that wait are dropped.
    pub const DROP_OLDEST: u32 = 2;
    /// Of each topic only the latest message waits.
    pub const LATEST: u32 = 3;
}

/// What a SOCKET record reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SocketEvent {
    /// A Ping frame, which the core has answered.
    Ping = 1,
    /// A Pong frame.
    Pong = 2,
    /// What waited has fallen below the low mark.
    Drained = 3,
    /// Messages were dropped because the client is slow.
    Dropped = 4,
}

/// Options of a FILE record.
pub mod file_option {
    /// The file is open already, under the index in place of the path's length.
    pub const HANDLE: u32 = 1;
    /// A file that cannot be had leaves the exchange unanswered, and the WRITTEN record has the system's error.
    pub const LEAVE_OPEN: u32 = 2;
    /// No `ETag`.
    pub const NO_ETAG: u32 = 4;
    /// A weak `ETag`.
    pub const WEAK_ETAG: u32 = 8;
    /// No `Last-Modified`.
    pub const NO_LAST_MODIFIED: u32 = 16;
    /// No ranges.
    pub const NO_RANGES: u32 = 32;
    /// A compressed neighbour is sent in the file's stead to a client that accepts it.
    pub const PRECOMPRESSED: u32 = 64;
    /// Names that begin with a dot are served.
    pub const DOT_FILES: u32 = 128;
    /// The path is relative to a root that it must not leave.
    pub const HAS_ROOT: u32 = 256;
}

/// Why an exchange ended early: the reason in an ABORT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum AbortReason {
    /// The client closed its sending side; an answer may still reach it.
    ClientClosed = 1,
    /// The connection is gone.
    ConnectionLost = 2,
    /// The body broke the protocol.
    ProtocolError = 3,
    /// The body came too slowly.
    BodyTimeout = 4,
    /// The handler took too long; the core has answered 503.
    HandlerTimeout = 5,
    /// The client took too long to read the answer.
    WriteTimeout = 6,
    /// The server was closed and its patience ran out.
    ServerClosed = 7,
    /// The body passed its limit.
    BodyTooLarge = 8,
    /// The handler gave the exchange up.
    Reset = 9,
}

/// What a SERVER record reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ServerEvent {
    /// The last connection of a closing server has gone.
    Closed = 1,
    /// A connection failed before it had an exchange to report it to; the text says how.
    ConnectionError = 2,
    /// A connection was accepted by a server that accepts only what it is told to; the text has its number and
    /// generation.
    Accepted = 3,
    /// A TLS handshake waits for the credentials of the server name in the text.
    NameWanted = 4,
    /// An exchange has come to its end, on a server that wants to know; the text says how.
    Answered = 5,
}

/// What became of a write that asked to be notified about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Handed to the operating system.
    Written,
    /// The connection had failed before this piece's turn came.
    NotExecuted,
    /// The server stopped first.
    Destroyed,
    /// The client was too slow, and it was dropped.
    Dropped,
    /// The operating system refused it with this error number.
    System(i32),
}

impl WriteOutcome {
    /// The outcome's word in a WRITTEN record.
    pub fn to_word(self) -> u32 {
        match self {
            WriteOutcome::Written => 0,
            WriteOutcome::NotExecuted => 1,
            WriteOutcome::Destroyed => 2,
            WriteOutcome::Dropped => 3,
            WriteOutcome::System(errno) => 16 + errno.unsigned_abs(),
        }
    }
}

/// The code of a method, 0 for one that has none and travels as text.
pub fn method_code(method: &[u8]) -> u32 {
    match method {
        b"GET" => 1,
        b"HEAD" => 2,
        b"POST" => 3,
        b"PUT" => 4,
        b"DELETE" => 5,
        b"PATCH" => 6,
        b"OPTIONS" => 7,
        b"CONNECT" => 8,
        b"TRACE" => 9,
        b"QUERY" => 10,
        _ => 0,
    }
}
