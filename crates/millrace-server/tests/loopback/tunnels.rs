//! Connections that a handler takes over.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use millrace_batch::ExchangeId;
use millrace_batch::layout::inbound_flag;

use crate::client::{GET, ask, await_end, connect, read_answer, read_head, read_to_end};
use crate::js::{
    Event, Js, chunk, config, credit, end, large_chunk, reset, respond, start, tunnel,
};

const UPGRADE: &str = "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
const CONNECT: &str = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";

/// Long enough for a machine under load to do what is done in time here, in milliseconds.
const SOON: u64 = 50;

#[test]
fn bytes_go_both_ways_as_they_are_and_the_client_ends_first() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, UPGRADE.to_string() + "early \0");
    let Event::Request { id, flags, .. } = js.next() else {
        panic!("a request comes first");
    };
    assert_ne!(flags & inbound_flag::UPGRADE, 0);
    js.send(tunnel(id, 101));
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.ends_with("Connection: upgrade\r\n\r\n"), "{head}");
    assert_eq!(js.next(), Event::Body(id, b"early \0".to_vec()));

    js.send(chunk(id, b"raw", 1));
    let index = js.thread.put_chunk(&[b'y'; 100_000]);
    js.send(large_chunk(id, index, 2));
    let mut bytes = vec![0; 100_003];
    client.read_exact(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"rawyyy") && bytes.ends_with(b"yyy"));
    let mut told = [js.next(), js.next(), js.next()];
    told.sort_by_key(|event| match event {
        Event::Written(token, 0) => *token,
        _ => 0,
    });
    assert_eq!(told[1..], [Event::Written(1, 0), Event::Written(2, 0)]);

    client.write_all(b"bye").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(js.rest(id), b"bye");
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 1);
    js.send(chunk(id, b"and bye", 3));
    js.send(end(id));
    assert_eq!(read_to_end(&mut client), "and bye");
    drop(client);
    js.thread.close(listening.id, None);
    loop {
        match js.next() {
            Event::Written(3, 0) | Event::Drain(_) => {}
            other => break assert_eq!(other, Event::Closed(listening.id)),
        }
    }
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.pending, stats.aborted), (0, 0));
}

#[test]
fn the_handler_ends_its_direction_first() {
    let (mut js, listening, address) = Js::serving(config());
    let (mut client, id) = established(&mut js, address);
    js.send(chunk(id, b"bye", 1));
    js.send(end(id));
    assert_eq!(read_to_end(&mut client), "bye", "it has ended");
    let mut told = [js.next(), js.next()];
    told.sort_by_key(|event| matches!(event, Event::Drain(_)));
    assert_eq!(told, [Event::Written(1, 0), Event::Drain(id)]);
    client.write_all(b"but I am not done").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(js.rest(id), b"but I am not done");
    js.thread.close(listening.id, None);
    assert_eq!(js.next(), Event::Closed(listening.id), "nobody aborts it");
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn the_end_of_a_client_is_no_abort_where_half_open_connections_are_aborted() {
    let mut strict = config();
    strict.allow_half_close = false;
    (strict.timeouts.headers, strict.timeouts.write) = (SOON, SOON);
    let (mut js, _, address) = Js::serving(strict);
    let (mut client, id) = established(&mut js, address);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(js.rest(id), b"");
    outwait(address);
    js.send(chunk(id, b"still here", 1));
    js.send(end(id));
    assert_eq!(read_to_end(&mut client), "still here");
}

#[test]
fn a_tunnel_may_be_silent_for_longer_than_any_timeout() {
    let mut impatient = config();
    impatient.policy.limits.body_bytes = 1;
    let timeouts = &mut impatient.timeouts;
    (timeouts.headers, timeouts.body, timeouts.idle) = (SOON, SOON, SOON);
    (timeouts.handler, timeouts.write) = (SOON, SOON);
    let (mut js, _, address) = Js::serving(impatient);
    let (mut client, id) = established(&mut js, address);
    outwait(address);
    client.write_all(b"still here").unwrap();
    js.send(credit(id, 0));
    assert_eq!(js.next(), Event::Body(id, b"still here".to_vec()));
    js.send(chunk(id, b"me too", 1));
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"me too");
}

