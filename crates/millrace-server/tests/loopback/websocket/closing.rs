//! The end of sockets, from either side.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use millrace_batch::layout::outbound_flag;
use millrace_server::WebSocketSettings;
use socket2::SockRef;

use super::client::{CLOSE, HANDSHAKE, KEY, Site, TEXT, close_payload, frame, put, read_frame};
use super::records::{accept, close, send, socket, terminate};
use crate::client::{ask, await_end, read_head, read_to_end};
use crate::js::Event;
use crate::js::SocketEvent;

#[test]
fn a_client_that_closes_is_answered_and_the_server_ends_the_connection() {
    let cases = [
        (
            close_payload(1000, "bye"),
            1000,
            "bye",
            close_payload(1000, "bye"),
        ),
        (close_payload(4321, ""), 4321, "", close_payload(4321, "")),
        (Vec::new(), 1005, "", Vec::new()),
    ];
    for (payload, code, reason, echo) in cases {
        let mut site = Site::new(WebSocketSettings::default());
        let (mut client, id) = site.open();
        put(&mut client, CLOSE, &payload);
        assert_eq!(site.js.closed(id), (true, code, reason.to_string()));
        assert_eq!(read_frame(&mut client), (CLOSE, echo));
        assert_eq!(read_to_end(&mut client), "");
        assert_eq!(site.stats().websockets, 0);
    }
}

#[test]
fn a_server_that_closes_waits_for_the_answer() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    site.js.send(
        [
            send(id, 0, 0, b"last words"),
            close(id, 3000, "enough"),
            send(id, outbound_flag::NOTIFY, 5, b"behind"),
        ]
        .concat(),
    );
    assert_eq!(read_frame(&mut client), (TEXT, b"last words".to_vec()));
    assert_eq!(
        read_frame(&mut client),
        (CLOSE, close_payload(3000, "enough"))
    );
    assert_eq!(site.js.socket_event(), SocketEvent::Sent(id, 5, 1, 0));
    put(&mut client, TEXT, b"on its way");
    assert_eq!(site.js.message(), b"on its way");
    put(&mut client, CLOSE, &close_payload(3000, ""));
    assert_eq!(site.js.closed(id), (true, 3000, String::new()));
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn answers_to_what_came_before_a_close_go_out_before_the_close() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    let bytes = [
        frame(TEXT, b"question"),
        frame(CLOSE, &close_payload(1000, "")),
    ]
    .concat();
    client.write_all(&bytes).unwrap();
    assert_eq!(site.js.message(), b"question");
    site.js.send(send(id, 0, 0, b"answer"));
    assert_eq!(site.js.closed(id), (true, 1000, String::new()));
    assert_eq!(read_frame(&mut client), (TEXT, b"answer".to_vec()));
    assert_eq!(read_frame(&mut client), (CLOSE, close_payload(1000, "")));
}

#[test]
fn close_frames_that_cross_are_enough() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    put(&mut client, TEXT, b"now");
    assert_eq!(site.js.message(), b"now");
    put(&mut client, CLOSE, &close_payload(1001, "gone"));
    site.js.send(close(id, 1000, "done"));
    let (is_clean, code, reason) = site.js.closed(id);
    assert_eq!((is_clean, code, &*reason), (true, 1001, "gone"));
    let (first, payload) = read_frame(&mut client);
    assert_eq!(first, CLOSE);
    assert!([close_payload(1000, "done"), close_payload(1001, "gone")].contains(&payload));
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_client_that_goes_without_a_close_frame_has_not_closed_cleanly() {
    let mut site = Site::new(WebSocketSettings::default());
    // In the middle of a message; its end is missing for good.
    let half = &frame(TEXT, b"never ends")[..8];
    let (client, id) = site.open_with([frame(TEXT, b"whole"), half.to_vec()].concat());
    assert_eq!(site.js.message(), b"whole");
    drop(client);
    assert_eq!(site.js.closed(id), (false, 1006, String::new()));

    let (mut client, id) = site.open();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(site.js.closed(id), (false, 1006, String::new()));
    assert_eq!(read_to_end(&mut client), "");

    let (mut client, id) = site.open();
    client.write_all(half).unwrap();
    SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    assert_eq!(site.js.closed(id), (false, 1006, String::new()));
    assert_eq!(site.stats().websockets, 0);
}

#[test]
fn a_client_that_goes_before_it_is_accepted_is_told_as_gone() {
    let mut site = Site::new(WebSocketSettings::default());
    let client = ask(site.address, HANDSHAKE);
    let id = site.js.request();
    drop(client);
    // It may still read, as far as anybody knows.
    site.is_well();
    site.js.send(accept(id, 0, "", KEY, ""));
    let opened = site.js.socket_event();
    assert!(matches!(opened, SocketEvent::Opened(gone, _) if gone == id));
    assert_eq!(site.js.closed(socket(id)), (false, 1006, String::new()));

    let client = ask(site.address, HANDSHAKE);
    let id = site.js.request();
    SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    // Somebody who offers to stop being HTTP is read while nobody has decided.
    assert!(matches!(site.js.next(), Event::Abort(gone, _) if gone == id));
    site.js.send(accept(id, 0, "", KEY, ""));
    site.is_well();
    assert_eq!(site.stats().websockets, 0);
}

#[test]
fn a_socket_that_is_terminated_is_cut() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    site.js.send(terminate(id));
    assert_eq!(site.js.closed(id), (false, 1006, String::new()));
    await_end(&mut client);
    site.js.send(terminate(id));
    site.is_well();
}

#[test]
fn a_server_that_is_closed_says_so_to_its_sockets_and_waits_for_them() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut polite, first) = site.open();
    let (mut late, second) = (ask(site.address, HANDSHAKE), site.js.request());
    site.js.thread.close(site.listening.id, None);
    assert_eq!(read_frame(&mut polite), (CLOSE, close_payload(1001, "")));
    // Whoever is accepted meanwhile is told at once.
    site.js.send(accept(second, 0, "", KEY, ""));
    let opened = site.js.socket_event();
    assert!(matches!(opened, SocketEvent::Opened(id, _) if id == second));
    assert!(read_head(&mut late).starts_with("HTTP/1.1 101 "));
    assert_eq!(read_frame(&mut late), (CLOSE, close_payload(1001, "")));
    put(&mut polite, CLOSE, &close_payload(1001, ""));
    assert_eq!(site.js.closed(first), (true, 1001, String::new()));
    put(&mut late, CLOSE, &close_payload(1001, ""));
    assert_eq!(site.js.closed(socket(second)), (true, 1001, String::new()));
    drop((polite, late));
    assert_eq!(site.js.next(), Event::Closed(site.listening.id));
    assert_eq!(site.stats().connections, 0);
}

#[test]
fn sockets_that_outlast_the_patience_of_a_close_are_cut() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, id) = site.open();
    site.js.thread.close(site.listening.id, Some(1));
    assert_eq!(
        site.js.closed(id),
        (false, 1006, "server closed".to_string())
    );
    assert_eq!(site.js.next(), Event::Closed(site.listening.id));
    await_end(&mut client);
}

#[test]
fn a_thread_that_ends_takes_its_sockets_with_it() {
    let mut site = Site::new(WebSocketSettings::default());
    let (mut client, _) = site.open();
    drop(site);
    await_end(&mut client);
}
