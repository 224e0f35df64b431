//! What the core accepts when it is told how much, and what it knows of a connection. What it does when descriptors are
//! short is in a test of its own process, `descriptors.rs`.

use std::io::Write;

use crate::client::{GET, ask, connect, read_answer};
use crate::js::{Event, Js, config, respond};

#[test]
fn a_server_that_pulls_accepts_what_it_asks_for_and_no_more() {
    let mut pulling = config();
    pulling.pull_accept = true;
    let (mut js, listening, address) = Js::serving(pulling);
    let mut clients: Vec<_> = (0..3).map(|_| ask(address, GET)).collect();
    assert_eq!(js.thread.stats(listening.id).unwrap().accepted, 0);
    for round in 1..=3 {
        js.thread.accept_more(listening.id, 1);
        let Event::Accepted(server, connection, generation) = js.next() else {
            panic!("the connection should have been announced before its request");
        };
        let id = js.request();
        assert_eq!(server, listening.id);
        assert_eq!((id.connection, id.generation), (connection, generation));
        assert_eq!(js.thread.stats(listening.id).unwrap().accepted, round);
        js.send(respond(id, "pulled"));
    }
    for client in &mut clients {
        assert_eq!(read_answer(client).body, "pulled");
    }
}

#[test]
fn a_connection_turned_away_does_not_count_as_pulled() {
    let mut pulling = config();
    pulling.pull_accept = true;
    pulling.connections = 1;
    let (mut js, listening, address) = Js::serving(pulling);
    js.thread.accept_more(listening.id, 2);
    let first = connect(address);
    assert!(matches!(js.next(), Event::Accepted(..)));
    assert_eq!(read_answer(&mut connect(address)).status, 503);
    drop(first);
    // Its end is counted some time after it is seen.
    while js.thread.stats(listening.id).unwrap().connections > 0 {
        std::thread::yield_now();
    }
    let _second = connect(address);
    assert!(matches!(js.next(), Event::Accepted(..)));
}

#[test]
fn a_connection_tells_its_address_and_its_bytes_while_it_is_open() {
    let mut many = config();
    many.io_threads = 2;
    let (mut js, listening, address) = Js::serving(many);
    let mut clients: Vec<_> = (0..4).map(|_| ask(address, GET)).collect();
    for round in 1..=2 {
        for _ in 0..4 {
            let id = js.request();
            js.send(respond(id, "ok"));
        }
        let answers: Vec<_> = clients.iter_mut().map(read_answer).collect();
        assert!(answers.iter().all(|answer| answer.body == "ok"));
        if round == 1 {
            for client in &mut clients {
                client.write_all(GET.as_bytes()).unwrap();
            }
        }
    }
    let mut last = ask(address, GET);
    let id = js.request();
    let info = js
        .thread
        .connection_info(id.connection, id.generation)
        .expect("the connection is open");
    assert_eq!(info.local, Some(address));
    assert_eq!(info.bytes_read, GET.len() as u64);
    assert_eq!(info.bytes_written, 0);
    js.send(respond(id, "ok"));
    let answer = read_answer(&mut last);
    let written = (answer.head.len() + answer.body.len()) as u64;
    // The client may have read before the core has counted.
    while js
        .thread
        .connection_info(id.connection, id.generation)
        .is_some_and(|info| info.bytes_written < written)
    {
        std::thread::yield_now();
    }
    let info = js.thread.connection_info(id.connection, id.generation);
    assert_eq!(info.map(|info| info.bytes_written), Some(written));
    assert_eq!(
        js.thread.connection_info(id.connection, id.generation + 1),
        None
    );
    drop(last);
    while js.thread.stats(listening.id).unwrap().connections > 4 {
        std::thread::yield_now();
    }
    assert_eq!(
        js.thread.connection_info(id.connection, id.generation),
        None
    );
}