#[test]
fn a_tunnel_whose_handler_does_not_read_stops_at_the_window() {
    let mut narrow = config();
    narrow.policy.body_window = 10_000;
    let (mut js, _, address) = Js::serving(narrow);
    let (client, id) = established(&mut js, address);
    let length = 8_000_000;
    let mut sending = client.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        sending.write_all(&vec![b'x'; length]).unwrap();
        sending.shutdown(Shutdown::Write).unwrap();
    });
    let (mut total, mut unconsumed) = (0, 0);
    while total < length {
        let Event::Body(_, piece) = js.next() else {
            panic!("the bytes go on");
        };
        unconsumed += piece.len();
        total += piece.len();
        // The window may be overshot by what was read when it was still open.
        assert!(unconsumed <= 10_000 + 64 * 1024, "{unconsumed} bytes");
        if unconsumed >= 10_000 {
            js.send(credit(id, unconsumed as u32));
            unconsumed = 0;
        }
    }
    assert_eq!(js.next(), Event::End(id));
    sender.join().unwrap();
}

#[test]
fn requests_behind_an_offer_are_served_once_it_is_declined() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, UPGRADE.to_string() + GET);
    let id = js.request();
    js.send(respond(id, "no"));
    assert_eq!(read_answer(&mut client).body, "no");
    let next = js.request();
    assert_eq!(next.sequence, 1);
    js.send(respond(next, "as ever"));
    assert_eq!(read_answer(&mut client).body, "as ever");
}

#[test]
fn a_head_that_waited_behind_an_offer_has_its_time_from_then_on() {
    let mut impatient = config();
    impatient.timeouts.headers = 10 * SOON;
    let (mut js, _, address) = Js::serving(impatient);
    let mut client = ask(address, UPGRADE.to_string() + "GET / HTTP/1.1\r\n");
    let id = js.request();
    outwait(address);
    js.send(respond(id, "no"));
    assert_eq!(read_answer(&mut client).body, "no");
    let mut quick = config();
    quick.timeouts.headers = SOON;
    outwait(js.thread.listen(quick, None).unwrap().address.unwrap());
    client.write_all(b"Host: a\r\n\r\n").unwrap();
    let next = js.request();
    js.send(respond(next, "in time"));
    assert_eq!(read_answer(&mut client).body, "in time");
}

#[test]
fn a_tunnel_that_the_client_did_not_ask_for_is_cut() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(tunnel(id, 101));
    assert_eq!(js.next(), Event::Abort(id, 9));
    assert_eq!(read_to_end(&mut client), "");
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_handler_may_give_a_tunnel_up() {
    let (mut js, listening, address) = Js::serving(config());
    let (mut client, id) = established(&mut js, address);
    js.send(reset(id));
    assert_eq!(js.next(), Event::Abort(id, 9));
    await_end(&mut client);
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_client_that_vanishes_aborts_its_tunnel() {
    let (mut js, listening, address) = Js::serving(config());
    let (client, id) = established(&mut js, address);
    socket2::SockRef::from(&client)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(client);
    assert_eq!(js.next(), Event::Abort(id, 2));
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_closing_server_waits_for_its_tunnels_until_its_patience_ends() {
    let (mut js, listening, address) = Js::serving(config());
    let (mut client, id) = established(&mut js, address);
    js.thread.close(listening.id, None);
    client.write_all(b"going on").unwrap();
    assert_eq!(js.next(), Event::Body(id, b"going on".to_vec()));
    js.thread.close(listening.id, Some(1));
    assert_eq!(js.next(), Event::Abort(id, 7));
    assert_eq!(js.next(), Event::Closed(listening.id));
    await_end(&mut client);
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn an_ordinary_answer_to_connect_ends_the_connection() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, CONNECT.to_string() + "early");
    let id = js.request();
    js.send(start(id));
    js.send(end(id));
    let head = read_head(&mut client);
    assert!(!head.contains("Transfer-Encoding"), "{head}");
    assert_eq!(read_to_end(&mut client), "");
}

/// A tunnel by CONNECT.
fn established(js: &mut Js, address: SocketAddr) -> (TcpStream, ExchangeId) {
    let mut client = ask(address, CONNECT);
    let id = js.request();
    js.send(tunnel(id, 200));
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for field in ["Content-Length", "Transfer-Encoding", "Connection"] {
        assert!(!head.contains(field), "{head}");
    }
    (client, id)
}

/// Waits until the time for a head has passed for a connection that came later.
fn outwait(address: SocketAddr) {
    await_end(&mut connect(address));
}
