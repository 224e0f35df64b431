//! What a JavaScript thread does, without JavaScript.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use millrace_batch::ExchangeId;
use millrace_batch::layout::{
    PARAMETER_COUNT_SHIFT, file_option, inbound_flag, inbound_kind, outbound_flag, outbound_kind,
};
use millrace_server::{
    Bind, Codings, Config, FixedAnswer, INBOX_BYTES, JsThread, Levels, Limits, Listening, NewRoute,
    Policy, RouteTable, RouteTarget, RouteTimeouts, SocketOptions, Timeouts,
};

#[path = "socket_event.rs"]
mod socket_event;

pub(crate) use self::socket_event::SocketEvent;

/// After so long what must come has not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A record that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Request {
        id: ExchangeId,
        server: u32,
        target: String,
        headers: String,
        body: Option<Vec<u8>>,
        flags: u32,
        /// The route's number and 1.
        route: u32,
        parameters: Vec<String>,
    },
    Body(ExchangeId, Vec<u8>),
    End(ExchangeId),
    Abort(ExchangeId, u32),
    Drain(ExchangeId),
    Written(u32, u32),
    Closed(u32),
    Accepted(u32, u32, u32),
    NameWanted(u32, String),
    Failed(u32, String),
    Socket(SocketEvent),
}

/// The thread, its queues and what it has not looked at yet.
pub(crate) struct Js {
    pub(crate) thread: JsThread,
    wakes: Receiver<()>,
    inbox: Vec<u8>,
    events: VecDeque<Event>,
    asleep: bool,
}

/// What the tests allow unless they are about it.
pub(crate) fn config() -> Config {
    Config {
        bind: Bind::Ip {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ipv6_only: false,
        },
        io_threads: 1,
        socket: SocketOptions {
            backlog: 128,
            reuse_address: true,
            no_delay: true,
            ..SocketOptions::default()
        },
        policy: Policy {
            limits: Limits::default(),
            pipelined: 64,
            requests: u32::MAX,
            body_window: 256 * 1024,
            drain_bytes: 64 * 1024,
            unsent_bytes: 256 * 1024,
        },
        connections: 1000,
        reserved_descriptors: None,
        pull_accept: false,
        not_found_in_core: false,
        codings: Codings::NONE,
        queued_bytes: 64 * 1024 * 1024,
        write_low: 1024,
        levels: Levels::default(),
        timeouts: Timeouts {
            linger: PATIENCE.as_millis() as u64,
            ..Timeouts::default()
        },
        allow_half_close: true,
        report_connection_errors: true,
        report_answers: false,
        tls: crate::over_tls::tls(),
    }
}

/// A route for one method.
pub(crate) fn route(method: &str, pattern: &str, target: RouteTarget) -> NewRoute {
    NewRoute {
        methods: vec![method.into()],
        pattern: pattern.into(),
        target,
        body_bytes: None,
        timeouts: RouteTimeouts::default(),
    }
}

/// A fixed answer with status 200.
pub(crate) fn fixed(body: &str) -> FixedAnswer {
    FixedAnswer {
        status: 200,
        body: body.to_owned().into(),
        ..FixedAnswer::default()
    }
}

impl Js {
    pub(crate) fn new() -> Self {
        let (wake, wakes) = mpsc::channel();
        Js {
            thread: JsThread::new(Box::new(move || {
                // Nobody listens any more once the test is over.
                let _ = wake.send(());
            })),
            wakes,
            inbox: vec![0; INBOX_BYTES],
            events: VecDeque::new(),
            asleep: true,
        }
    }

    /// A thread with one server.
    pub(crate) fn serving(config: Config) -> (Js, Listening, SocketAddr) {
        let mut js = Js::new();
        let listening = js.thread.listen(config, None).expect("a free port");
        let address = listening.address.expect("an internet address");
        (js, listening, address)
    }

    /// A thread with one server that has these routes, which they are given by number.
    pub(crate) fn routing(config: Config, routes: Vec<NewRoute>) -> (Js, Listening, SocketAddr) {
        let mut js = Js::new();
        let table = RouteTable::new(false);
        for route in routes {
            table.add(route).expect("a valid route");
        }
        let listening = js.thread.listen(config, Some(table)).expect("a free port");
        let address = listening.address.expect("an internet address");
        (js, listening, address)
    }

