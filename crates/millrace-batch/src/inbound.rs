//! The batch that an I/O thread writes and JavaScript receives.

mod sockets;

use std::net::IpAddr;

use bytes::Bytes;

pub use self::sockets::Message;
use crate::layout::{
    AbortReason, INBOUND_HEADER_WORDS, INBOUND_WORDS, INLINE_BODY_BYTES, LARGE_BODY_BYTES,
    PARAMETER_COUNT_SHIFT, SEGMENT_BYTES, ServerEvent, WriteOutcome, inbound_flag, inbound_kind,
    method_code,
};
use crate::{ExchangeId, SocketId};

/// Records for one JavaScript thread: numbers, the text they point into, small bodies, and large bodies by reference.
///
/// Reused after [`clear`](Inbound::clear), so that a warm I/O thread allocates nothing for it.
#[derive(Debug, Default)]
pub struct Inbound {
    words: Vec<u32>,
    text: Vec<u8>,
    bytes: Vec<u8>,
    chunks: Vec<Bytes>,
    chunk_bytes: usize,
    /// Where the last small body piece's record begins.
    last_body: Option<usize>,
    /// Words that hold an offset into `bytes`, to be moved behind the records on delivery.
    byte_offsets: Vec<u32>,
    requests: usize,
    /// Sockets that wait for the batch to be dispatched.
    barriers: Vec<SocketId>,
}

/// A client's address as a REQUEST record carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteAddress {
    /// An internet address and port.
    Ip(IpAddr, u16),
    /// A Unix domain socket, which has no address.
    Unix,
}

/// What a REQUEST record is made from.
#[derive(Debug)]
pub struct Request<'a, F> {
    /// The server that accepted the connection.
    pub server: u32,
    /// The exchange the request opens.
    pub exchange: ExchangeId,
    /// The method as received.
    pub method: &'a [u8],
    /// The request target as received.
    pub target: &'a [u8],
    /// Where the path begins in the target.
    pub path_start: usize,
    /// Where the path ends in the target; a query follows when this is before the target's end.
    pub path_end: usize,
    /// What it was routed to.
    pub route: Routed<'a>,
    /// Flags of [`inbound_flag`] without the method code, address and body-inline bits.
    pub flags: u32,
    /// Names and values as received.
    pub fields: F,
    /// The whole body, when it is here already and no larger than [`INLINE_BODY_BYTES`].
    pub inline_body: Option<&'a [u8]>,
    /// Where the client is.
    pub remote: RemoteAddress,
}

/// The route of a request; the default is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Routed<'a> {
    /// The route's number and 1; 0 for none.
    pub number: u32,
    /// Where its parameters are in the path, begin and end; at most 255.
    pub parameters: &'a [(u32, u32)],
    /// The path's normal form, when that is another than what was received; the parameters are in it then.
    pub normal_path: Option<&'a [u8]>,
    /// Whether a parameter may have something percent-encoded.
    pub encoded: bool,
}

