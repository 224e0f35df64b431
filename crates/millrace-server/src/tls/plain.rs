//! What plain HTTP is told where TLS is spoken. Its requests are read like any other's, so that nothing can be smuggled
//! past the answer.

use millrace_http1::{Head, TargetForm};

/// Why a request of plain HTTP is refused, and where it would be right, as far as it says whom it wanted.
pub(crate) fn refusal(head: &Head<'_>) -> Vec<u8> {
    let mut text = b"This port speaks HTTPS; this is plain HTTP.".to_vec();
    if let Some(authority) = authority(head) {
        text.extend_from_slice(b" Try https://");
        text.extend_from_slice(authority);
        text.push(b'/');
    }
    text.push(b'\n');
    text
}

/// The same target by https; none for a request that does not say whom it wanted, or that is not for a resource.
pub(crate) fn secure_url(head: &Head<'_>) -> Option<Vec<u8>> {
    let authority = authority(head)?;
    let start = match head.form {
        TargetForm::Origin => 0,
        TargetForm::Absolute { path_start } => path_start,
        TargetForm::Authority | TargetForm::Asterisk => return None,
    };
    let target = &head.target[start..];
    let slash: &[u8] = if target.starts_with(b"/") { b"" } else { b"/" };
    Some([b"https://", authority, slash, target].concat())
}

/// Whom the request wanted, its syntax checked with the head. None when it says two things: an absolute target counts and
/// Host does not (RFC 9112 3.2.2), and whoever shows a client this answer has asked for something else; and none when that
/// is no name that the web has. A port goes when it is the usual one of either scheme: a client that was sent here without
/// naming one came by the usual one of http, and will come back by that of https.
fn authority<'a>(head: &Head<'a>) -> Option<&'a [u8]> {
    let is_host = |name: &[u8]| name.eq_ignore_ascii_case(b"host");
    let authority = head.fields().find(|field| is_host(field.name))?.value;
    if let TargetForm::Absolute { path_start } = head.form {
        let scheme = head.target.iter().position(|&byte| byte == b':')?;
        let asked = &head.target[scheme + "://".len()..path_start];
        let is_http = [&b"http"[..], b"https"]
            .iter()
            .any(|known| head.target[..scheme].eq_ignore_ascii_case(known));
        if !is_http || !asked.eq_ignore_ascii_case(authority) {
            return None;
        }
    }
    let host = [&b":443"[..], b":80", b":"]
        .iter()
        .find_map(|port| authority.strip_suffix(*port))
        .unwrap_or(authority);
    is_on_the_web(host).then_some(host)
}

/// Whether it is a name or an address, with a port or without one, and none of what else the grammar of RFC 3986 allows.
fn is_on_the_web(host: &[u8]) -> bool {
    let name = match host.iter().rposition(|&byte| byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    };
    let is_name = |name: &[u8]| {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        (1..=255).contains(&name.len()) && name.iter().all(is_part)
    };
    let inside = name
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"));
    match inside {
        Some(address) => std::str::from_utf8(address)
            .is_ok_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => is_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_http1::{Conn, FieldSpans, Limits, Policy, Received};

    fn policy() -> Policy {
        Policy {
            limits: Limits::default(),
            pipelined: 1,
            requests: u32::MAX,
            unsent_bytes: 1024,
            body_window: 1024,
            drain_bytes: 1024,
        }
    }

    /// What is said to a request that begins so.
    fn told(request: &str) -> (String, Option<String>) {
        let input = format!("{request}\r\n\r\n");
        let (mut conn, mut spans) = (Conn::default(), FieldSpans::default());
        let received = conn.receive(input.as_bytes(), &policy(), &mut spans, |_| u64::MAX);
        let Ok((_, Received::Request(_, head))) = received else {
            panic!("{request}: {received:?}");
        };
        let text = |bytes| String::from_utf8(bytes).expect("ASCII");
        (text(refusal(&head)), secure_url(&head).map(text))
    }

    #[test]
    fn sends_a_client_to_the_same_target_by_https() {
        for (request, url) in [
            (
                "GET /a?b=c HTTP/1.1\r\nHost: a.example",
                "https://a.example/a?b=c",
            ),
            (
                "GET / HTTP/1.1\r\nhOST: a.example:8443",
                "https://a.example:8443/",
            ),
            (
                "GET /%2F//x HTTP/1.1\r\nHost: [::1]:8443",
                "https://[::1]:8443/%2F//x",
            ),
            (
                "PUT / HTTP/1.1\r\nHost: a.example:443",
                "https://a.example/",
            ),
            ("GET / HTTP/1.1\r\nHost: a.example:80", "https://a.example/"),
            ("GET / HTTP/1.1\r\nHost: a.example:", "https://a.example/"),
            (
                "GET / HTTP/1.0\r\nHost: a.example:8080",
                "https://a.example:8080/",
            ),
            (
                "GET http://b.example/x HTTP/1.1\r\nHost: B.example",
                "https://B.example/x",
            ),
            (
                "GET http://b.example:8080?q HTTP/1.1\r\nHost: b.example:8080",
                "https://b.example:8080/?q",
            ),
            (
                "GET http://b.example HTTP/1.1\r\nHost: b.example",
                "https://b.example/",
            ),
        ] {
            assert_eq!(told(request).1.as_deref(), Some(url), "{request}");
        }
    }

    #[test]
    fn sends_no_client_on_that_does_not_say_whom_it_wanted() {
        for request in [
            "GET / HTTP/1.0",
            "GET / HTTP/1.1\r\nHost:",
            "GET http://b.example/x HTTP/1.1\r\nHost: a.example",
            "GET ftp://a.example/x HTTP/1.1\r\nHost: a.example",
            "GET / HTTP/1.1\r\nHost: a%0d%0ab",
            "GET / HTTP/1.1\r\nHost: a'b",
            "GET / HTTP/1.1\r\nHost: a;b:80",
            "GET / HTTP/1.1\r\nHost: [v1.x]",
            "OPTIONS * HTTP/1.1\r\nHost: a.example",
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443",
        ] {
            assert_eq!(told(request).1, None, "{request}");
        }
    }

    #[test]
    fn tells_a_client_that_is_refused_where_to_go() {
        assert_eq!(
            told("GET /secret HTTP/1.1\r\nHost: a.example:8443").0,
            "This port speaks HTTPS; this is plain HTTP. Try https://a.example:8443/\n"
        );
        assert_eq!(
            told("GET / HTTP/1.0").0,
            "This port speaks HTTPS; this is plain HTTP.\n"
        );
    }
}
