//! From a request to a WebSocket, or not.

use std::io::{Read, Write};

use millrace_server::{RouteTimeouts, WebSocketCompression, WebSocketExtension, WebSocketSettings};

use super::client::{HANDSHAKE, KEY, Site, TEXT, frame, put, read_frame};
use super::records::{accept, send, socket};
use crate::client::{GET, ask, read_answer, read_head, read_to_end};
use crate::js::SocketEvent;
use crate::js::{Event, Js, config, fixed, respond, route};

#[test]
fn the_handshake_of_the_standard_gets_the_answer_of_the_standard() {
    let mut site = Site::new(WebSocketSettings::default());
    let mut client = ask(site.address, HANDSHAKE);
    let id = site.accept("Sec-WebSocket-Protocol: chat\r\nX-Own: yes\r\n", "");
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    for field in [
        "Upgrade: websocket",
        "Connection: upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol: chat",
        "X-Own: yes",
    ] {
        assert_eq!(head.matches(field).count(), 1, "{field}: {head}");
    }
    assert!(!head.contains("Sec-WebSocket-Extensions"), "{head}");
    put(&mut client, TEXT, b"Hello");
    let message = SocketEvent::Message(id, b"Hello".to_vec(), "afl".into());
    assert_eq!(site.js.socket_event(), message);
    let stats = site.stats();
    assert_eq!((stats.websockets, stats.websockets_opened), (1, 1));
    assert_eq!((stats.pending, stats.messages_received), (0, 1));
}

#[test]
fn what_is_no_handshake_is_refused_without_asking_javascript() {
    let mut site = Site::new(WebSocketSettings::default());
    let table = [
        (
            "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n".to_string(),
            426,
            "Upgrade: websocket",
        ),
        (HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0"), 400, ""),
        (
            HANDSHAKE.replace("Connection: Upgrade\r\n", ""),
            426,
            "Upgrade: websocket",
        ),
        (
            HANDSHAKE.replace("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"),
            426,
            "",
        ),
        (
            HANDSHAKE.replace("Version: 13", "Version: 8"),
            426,
            "Sec-WebSocket-Version: 13",
        ),
        (
            HANDSHAKE.replace("Sec-WebSocket-Version: 13\r\n", ""),
            426,
            "Sec-WebSocket-Version: 13",
        ),
        (HANDSHAKE.replace(KEY, "c2hvcnQ="), 400, ""),
        (
            HANDSHAKE.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: a;;b\r\n\r\n"),
            400,
            "",
        ),
        (
            HANDSHAKE.replace("Sec-WebSocket-Key", "Sec-WebSocket-Kay"),
            400,
            "",
        ),
        (
            HANDSHAKE.replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"),
            400,
            "",
        ),
        (HANDSHAKE.replace("GET", "POST"), 405, "Allow: "),
        (HANDSHAKE.replace("GET", "HEAD"), 405, "Allow: "),
    ];
    let refused = table.len() as u64 - 1;
    for (request, status, field) in table {
        let mut client = ask(site.address, &request);
        let head = read_head(&mut client);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}{head}"
        );
        assert!(head.contains(field), "{request}{head}");
    }
    // POST has no route at all, and is not counted as a handshake.
    assert_eq!(site.stats().handshakes_refused, refused);
    site.is_well();
}

