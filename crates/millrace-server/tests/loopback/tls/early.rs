//! Requests that come before the handshake is complete (RFC 8470).

use std::io::Write;
use std::sync::Arc;

use millrace_batch::layout::inbound_flag;
use millrace_tls::Settings;

use super::client::{Client, Pair, TLS13, pair_with};
use crate::client::{GET, post, read_answer, read_to_end};
use crate::js::{Event, Js, respond};

/// A server that takes early data, and clients that send it.
fn hasty() -> Pair {
    let settings = Settings {
        early_data_bytes: 16 * 1024,
        ..Settings::default()
    };
    let mut pair = pair_with(settings, TLS13);
    Arc::make_mut(&mut pair.client).enable_early_data = true;
    pair
}

/// A client that has a ticket, and sends this at once.
fn early(
    pair: &Pair,
    js: &mut Js,
    address: std::net::SocketAddr,
    request: impl AsRef<[u8]>,
) -> Client {
    let mut first = pair.connect(address);
    first.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    js.send(respond(id, "hello"));
    assert_eq!(read_answer(&mut first).body, "hello");
    let mut client = pair.connect(address);
    let mut writer = client.conn.early_data().expect("a ticket");
    writer.write_all(request.as_ref()).unwrap();
    client.conn.write_tls(&mut client.sock).unwrap();
    client
}

fn early_request(js: &mut Js) -> (millrace_batch::ExchangeId, bool) {
    match js.next() {
        Event::Request { id, flags, .. } => (id, flags & inbound_flag::EARLY != 0),
        other => panic!("a request should have come, not {other:?}"),
    }
}

#[test]
fn a_safe_request_is_handed_on_and_known_to_be_early() {
    let pair = hasty();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    for request in [
        GET,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let mut client = early(&pair, &mut js, address, request);
        let (id, is_early) = early_request(&mut js);
        assert!(is_early, "it comes before the handshake is complete");
        let info = js.thread.tls_info(id.connection, id.generation);
        let info = info.expect("what was agreed on is known to its handler");
        assert_eq!((info.session.version, info.session.resumed), (0x0304, true));
        assert_eq!(info.server_name.as_deref(), Some("localhost"));
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
        assert!(client.conn.is_early_data_accepted());
        if request != GET {
            assert_eq!(read_to_end(&mut client), "");
            continue;
        }
        client.write_all(GET.as_bytes()).unwrap();
        let (id, is_early) = early_request(&mut js);
        assert!(!is_early, "what comes later is not");
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
    }
}

#[test]
fn a_request_that_may_change_something_is_not_handed_on() {
    let pair = hasty();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    for request in [
        post(5) + "12345",
        "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".into(),
    ] {
        let mut client = early(&pair, &mut js, address, &request);
        assert_eq!(read_answer(&mut client).status, 425, "{request}");
        client.write_all(request.as_bytes()).unwrap();
        let (id, is_early) = early_request(&mut js);
        assert!(!is_early, "{request}");
        js.send(respond(id, "done"));
        assert_eq!(read_answer(&mut client).body, "done");
    }
}

#[test]
fn a_request_of_which_the_end_comes_later_is_early() {
    let pair = hasty();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let (begin, rest) = GET.split_at(10);
    let mut client = early(&pair, &mut js, address, begin);
    client.write_all(rest.as_bytes()).unwrap();
    let (id, is_early) = early_request(&mut js);
    assert!(is_early);
    js.send(respond(id, "hello"));
    assert_eq!(read_answer(&mut client).body, "hello");
}

/// A client whose early requests are more than the server takes at once, so that it is not read.
fn unread(
    pair: &mut Pair,
) -> (
    Js,
    u32,
    std::net::SocketAddr,
    Client,
    millrace_batch::ExchangeId,
) {
    pair.config.policy.pipelined = 1;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let client = early(pair, &mut js, address, GET.repeat(2));
    let (id, is_early) = early_request(&mut js);
    assert!(is_early);
    (js, listening.id, address, client, id)
}

#[test]
fn a_handshake_goes_on_while_early_requests_wait_to_be_answered() {
    let mut pair = hasty();
    let (mut js, server, _, mut client, first) = unread(&mut pair);
    client.flush().unwrap();
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock).unwrap();
    }
    let begin = std::time::Instant::now();
    while js.thread.stats(server).unwrap().tls_handshakes < 2 {
        assert!(begin.elapsed() < crate::js::PATIENCE);
        std::thread::yield_now();
    }
    js.send(respond(first, "first"));
    assert_eq!(read_answer(&mut client).body, "first");
    let (second, is_early) = early_request(&mut js);
    assert!(is_early, "it came before the handshake was complete");
    js.send(respond(second, "second"));
    assert_eq!(read_answer(&mut client).body, "second");
    assert_eq!(js.thread.stats(server).unwrap().tls_open, 0);
}

#[test]
fn a_handshake_that_fails_behind_early_requests_is_counted_and_told() {
    let mut pair = hasty();
    let (mut js, server, _, mut client, first) = unread(&mut pair);
    // No record under any key of this connection.
    client.sock.write_all(&[23, 3, 3, 0, 32]).unwrap();
    client.sock.write_all(&[0; 32]).unwrap();
    let mut failures = 0;
    while failures == 0 {
        match js.next() {
            Event::Failed(of, text) => {
                assert_eq!(of, server);
                assert!(text.starts_with("ERR_TLS_HANDSHAKE "), "{text}");
                failures += 1;
            }
            Event::Abort(id, _) => assert_eq!(id, first),
            other => panic!("not {other:?}"),
        }
    }
    let stats = js.thread.stats(server).unwrap();
    assert_eq!(
        (stats.tls_handshakes, stats.tls_failed, stats.tls_open),
        (1, 1, 0)
    );
}
