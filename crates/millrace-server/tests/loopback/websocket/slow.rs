//! Clients that do not read what they are sent.

use std::io::{Read, Write};
use std::net::TcpStream;

use millrace_batch::SocketId;
use millrace_batch::layout::{outbound_flag, overflow};
use millrace_server::{Config, Overflow, SocketOptions, WebSocketSettings};

use super::client::{CLOSE, HANDSHAKE, read_frame};
use super::hall::{Client, Hall, publish, send, send_and_tell, set_overflow, subscribe};
use super::records::close;
use crate::client::{GET, await_end, read_answer, read_head};
use crate::js::{SocketEvent, config, flagged, respond};

/// A hall in which little is enough to make a client slow.
fn hall(overflow: Overflow, backlog_bytes: usize) -> Hall {
    let config = Config {
        socket: SocketOptions {
            send_buffer: Some(4096),
            ..config().socket
        },
        ..config()
    };
    let settings = WebSocketSettings {
        overflow,
        backlog_bytes,
        ..WebSocketSettings::default()
    };
    Hall::new(config, settings)
}

const LARGE: usize = 1 << 20;

/// What comes behind the large message that made the client slow.
fn rest(client: &mut Client, last: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(client.message().len(), LARGE);
    let mut messages = Vec::new();
    while messages.last().is_none_or(|message| message != last) {
        messages.push(client.message());
    }
    messages
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let mut hall = hall(Overflow::Close, 2 * LARGE);
    let (mut client, socket) = hall.join_slow();
    hall.block(socket, LARGE);
    for token in 0..3 {
        hall.send(send_and_tell(socket, &[b'x'; LARGE / 2], token));
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        match hall.event() {
            SocketEvent::Sent(_, token, 1, 0) => told.push(token),
            other => panic!("a message should have been given up, not {other:?}"),
        }
    }
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2]);
    let SocketEvent::Closed(_, clean, code, reason) = hall.event() else {
        panic!("the socket should have been cut");
    };
    assert_eq!((clean, code), (false, 1008));
    assert!(reason.starts_with("too slow"), "{reason}");
    await_end(&mut client.stream);
    let stats = hall.site.stats();
    assert_eq!((stats.websockets_slow, stats.websockets), (1, 0));
}

#[test]
fn a_client_that_does_not_even_read_that_it_was_accepted_is_cut_off() {
    let mut hall = hall(Overflow::Close, LARGE);
    let (client, socket) = accept_behind_an_answer(&mut hall);
    for _ in 0..20 {
        hall.send(send(socket, &[b'x'; LARGE / 16]));
    }
    let (is_clean, code, reason) = hall.site.js.closed(socket);
    assert_eq!((is_clean, code), (false, 1008));
    assert!(reason.starts_with("too slow"), "{reason}");
    drop(client);
}

/// Opens a socket whose client has yet to read an answer of 200,000 bytes: its 101 waits behind that.
fn accept_behind_an_answer(hall: &mut Hall) -> (TcpStream, SocketId) {
    let mut client = hall.connect_slow();
    client.write_all(GET.as_bytes()).unwrap();
    let id = hall.site.js.request();
    hall.send(respond(id, &"x".repeat(200_000)));
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let socket = hall.site.accept("", "");
    (client, socket)
}

#[test]
fn messages_that_wait_for_the_answers_before_them_come_in_their_order() {
    let mut hall = hall(Overflow::Close, 2 * LARGE);
    let (mut client, socket) = accept_behind_an_answer(&mut hall);
    for number in 0..100u32 {
        hall.send(send(socket, &number.to_le_bytes()));
    }
    hall.send(close(socket, 1000, ""));
    assert_eq!(read_answer(&mut client).body.len(), 200_000);
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
    for number in 0..100u32 {
        assert_eq!(read_frame(&mut client).1, number.to_le_bytes());
    }
    assert_eq!(read_frame(&mut client).0, CLOSE);
}

#[test]
fn what_comes_last_is_dropped() {
    let mut hall = hall(Overflow::DropNewest, LARGE + 1000);
    let (mut client, socket) = hall.join_slow();
    hall.block(socket, LARGE);
    let waiting = publish_numbers(&mut hall, socket, "t");
    let messages = rest(&mut client, &waiting);
    assert!(messages.is_sorted() && messages.len() < 1000);
    assert_eq!(messages[0], 0u32.to_be_bytes());
    let dropped = dropped(&mut hall, socket, 1000 - (messages.len() as u32 - 1));
    let stats = hall.site.stats();
    assert_eq!(stats.dropped_newest, u64::from(dropped));
}