#[test]
fn a_refused_client_may_try_again_on_the_same_connection() {
    let mut site = Site::new(WebSocketSettings::default());
    let mut client = ask(site.address, HANDSHAKE.replace("13", "7"));
    assert_eq!(read_answer(&mut client).status, 426);
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let id = site.js.request();
    site.js.send(respond(id, "not today"));
    assert_eq!(read_answer(&mut client).body, "not today");
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    site.accept("", "");
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_handshake_behind_requests_without_answers_is_refused() {
    let routes = vec![
        route("GET", "/chat", millrace_server::RouteTarget::WebSocket),
        route(
            "GET",
            "/fixed",
            millrace_server::RouteTarget::Fixed(fixed("fixed")),
        ),
    ];
    let (mut js, _, address) = Js::routing(config(), routes);
    let settings = js
        .thread
        .add_websocket_settings(WebSocketSettings::default());
    let mut client = ask(address, [GET, HANDSHAKE].concat());
    let id = js.request();
    js.send(respond(id, "first"));
    assert_eq!(read_answer(&mut client).body, "first");
    assert_eq!(read_answer(&mut client).status, 400);
    // An answer that is complete is no hindrance, though it may not be written yet.
    client
        .write_all(
            [&GET.replace("/ ", "/fixed "), HANDSHAKE]
                .concat()
                .as_bytes(),
        )
        .unwrap();
    let id = js.request();
    js.send(accept(id, settings, "", KEY, ""));
    assert_eq!(read_answer(&mut client).body, "fixed");
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_handler_that_accepts_what_cannot_be_a_websocket_loses_the_connection() {
    let (mut js, server, address) = Js::routing(config(), Vec::new());
    let settings = js
        .thread
        .add_websocket_settings(WebSocketSettings::default());
    // Not behind a request without an answer, whose place the 101 would take, nor in a version that has no upgrade.
    let old = HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0");
    for requests in [[GET, HANDSHAKE].concat(), old] {
        let mut client = ask(address, &requests);
        let ids: Vec<_> = requests.matches("GET ").map(|_| js.request()).collect();
        js.send(accept(*ids.last().unwrap(), settings, "", KEY, ""));
        let mut answer = Vec::new();
        // Cut, so that it may end with an error.
        let _ = client.read_to_end(&mut answer);
        assert_eq!(answer, b"");
        for id in ids {
            assert!(matches!(js.next(), Event::Abort(gone, _) if gone == id));
        }
    }
    let stats = js.thread.stats(server.id).unwrap();
    assert_eq!((stats.pending, stats.websockets), (0, 0));
}

#[test]
fn what_comes_right_behind_the_handshake_is_not_lost() {
    let mut site = Site::new(WebSocketSettings::default());
    let large = vec![b'x'; 100_000];
    let early = [
        frame(TEXT, b"early"),
        frame(TEXT, &large),
        frame(TEXT, b"and half"),
    ]
    .concat();
    let (early, late) = early.split_at(early.len() - 3);
    let mut client = ask(site.address, [HANDSHAKE.as_bytes(), early].concat());
    let id = site.accept("", "");
    read_head(&mut client);
    assert_eq!(site.js.message(), b"early");
    assert_eq!(site.js.message(), large);
    client.write_all(late).unwrap();
    assert_eq!(site.js.message(), b"and half");
    site.js.send(send(id, 0, 0, b"got it"));
    assert_eq!(read_frame(&mut client), (TEXT, b"got it".to_vec()));
}

#[test]
fn a_handler_that_is_slow_to_decide_is_answered_for() {
    let mut late = route("GET", "/chat", millrace_server::RouteTarget::WebSocket);
    late.timeouts = RouteTimeouts {
        handler: Some(50),
        ..RouteTimeouts::default()
    };
    let (mut js, _, address) = Js::routing(config(), vec![late]);
    let settings = js
        .thread
        .add_websocket_settings(WebSocketSettings::default());
    let mut client = ask(address, HANDSHAKE);
    let id = js.request();
    assert_eq!(js.next(), Event::Abort(id, 5));
    assert_eq!(read_answer(&mut client).status, 503);
    assert_eq!(read_to_end(&mut client), "");
    js.send(accept(id, settings, "", KEY, ""));
    let (mut other, id) = (ask(address, HANDSHAKE), js.request());
    js.send(accept(id, settings, "", KEY, ""));
    assert!(matches!(js.socket_event(), SocketEvent::Opened(opened, _) if opened == id));
    assert!(read_head(&mut other).starts_with("HTTP/1.1 101 "));
}

#[test]
fn the_client_is_told_which_compression_it_gets() {
    let mut site = Site::new(WebSocketSettings {
        compression: Some(WebSocketCompression {
            config: WebSocketExtension::default(),
            threshold_bytes: 0,
        }),
        ..WebSocketSettings::default()
    });
    let mut client = ask(site.address, HANDSHAKE);
    let id = site.js.request();
    site.js.send(accept(
        id,
        0,
        "",
        KEY,
        "x-other, permessage-deflate; client_max_window_bits",
    ));
    let line = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let opened = SocketEvent::Opened(id, line.into());
    assert_eq!(site.js.socket_event(), opened);
    let head = read_head(&mut client);
    assert!(
        head.contains(&format!("Sec-WebSocket-Extensions: {line}\r\n")),
        "{head}"
    );
    // "Hello" as RFC 7692 7.2.3.1 has it.
    put(
        &mut client,
        0xc1,
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    );
    assert_eq!(site.js.message(), b"Hello");
    let compress = millrace_batch::layout::outbound_flag::COMPRESS;
    site.js.send(send(socket(id), compress, 0, &[b'a'; 500]));
    let (first, payload) = read_frame(&mut client);
    assert_eq!(first, 0xc1);
    assert!(payload.len() < 50, "{}", payload.len());
}
