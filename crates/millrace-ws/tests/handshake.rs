//! Requests that may become WebSockets, and the answers to those that may not.

use millrace_ws::{Handshake, Refusal, accept_value, check};

type Fields<'a> = [(&'a str, &'a str)];

/// The request of RFC 6455 1.3.
const GOOD: &Fields<'static> = &[
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Protocol", "chat, superchat"),
    ("Sec-WebSocket-Version", "13"),
];

#[test]
fn the_request_of_the_standard_is_taken() {
    let key = b"dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(get(GOOD), Ok(Handshake { key }));
}

#[test]
fn the_answer_to_a_key_is_that_of_the_standard() {
    let accept = accept_value(b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(&accept, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn names_are_read_in_any_case_and_out_of_lists() {
    for (name, value) in [
        ("UPGRADE", "WebSocket"),
        ("upgrade", "h2c , WEBSOCKET"),
        ("Connection", "keep-alive, Upgrade"),
        ("connection", "keep-alive,upgrade,"),
        ("sec-websocket-protocol", "a,,b , c"),
        ("sec-websocket-key", "//////////////////////=="),
    ] {
        let fields = with(name, &[value]);
        assert!(get(&fields).is_ok(), "{name}: {value}");
    }
    let fields = with("Connection", &["keep-alive", "Upgrade"]);
    assert!(get(&fields).is_ok(), "a list may be of several lines");
    let fields = with("Sec-WebSocket-Protocol", &[]);
    assert!(get(&fields).is_ok(), "nobody has to ask for a protocol");
}

#[test]
fn what_is_wrong_has_its_answer() {
    let rows: &[(&str, &[&str], Refusal)] = &[
        ("Upgrade", &[], Refusal::NoUpgrade),
        ("Upgrade", &[""], Refusal::NoUpgrade),
        ("Upgrade", &["h2c"], Refusal::NoUpgrade),
        ("Upgrade", &["websocket/13"], Refusal::NoUpgrade),
        ("Upgrade", &["websockets, my websocket"], Refusal::NoUpgrade),
        ("Connection", &[], Refusal::BadConnection),
        ("Connection", &["keep-alive"], Refusal::BadConnection),
        ("Connection", &["upgrades"], Refusal::BadConnection),
        ("Sec-WebSocket-Version", &[], Refusal::BadVersion),
        ("Sec-WebSocket-Version", &["8"], Refusal::BadVersion),
        ("Sec-WebSocket-Version", &["14"], Refusal::BadVersion),
        ("Sec-WebSocket-Version", &["013"], Refusal::BadVersion),
        ("Sec-WebSocket-Version", &["13, 8"], Refusal::BadVersion),
        ("Sec-WebSocket-Version", &["13", "13"], Refusal::BadVersion),
        ("Sec-WebSocket-Key", &[], Refusal::BadKey),
        ("Sec-WebSocket-Key", &[""], Refusal::BadKey),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAAAAAAAAAAAAAA"],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAAAAAAAAAAAAA==="],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAAAAAAAAAAAAAAA="],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAAAAAAAAAAAAAAAA"],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAAAAAAAAAAAAA-=="],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["AAAAAAAAAA AAAAAAAAAAA=="],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Key",
            &["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="],
            Refusal::BadKey,
        ),
        (
            "Sec-WebSocket-Protocol",
            &["my chat"],
            Refusal::BadProtocols,
        ),
        (
            "Sec-WebSocket-Protocol",
            &["a", "b, \"c\""],
            Refusal::BadProtocols,
        ),
    ];
    for (name, values, refusal) in rows {
        assert_eq!(
            get(&with(name, values)),
            Err(*refusal),
            "{name}: {values:?}"
        );
    }
    for method in ["POST", "get", "CONNECT", "HEAD", ""] {
        assert_eq!(request(method, true, false, GOOD), Err(Refusal::NotGet));
    }
    assert_eq!(request("GET", false, false, GOOD), Err(Refusal::NotHttp11));
    assert_eq!(request("GET", true, true, GOOD), Err(Refusal::HasBody));
}

#[test]
fn the_first_thing_that_is_wrong_is_told() {
    let mut wrong = vec![
        ("Sec-WebSocket-Protocol", "a b"),
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Version", "12"),
        ("Connection", "close"),
        ("Upgrade", "h2c"),
    ];
    let mut told = vec![
        request("PUT", false, true, &wrong),
        request("GET", false, true, &wrong),
    ];
    for right in [
        ("Upgrade", "websocket"),
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "ab"),
    ] {
        told.push(request("GET", true, true, &wrong));
        wrong.retain(|(name, _)| *name != right.0);
        wrong.push(right);
    }
    told.push(request("GET", true, true, &wrong));
    assert_eq!(
        told,
        [
            Err(Refusal::NotGet),
            Err(Refusal::NotHttp11),
            Err(Refusal::NoUpgrade),
            Err(Refusal::BadConnection),
            Err(Refusal::BadVersion),
            Err(Refusal::BadKey),
            Err(Refusal::BadProtocols),
            Err(Refusal::HasBody),
        ]
    );
}

#[test]
fn every_refusal_has_a_status_with_its_headers_and_a_sentence() {
    for (refusal, status, fields) in [
        (Refusal::NotGet, 405, "Allow: GET\r\n"),
        (Refusal::NotHttp11, 400, ""),
        (Refusal::NoUpgrade, 426, "Upgrade: websocket\r\n"),
        (Refusal::BadConnection, 426, "Upgrade: websocket\r\n"),
        (
            Refusal::BadVersion,
            426,
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        ),
        (Refusal::BadKey, 400, ""),
        (Refusal::BadProtocols, 400, ""),
        (Refusal::HasBody, 400, ""),
    ] {
        assert_eq!(refusal.status(), status, "{refusal:?}");
        assert_eq!(refusal.fields(), fields.as_bytes(), "{refusal:?}");
        let text = refusal.text();
        assert!(text.ends_with('.') && text.len() <= 100, "{text}");
    }
}

/// The good request with other lines of one name.
fn with<'a>(name: &'a str, values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let others = GOOD.iter().copied();
    let mut fields: Vec<_> = others
        .filter(|(other, _)| !other.eq_ignore_ascii_case(name))
        .collect();
    fields.extend(values.iter().map(|value| (name, *value)));
    fields
}

fn get<'a>(fields: &Fields<'a>) -> Result<Handshake<'a>, Refusal> {
    request("GET", true, false, fields)
}

fn request<'a>(
    method: &str,
    http11: bool,
    has_body: bool,
    fields: &Fields<'a>,
) -> Result<Handshake<'a>, Refusal> {
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    check(method.as_bytes(), http11, has_body, fields)
}
