//! Requests, bodies and answers.

use std::io::{Read, Write};
use std::net::Shutdown;

use millrace_batch::layout::inbound_flag;
use millrace_server::Bind;

use crate::client::{GET, ask, await_end, connect, post, read_answer, read_head, read_to_end};
use crate::js::{
    Event, Js, PATIENCE, chunk, config, credit, end, large_chunk, reset, reset_always, respond,
    respond_and_tell, start,
};

#[test]
fn a_request_is_received_and_its_answer_read() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(
        address,
        "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-Mark: here\r\n\r\n",
    );
    let Event::Request {
        id,
        server,
        target,
        headers,
        body,
        ..
    } = js.next()
    else {
        panic!("a request comes first");
    };
    assert_eq!(server, listening.id);
    assert_eq!(target, "/a?b=c");
    assert_eq!(headers, "\nhost:Aa\nx-mark:Ahere");
    assert_eq!(body, None);

    js.send(respond_and_tell(id, "hello", 7));
    let answer = read_answer(&mut client);
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert_eq!(js.next(), Event::Written(7, 0));

    client.write_all(GET.as_bytes()).unwrap();
    let again = js.request();
    assert_eq!(again.connection, id.connection);
    assert_eq!(again.generation, id.generation);
    assert_eq!(again.sequence, 1);
    js.send(respond(again, "again"));
    assert_eq!(read_answer(&mut client).body, "again");
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.accepted, stats.requests, stats.pending), (1, 2, 0));
}

#[test]
fn a_head_that_comes_byte_by_byte_is_one_request() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = connect(address);
    client.set_nodelay(true).unwrap();
    for byte in GET.as_bytes() {
        client.write_all(&[*byte]).unwrap();
    }
    let id = js.request();
    js.send(respond(id, "one"));
    assert_eq!(read_answer(&mut client).body, "one");
}

#[test]
fn a_small_body_comes_with_its_request() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, post(5) + "hello" + GET);
    let Event::Request {
        id, body, flags, ..
    } = js.next()
    else {
        panic!("a request comes first");
    };
    assert_eq!(body.as_deref(), Some(&b"hello"[..]));
    assert_ne!(flags & inbound_flag::HAS_BODY, 0);
    let next = js.request();
    assert_eq!(next.sequence, 1, "no record of the body is in between");
    js.send(respond(next, "second"));
    js.send(respond(id, "first"));
    assert_eq!(read_answer(&mut client).body, "first");
    assert_eq!(read_answer(&mut client).body, "second");
}

#[test]
fn an_upload_larger_than_any_window_arrives_whole() {
    let (mut js, _, address) = Js::serving(config());
    let data: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = data.clone();
    let client = std::thread::spawn(move || {
        let mut client = ask(address, post(sent.len()));
        client.write_all(&sent).unwrap();
        read_answer(&mut client)
    });
    let id = js.request();
    assert!(js.body(id) == data, "the bytes that were sent");
    js.send(respond(id, "thanks"));
    assert_eq!(client.join().unwrap().body, "thanks");
}

#[test]
fn a_body_nobody_consumes_stops_at_its_window() {
    let mut narrow = config();
    narrow.policy.body_window = 10_000;
    let (mut js, _, address) = Js::serving(narrow);
    let length = 4_000_000;
    let client = std::thread::spawn(move || {
        let mut client = ask(address, post(length));
        client.write_all(&vec![b'x'; length]).unwrap();
        read_answer(&mut client)
    });
    let id = js.request();
    js.send(credit(id, 0));
    let mut unconsumed = 0;
    let mut total = 0;
    // A window may be overshot by the piece that was read when it was still open: at most one buffer.
    let most = 10_000 + 256 * 1024;
    while total < length {
        let Event::Body(_, piece) = js.next() else {
            panic!("the body goes on");
        };
        unconsumed += piece.len();
        total += piece.len();
        assert!(unconsumed <= most, "{unconsumed} bytes without credit");
        if unconsumed >= 10_000 {
            js.send(credit(id, unconsumed as u32));
            unconsumed = 0;
        }
    }
    assert_eq!(js.next(), Event::End(id));
    js.send(respond(id, "all"));
    assert_eq!(client.join().unwrap().body, "all");
}

#[test]
fn an_answer_streams_with_drains_and_marks() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(start(id));
    js.send(chunk(id, b"abc", 1));
    let mut told = [js.next(), js.next()];
    told.sort_by_key(|event| matches!(event, Event::Drain(_)));
    assert_eq!(told, [Event::Written(1, 0), Event::Drain(id)]);
    let index = js.thread.put_chunk(&vec![b'y'; 100_000]);
    js.send(large_chunk(id, index, 2));
    js.send(end(id));
    assert!(read_head(&mut client).contains("Transfer-Encoding: chunked"));
    let expected = format!("3\r\nabc\r\n186a0\r\n{}\r\n0\r\n\r\n", "y".repeat(100_000));
    let mut body = vec![0; expected.len()];
    client.read_exact(&mut body).unwrap();
    assert!(body == expected.as_bytes());
    assert_eq!(js.next(), Event::Written(2, 0));
}

