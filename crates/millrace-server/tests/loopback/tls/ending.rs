//! How secure connections end.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

use millrace_batch::layout::AbortReason;

use super::client::{TLS12, TLS13, pair, pair_with};
use crate::client::{GET, await_end, post, read_answer, read_head, read_to_end};
use crate::js::{Event, Js, chunk, credit, end, respond, tunnel};

const UPGRADE: &str = "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn the_end_behind_the_last_answer_is_said() {
    for versions in [TLS12, TLS13] {
        for length in [5, 300_000] {
            let pair = pair_with(Default::default(), versions);
            let (mut js, _, address) = Js::serving(pair.config.clone());
            let mut client = pair.connect(address);
            client.write_all(LAST.as_bytes()).unwrap();
            let id = js.request();
            js.send(respond(id, &"a".repeat(length)));
            assert_eq!(read_answer(&mut client).body.len(), length);
            assert_eq!(read_to_end(&mut client), "");
        }
    }
}

#[test]
fn a_client_that_says_its_end_still_gets_its_answer() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(GET.as_bytes()).unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    let id = js.request();
    js.send(respond(id, "hello"));
    assert_eq!(read_answer(&mut client).body, "hello");
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn an_idle_client_that_leaves_leaves_nothing_behind() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    for says_so in [true, false] {
        let mut client = pair.connect(address);
        client.write_all(GET.as_bytes()).unwrap();
        let id = js.request();
        js.send(respond(id, "hello"));
        read_answer(&mut client);
        if says_so {
            client.conn.send_close_notify();
            client.flush().unwrap();
            assert_eq!(read_to_end(&mut client), "");
        } else {
            client.sock.shutdown(Shutdown::Write).unwrap();
            await_end(&mut client);
        }
    }
    js.thread.close(listening.id, None);
    assert_eq!(js.next(), Event::Closed(listening.id));
}

#[test]
fn a_body_that_is_cut_is_aborted() {
    for reset in [true, false] {
        let pair = pair();
        let (mut js, _, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        client.write_all(post(100_000).as_bytes()).unwrap();
        client.write_all(&[b'a'; 50_000]).unwrap();
        let id = js.request();
        js.send(credit(id, 0));
        let mut came = 0;
        while came < 50_000 {
            match js.next() {
                Event::Body(_, piece) => came += piece.len(),
                other => panic!("the body should go on, not {other:?}"),
            }
        }
        if reset {
            socket2::SockRef::from(&client.sock)
                .set_linger(Some(std::time::Duration::ZERO))
                .unwrap();
        }
        drop(client);
        let reasons = [
            AbortReason::ClientClosed as u32,
            AbortReason::ConnectionLost as u32,
        ];
        match js.next() {
            Event::Abort(aborted, reason) => {
                assert_eq!(aborted, id);
                assert!(reasons.contains(&reason), "{reason}");
            }
            other => panic!("it should have been aborted, not {other:?}"),
        }
    }
}

#[test]
fn each_direction_of_a_tunnel_ends_by_itself() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(UPGRADE.as_bytes()).unwrap();
    let id = js.request();
    js.send(tunnel(id, 101));
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
    client.write_all(b"bye").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    assert_eq!(js.rest(id), b"bye");
    js.send(chunk(id, b"and bye", 3));
    js.send(end(id));
    assert_eq!(read_to_end(&mut client), "and bye");
}

#[test]
fn a_tunnel_that_is_cut_has_not_ended() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(UPGRADE.as_bytes()).unwrap();
    let id = js.request();
    js.send(tunnel(id, 101));
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
    client.write_all(b"not all").unwrap();
    js.send(credit(id, 0));
    assert_eq!(js.next(), Event::Body(id, b"not all".to_vec()));
    client.sock.shutdown(Shutdown::Write).unwrap();
    let reason = AbortReason::ConnectionLost as u32;
    assert_eq!(
        js.next(),
        Event::Abort(id, reason),
        "nobody said that it ends"
    );
    let error = client
        .read(&mut [0])
        .expect_err("the server does not say so either");
    assert!(matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
    ));
}

#[test]
fn damaged_records_cost_their_connection_only() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut good = pair.connect(address);
    let mut bad = pair.connect(address);
    for client in [&mut good, &mut bad] {
        client.write_all(GET.as_bytes()).unwrap();
        let id = js.request();
        js.send(respond(id, "hello"));
        assert_eq!(read_answer(client).body, "hello");
    }
    let record = [&[23, 3, 3, 0, 100][..], &[0; 100]].concat();
    bad.sock.write_all(&record).unwrap();
    let error = bad.read(&mut [0]).expect_err("it is told");
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    good.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    js.send(respond(id, "still here"));
    assert_eq!(read_answer(&mut good).body, "still here");
}
