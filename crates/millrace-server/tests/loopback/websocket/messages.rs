//! Messages in both directions.

use std::io::Write;

use millrace_batch::layout::{control, outbound_flag};
use millrace_server::WebSocketSettings;

use super::client::{BINARY, PING, PONG, Site, TEXT, frame, put, read_frame};
use super::records::{controlled, send, send_large};
use crate::js::SocketEvent;

#[test]
fn messages_come_whole_and_in_order_with_what_they_are() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let large = "grün ".repeat(10_000);
    let sent: [(u8, &[u8], &str); 5] = [
        (TEXT, b"plain", "afl"),
        (TEXT, "grün".as_bytes(), "fl"),
        (BINARY, &[0, 255, 0], "bfl"),
        (TEXT, b"", "afl"),
        (TEXT, large.as_bytes(), "flL"),
    ];
    for (first, payload, _) in sent {
        put(&mut client, first, payload);
    }
    for (_, payload, flags) in sent {
        let message = SocketEvent::Message(id, payload.to_vec(), flags.into());
        assert_eq!(site.js.socket_event(), message);
    }
    assert_eq!(site.stats().messages_received, 5);
}

#[test]
fn a_message_in_fragments_split_anywhere_is_one_message() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let frames = [
        frame(0x01, b"one "),
        frame(PING, b"between"),
        frame(0x00, b""),
        frame(0x00, b"two "),
        frame(0x80, b"three"),
    ]
    .concat();
    for at in 1..frames.len() {
        let (before, behind) = frames.split_at(at);
        client.write_all(before).unwrap();
        std::thread::yield_now();
        client.write_all(behind).unwrap();
        let message = SocketEvent::Message(id, b"one two three".to_vec(), "afl".into());
        assert_eq!(site.js.socket_event(), message, "split at {at}");
        assert_eq!(read_frame(&mut client), (PONG, b"between".to_vec()));
    }
}

#[test]
fn a_message_can_be_handed_on_as_it_comes() {
    let mut site = Site::new(WebSocketSettings {
        streaming: true,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    client.write_all(&frame(0x02, b"first")).unwrap();
    let part = SocketEvent::Message(id, b"first".to_vec(), "bf".into());
    assert_eq!(site.js.socket_event(), part);
    client.write_all(&frame(0x00, b"second")).unwrap();
    let part = SocketEvent::Message(id, b"second".to_vec(), "b".into());
    assert_eq!(site.js.socket_event(), part);
    client.write_all(&frame(0x80, b"last")).unwrap();
    let part = SocketEvent::Message(id, b"last".to_vec(), "bl".into());
    assert_eq!(site.js.socket_event(), part);
    assert_eq!(site.stats().messages_received, 1);
}

#[test]
fn what_is_sent_arrives_as_frames_and_is_reported() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let large = vec![b'y'; 200_000];
    let index = site.js.thread.put_chunk(&large);
    site.js.send(
        [
            send(id, 0, 0, b"text"),
            send(
                id,
                outbound_flag::BINARY | outbound_flag::NOTIFY,
                7,
                b"\0\xff",
            ),
            send_large(id, outbound_flag::NOTIFY, 8, index),
            controlled(id, control::PING, 0, b"there?"),
            controlled(id, control::PONG, 0, b"here"),
        ]
        .concat(),
    );
    assert_eq!(read_frame(&mut client), (TEXT, b"text".to_vec()));
    assert_eq!(read_frame(&mut client), (BINARY, b"\0\xff".to_vec()));
    assert_eq!(read_frame(&mut client), (TEXT, large));
    assert_eq!(read_frame(&mut client), (PING, b"there?".to_vec()));
    assert_eq!(read_frame(&mut client), (PONG, b"here".to_vec()));
    assert_eq!(site.js.socket_event(), SocketEvent::Sent(id, 7, 0, 2));
    assert_eq!(site.js.socket_event(), SocketEvent::Sent(id, 8, 0, 200_000));
    assert_eq!(site.stats().messages_sent, 3);

    let (part, more) = (outbound_flag::PART, outbound_flag::MORE);
    site.js.send(
        [
            send(id, part | more, 0, b"in "),
            send(id, part | more, 0, b"three "),
            send(id, part, 0, b"parts"),
        ]
        .concat(),
    );
    for expected in ["in ", "three ", "parts"] {
        assert_eq!(read_frame(&mut client).1, expected.as_bytes());
    }
    assert_eq!(site.stats().messages_sent, 4);
}

#[test]
fn pings_are_answered_by_the_core_and_reported_where_that_is_wanted() {
    for reported in [false, true] {
        let mut site = Site::new(WebSocketSettings {
            report_pings: reported,
            report_pongs: reported,
            ..WebSocketSettings::default()
        });
        let (mut client, id) = site.open();
        put(&mut client, PING, b"p1");
        put(&mut client, PONG, b"unasked");
        put(&mut client, TEXT, b"end");
        assert_eq!(read_frame(&mut client), (PONG, b"p1".to_vec()));
        if reported {
            assert_eq!(
                site.js.socket_event(),
                SocketEvent::Ping(id, b"p1".to_vec())
            );
            let pong = SocketEvent::Pong(id, b"unasked".to_vec());
            assert_eq!(site.js.socket_event(), pong);
        }
        assert_eq!(site.js.message(), b"end");
    }
}

#[test]
fn pings_can_be_left_to_javascript() {
    let mut site = Site::new(WebSocketSettings {
        answer_pings: false,
        report_pings: true,
        ..WebSocketSettings::default()
    });
    let (mut client, id) = site.open();
    put(&mut client, PING, b"whoever");
    let ping = SocketEvent::Ping(id, b"whoever".to_vec());
    assert_eq!(site.js.socket_event(), ping);
    site.js.send(controlled(id, control::PONG, 0, b"it is me"));
    assert_eq!(read_frame(&mut client), (PONG, b"it is me".to_vec()));
}

#[test]
fn a_paused_socket_is_not_read_until_it_is_resumed() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    site.js.send(controlled(id, control::PAUSE, 0, b""));
    // Carried out once another socket, which is told later, has been served.
    site.is_well();
    put(&mut client, TEXT, b"held back");
    site.is_well();
    assert_eq!(site.stats().messages_received, 2, "those of the others");
    site.js.send(controlled(id, control::RESUME, 0, b""));
    assert_eq!(site.js.message(), b"held back");
}