    /// The next record, waited for.
    pub(crate) fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if self.asleep {
                self.wakes
                    .recv_timeout(PATIENCE)
                    .expect("a record should have come");
                self.asleep = false;
            }
            self.receive();
        }
    }

    /// The next record, which is a request.
    pub(crate) fn request(&mut self) -> ExchangeId {
        match self.next() {
            Event::Request { id, .. } => id,
            other => panic!("a request should have come, not {other:?}"),
        }
    }

    /// All of a body that comes in records of its own; each piece is consumed.
    pub(crate) fn body(&mut self, id: ExchangeId) -> Vec<u8> {
        self.send(credit(id, 0));
        self.rest(id)
    }

    /// What is left of a body that is wanted, or of a tunnel.
    pub(crate) fn rest(&mut self, id: ExchangeId) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.next() {
                Event::Body(from, piece) if from == id => {
                    self.send(credit(id, piece.len() as u32));
                    all.extend(piece);
                }
                Event::End(from) if from == id => return all,
                other => panic!("the body of {id:?} should have gone on, not {other:?}"),
            }
        }
    }

    /// Hands a record to the core.
    pub(crate) fn send(&mut self, record: Vec<u8>) {
        self.thread.submit(&record);
    }

    fn receive(&mut self) {
        let Some(text) = self.thread.receive(&mut self.inbox) else {
            self.asleep = true;
            return;
        };
        let text = text.to_vec();
        let end = self.word(0);
        let mut at = 2;
        while at < end {
            at = self.read(at, &text);
        }
        assert_eq!(at, end, "records end where the batch says");
    }

    /// Reads the record at a word and returns where the next one is.
    fn read(&mut self, at: usize, text: &[u8]) -> usize {
        let word = |index: usize| self.word(at + index);
        let first = word(0) as u32;
        let id = |start: usize| ExchangeId {
            connection: word(start) as u32,
            generation: word(start + 1) as u32,
            sequence: word(start + 2) as u32,
        };
        let latin1 = |start: usize, length: usize| -> String {
            text[start..start + length]
                .iter()
                .map(|&byte| byte as char)
                .collect()
        };
        let (event, words) = match first & 0xff {
            inbound_kind::REQUEST => {
                let target = word(5) + word(6);
                let body = first & inbound_flag::BODY_INLINE != 0;
                let event = Event::Request {
                    id: id(2),
                    server: word(1) as u32,
                    target: latin1(target, word(7)),
                    headers: latin1(target + word(7), word(10)),
                    body: body.then(|| self.inbox[word(12)..word(12) + word(13)].to_vec()),
                    flags: first,
                    route: word(16) as u32 & 0xff_ffff,
                    parameters: (0..word(16) >> PARAMETER_COUNT_SHIFT)
                        .map(|index| (word(18 + 2 * index), word(19 + 2 * index)))
                        .map(|(start, end)| latin1(word(5) + start, end - start))
                        .collect(),
                };
                (event, 18 + 2 * (word(16) >> PARAMETER_COUNT_SHIFT))
            }
            inbound_kind::BODY => {
                let piece = if first & inbound_flag::LARGE != 0 {
                    let index = word(4) as u32;
                    let length = word(5);
                    let piece = self
                        .thread
                        .take_chunk(index)
                        .expect("a chunk that was sent");
                    assert_eq!(piece.len(), length);
                    piece.to_vec()
                } else {
                    self.inbox[word(4)..word(4) + word(5)].to_vec()
                };
                let word = |index: usize| self.word(at + index) as u32;
                let id = ExchangeId {
                    connection: word(1),
                    generation: word(2),
                    sequence: word(3),
                };
                (Event::Body(id, piece), 6)
            }
            inbound_kind::BODY_END => (Event::End(id(1)), 6),
            inbound_kind::ABORT => (Event::Abort(id(1), word(4) as u32), 5),
            inbound_kind::DRAIN => (Event::Drain(id(1)), 5),
            inbound_kind::WRITTEN => (Event::Written(word(4) as u32, word(5) as u32), 6),
            inbound_kind::SERVER if word(2) == 1 => (Event::Closed(word(1) as u32), 5),
            inbound_kind::SERVER if word(2) == 3 => {
                let text = latin1(word(3), word(4));
                let (number, generation) = text.split_once(' ').expect("two numbers");
                let [number, generation] =
                    [number, generation].map(|text| text.parse().expect("a number"));
                (Event::Accepted(word(1) as u32, number, generation), 5)
            }
            inbound_kind::SERVER if word(2) == 4 => (
                Event::NameWanted(word(1) as u32, latin1(word(3), word(4))),
                5,
            ),
            inbound_kind::SERVER => (Event::Failed(word(1) as u32, latin1(word(3), word(4))), 5),
            _ => return self.read_socket(at, text),
        };
        self.events.push_back(event);
        at + words
    }

    /// Reads a record of a WebSocket.
    fn read_socket(&mut self, at: usize, text: &[u8]) -> usize {
        let words: Vec<u32> = (0..6).map(|index| self.word(at + index) as u32).collect();
        let inbox = &self.inbox;
        let thread = &mut self.thread;
        let (event, length) = SocketEvent::read(&words, text, |offset, length, is_large| {
            if is_large {
                let chunk = thread.take_chunk(offset as u32);
                return chunk.expect("a chunk that was sent").to_vec();
            }
            inbox[offset..offset + length].to_vec()
        });
        self.events.push_back(Event::Socket(event));
        at + length
    }

    fn word(&self, index: usize) -> usize {
        let bytes = &self.inbox[index * 4..index * 4 + 4];
        u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
    }
}

