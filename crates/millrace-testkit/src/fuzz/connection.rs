//! A whole connection under a script of arrivals, answers, writes and cuts.

use std::collections::BTreeMap;
use std::io::IoSlice;

use millrace_http1::{
    BodySize, Conn, Error, FieldSpans, Head, Limits, Piece, Policy, Received, Rejected,
    ResponseHead, Segment, http_date,
};

use super::responses;

/// Takes `script` as commands, one byte each with its arguments behind it, and carries them out on
/// one connection as its owner would. However they are mixed:
///
/// - requests come out numbered without gaps, and body data and ends only for those that have one;
/// - what was written reads as responses in the order of their requests, none after one that says
///   that the connection closes;
/// - every key of a piece that is not in memory comes back once;
/// - once all is answered, the connection waits for the client, is idle, or closes.
pub fn connection(script: &[u8]) {
    let mut owner = Owner::default();
    let mut script = Script(script);
    while let Some(command) = script.byte() {
        if owner.over {
            break;
        }
        owner.step(command, &mut script);
    }
    owner.end();
}

struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0))
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

/// What the server keeps of a connection beside its [`Conn`].
#[derive(Default)]
struct Owner {
    conn: Conn,
    fields: FieldSpans,
    unread: Vec<u8>,
    requests: BTreeMap<u32, Request>,
    written: Vec<u8>,
    /// For each piece that is not in memory, whether it is needed no more.
    elsewhere: Vec<bool>,
    blocked: bool,
    client_ended: bool,
    /// The connection was given up or has come to its end.
    over: bool,
}

struct Request {
    is_head: bool,
    is_connect: bool,
    /// How much of the answer's declared length is still to be sent, once its head is.
    left: Option<Option<usize>>,
    answered: bool,
    /// Of a tunnel: the direction from the client.
    body_ended: bool,
    is_tunnel: bool,
}

const REQUESTS: [&[u8]; 9] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
];

impl Owner {
    fn step(&mut self, command: u8, script: &mut Script<'_>) {
        match command % 17 {
            0 | 1 => {
                let length = script.number();
                self.arrive(script.bytes(length));
            }
            2 => self.arrive(REQUESTS[script.number() % REQUESTS.len()]),
            3 => self.arrive(&b"abcdefgh"[..script.number() % 9]),
            4 | 5 => self.respond(script),
            6 => self.start(script),
            7 => self.send(script),
            8 => self.finish(script),
            9 => {
                let sequence = self.pick(script);
                self.conn.consume(sequence, script.number() as u32 % 16);
            }
            10 => self.write(script.number()),
            11 => {
                let sequence = self.pick(script);
                let _ = self.conn.inform(sequence, 103, b"x: y\r\n");
            }
            12 => {
                if let Some((sequence, _)) = self.conn.earliest_deadline() {
                    self.conn
                        .refuse_exchange(sequence, Error::HandlerTimeout, &date());
                    self.answered(sequence);
                }
            }
            13 => self.conn.close_after_answers(),
            14 => {
                self.end_input();
            }
            15 => self.tunnel(script),
            _ => self.refuse(Error::BodyTimeout),
        }
        self.drive();
    }

    fn arrive(&mut self, bytes: &[u8]) {
        if !self.blocked && !self.client_ended && !self.conn.closes_when_sent() {
            self.unread.extend_from_slice(bytes);
            self.parse();
        }
    }

    /// Looks again at what was left, and sees whether this is the end.
    fn drive(&mut self) {
        if std::mem::take(&mut self.blocked) {
            self.parse();
        }
        while let Some(sequence) = self.conn.take_cut_body() {
            assert!(
                self.requests[&sequence].answered,
                "only an answer cuts a body"
            );
        }
        if self.conn.closes_when_sent() && self.conn.output().is_empty() {
            self.over = true;
        }
    }

