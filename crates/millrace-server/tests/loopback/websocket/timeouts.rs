//! What takes too long. The times are small and only their ends are waited for.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use millrace_batch::layout::control;
use millrace_server::WebSocketSettings;

use super::client::{CLOSE, PING, PONG, Site, TEXT, close_payload, frame, put, read_frame};
use super::records::{close, controlled, send_large};
use crate::client::{await_end, read_to_end};
use crate::js::config;

/// Long enough for a machine under load to do what is done in time here, in milliseconds.
const SOON: u64 = 60;

#[test]
fn a_client_that_answers_pings_is_not_idle_and_one_that_does_not_is() {
    let mut site = Site::new(WebSocketSettings {
        idle_ms: 400,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1000) {
        assert_eq!(read_frame(&mut client), (PING, Vec::new()));
        put(&mut client, PONG, b"");
    }
    assert_eq!(read_frame(&mut client), (PING, Vec::new()));
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(1001, "idle timeout"))
    );
    assert_eq!(
        site.js.closed(id),
        (false, 1006, "idle timeout".to_string())
    );
    await_end(&mut client);
    assert_eq!(site.stats().timeouts, 1);
}

#[test]
fn without_pings_silence_is_idle_and_messages_are_not() {
    let mut site = Site::new(WebSocketSettings {
        idle_ms: 300,
        ping: false,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(600) {
        put(&mut client, TEXT, b"still here");
        assert_eq!(site.js.message(), b"still here");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        site.js.closed(id),
        (false, 1006, "idle timeout".to_string())
    );
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(1001, "idle timeout"))
    );
}

#[test]
fn a_paused_socket_is_not_idle() {
    let mut site = Site::new(WebSocketSettings {
        idle_ms: 300,
        ..WebSocketSettings::default()
    });
    let (mut client, paused) = site.open();
    site.js.send(controlled(paused, control::PAUSE, 0, b""));
    let (_silent, id) = site.open();
    assert_eq!(site.js.closed(id).2, "idle timeout");
    put(&mut client, TEXT, b"unread so far");
    site.js.send(controlled(paused, control::RESUME, 0, b""));
    assert_eq!(site.js.message(), b"unread so far");
}

#[test]
fn a_socket_that_has_lived_long_enough_is_closed() {
    let mut site = Site::new(WebSocketSettings {
        lifetime_ms: SOON,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(1001, "lifetime"))
    );
    put(&mut client, CLOSE, &close_payload(1001, ""));
    assert_eq!(site.js.closed(id), (true, 1001, String::new()));
    assert_eq!(read_to_end(&mut client), "");
    assert_eq!(site.stats().timeouts, 0, "it is no offence");
}

#[test]
fn a_client_that_does_not_answer_a_close_is_cut() {
    let mut site = Site::new(WebSocketSettings {
        close_ms: SOON,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    site.js.send(close(id, 1000, ""));
    assert_eq!(
        site.js.closed(id),
        (false, 1006, "close timeout".to_string())
    );
    assert_eq!(read_frame(&mut client), (CLOSE, close_payload(1000, "")));
    await_end(&mut client);
}

#[test]
fn a_close_does_not_wait_for_javascript_for_ever() {
    let mut site = Site::new(WebSocketSettings {
        close_ms: SOON,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    let bytes = [
        frame(TEXT, b"unseen"),
        frame(CLOSE, &close_payload(1000, "")),
    ]
    .concat();
    client.write_all(&bytes).unwrap();
    // This thread looks at nothing meanwhile.
    assert_eq!(read_frame(&mut client), (CLOSE, close_payload(1000, "")));
    await_end(&mut client);
    assert_eq!(site.js.message(), b"unseen");
    let (_, code, _) = site.js.closed(id);
    assert_eq!(code, 1000);
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let mut slow = config();
    slow.timeouts.write = SOON;
    let mut site = Site::with(
        slow,
        WebSocketSettings {
            backlog_bytes: 1 << 30,
            ..WebSocketSettings::default()
        },
    );
    let (mut client, id) = site.open();
    let index = site.js.thread.put_chunk(&vec![0; 64 << 20]);
    site.js.send(send_large(id, 0, 0, index));
    assert_eq!(
        site.js.closed(id),
        (false, 1006, "write timeout".to_string())
    );
    assert_eq!(site.stats().timeouts, 1);
    let mut some = [0; 10];
    client.read_exact(&mut some).unwrap();
    await_end(&mut client);
}
