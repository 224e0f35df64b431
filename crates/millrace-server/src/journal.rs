//! What is told of exchanges that have come to their ends, for logs and measurements.

use std::collections::VecDeque;
use std::time::Instant;

use millrace_http1::{Answered, Head, Version};

/// Bytes of the target of a refused request that are told: what is refused may be its length.
const TARGET_BYTES: usize = 8 * 1024;

/// Bytes of a header's value that are told.
const VALUE_BYTES: usize = 1024;

/// Requests of a connection that have not come to their ends. Mostly the first ends first, and a client may have thousands
/// of them in one read.
#[derive(Debug, Default)]
pub(crate) struct Journal(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    sequence: u32,
    since: Instant,
    /// Lines: the version, the method, the target, `Host`, `Referer` and `User-Agent`.
    text: Vec<u8>,
}

impl Journal {
    /// Notes a request.
    pub(crate) fn note(&mut self, sequence: u32, head: &Head<'_>) {
        let version: &[u8] = match head.version {
            Version::Http10 => b"1.0",
            Version::Http11 => b"1.1",
        };
        let value = |name: &[u8]| {
            let mut fields = head.fields();
            let found = fields.find(|field| field.name.eq_ignore_ascii_case(name));
            let value = found.map_or(&b""[..], |field| field.value);
            &value[..value.len().min(VALUE_BYTES)]
        };
        let parts = [
            version,
            head.method,
            head.target,
            value(b"host"),
            value(b"referer"),
            value(b"user-agent"),
        ];
        self.push(sequence, parts);
    }

    /// Notes a request that is refused, when its first line is one (RFC 9112 3): whoever reads a log wants to know what
    /// was asked for, whichever rule the rest has broken.
    pub(crate) fn note_refused(&mut self, sequence: u32, input: &[u8]) {
        let mut lines = input.trim_ascii_start().split(|byte| *byte == b'\n');
        let line = lines.next().map_or(input, <[u8]>::trim_ascii_end);
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        let version: &[u8] = match version {
            b"HTTP/1.0" => b"1.0",
            b"HTTP/1.1" => b"1.1",
            _ => return,
        };
        let is_told = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
        if is_told(method) && is_told(target) {
            let target = &target[..target.len().min(TARGET_BYTES)];
            self.push(sequence, [version, method, target, b"", b"", b""]);
        }
    }

    fn push(&mut self, sequence: u32, parts: [&[u8]; 6]) {
        self.0.push_back(Entry {
            sequence,
            since: Instant::now(),
            text: parts.join(&b'\n'),
        });
    }

    /// What is told of an exchange: the status, the bytes of its content, microseconds, whether it was cut, the
    /// code of its refusal, the client's address and the request's lines. These are missing where no request could be read.
    pub(crate) fn ended(&mut self, answered: &Answered, remote: &str) -> Vec<u8> {
        let at = self
            .0
            .iter()
            .position(|entry| entry.sequence == answered.sequence);
        let entry = at.and_then(|at| self.0.remove(at));
        let micros = entry
            .as_ref()
            .map_or(0, |entry| entry.since.elapsed().as_micros());
        let &Answered {
            status,
            content,
            is_cut,
            refusal,
            ..
        } = answered;
        let cut = u8::from(is_cut);
        let code = refusal.map_or("", |error| error.code());
        let mut text =
            format!("{status}\n{content}\n{micros}\n{cut}\n{code}\n{remote}").into_bytes();
        if let Some(entry) = entry {
            text.push(b'\n');
            text.extend_from_slice(&entry.text);
        }
        text
    }
}