#[test]
fn a_client_that_reads_late_is_waited_for() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(start(id));
    // More than the system buffers for a connection, so that the write cannot be done.
    let length = 32 << 20;
    let index = js.thread.put_chunk(&vec![b'z'; length]);
    js.send(large_chunk(id, index, 3));
    js.send(end(id));
    let reader = std::thread::spawn(move || {
        read_head(&mut client);
        let mut body = vec![0; length + 16];
        client.read_exact(&mut body).unwrap();
        assert!(
            body.ends_with(b"zz\r\n0\r\n\r\n"),
            "the end of the last chunk"
        );
    });
    assert_eq!(js.next(), Event::Written(3, 0));
    reader.join().unwrap();
}

#[test]
fn two_io_threads_share_the_connections() {
    // The threads are those of all tests, and the first has the connections of the others.
    const CLIENTS: u64 = 200;
    let mut two = config();
    two.io_threads = 2;
    let (mut js, listening, address) = Js::serving(two);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| ask(address, GET)).collect();
    let mut threads = [0; 2];
    for _ in 0..CLIENTS {
        let id = js.request();
        threads[(id.connection >> 24) as usize] += 1;
        js.send(respond(id, &format!("thread {}", id.connection >> 24)));
    }
    assert!(threads[0] > 0 && threads[1] > 0, "{threads:?}");
    for client in &mut clients {
        assert!(read_answer(client).body.starts_with("thread "));
    }
    assert_eq!(js.thread.stats(listening.id).unwrap().accepted, CLIENTS);
}

#[test]
fn a_client_that_is_lost_aborts_its_exchange() {
    let (mut js, listening, address) = Js::serving(config());
    let client = ask(address, GET);
    let id = js.request();
    socket2::SockRef::from(&client)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(client);
    assert_eq!(js.next(), Event::Abort(id, 2));
    js.send(respond_and_tell(id, "too late", 4));
    assert_eq!(js.next(), Event::Written(4, 1), "told, but not as written");
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_connection_can_be_given_up_when_nothing_is_going_on_any_more() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(respond_and_tell(id, "all of it", 7));
    assert_eq!(read_answer(&mut client).body, "all of it");
    assert_eq!(js.next(), Event::Written(7, 0));
    js.send(reset(id));
    client.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    js.send(respond_and_tell(id, "still here", 8));
    assert_eq!(read_answer(&mut client).body, "still here");
    assert_eq!(js.next(), Event::Written(8, 0));
    js.send(reset_always(id));
    await_end(&mut client);
}

#[test]
fn a_late_answer_does_not_reach_the_next_connection_in_the_same_place() {
    let (mut js, _, address) = Js::serving(config());
    let mut first = ask(address, GET);
    let id = js.request();
    js.send(reset(id));
    await_end(&mut first);
    // The place may be taken by another test's connection for a while: the threads are the whole process's.
    let begin = std::time::Instant::now();
    let mut elsewhere = Vec::new();
    let (mut second, next) = loop {
        let client = ask(address, GET);
        let next = loop {
            match js.next() {
                Event::Request { id, .. } => break id,
                Event::Abort(aborted, 9) => assert_eq!(aborted, id),
                other => panic!("not {other:?}"),
            }
        };
        if next.connection == id.connection {
            break (client, next);
        }
        assert!(begin.elapsed() < PATIENCE, "the place is never free");
        elsewhere.push(client);
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_ne!(next.generation, id.generation);
    js.send(respond(id, "for the first"));
    js.send(respond(next, "for the second"));
    assert_eq!(read_answer(&mut second).body, "for the second");
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answers() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET.repeat(2));
    client.shutdown(Shutdown::Write).unwrap();
    let (first, second) = (js.request(), js.request());
    js.send(respond(second, "2"));
    js.send(respond(first, "1"));
    assert_eq!(read_answer(&mut client).body, "1");
    assert_eq!(read_answer(&mut client).body, "2");
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_client_that_ends_in_the_middle_of_its_body_aborts_it() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, post(100_000) + "half");
    client.shutdown(Shutdown::Write).unwrap();
    let id = js.request();
    loop {
        match js.next() {
            Event::Body(..) => {}
            Event::Abort(aborted, 1) => break assert_eq!(aborted, id),
            other => panic!("not {other:?}"),
        }
    }
    js.send(respond(id, "what a pity"));
    assert_eq!(read_answer(&mut client).body, "what a pity");
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn half_close_counts_as_leaving_where_it_is_not_allowed() {
    let mut strict = config();
    strict.allow_half_close = false;
    let (mut js, _, address) = Js::serving(strict);
    let client = ask(address, GET);
    let id = js.request();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(js.next(), Event::Abort(id, 1));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_and_goes_with_its_server() {
    let path = std::env::temp_dir().join(format!("millrace-{}.socket", std::process::id()));
    let mut local = config();
    local.bind = Bind::Unix(path.clone());
    let mut js = Js::new();
    let listening = js.thread.listen(local.clone(), None).unwrap();
    assert_eq!(listening.address, None);
    let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    client.write_all(GET.as_bytes()).unwrap();
    let Event::Request { id, flags, .. } = js.next() else {
        panic!("a request comes first");
    };
    assert_ne!(flags & inbound_flag::UNIX, 0);
    js.send(respond(id, "local"));
    assert_eq!(read_answer(&mut client).body, "local");
    js.thread.close(listening.id, None);
    assert_eq!(js.next(), Event::Closed(listening.id));
    assert!(!path.exists());
    assert_eq!(read_to_end(&mut client), "");
}