    fn parse(&mut self) {
        let unread = std::mem::take(&mut self.unread);
        let mut at = 0;
        loop {
            let received =
                self.conn
                    .receive(&unread[at..], &policy(), &mut self.fields, body_limit);
            let (used, received) = match received {
                Ok(received) => received,
                Err(error) => return self.refuse(error),
            };
            assert!(
                used <= unread.len() - at,
                "no more bytes are used than there are"
            );
            at += used;
            match received {
                Received::NeedMore => break,
                Received::Blocked => {
                    self.blocked = true;
                    break;
                }
                Received::Finished => {
                    at = unread.len();
                    break;
                }
                Received::Discarded => {}
                Received::Request(sequence, head) => {
                    assert_eq!(
                        sequence as usize,
                        self.requests.len(),
                        "numbers have no gaps"
                    );
                    let request = Request {
                        is_head: head.method == b"HEAD",
                        is_connect: head.method == b"CONNECT",
                        left: None,
                        answered: false,
                        is_tunnel: false,
                        body_ended: head.framing == millrace_http1::RequestFraming::None,
                    };
                    self.requests.insert(sequence, request);
                    self.conn.set_deadline(sequence, 100 - u64::from(sequence));
                }
                Received::Body(sequence, data) => {
                    assert!(!data.is_empty());
                    assert!(
                        !self.requests[&sequence].body_ended,
                        "no data after the end"
                    );
                    assert!(
                        !self.requests[&sequence].answered,
                        "no data after the answer"
                    );
                }
                Received::End(sequence, _) => {
                    let request = self.requests.get_mut(&sequence).expect("it was handed out");
                    assert!(!request.body_ended, "a body ends once");
                    request.body_ended = true;
                    if request.is_tunnel && !self.conn.is_pending(sequence) {
                        self.answered(sequence);
                    }
                }
            }
        }
        self.unread = unread[at..].to_vec();
    }

    fn refuse(&mut self, error: Error) {
        self.unread.clear();
        if let Some(sequence) = self.conn.refuse(error, &date()) {
            self.answered(sequence);
        }
    }

    /// One of the requests, or one that is not there.
    fn pick(&self, script: &mut Script<'_>) -> u32 {
        (script.number() % (self.requests.len() + 1)) as u32
    }

    fn respond(&mut self, script: &mut Script<'_>) {
        let sequence = self.pick(script);
        let options = script.number();
        let fields = format!("n: {sequence}\r\n");
        let body = self.piece(options % 11, script.number() & 1 != 0);
        let head = response(&fields, options, BodySize::Known(body.len()));
        match self.conn.respond(sequence, &head, body, &date(), &policy()) {
            Ok(()) => self.answered(sequence),
            Err(rejected) => self.rejected(rejected),
        }
    }

    fn start(&mut self, script: &mut Script<'_>) {
        let sequence = self.pick(script);
        let options = script.number();
        let fields = format!("n: {sequence}\r\n");
        let length = (options & 32 != 0).then_some(options % 11);
        let size = length.map_or(BodySize::Unknown, |length| BodySize::Known(length as u64));
        let head = response(&fields, options, size);
        match self.conn.start(sequence, &head, &date(), &policy()) {
            Ok(()) => {
                let request = self.requests.get_mut(&sequence).expect("it was handed out");
                request.left = Some(length);
            }
            Err(rejected) => self.rejected(rejected),
        }
    }

    fn send(&mut self, script: &mut Script<'_>) {
        let sequence = self.pick(script);
        let number = script.number();
        let length = number % 11;
        let piece = self.piece(length, number & 128 != 0);
        match self.conn.send(sequence, piece) {
            Ok(()) => {
                if let Some(Some(Some(left))) =
                    self.requests.get_mut(&sequence).map(|r| &mut r.left)
                {
                    *left = left.saturating_sub(length);
                }
            }
            Err(rejected) => self.rejected(rejected),
        }
    }

