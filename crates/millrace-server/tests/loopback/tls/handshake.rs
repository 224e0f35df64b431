//! What comes before a connection is secure.

use std::io::{Read, Write};
use std::net::TcpStream;

use millrace_tls::rustls::pki_types::ServerName;
use millrace_tls::rustls::{AlertDescription, Error};
use millrace_tls::{Settings, UnknownName};

use super::client::{Pair, TLS12, TLS13, pair, pair_with};
use crate::client::{GET, await_end, connect, read_answer};
use crate::js::{Event, Js, PATIENCE, respond};

/// The first bytes of a client.
fn hello(pair: &Pair) -> Vec<u8> {
    let mut bytes = Vec::new();
    pair.connection().write_tls(&mut bytes).unwrap();
    bytes
}

/// A client that has begun a handshake and does not go on.
fn hanging(pair: &Pair, address: std::net::SocketAddr) -> TcpStream {
    let mut client = connect(address);
    client.write_all(&hello(pair)).unwrap();
    client
}

/// Waits until a server has begun so many handshakes that are not complete.
fn await_open(js: &Js, server: u32, count: u64) {
    let begin = std::time::Instant::now();
    while js.thread.stats(server).unwrap().tls_open != count {
        assert!(
            begin.elapsed() < PATIENCE,
            "{count} handshakes should be open"
        );
        std::thread::yield_now();
    }
}

fn failure(js: &mut Js) -> String {
    match js.next() {
        Event::Failed(_, text) => text,
        other => panic!("a handshake should have failed, not {other:?}"),
    }
}

#[test]
fn a_client_that_sends_byte_by_byte_is_served() {
    for versions in [TLS12, TLS13] {
        let pair = pair_with(Settings::default(), versions);
        let (mut js, _, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        client.sock.set_nodelay(true).unwrap();
        client.conn.writer().write_all(GET.as_bytes()).unwrap();
        while client.conn.is_handshaking() || client.conn.wants_write() {
            let mut flight = Vec::new();
            while client.conn.wants_write() {
                client.conn.write_tls(&mut flight).unwrap();
            }
            for byte in flight {
                client.sock.write_all(&[byte]).unwrap();
            }
            if client.conn.is_handshaking() {
                client.conn.read_tls(&mut client.sock).unwrap();
                client.conn.process_new_packets().unwrap();
            }
        }
        let id = js.request();
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
    }
}

#[test]
fn garbage_is_not_answered() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut client = connect(address);
    client.write_all(b"\x05\x01\x00").unwrap();
    await_end(&mut client);
    let text = failure(&mut js);
    assert!(text.starts_with("ERR_TLS_HANDSHAKE 127.0.0.1:"), "{text}");
    assert!(
        text.ends_with(" the client speaks neither TLS nor HTTP"),
        "{text}"
    );
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.tls_open, stats.tls_failed), (0, 1));
}

#[test]
fn a_handshake_that_fails_is_told_to_both_sides() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    // Broken before it is known how to answer, and behind that.
    let mut client = connect(address);
    client.write_all(&[22, 3, 3, 0, 4, 1, 0, 0, 0]).unwrap();
    let mut alert = [0; 7];
    client.read_exact(&mut alert).unwrap();
    assert_eq!(alert[..6], [21, 3, 3, 0, 2, 2]);
    assert!(failure(&mut js).starts_with("ERR_TLS_HANDSHAKE "));
    await_end(&mut client);

    let mut client = hanging(&pair, address);
    client.write_all(&[22, 3, 3, 0, 4, 1, 0, 0, 0]).unwrap();
    assert!(failure(&mut js).starts_with("ERR_TLS_HANDSHAKE "));
    await_end(&mut client);

    let mut stranger = pair.connect(address);
    stranger.conn = {
        let name = ServerName::try_from("other.example").unwrap();
        millrace_tls::rustls::ClientConnection::new(pair.client.clone(), name).unwrap()
    };
    stranger.write_all(GET.as_bytes()).unwrap_err();
    assert!(failure(&mut js).contains("certificate"));
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.tls_open, stats.tls_failed), (0, 3));
}

#[test]
fn a_client_that_leaves_during_its_handshake_has_failed_and_one_that_says_nothing_has_not() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut silent = connect(address);
    silent.shutdown(std::net::Shutdown::Write).unwrap();
    await_end(&mut silent);
    drop(hanging(&pair, address));
    assert!(failure(&mut js).contains(" the client "));
    await_open(&js, listening.id, 0);
    assert_eq!(js.thread.stats(listening.id).unwrap().tls_failed, 1);
}

#[test]
fn handshakes_that_take_too_long_are_given_up() {
    let mut pair = pair();
    pair.config.timeouts.handshake = 20;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut silent = connect(address);
    await_end(&mut silent);
    // Where this machine is slow the time may be over before anything has come.
    let hello = hello(&pair);
    while js.thread.stats(listening.id).unwrap().tls_failed == 0 {
        let mut client = connect(address);
        if client.write_all(&hello).is_ok() {
            await_end(&mut client);
        }
    }
    assert!(failure(&mut js).ends_with(" the handshake took too long"));
    await_open(&js, listening.id, 0);
    assert!(js.thread.stats(listening.id).unwrap().timeouts >= 2);
}

