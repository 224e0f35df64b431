//! Messages for everybody who wants their topic.

use std::thread;

use millrace_batch::SocketId;
use millrace_batch::layout::outbound_flag;
use millrace_server::{Config, WebSocketCompression, WebSocketExtension, WebSocketSettings};
use millrace_ws::{Inflater, SharedInflater};

use super::client::read_frame;
use super::hall::{Client, Hall, publish, publish_but, send, subscribe, unsubscribe};
use super::records::{close, send_large};
use crate::js::{SocketEvent, config, flagged};

#[test]
fn who_subscribed_gets_what_is_published_and_nobody_else() {
    let mut hall = Hall::new(config(), WebSocketSettings::default());
    let server = hall.server();
    let mut members: Vec<(Client, SocketId)> = (0..4).map(|_| hall.join()).collect();
    let wants = ["a/b", "a/+", "a/#", "other"];
    for ((_, socket), topic) in members.iter().zip(wants) {
        hall.send(subscribe(*socket, topic));
    }
    // Two of its topics match, and it gets one message.
    hall.send(subscribe(members[2].1, "a/b"));
    hall.send(publish(server, "a/b", b"first"));
    hall.send(unsubscribe(members[1].1, "a/+"));
    hall.send(publish_but(server, "a/b", b"second", Some(members[0].1)));
    hall.send(publish(server + 7, "a/b", b"of another server"));
    hall.send(publish(server, "a/+", b"not a topic to publish to"));
    for (_, socket) in &members {
        hall.send(send(*socket, b"end"));
    }
    let expected = [
        vec!["first", "end"],
        vec!["first", "end"],
        vec!["first", "second", "end"],
        vec!["end"],
    ];
    for ((client, _), expected) in members.iter_mut().zip(expected) {
        for message in expected {
            assert_eq!(client.message(), message.as_bytes());
        }
    }
    let stats = hall.site.stats();
    assert_eq!((stats.messages_published, stats.messages_sent), (4, 4));
}

#[test]
fn what_is_sent_and_published_to_a_socket_comes_in_the_order_of_the_calls() {
    let mut hall = Hall::new(config(), WebSocketSettings::default());
    let server = hall.server();
    let (mut client, socket) = hall.join();
    let mut records = subscribe(socket, "t");
    for round in 0..200u32 {
        let large = vec![0; if round % 50 == 7 { 30_000 } else { 0 }];
        let number = round.to_le_bytes();
        let payload = [&number[..], &large].concat();
        records.extend(match round % 3 {
            0 => send(socket, &payload),
            _ => publish(server, "t", &payload),
        });
    }
    hall.send(records);
    for round in 0..200u32 {
        assert_eq!(client.message()[..4], round.to_le_bytes());
    }
}

#[test]
fn a_thousand_subscribers_get_everything_in_order_on_every_thread() {
    let config = Config {
        io_threads: 2,
        connections: 2000,
        ..config()
    };
    let mut hall = Hall::new(config, WebSocketSettings::default());
    let server = hall.server();
    let (mut clients, mut records) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        let (client, socket) = hall.join();
        clients.push(client);
        records.extend(subscribe(socket, "news"));
    }
    // More in all than waits for the end of a pass to be written.
    for round in 0..100u32 {
        let payload: Vec<u8> = round.to_le_bytes().repeat(128);
        records.extend(publish(server, "news", &payload));
    }
    hall.send(records);
    for client in &mut clients {
        for round in 0..100u32 {
            assert_eq!(client.message(), round.to_le_bytes().repeat(128));
        }
    }
    let stats = hall.site.stats();
    assert_eq!(stats.messages_published, 100_000);
}