    /// So many bytes, in memory or not.
    fn piece(&mut self, length: usize, elsewhere: bool) -> Piece<'static> {
        if !elsewhere {
            return Piece::Slice(&b"0123456789"[..length]);
        }
        let key = self.elsewhere.len() as u32;
        self.elsewhere.push(false);
        Piece::Elsewhere {
            length: length as u64,
            key,
        }
    }

    fn finish(&mut self, script: &mut Script<'_>) {
        let sequence = self.pick(script);
        match self.conn.finish(sequence, b"t: u\r\n", &policy()) {
            // A tunnel goes on for as long as its client does.
            Ok(()) if self.conn.is_pending(sequence) => {
                let request = &self.requests[&sequence];
                assert!(request.is_tunnel && !request.body_ended);
            }
            Ok(()) => self.answered(sequence),
            Err(rejected) => self.rejected(rejected),
        }
    }

    fn tunnel(&mut self, script: &mut Script<'_>) {
        let sequence = self.pick(script);
        let fields = format!("n: {sequence}\r\n");
        let status = [101, 200][script.number() % 2];
        let head = ResponseHead {
            status,
            ..response(&fields, 0, BodySize::Unknown)
        };
        match self.conn.tunnel(sequence, &head, &date(), &policy()) {
            Ok(()) => {
                let request = self.requests.get_mut(&sequence).expect("it was handed out");
                assert!(status == 101 || request.is_connect);
                request.is_tunnel = true;
                request.body_ended = false;
                self.blocked = true;
            }
            Err(rejected) => self.rejected(rejected),
        }
    }

    fn end_input(&mut self) {
        self.client_ended = true;
        self.unread.clear();
        self.conn.end_of_input();
        if self.conn.is_tunnel() {
            self.parse();
        }
    }

    fn answered(&mut self, sequence: u32) {
        let request = self.requests.get_mut(&sequence).expect("it was handed out");
        assert!(!request.answered, "a request is answered once");
        request.answered = true;
    }

    fn rejected(&mut self, rejected: Rejected) {
        match rejected {
            // Answered already, never there, or in an order that commands may well have.
            Rejected::Gone | Rejected::OutOfOrder => {}
            Rejected::WrongLength => self.over = true,
        }
    }

    fn write(&mut self, most: usize) {
        let output = self.conn.output();
        loop {
            let bytes: Vec<u8> = match output.next_segment() {
                Segment::None => break,
                Segment::Bytes => {
                    let mut slices = [IoSlice::new(&[]); 2];
                    let count = output.slices(&mut slices);
                    slices[..count].iter().flat_map(|s| s.to_vec()).collect()
                }
                Segment::Elsewhere { key, left, .. } => {
                    assert!(!self.elsewhere[key as usize], "it is needed");
                    vec![b'e'; left as usize]
                }
            };
            let count = bytes.len().min(most.max(1));
            self.written.extend_from_slice(&bytes[..count]);
            output.advance(count);
            if most > 0 {
                break;
            }
        }
        self.forget_elsewhere();
    }

    fn forget_elsewhere(&mut self) {
        let elsewhere = &mut self.elsewhere;
        self.conn.output().drain_elsewhere(|key| {
            let gone = std::mem::replace(&mut elsewhere[key as usize], true);
            assert!(!gone, "a key comes back once");
        });
    }

    /// Answers what is unanswered, writes everything, and looks at what the client got.
    fn end(mut self) {
        let given_up = self.over;
        while !self.over {
            // There may be more requests once there is room for their answers.
            self.write(0);
            self.drive();
            let pending: Vec<u32> = self.conn.pending().collect();
            if pending.is_empty() {
                break;
            }
            for sequence in pending {
                self.complete(sequence);
            }
        }
        self.write(0);
        if !given_up && !self.over {
            self.drive();
            let begun = !self.conn.is_between_requests() || self.conn.has_skipped_lines();
            let waits = self.conn.awaits_body() || begun;
            let idle = self.conn.is_idle();
            let closes = self.conn.closes_when_sent() || self.client_ended;
            assert!(waits || idle || closes, "the connection is stuck");
            assert!(!self.blocked, "nothing is left to wait for");
        }
        let kind = |sequence| {
            let request: &Request = &self.requests[&sequence];
            (request.is_head, request.is_connect)
        };
        responses::check(&self.written, kind);
        self.conn.reset();
        self.forget_elsewhere();
        assert!(!self.elsewhere.contains(&false), "every key comes back");
    }

    fn complete(&mut self, sequence: u32) {
        let request = &self.requests[&sequence];
        if request.is_tunnel {
            let _ = self.conn.finish(sequence, b"", &policy());
            return self.end_input();
        }
        let fields = format!("n: {sequence}\r\n");
        match request.left {
            None => {
                let head = response(&fields, 0, BodySize::Known(0));
                let _ = self
                    .conn
                    .respond(sequence, &head, Piece::Slice(b""), &date(), &policy());
            }
            Some(left) => {
                let _ = self
                    .conn
                    .send(sequence, Piece::Slice(&b"klmnopqrst"[..left.unwrap_or(0)]));
                let _ = self.conn.finish(sequence, b"", &policy());
            }
        }
        self.answered(sequence);
    }
}

/// A head whose other choices are the bits of `options`.
fn response(fields: &str, options: usize, body: BodySize) -> ResponseHead<'_> {
    let status = [200, 404, 204, 304][options >> 6 & 3];
    let close = options & 16 != 0;
    ResponseHead {
        status,
        reason: None,
        fields: fields.as_bytes(),
        body,
        close,
        has_date: false,
    }
}

fn policy() -> Policy {
    Policy {
        limits: Limits {
            head_bytes: 256,
            ..Limits::default()
        },
        pipelined: 4,
        requests: 12,
        body_window: 8,
        drain_bytes: 16,
        unsent_bytes: 64,
    }
}

/// Another limit for PUT than for the rest, so that one request's must not be taken for another's.
fn body_limit(head: &Head<'_>) -> u64 {
    if head.method == b"PUT" { 16 } else { 64 }
}

fn date() -> [u8; 29] {
    http_date(784_111_777)
}