/// A whole answer with status 200.
pub(crate) fn respond(id: ExchangeId, body: &str) -> Vec<u8> {
    let words = [200, 0, body.len() as u32, 0];
    record(outbound_kind::RESPOND, id, &words, body.as_bytes())
}

/// A whole answer that is reported under `token`.
pub(crate) fn respond_and_tell(id: ExchangeId, body: &str, token: u32) -> Vec<u8> {
    let words = [200, 0, body.len() as u32, token];
    let kind = outbound_kind::RESPOND | outbound_flag::NOTIFY;
    record(kind, id, &words, body.as_bytes())
}

/// The head of an answer without a declared length.
pub(crate) fn start(id: ExchangeId) -> Vec<u8> {
    record(outbound_kind::HEAD, id, &[200, 0, 0, 0], b"")
}

/// The head of an answer that makes the connection a tunnel.
pub(crate) fn tunnel(id: ExchangeId, status: u32) -> Vec<u8> {
    let kind = outbound_kind::HEAD | outbound_flag::TUNNEL;
    record(kind, id, &[status, 0, 0, 0], b"")
}

/// A piece that is reported under `token`; room for more is asked for.
pub(crate) fn chunk(id: ExchangeId, data: &[u8], token: u32) -> Vec<u8> {
    let kind = outbound_kind::CHUNK | outbound_flag::NOTIFY | outbound_flag::WANT_DRAIN;
    record(kind, id, &[data.len() as u32, token], data)
}

/// A piece that was put beside the records.
pub(crate) fn large_chunk(id: ExchangeId, index: u32, token: u32) -> Vec<u8> {
    let kind = outbound_kind::CHUNK | outbound_flag::NOTIFY | outbound_flag::LARGE;
    record(kind, id, &[index, token], b"")
}

/// A file as the answer: whatever is not given is empty or 0.
#[derive(Default)]
pub(crate) struct SendFile<'a> {
    pub(crate) status: u32,
    pub(crate) fields: &'a str,
    pub(crate) options: u32,
    pub(crate) token: u32,
    pub(crate) path: &'a str,
    pub(crate) root: &'a str,
    pub(crate) conditions: &'a str,
}

impl SendFile<'_> {
    /// The record; its write is reported.
    pub(crate) fn record(&self, id: ExchangeId) -> Vec<u8> {
        self.with_path(id, self.path.len() as u32)
    }

    /// The record with a file that was put beside it.
    pub(crate) fn of_handle(&self, id: ExchangeId, index: u32) -> Vec<u8> {
        let options = self.options | file_option::HANDLE;
        SendFile { options, ..*self }.with_path(id, index)
    }

    fn with_path(&self, id: ExchangeId, path: u32) -> Vec<u8> {
        let length = |text: &str| text.len() as u32;
        let words = [
            self.status,
            length(self.fields),
            self.options,
            self.token,
            path,
            length(self.root),
            length(self.conditions),
            0,
        ];
        let payload = [self.fields, self.path, self.root, self.conditions].concat();
        let kind = outbound_kind::FILE | outbound_flag::NOTIFY;
        record(kind, id, &words, payload.as_bytes())
    }
}

/// The same record, with flags.
pub(crate) fn flagged(mut record: Vec<u8>, flags: u32) -> Vec<u8> {
    let first = u32::from_le_bytes(record[..4].try_into().unwrap());
    record[..4].copy_from_slice(&(first | flags).to_le_bytes());
    record
}

/// The same record, whose body is to be compressed.
pub(crate) fn coded(record: Vec<u8>, coding: u32) -> Vec<u8> {
    flagged(record, coding << outbound_flag::CODING_SHIFT)
}

pub(crate) fn end(id: ExchangeId) -> Vec<u8> {
    record(outbound_kind::END, id, &[0, 0], b"")
}

pub(crate) fn credit(id: ExchangeId, bytes: u32) -> Vec<u8> {
    record(outbound_kind::CREDIT, id, &[bytes], b"")
}

/// Gives up a connection, also when the exchange has ended.
pub(crate) fn reset_always(id: ExchangeId) -> Vec<u8> {
    record(outbound_kind::RESET, id, &[1], b"")
}

pub(crate) fn reset(id: ExchangeId) -> Vec<u8> {
    record(outbound_kind::RESET, id, &[0], b"")
}

pub(crate) fn record(first: u32, id: ExchangeId, words: &[u32], payload: &[u8]) -> Vec<u8> {
    let length = (20 + words.len() * 4 + payload.len()).next_multiple_of(4);
    let head = [
        first,
        length as u32,
        id.connection,
        id.generation,
        id.sequence,
    ];
    let mut record: Vec<u8> = head
        .iter()
        .chain(words)
        .flat_map(|word| word.to_le_bytes())
        .collect();
    record.extend_from_slice(payload);
    record.resize(length, 0);
    record
}
