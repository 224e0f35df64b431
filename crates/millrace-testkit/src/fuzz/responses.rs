//! A client's view of a connection: responses in a row, read as plainly as can be.

use std::str;

/// Checks that `bytes` are responses in the order of their `n` headers, and that none follows one
/// that says that it is the last. `kind` says of a request whether it was HEAD and whether it was
/// CONNECT. The last response may be cut short.
pub(super) fn check(mut bytes: &[u8], kind: impl Fn(u32) -> (bool, bool)) {
    let mut next = 0;
    let mut closed = false;
    while !bytes.is_empty() {
        assert!(
            !closed,
            "nothing follows a closing response: {}",
            bytes.escape_ascii()
        );
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            return;
        };
        let head = str::from_utf8(&bytes[..end]).expect("heads are ASCII");
        bytes = &bytes[end + 4..];
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|line| line.get(..3));
        let status: u16 = status.expect("a status line").parse().expect("digits");
        if status < 200 && status != 101 {
            continue;
        }
        closed = value(head, "Connection") == Some("close");
        let number = value(head, "n").map(|number| number.parse::<u32>().expect("digits"));
        if let Some(number) = number {
            assert!(number >= next, "answer {number} comes after {}", next - 1);
            next = number + 1;
        } else {
            assert!(closed, "a refusal closes");
        }
        if status == 101 {
            return;
        }
        let (is_head, is_connect) = number.map_or((false, false), &kind);
        let Some(rest) = after_body(bytes, head, status, is_head, is_connect) else {
            return;
        };
        bytes = rest;
    }
}

/// What follows the body; `None` when it is cut short or lasts until the connection closes.
fn after_body<'a>(
    bytes: &'a [u8],
    head: &str,
    status: u16,
    is_head: bool,
    is_connect: bool,
) -> Option<&'a [u8]> {
    if is_head || matches!(status, 204 | 304) {
        return Some(bytes);
    }
    if is_connect && status < 300 {
        return None;
    }
    if let Some(length) = value(head, "Content-Length") {
        return bytes.get(length.parse().expect("digits")..);
    }
    value(head, "Transfer-Encoding")?;
    let mut rest = bytes;
    loop {
        let line = find(rest, b"\r\n")?;
        let size = str::from_utf8(&rest[..line]).expect("framing is ASCII");
        let size = usize::from_str_radix(size, 16).expect("hexadecimal digits");
        if size == 0 {
            // The trailer section ends in an empty line, which may be all of it.
            return find(&rest[line..], b"\r\n\r\n").map(|end| &rest[line + end + 4..]);
        }
        rest = rest.get(line + 2 + size..)?;
        if rest.len() < 2 {
            return None;
        }
        rest = rest
            .strip_prefix(b"\r\n")
            .expect("a chunk ends in a line end");
    }
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