#[test]
fn a_lane_that_is_full_has_sockets_wait_unread_and_loses_nothing() {
    let mut config = crate::js::config();
    config.queued_bytes = 100_000;
    let mut site = Site::with(config, WebSocketSettings::default());
    let (mut client, _) = site.open();
    let writer = std::thread::spawn(move || {
        for number in 0..2000u32 {
            let mut payload = vec![b'.'; 5000];
            payload[..4].copy_from_slice(&number.to_le_bytes());
            put(&mut client, BINARY, &payload);
        }
        client
    });
    for number in 0..2000u32 {
        let message = site.js.message();
        assert_eq!(message[..4], number.to_le_bytes());
        assert!(site.js.thread.queued_bytes() < 2_000_000);
    }
    writer.join().unwrap();
}

#[test]
fn what_is_asked_of_a_socket_that_is_gone_is_dropped_and_reported() {
    let mut site = Site::new(WebSocketSettings::default());
    let (client, id) = site.open();
    drop(client);
    assert_eq!(site.js.closed(id), (false, 1006, String::new()));
    site.js.send(
        [
            send(id, outbound_flag::NOTIFY, 3, b"too late"),
            send(id, 0, 0, b"as well"),
            controlled(id, control::PING, 0, b""),
        ]
        .concat(),
    );
    assert_eq!(site.js.socket_event(), SocketEvent::Sent(id, 3, 1, 0));
    site.is_well();
}

#[test]
fn what_is_known_of_a_connection_has_what_waits_for_its_client() {
    let mut site = Site::new(WebSocketSettings {
        backlog_bytes: 100 << 20,
        ..WebSocketSettings::default()
    });
    let (_client, id) = site.open();
    let index = site.js.thread.put_chunk(&vec![0; 64 << 20]);
    site.js.send(send_large(id, 0, 0, index));
    site.is_well();
    let thread = &site.js.thread;
    let info = thread
        .connection_info(id.connection, id.generation)
        .unwrap();
    assert_eq!(info.bytes_accepted, 64 << 20);
    assert!(info.bytes_queued > 32 << 20, "{}", info.bytes_queued);
    assert!(info.bytes_queued <= (64 << 20) + 10);
}