#[test]
fn the_others_get_everything_while_half_of_the_subscribers_vanish() {
    let mut hall = Hall::new(config(), WebSocketSettings::default());
    let server = hall.server();
    let mut stay = Vec::new();
    let mut leave = Vec::new();
    for index in 0..200 {
        let (client, socket) = hall.join();
        hall.send(subscribe(socket, "t/+"));
        if index % 3 == 0 {
            hall.send(subscribe(socket, "t/#"));
        }
        match index % 2 {
            0 => stay.push(client),
            _ => leave.push((client, socket)),
        }
    }
    let readers: Vec<_> = stay
        .into_iter()
        .map(|mut client| {
            thread::spawn(move || {
                for round in 0..300u32 {
                    assert_eq!(client.message(), round.to_le_bytes());
                }
                client
            })
        })
        .collect();
    let mut vanished = 0;
    for round in 0..300u32 {
        let payload = round.to_le_bytes();
        hall.send(publish(server, "t/a", &payload));
        if round % 3 == 0
            && let Some((client, socket)) = leave.pop()
        {
            if round % 2 == 0 {
                client.vanish();
            } else {
                hall.send(close(socket, 1000, ""));
                drop(client);
            }
            vanished += 1;
        }
    }
    assert_eq!((vanished, leave.len()), (100, 0));
    let stayed: Vec<Client> = readers
        .into_iter()
        .map(|reader| reader.join().expect("everything came"))
        .collect();
    let mut closed = 0;
    while closed < 100 {
        if let SocketEvent::Closed(..) = hall.event() {
            closed += 1;
        }
    }
    assert_eq!(hall.site.stats().websockets, 100);
    // Who comes in the places of those that went has not subscribed to anything.
    let (mut client, socket) = hall.join();
    hall.send(publish(server, "t/a", b"for the others"));
    hall.send(send(socket, b"for the new one"));
    assert_eq!(client.message(), b"for the new one");
    drop(stayed);
}

#[test]
fn each_client_can_read_what_is_compressed_once_for_all() {
    let settings = WebSocketSettings {
        compression: Some(WebSocketCompression {
            config: WebSocketExtension {
                context_takeover_server: true,
                ..WebSocketExtension::default()
            },
            threshold_bytes: 10,
        }),
        ..WebSocketSettings::default()
    };
    let mut hall = Hall::new(config(), settings);
    let server = hall.server();
    let offers = [
        "",
        "permessage-deflate",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=9; server_no_context_takeover",
    ];
    let windows = [None, Some(15), Some(10), Some(9)];
    let mut members: Vec<(Client, SocketId)> = offers
        .iter()
        .map(|offer| hall.join_offering(offer))
        .collect();
    let text = "what is said again and again ".repeat(200);
    let mut expected = Vec::new();
    for round in 0..20 {
        let message = format!("{round}: {text}");
        for (_, socket) in &members {
            if round == 0 {
                hall.send(subscribe(*socket, "t"));
            }
            if round % 3 == 1 {
                hall.send(compressed(send(*socket, message.as_bytes())));
            }
        }
        if round % 3 != 1 {
            let record = publish(server, "t", message.as_bytes());
            hall.send(compressed(record));
        }
        expected.push(message);
    }
    for ((client, _), window) in members.iter_mut().zip(windows) {
        let mut shared = SharedInflater::new();
        let mut inflater = window.map(Inflater::new);
        let agrees = client.head.contains("permessage-deflate");
        assert_eq!(agrees, window.is_some(), "{}", client.head);
        for message in &expected {
            let (first, payload) = read_frame(&mut client.stream);
            let Some(inflater) = &mut inflater else {
                assert_eq!((first, &payload[..]), (0x82, message.as_bytes()));
                continue;
            };
            assert_eq!(first, 0xc2);
            assert!(payload.len() < message.len() / 10);
            let mut read = Vec::new();
            let result = inflater.inflate(&mut shared, &payload, &mut read, u64::MAX);
            assert!(result.is_ok() && read == message.as_bytes());
        }
    }
}

/// The same record, whose payload may be compressed.
fn compressed(record: Vec<u8>) -> Vec<u8> {
    flagged(record, outbound_flag::COMPRESS)
}

#[test]
fn large_messages_for_sockets_of_two_threads_in_turn_reach_each_in_order() {
    let config = Config {
        io_threads: 2,
        ..config()
    };
    let mut hall = Hall::new(config, WebSocketSettings::default());
    let mut clients: Vec<(Client, SocketId)> = (0..8).map(|_| hall.join()).collect();
    let mut records = Vec::new();
    for round in 0..1000u32 {
        for (_, socket) in &clients {
            let thread = &mut hall.site.js.thread;
            let index = thread.put_chunk(&round.to_le_bytes());
            records.extend(send_large(*socket, 0, 0, index));
        }
    }
    hall.send(records);
    for (client, _) in &mut clients {
        for round in 0..1000u32 {
            assert_eq!(client.message(), round.to_le_bytes());
        }
    }
}