impl Inbound {
    /// Whether there is nothing to deliver.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.barriers.is_empty()
    }

    /// Whether the next record belongs into another batch: this one need not fit the inbox with it.
    pub fn is_full(&self) -> bool {
        self.words.len() * 4 >= SEGMENT_BYTES / 2
            || self.text.len() >= SEGMENT_BYTES
            || self.bytes.len() >= SEGMENT_BYTES
            || self.chunk_bytes >= LARGE_BODY_BYTES
    }

    /// How many of the records are requests or messages.
    pub fn request_count(&self) -> usize {
        self.requests
    }

    /// Bytes held: text, bodies and records.
    pub fn byte_len(&self) -> usize {
        self.words.len() * 4 + self.text.len() + self.bytes.len() + self.chunk_bytes
    }

    /// Adds a request.
    pub fn push_request<'a, F>(&mut self, request: Request<'a, F>)
    where
        F: Iterator<Item = (&'a [u8], &'a [u8])>,
    {
        let text_start = self.text.len() as u32;
        let code = method_code(request.method);
        let mut method_length = 0;
        if code == 0 {
            method_length = request.method.len() as u32;
            self.text.extend_from_slice(request.method);
        }
        self.text.extend_from_slice(request.target);
        let headers_start = self.text.len();
        let mut header_count = 0;
        for (name, value) in request.fields {
            push_field(&mut self.text, name, value);
            header_count += 1;
        }
        let headers_length = (self.text.len() - headers_start) as u32;

        let mut flags = request.flags | code << inbound_flag::METHOD_SHIFT;
        let (mut port, mut ipv4) = (0, 0);
        match request.remote {
            RemoteAddress::Ip(IpAddr::V4(address), from) => {
                (port, ipv4) = (from, u32::from(address))
            }
            RemoteAddress::Ip(IpAddr::V6(address), from) => {
                port = from;
                flags |= inbound_flag::IPV6;
                self.text.extend_from_slice(&address.octets());
            }
            RemoteAddress::Unix => flags |= inbound_flag::UNIX,
        }

        let route = request.route;
        debug_assert!(route.parameters.len() <= 255);
        if route.encoded {
            flags |= inbound_flag::ENCODED;
        }
        let parameters_start = match route.normal_path {
            Some(path) => {
                let start = self.text.len() as u32 - text_start;
                self.text.extend_from_slice(path);
                start
            }
            None => method_length + request.path_start as u32,
        };

        let (mut body_start, mut body_length) = (0, 0);
        if let Some(body) = request.inline_body {
            debug_assert!(body.len() <= INLINE_BODY_BYTES);
            flags |= inbound_flag::BODY_INLINE;
            body_start = self.bytes.len() as u32;
            body_length = body.len() as u32;
            self.bytes.extend_from_slice(body);
            self.byte_offsets.push(self.words.len() as u32 + 12);
        }

        self.requests += 1;
        self.words.extend_from_slice(&[
            inbound_kind::REQUEST | flags,
            request.server,
            request.exchange.connection,
            request.exchange.generation,
            request.exchange.sequence,
            text_start,
            method_length,
            request.target.len() as u32,
            request.path_start as u32,
            request.path_end as u32,
            headers_length,
            header_count,
            body_start,
            body_length,
            u32::from(port),
            ipv4,
            route.number | (route.parameters.len() as u32) << PARAMETER_COUNT_SHIFT,
            self.text.len() as u32 - text_start,
        ]);
        for &(start, end) in route.parameters {
            self.words
                .extend_from_slice(&[parameters_start + start, parameters_start + end]);
        }
    }

    /// Adds a piece of a body, copied when small and held when large. `last` says that the body ends with it.
    pub fn push_body(&mut self, exchange: ExchangeId, piece: &[u8], last: bool) {
        let end = if last { inbound_flag::END } else { 0 };
        if piece.len() > INLINE_BODY_BYTES {
            return self.push_large_body(exchange, Bytes::copy_from_slice(piece), last);
        }
        if self.joins_last_record(exchange, piece.len()) {
            let record = self.words.len() - INBOUND_WORDS[inbound_kind::BODY as usize];
            self.words[record] |= end;
            self.words[record + 5] += piece.len() as u32;
        } else {
            self.byte_offsets.push(self.words.len() as u32 + 4);
            self.last_body = Some(self.words.len());
            self.push_exchange(inbound_kind::BODY | end, exchange, self.bytes.len() as u32);
            self.words.push(piece.len() as u32);
        }
        self.bytes.extend_from_slice(piece);
    }

    /// Whether a small piece can be added to the last record, which then is of the same body and ends where the piece
    /// begins. A client that sends a body in tiny chunks would otherwise cost a record for each.
    fn joins_last_record(&self, exchange: ExchangeId, length: usize) -> bool {
        let Some(record) = self.last_body else {
            return false;
        };
        let ExchangeId {
            connection,
            generation,
            sequence,
        } = exchange;
        record + INBOUND_WORDS[inbound_kind::BODY as usize] == self.words.len()
            && self.words[record + 1..record + 4] == [connection, generation, sequence]
            && self.words[record + 5] as usize + length <= INLINE_BODY_BYTES
    }

    /// Adds a piece of a body that is held, whatever its size.
    pub fn push_large_body(&mut self, exchange: ExchangeId, piece: Bytes, last: bool) {
        let end = if last { inbound_flag::END } else { 0 };
        let first = inbound_kind::BODY | inbound_flag::LARGE | end;
        self.push_exchange(first, exchange, self.chunks.len() as u32);
        self.words.push(piece.len() as u32);
        self.chunk_bytes += piece.len();
        self.chunks.push(piece);
    }

    /// Adds the end of a body and its trailers.
    pub fn push_body_end<'a>(
        &mut self,
        exchange: ExchangeId,
        trailers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        let text_start = self.text.len();
        for (name, value) in trailers {
            push_field(&mut self.text, name, value);
        }
        self.push_exchange(inbound_kind::BODY_END, exchange, text_start as u32);
        self.words.push((self.text.len() - text_start) as u32);
    }

    /// Adds that the exchange has failed or its client has gone.
    pub fn push_abort(&mut self, exchange: ExchangeId, reason: AbortReason) {
        self.push_exchange(inbound_kind::ABORT, exchange, reason as u32);
    }

    /// Adds that the connection takes more output; `unwritten` bytes still wait.
    pub fn push_drain(&mut self, exchange: ExchangeId, unwritten: usize) {
        self.push_exchange(
            inbound_kind::DRAIN,
            exchange,
            u32::try_from(unwritten).unwrap_or(u32::MAX),
        );
    }

    /// Adds what became of the write with this token.
    pub fn push_written(&mut self, exchange: ExchangeId, token: u32, outcome: WriteOutcome) {
        self.push_exchange(inbound_kind::WRITTEN, exchange, token);
        self.words.push(outcome.to_word());
    }

    /// Adds an event of a server; `text` is latin-1.
    pub fn push_server(&mut self, server: u32, event: ServerEvent, text: &[u8]) {
        let text_start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.words.extend_from_slice(&[
            inbound_kind::SERVER,
            server,
            event as u32,
            text_start,
            text.len() as u32,
        ]);
    }

    /// Writes the batch into the memory that JavaScript reads and returns how many bytes of it were used.
    ///
    /// # Panics
    ///
    /// When `inbox` is smaller than [`INBOX_BYTES`](crate::layout::INBOX_BYTES) and the batch does not fit.
    pub fn deliver(&self, inbox: &mut [u8], more: bool) -> usize {
        let records_end = INBOUND_HEADER_WORDS + self.words.len();
        let bytes_start = records_end * 4;
        let bytes_end = bytes_start + self.bytes.len();
        put_word(inbox, 0, records_end as u32);
        put_word(inbox, 1, u32::from(more));
        for (slot, word) in inbox[INBOUND_HEADER_WORDS * 4..bytes_start]
            .chunks_exact_mut(4)
            .zip(&self.words)
        {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        for &offset in &self.byte_offsets {
            let offset = offset as usize;
            put_word(
                inbox,
                INBOUND_HEADER_WORDS + offset,
                self.words[offset] + bytes_start as u32,
            );
        }
        inbox[bytes_start..bytes_end].copy_from_slice(&self.bytes);
        bytes_end
    }

    /// The text that the records point into, latin-1.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes the large body pieces out, in the order of their indexes.
    pub fn take_chunks(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.chunks)
    }

    /// Forgets everything and keeps the memory, unless a burst has made it large.
    pub fn clear(&mut self) {
        self.words.clear();
        self.text.clear();
        self.bytes.clear();
        self.chunks.clear();
        self.chunk_bytes = 0;
        self.last_body = None;
        self.barriers.clear();
        self.byte_offsets.clear();
        self.requests = 0;
        self.text.shrink_to(2 * SEGMENT_BYTES);
    }

    fn push_exchange(&mut self, first: u32, exchange: ExchangeId, last: u32) {
        self.words.extend_from_slice(&[
            first,
            exchange.connection,
            exchange.generation,
            exchange.sequence,
            last,
        ]);
    }
}

