//! What the core refuses, and how it keeps a busy JavaScript thread from drowning.

use std::io::{Read, Write};

use crate::client::{GET, ask, connect, post, read_answer, read_to_end};
use crate::js::{Event, Js, config, credit, respond};

#[test]
fn one_connection_too_many_is_answered_503() {
    let mut one = config();
    one.connections = 1;
    let (mut js, listening, address) = Js::serving(one);
    let mut first = ask(address, GET);
    let id = js.request();
    let mut second = connect(address);
    let answer = read_answer(&mut second);
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("Connection: close"));
    assert_eq!(read_to_end(&mut second), "");
    js.send(respond(id, "the first is served"));
    assert_eq!(read_answer(&mut first).body, "the first is served");
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.requests, stats.refused_connections), (1, 1));
}

#[test]
fn a_connection_that_ends_makes_room_for_another() {
    let mut one = config();
    one.connections = 1;
    let (mut js, listening, address) = Js::serving(one);
    for _ in 0..3 {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let mut client = ask(address, request);
        let id = js.request();
        js.send(respond(id, "in turn"));
        assert_eq!(read_answer(&mut client).body, "in turn");
        assert_eq!(read_to_end(&mut client), "");
        // The client sees the end before the server has counted it.
        while js.thread.stats(listening.id).unwrap().connections > 0 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_broken_head_is_answered_and_told() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    let Event::Failed(server, text) = js.next() else {
        panic!("the failure is told");
    };
    assert_eq!(server, listening.id);
    assert!(
        text.starts_with("ERR_HTTP_SPACE_BEFORE_COLON 127.0.0.1:"),
        "{text}"
    );
    assert_eq!(read_answer(&mut client).status, 400);
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_client_that_sends_too_much_gets_to_read_why() {
    let mut small = config();
    small.policy.limits.body_bytes = 1000;
    let (_js, _, address) = Js::serving(small);
    let mut client = connect(address);
    // All of it before the first look at the answer: a server that closed at once would have it reset.
    client.write_all(post(30_000_000).as_bytes()).unwrap();
    for _ in 0..300 {
        client.write_all(&[b'x'; 100_000]).unwrap();
    }
    let answer = read_answer(&mut client);
    assert_eq!(answer.status, 413);
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_body_that_breaks_aborts_its_exchange() {
    let (mut js, _, address) = Js::serving(config());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = ask(address, head);
    let id = js.request();
    client.write_all(b"nonsense\r\n").unwrap();
    assert_eq!(js.next(), Event::Abort(id, 3));
    assert_eq!(read_answer(&mut client).status, 400);
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_chunked_body_that_grows_too_large_aborts_its_exchange() {
    let mut small = config();
    small.policy.limits.body_bytes = 10;
    let (mut js, _, address) = Js::serving(small);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = ask(address, head);
    let id = js.request();
    client.write_all(b"b\r\nhello world\r\n").unwrap();
    assert_eq!(js.next(), Event::Abort(id, 8));
    assert_eq!(read_answer(&mut client).status, 413);
}

#[test]
fn a_full_pipeline_is_read_on_when_answers_go_out() {
    let mut few = config();
    few.policy.pipelined = 2;
    let (mut js, _, address) = Js::serving(few);
    let mut client = ask(address, GET.repeat(100));
    for number in 0..50 {
        let (first, second) = (js.request(), js.request());
        assert_eq!(
            (first.sequence, second.sequence),
            (2 * number, 2 * number + 1)
        );
        js.send(respond(second, "b"));
        js.send(respond(first, "a"));
    }
    for number in 0..100 {
        let body = read_answer(&mut client).body;
        assert_eq!(body, if number % 2 == 0 { "a" } else { "b" });
    }
}

#[test]
fn a_congested_lane_stops_an_upload_and_lets_it_go_on() {
    let mut tight = config();
    tight.queued_bytes = 100_000;
    // Not what stops it here.
    tight.policy.body_window = 1 << 30;
    tight.policy.limits.body_bytes = 1 << 30;
    let (mut js, _, address) = Js::serving(tight);
    let length = 32 << 20;
    let client = std::thread::spawn(move || {
        let mut client = ask(address, post(length));
        client.write_all(&vec![b'x'; length]).unwrap();
        read_answer(&mut client)
    });
    // JavaScript is busy and does not look, until reading has stopped.
    while js.thread.queued_bytes() <= 100_000 {
        std::thread::yield_now();
    }
    let id = js.request();
    js.send(credit(id, 0));
    let mut total = 0;
    // The batch under way when reading stops comes on top: some reads of one connection, not the upload.
    let most = 100_000 + (4 << 20);
    while total < length {
        let queued = js.thread.queued_bytes();
        assert!(queued <= most, "{queued} bytes wait");
        match js.next() {
            Event::Body(from, piece) if from == id => total += piece.len(),
            other => panic!("not {other:?}"),
        }
    }
    assert_eq!(js.next(), Event::End(id));
    js.send(respond(id, "all of it"));
    assert_eq!(client.join().unwrap().body, "all of it");
}

#[test]
fn a_congested_lane_stops_requests_and_lets_them_go_on() {
    let mut tight = config();
    tight.queued_bytes = 1000;
    let (mut js, _, address) = Js::serving(tight);
    let mut clients: Vec<_> = (0..50).map(|_| ask(address, GET)).collect();
    while js.thread.queued_bytes() <= 1000 {
        std::thread::yield_now();
    }
    for client in &mut clients {
        client.write_all(GET.as_bytes()).unwrap();
    }
    for _ in 0..100 {
        let id = js.request();
        js.send(respond(id, "ok"));
    }
    for client in &mut clients {
        let mut answers = [read_answer(client), read_answer(client)];
        assert!(answers.iter_mut().all(|answer| answer.body == "ok"));
    }
}

#[test]
fn many_connections_that_say_nothing_are_in_nobodys_way() {
    let (mut js, listening, address) = Js::serving(config());
    let mut silent: Vec<_> = (0..100).map(|_| connect(address)).collect();
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "served"));
    assert_eq!(read_answer(&mut client).body, "served");
    assert_eq!(js.thread.stats(listening.id).unwrap().connections, 101);
    drop(js);
    for client in &mut silent {
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    }
}
