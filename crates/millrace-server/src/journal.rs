//! What is told of exchanges that have come to their ends, for logs and measurements.

use std::time::Instant;

use millrace_http1::{Answered, Head, Version};

/// Bytes of a header's value that are told.
const VALUE_BYTES: usize = 1024;

/// Requests of a connection that have not come to their ends.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Entry>);

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
        self.0.push(Entry {
            sequence,
            since: Instant::now(),
            text: parts.join(&b'\n'),
        });
    }

    /// What is told of an exchange: the status, the bytes of its content, microseconds and whether it was cut, the
    /// client's address and the request's lines. These are missing where no request could be read.
    pub(crate) fn ended(&mut self, answered: &Answered, remote: &str) -> Vec<u8> {
        let at = self
            .0
            .iter()
            .position(|entry| entry.sequence == answered.sequence);
        let entry = at.map(|at| self.0.remove(at));
        let micros = entry
            .as_ref()
            .map_or(0, |entry| entry.since.elapsed().as_micros());
        let &Answered {
            status,
            content,
            is_cut,
            ..
        } = answered;
        let cut = u8::from(is_cut);
        let mut text = format!("{status}\n{content}\n{micros}\n{cut}\n{remote}").into_bytes();
        if let Some(entry) = entry {
            text.push(b'\n');
            text.extend_from_slice(&entry.text);
        }
        text
    }
}
