//! A connection and an owner that does what a test says.

use std::io::IoSlice;

use bytes::Bytes;
use millrace_http1::{
    BodySize, Conn, Error, FieldSpans, Head, Limits, Piece, Policy, Received, Rejected,
    ResponseHead, Segment, Version, http_date,
};

/// The line that every answer of these tests has.
pub(crate) const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/// A request that has nothing special.
pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A connection, what came in and what went out.
pub(crate) struct Session {
    pub(crate) conn: Conn,
    pub(crate) policy: Policy,
    /// What the owner was told, a line each; adjacent pieces of a body are one line.
    pub(crate) events: Vec<String>,
    /// What a request's body may have in place of the policy's limit.
    pub(crate) body_limit: fn(&Head<'_>) -> Option<u64>,
    input: Vec<u8>,
    fields: FieldSpans,
    /// Bytes that arrive at once.
    step: usize,
}

/// Runs `test` on connections whose bytes arrive whole, one by one, and in pieces of odd lengths. What is told and
/// answered must be the same.
pub(crate) fn however_fed(policy: Policy, test: impl Fn(&mut Session)) {
    for step in [usize::MAX, 1, 2, 3, 7, 19, 64] {
        test(&mut Session::new(policy.clone(), step));
    }
}

/// What the tests allow unless they are about it.
pub(crate) fn policy() -> Policy {
    Policy {
        limits: Limits::default(),
        pipelined: 16,
        requests: u32::MAX,
        body_window: 1024,
        drain_bytes: 1024,
        unsent_bytes: 1 << 20,
    }
}

/// An answer of these tests as it goes out.
pub(crate) fn answer(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: {length}\r\n\r\n{body}")
}

/// An answer that is the connection's last.
pub(crate) fn last_answer(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// The core's own answer to what it refuses.
pub(crate) fn refusal(error: Error) -> String {
    let mut text = Vec::new();
    millrace_http1::refusal(error, &date(), &mut text);
    String::from_utf8(text).unwrap()
}

/// The head of a request with a body of this length.
pub(crate) fn post(length: usize) -> Vec<u8> {
    post_to("/", length)
}

pub(crate) fn post_to(target: &str, length: usize) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into()
}

pub(crate) fn date() -> [u8; 29] {
    http_date(784_111_777)
}

impl Session {
    pub(crate) fn new(policy: Policy, step: usize) -> Self {
        Session {
            conn: Conn::default(),
            policy,
            events: Vec::new(),
            body_limit: |_| None,
            input: Vec::new(),
            fields: FieldSpans::default(),
            step,
        }
    }

    /// Bytes arrive.
    pub(crate) fn feed(&mut self, bytes: impl AsRef<[u8]>) {
        for piece in bytes.as_ref().chunks(self.step) {
            self.input.extend_from_slice(piece);
            self.look();
        }
    }

    /// Looks at what has arrived, as the owner does after each read and when a connection is no longer blocked.
    pub(crate) fn look(&mut self) {
        let input = std::mem::take(&mut self.input);
        let mut used = 0;
        let mut refused = None;
        loop {
            let most = self.body_limit;
            let limit = |head: &Head<'_>| most(head).unwrap_or(self.policy.limits.body_bytes);
            let rest = &input[used..];
            let received = self
                .conn
                .receive(rest, &self.policy, &mut self.fields, limit);
            let (count, received) = match received {
                Ok(received) => received,
                Err(error) => {
                    refused = Some(error);
                    used = input.len();
                    break;
                }
            };
            used += count;
            match received {
                Received::NeedMore | Received::Blocked => break,
                Received::Finished => {
                    used = input.len();
                    break;
                }
                Received::Discarded => {}
                Received::Request(sequence, head) => {
                    let version = match head.version {
                        Version::Http10 => " HTTP/1.0",
                        Version::Http11 => "",
                    };
                    let (method, target) = (head.method.escape_ascii(), head.target.escape_ascii());
                    self.events
                        .push(format!("{sequence}: {method} {target}{version}"));
                }
                Received::Body(sequence, data) => {
                    let start = format!("{sequence}: body ");
                    let data = data.escape_ascii().to_string();
                    match self.events.last_mut() {
                        Some(last) if last.starts_with(&start) => last.push_str(&data),
                        _ => self.events.push(start + &data),
                    }
                }
                Received::End(sequence, trailers) => {
                    let trailers: String = trailers
                        .fields()
                        .map(|field| {
                            format!(
                                " {}={}",
                                field.name.escape_ascii(),
                                field.value.escape_ascii()
                            )
                        })
                        .collect();
                    self.events.push(format!("{sequence}: end{trailers}"));
                }
            }
        }
        self.input = input[used..].to_vec();
        if let Some(error) = refused {
            let broken = self.conn.refuse(error, &date());
            self.events.push(format!("refused {error:?} {broken:?}"));
        }
    }