#[test]
fn the_time_for_a_head_begins_when_the_connection_is_secure() {
    let mut pair = pair();
    pair.config.timeouts.headers = 50;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let slow = hanging(&pair, address);
    // One that is secure and silent is given up; the other has not begun its time.
    let mut secure = pair.connect(address);
    secure.conn.complete_io(&mut secure.sock).unwrap();
    assert_eq!(secure.read(&mut [0]).unwrap(), 0, "the end is said");
    await_open(&js, listening.id, 1);
    drop(slow);
    failure(&mut js);
}

#[test]
fn above_the_limit_the_oldest_handshake_gives_way() {
    let mut pair = pair();
    pair.config.tls.as_mut().unwrap().handshakes = 10;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut hanging: Vec<TcpStream> = (0..10).map(|_| hanging(&pair, address)).collect();
    await_open(&js, listening.id, 10);
    for number in 0..50 {
        let mut client = pair.connect(address);
        client.write_all(GET.as_bytes()).unwrap();
        if number == 0 {
            let text = failure(&mut js);
            assert!(text.starts_with("ERR_TLS_HANDSHAKE 127.0.0.1:"), "{text}");
            assert!(
                text.ends_with(" gave way to one more than the limit"),
                "{text}"
            );
        }
        let id = js.request();
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
    }
    // Each that comes while there are ten makes room by closing the oldest; secure ones leave by themselves.
    await_end(&mut hanging[0]);
    await_open(&js, listening.id, 9);
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.tls_handshakes, stats.tls_failed), (50, 1));
}

#[test]
fn who_gives_way_without_having_begun_has_not_failed() {
    let mut pair = pair();
    pair.config.tls.as_mut().unwrap().handshakes = 1;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    for _ in 0..3 {
        let mut silent = connect(address);
        await_open(&js, listening.id, 1);
        let mut client = pair.connect(address);
        client.write_all(GET.as_bytes()).unwrap();
        let id = js.request();
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
        await_end(&mut silent);
    }
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.tls_handshakes, stats.tls_failed), (3, 0));
}

#[test]
fn a_handshake_goes_on_while_too_much_waits_for_javascript() {
    for versions in [TLS12, TLS13] {
        let mut pair = pair_with(Settings::default(), versions);
        pair.config.queued_bytes = 1000;
        pair.config.timeouts.handshake = 5000;
        let (mut js, listening, address) = Js::serving(pair.config.clone());
        let mut busy = pair.connect(address);
        busy.write_all(GET.repeat(20).as_bytes()).unwrap();
        while js.thread.queued_bytes() <= 1000 {
            std::thread::yield_now();
        }
        let queued = js.thread.queued_bytes();
        let mut client = pair.connect(address);
        client.write_all(GET.as_bytes()).unwrap();
        while client.conn.is_handshaking() {
            client.conn.complete_io(&mut client.sock).unwrap();
        }
        await_open(&js, listening.id, 0);
        let stats = js.thread.stats(listening.id).unwrap();
        assert_eq!((stats.tls_handshakes, stats.requests), (2, 20));
        assert_eq!(js.thread.queued_bytes(), queued, "requests wait unread");
        for _ in 0..21 {
            let id = js.request();
            js.send(respond(id, "hello"));
        }
        assert_eq!(read_answer(&mut client).body, "hello");
    }
}

#[test]
fn others_are_served_while_a_thousand_handshakes_hang() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let first = hello(&pair);
    let hanging: Vec<TcpStream> = (0..900)
        .map(|at| {
            let mut client = connect(address);
            client.write_all(&first[..at % first.len()]).unwrap();
            client
        })
        .collect();
    await_open(&js, listening.id, 900);
    let mut client = pair.connect(address);
    for _ in 0..10 {
        client.write_all(GET.as_bytes()).unwrap();
        let id = js.request();
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(&mut client).body, "hello");
    }
    drop(hanging);
}

#[test]
fn a_name_that_is_refused_is_told_so() {
    let settings = Settings {
        unknown_name: UnknownName::Refuse,
        ..Settings::default()
    };
    let pair = pair_with(settings, TLS13);
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.conn = {
        let name = ServerName::try_from("other.example").unwrap();
        millrace_tls::rustls::ClientConnection::new(pair.client.clone(), name).unwrap()
    };
    let error = client.write_all(GET.as_bytes()).unwrap_err();
    let error: Box<Error> = error.into_inner().unwrap().downcast().unwrap();
    let expected = Error::AlertReceived(AlertDescription::UnrecognisedName);
    assert_eq!(*error, expected);
    assert!(failure(&mut js).ends_with("no certificate is for the name other.example"));
}

#[test]
fn connections_above_the_limit_are_closed_without_a_word() {
    let mut pair = pair();
    pair.config.connections = 1;
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut first = pair.connect(address);
    first.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    let mut second = connect(address);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
    js.send(respond(id, "hello"));
    assert_eq!(read_answer(&mut first).body, "hello");
    assert_eq!(
        js.thread.stats(listening.id).unwrap().refused_connections,
        1
    );
}
