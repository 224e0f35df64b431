//! What a client can do to a server on purpose, and that others do not notice.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use millrace_batch::layout::control;
use millrace_server::{WebSocketLimits, WebSocketSettings};

use super::client::{BINARY, CLOSE, PING, PONG, Site, TEXT, close_payload, frame, put, read_frame};
use super::records::{close, controlled, send, send_large};
use crate::client::await_end;
use crate::js::SocketEvent;

#[test]
fn pings_of_a_client_that_does_not_read_cost_no_memory() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    // The socket takes no more: what it is sent from now on waits.
    let index = site.js.thread.put_chunk(&vec![0; 32 << 20]);
    site.js.send(send_large(id, 0, 0, index));
    site.is_well();
    let queued = |site: &Site| {
        let info = site.js.thread.connection_info(id.connection, id.generation);
        info.expect("a connection that is open").bytes_queued
    };
    let before = queued(&site);
    let pings = frame(PING, &[b'p'; 125]).repeat(1000);
    for _ in 0..100 {
        client.write_all(&pings).unwrap();
    }
    put(&mut client, PING, b"the latest");
    put(&mut client, TEXT, b"after the flood");
    assert_eq!(site.js.message(), b"after the flood");
    site.is_well();
    assert!(queued(&site) <= before, "{} {before}", queued(&site));
    let (first, payload) = read_frame(&mut client);
    assert_eq!((first, payload.len()), (TEXT, 32 << 20));
    assert_eq!(read_frame(&mut client), (PONG, b"the latest".to_vec()));
}

#[test]
fn a_client_that_is_sent_more_than_may_wait_is_cut_and_others_are_not() {
    let mut site = Site::new(WebSocketSettings {
        backlog_bytes: 100_000,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    let large = vec![b'z'; 50_000];
    while site.stats().websockets_slow == 0 {
        let index = site.js.thread.put_chunk(&large);
        site.js.send(send_large(id, 0, 0, index));
        std::thread::sleep(Duration::from_millis(1));
    }
    let (is_clean, code, reason) = site.js.closed(id);
    assert_eq!((is_clean, code), (false, 1008));
    assert!(reason.starts_with("too slow"), "{reason}");
    await_end(&mut client);
    site.is_well();
}

#[test]
fn a_flooding_client_does_not_keep_others_waiting() {
    let mut site = Site::new(WebSocketSettings::default());
    let (flooding, id) = site.open();
    let (mut other, other_id) = site.open();
    flooding.set_nonblocking(true).unwrap();
    let flood = frame(TEXT, &[b'f'; 100]).repeat(100);
    let mut at = 0;
    for round in 0..50 {
        loop {
            match (&flooding).write(&flood[at..]) {
                Ok(count) => at = (at + count) % flood.len(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        let question = format!("question {round}");
        put(&mut other, BINARY, question.as_bytes());
        loop {
            let message = site.js.socket_event();
            let crate::js::SocketEvent::Message(from, payload, _) = message else {
                panic!("{message:?}");
            };
            if from == other_id {
                assert_eq!(payload, question.as_bytes());
                site.js.send(send(other_id, 0, 0, &payload));
                break;
            }
            assert_eq!((from, payload.len()), (id, 100));
        }
        assert_eq!(read_frame(&mut other).1, question.as_bytes());
    }
}

#[test]
fn a_million_empty_fragments_are_one_message_and_cost_no_memory() {
    let limits = WebSocketLimits {
        fragments: u32::MAX,
        ..WebSocketLimits::default()
    };
    let mut site = Site::new(WebSocketSettings {
        limits,
        ..WebSocketSettings::default()
    });
    let (mut client, _) = site.open();
    client.write_all(&frame(0x01, b"begin")).unwrap();
    let fragments = frame(0x00, b"").repeat(10_000);
    for _ in 0..100 {
        client.write_all(&fragments).unwrap();
    }
    client.write_all(&frame(0x80, b" end")).unwrap();
    assert_eq!(site.js.message(), b"begin end");
}

#[test]
fn a_paused_socket_that_closes_is_read_for_the_close_frame_only() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    site.js.send(controlled(id, control::PAUSE, 0, b""));
    site.js.send(close(id, 1000, "enough"));
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(1000, "enough"))
    );
    for _ in 0..100 {
        put(&mut client, BINARY, &[7; 100]);
    }
    put(&mut client, CLOSE, &close_payload(1000, ""));
    let end = SocketEvent::Closed(id, true, 1000, String::new());
    assert_eq!(site.js.socket_event(), end);
    assert_eq!(site.stats().messages_received, 100);
}

#[test]
fn a_server_that_closes_wants_no_messages_of_paused_sockets() {
    let mut site = Site::new(WebSocketSettings {
        lifetime_ms: 500,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    site.js.send(controlled(id, control::PAUSE, 0, b""));
    // Carried out once another socket, which is told later, has been served.
    site.is_well();
    put(&mut client, TEXT, b"unread");
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(1001, "lifetime"))
    );
    put(&mut client, CLOSE, &close_payload(1001, ""));
    let end = SocketEvent::Closed(id, true, 1001, String::new());
    assert_eq!(site.js.socket_event(), end);
}

#[test]
fn a_client_that_keeps_its_lane_full_is_cut_in_time_after_a_close() {
    let mut config = crate::js::config();
    config.queued_bytes = 100_000;
    let mut site = Site::with(
        config,
        WebSocketSettings {
            close_ms: 300,
            ..WebSocketSettings::default()
        },
    );
    let (mut client, id) = site.open();
    site.js.send(close(id, 1000, ""));
    let flood = std::thread::spawn(move || {
        let message = frame(BINARY, &[7; 50_000]);
        while client.write_all(&message).is_ok() {}
    });
    let begun = Instant::now();
    let end = loop {
        match site.js.socket_event() {
            SocketEvent::Closed(_, _, _, reason) => break reason,
            // So slow that the lane is full all the time, and not for long at once.
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still open");
    };
    assert_eq!(end, "close timeout");
    flood.join().unwrap();
}

#[test]
fn tiny_messages_of_one_client_leave_the_way_to_javascript_to_others() {
    const COUNT: u64 = 200_000;
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let flood = std::thread::spawn(move || {
        client
            .write_all(&frame(TEXT, b"x").repeat(COUNT as usize))
            .unwrap();
        client
    });
    let mut received = 0;
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = site.stats().messages_received;
        if now > 0 && now == received {
            break;
        }
        received = now;
    }
    assert!(received < COUNT / 4, "{received} wait for JavaScript");
    for _ in 0..COUNT {
        assert_eq!(site.js.message(), b"x");
    }
    let mut client = flood.join().unwrap();
    put(&mut client, CLOSE, &close_payload(1000, ""));
    assert_eq!(site.js.closed(id), (true, 1000, String::new()));
}