    /// Whether the connection takes no input until something else happens.
    pub(crate) fn is_blocked(&mut self) -> bool {
        let input = self.input.clone();
        let received = self
            .conn
            .receive(&input, &self.policy, &mut self.fields, |_| u64::MAX);
        matches!(received, Ok((0, Received::Blocked)))
    }

    /// Answers completely.
    pub(crate) fn respond(&mut self, sequence: u32, body: &str) -> Result<(), Rejected> {
        self.respond_with(sequence, &head(BodySize::Known(body.len() as u64)), body)
    }

    pub(crate) fn respond_with(
        &mut self,
        sequence: u32,
        head: &ResponseHead<'_>,
        body: &str,
    ) -> Result<(), Rejected> {
        let piece = Piece::Slice(body.as_bytes());
        self.conn
            .respond(sequence, head, piece, &date(), &self.policy)
    }

    /// Begins an answer.
    pub(crate) fn start(&mut self, sequence: u32, size: BodySize) -> Result<(), Rejected> {
        self.conn
            .start(sequence, &head(size), &date(), &self.policy)
    }

    /// Begins a tunnel.
    pub(crate) fn tunnel(&mut self, sequence: u32, status: u16) -> Result<(), Rejected> {
        let head = ResponseHead {
            status,
            ..head(BodySize::Unknown)
        };
        let begun = self.conn.tunnel(sequence, &head, &date(), &self.policy);
        self.look();
        begun
    }

    /// The client sends nothing more.
    pub(crate) fn end_input(&mut self) {
        self.conn.end_of_input();
        self.look();
    }

    /// Sends a piece of an answer's body, long ones without a copy.
    pub(crate) fn send(&mut self, sequence: u32, data: &str) -> Result<(), Rejected> {
        let piece = if data.len() > 4 {
            Piece::Held(Bytes::copy_from_slice(data.as_bytes()))
        } else {
            Piece::Slice(data.as_bytes())
        };
        self.conn.send(sequence, piece)
    }

    pub(crate) fn finish(&mut self, sequence: u32) -> Result<(), Rejected> {
        self.conn.finish(sequence, b"", &self.policy)
    }

    /// Sends bytes that the owner keeps elsewhere: the letter that their key stands for, over and over.
    pub(crate) fn send_elsewhere(
        &mut self,
        sequence: u32,
        length: u64,
        key: char,
    ) -> Result<(), Rejected> {
        self.conn.send(sequence, elsewhere(length, key))
    }

    /// What has gone out since this was last asked.
    pub(crate) fn sent(&mut self) -> String {
        let output = self.conn.output();
        let mut sent = Vec::new();
        // A socket that takes a few bytes at a time.
        const MOST: usize = 11;
        loop {
            let next: Vec<u8> = match output.next_segment() {
                Segment::None => break,
                Segment::Bytes => {
                    let mut slices = [IoSlice::new(&[]); 4];
                    let count = output.slices(&mut slices);
                    let pieces = slices[..count].iter().flat_map(|slice| slice.iter());
                    pieces.copied().take(MOST).collect()
                }
                Segment::Elsewhere { key, left, .. } => {
                    vec![key as u8; MOST.min(left as usize)]
                }
            };
            output.advance(next.len());
            sent.extend(next);
        }
        String::from_utf8(sent).unwrap()
    }

    /// The keys of what is kept elsewhere and needed no more.
    pub(crate) fn gone(&mut self) -> String {
        let mut keys = String::new();
        let output = self.conn.output();
        output.drain_elsewhere(|key| keys.push(key as u8 as char));
        keys
    }

    pub(crate) fn pending(&self) -> Vec<u32> {
        self.conn.pending().collect()
    }
}

/// A piece that the owner keeps elsewhere.
pub(crate) fn elsewhere(length: u64, key: char) -> Piece<'static> {
    let key = key as u32;
    Piece::Elsewhere { length, key }
}

/// A head with nothing special.
pub(crate) fn head(body: BodySize) -> ResponseHead<'static> {
    ResponseHead {
        status: 200,
        reason: None,
        fields: b"",
        body,
        close: false,
        has_date: false,
    }
}