fn put_word(memory: &mut [u8], index: usize, word: u32) {
    memory[index * 4..index * 4 + 4].copy_from_slice(&word.to_le_bytes());
}

/// `\n` name in lower case `:` case value.
///
/// The case is one letter, so that the usual spellings cost nothing more and looking a name up is one `indexOf`.
fn push_field(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    text.reserve(name.len() * 2 + value.len() + 4);
    text.push(b'\n');
    let start = text.len();
    text.extend_from_slice(name);
    text[start..].make_ascii_lowercase();
    text.push(b':');
    if &text[start..start + name.len()] == name {
        text.push(b'a');
    } else if is_capitalised(name) {
        text.push(b'A');
    } else {
        text.push(b'=');
        text.extend_from_slice(name);
        text.push(b':');
    }
    text.extend_from_slice(value);
}

/// Whether every part between hyphens begins with a capital (or no letter) and goes on without one.
fn is_capitalised(name: &[u8]) -> bool {
    let mut at_start = true;
    name.iter().all(|&byte| {
        let fits = if at_start {
            !byte.is_ascii_lowercase()
        } else {
            !byte.is_ascii_uppercase()
        };
        at_start = byte == b'-';
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_names_in_three_ways() {
        let spelled = |name: &str| {
            let mut text = Vec::new();
            push_field(&mut text, name.as_bytes(), b"v");
            String::from_utf8(text).unwrap()
        };
        assert_eq!(spelled("accept"), "\naccept:av");
        assert_eq!(spelled("Accept-Encoding"), "\naccept-encoding:Av");
        assert_eq!(spelled("X-1st-Thing"), "\nx-1st-thing:Av");
        assert_eq!(spelled("ETag"), "\netag:=ETag:v");
    }

    #[test]
    fn an_inline_body_is_found_at_its_offset() {
        let exchange = ExchangeId {
            connection: 1,
            generation: 2,
            sequence: 3,
        };
        let mut batch = Inbound::default();
        batch.push_body(
            ExchangeId {
                sequence: 4,
                ..exchange
            },
            b"first",
            false,
        );
        batch.push_body(exchange, b"second", true);
        let mut inbox = vec![0; crate::layout::INBOX_BYTES];
        let used = batch.deliver(&mut inbox, false);
        let word = |index: usize| {
            u32::from_le_bytes(inbox[index * 4..index * 4 + 4].try_into().unwrap()) as usize
        };
        let (start, length) = (word(2 + 6 + 4), word(2 + 6 + 5));
        assert_eq!(&inbox[start..start + length], b"second");
        assert_eq!(used, start + length);
        assert_eq!(word(0), 2 + 12);
    }

    #[test]
    fn a_batch_that_is_left_when_full_fits_the_inbox_whatever_it_holds() {
        let exchange = ExchangeId {
            connection: 1,
            generation: 2,
            sequence: 3,
        };
        let body = vec![b'x'; INLINE_BODY_BYTES];
        let pushes: [&dyn Fn(&mut Inbound); 4] = [
            &|batch| batch.push_written(exchange, 1, WriteOutcome::Written),
            &|batch| batch.push_abort(exchange, AbortReason::Reset),
            &|batch| batch.push_body(exchange, &body, false),
            &|batch| batch.push_body(exchange, b"x", false),
        ];
        for (first, second) in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
            let mut batch = Inbound::default();
            while !batch.is_full() {
                pushes[first](&mut batch);
                if !batch.is_full() {
                    pushes[second](&mut batch);
                }
            }
            let mut inbox = vec![0; crate::layout::INBOX_BYTES];
            assert!(batch.deliver(&mut inbox, false) <= inbox.len());
        }
    }

    #[test]
    fn tiny_pieces_of_one_body_share_a_record() {
        let exchange = |sequence| ExchangeId {
            connection: 1,
            generation: 2,
            sequence,
        };
        let mut batch = Inbound::default();
        batch.push_body(exchange(1), b"one ", false);
        batch.push_body(exchange(1), b"two", false);
        batch.push_body(exchange(2), b"other", false);
        batch.push_body(exchange(1), b"three", true);
        let mut inbox = vec![0; crate::layout::INBOX_BYTES];
        batch.deliver(&mut inbox, false);
        let word = |index: usize| {
            u32::from_le_bytes(inbox[index * 4..index * 4 + 4].try_into().unwrap()) as usize
        };
        let body = |record: usize| &inbox[word(record + 4)..word(record + 4) + word(record + 5)];
        assert_eq!(word(0), 2 + 3 * 6);
        assert_eq!(body(2), b"one two");
        assert_eq!(body(8), b"other");
        assert_eq!(body(14), b"three");
        assert_ne!(word(14) as u32 & inbound_flag::END, 0);
    }

    #[test]
    fn large_pieces_fill_a_batch_too() {
        let exchange = ExchangeId {
            connection: 1,
            generation: 2,
            sequence: 3,
        };
        let mut batch = Inbound::default();
        let piece = vec![b'x'; 64 * 1024];
        let count = (0..).take_while(|_| {
            let room = !batch.is_full();
            if room {
                batch.push_body(exchange, &piece, false);
            }
            room
        });
        assert_eq!(count.count(), LARGE_BODY_BYTES / piece.len());
    }
}