#[test]
fn what_waits_longest_is_dropped() {
    let mut hall = hall(Overflow::DropOldest, LARGE + 1000);
    let (mut client, socket) = hall.join_slow();
    hall.block(socket, LARGE);
    let waiting = publish_numbers(&mut hall, socket, "t");
    let messages = rest(&mut client, &waiting);
    assert!(messages.is_sorted());
    assert_eq!(messages[messages.len() - 2], 999u32.to_be_bytes());
    let dropped = dropped(&mut hall, socket, 1000 - (messages.len() as u32 - 1));
    let stats = hall.site.stats();
    assert_eq!(stats.dropped_oldest, u64::from(dropped));
}

#[test]
fn of_each_topic_the_latest_waits() {
    let mut hall = hall(Overflow::Latest, 2 * LARGE);
    let (mut client, socket) = hall.join_slow();
    hall.block(socket, LARGE);
    let server = hall.server();
    hall.send(subscribe(socket, "#"));
    for round in 0..100 {
        for topic in ["x", "y", "z"] {
            let text = format!("{topic}{round}");
            hall.send(publish(server, topic, text.as_bytes()));
        }
    }
    hall.send(send(socket, b"end"));
    let messages = rest(&mut client, b"end");
    let expected: [&[u8]; 4] = [b"x99", b"y99", b"z99", b"end"];
    assert_eq!(messages, expected);
    dropped(&mut hall, socket, 297);
    let stats = hall.site.stats();
    assert_eq!(stats.dropped_latest, 297);
}

/// Publishes a thousand numbers, and then sends a message that is told about and so is the last.
fn publish_numbers(hall: &mut Hall, socket: SocketId, topic: &str) -> Vec<u8> {
    let mut records = subscribe(socket, topic);
    for number in 0..1000u32 {
        records.extend(publish(hall.server(), topic, &number.to_be_bytes()));
    }
    // By this rule it waits in any case.
    records.extend(set_overflow(socket, overflow::CLOSE, u32::MAX));
    records.extend(send(socket, b"~end"));
    hall.send(records);
    b"~end".to_vec()
}

/// Waits until so many messages were told as dropped.
fn dropped(hall: &mut Hall, socket: SocketId, count: u32) -> u32 {
    let mut sum = 0;
    while sum < count {
        match hall.event() {
            SocketEvent::Dropped(of, messages, _) => {
                assert_eq!(of, socket);
                sum += messages;
            }
            other => panic!("messages should have been dropped, not {other:?}"),
        }
    }
    assert_eq!(sum, count);
    sum
}

#[test]
fn others_get_their_messages_while_one_client_reads_nothing() {
    let mut hall = hall(Overflow::DropOldest, LARGE);
    let server = hall.server();
    let (slow, socket) = hall.join_slow();
    hall.send(subscribe(socket, "t"));
    let (mut client, other) = hall.join();
    hall.send(subscribe(other, "t"));
    hall.block(socket, LARGE);
    let payload = [7; 10_000];
    for round in 0..1000u32 {
        let payload = [&round.to_le_bytes()[..], &payload].concat();
        hall.send(publish(server, "t", &payload));
        assert_eq!(client.message(), payload);
    }
    let queued = hall.queued(socket);
    assert!(queued < 2 * LARGE as u64 + 20_000, "{queued}");
    drop(slow);
}

#[test]
fn a_write_that_was_cut_tells_how_much_of_it_was_sent() {
    let mut hall = hall(Overflow::Close, 4 * LARGE);
    let (mut client, socket) = hall.join_slow();
    hall.send(send_and_tell(socket, &[1; LARGE], 1));
    hall.send(send_and_tell(socket, &[2; 100], 2));
    let mut some = vec![0; LARGE / 4];
    client.stream.read_exact(&mut some).unwrap();
    client.vanish();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let SocketEvent::Sent(_, token, outcome, transferred) = hall.event() {
            told.push((token, outcome, transferred as usize));
        }
    }
    let (token, outcome, transferred) = told[0];
    assert_eq!(token, 1);
    // An error of the system's.
    assert!(outcome > 16, "{outcome}");
    assert!(
        (LARGE / 4 - 10..LARGE).contains(&transferred),
        "{transferred}"
    );
    assert_eq!(told[1], (2, 1, 0));
}

#[test]
fn a_socket_that_has_drained_says_so() {
    let mut hall = hall(Overflow::Close, 4 * LARGE);
    let (mut client, socket) = hall.join_slow();
    hall.block(socket, LARGE);
    let record = flagged(send(socket, b"last"), outbound_flag::WANT_DRAIN);
    hall.send(record);
    assert_eq!(rest(&mut client, b"last").len(), 1);
    assert_eq!(hall.event(), SocketEvent::Drained(socket));
}
