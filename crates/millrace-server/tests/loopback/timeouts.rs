//! What takes too long. The times are small and only their ends are waited for.

use std::io::Write;
use std::time::Duration;

use millrace_server::{Config, NewRoute, RouteTarget, RouteTimeouts};
use socket2::SockRef;

use crate::client::{GET, ask, await_end, connect, post, read_answer, read_to_end};
use crate::js::{Event, Js, config, credit, end, large_chunk, respond, route, start};

/// Long enough for a machine under load to do what is done in time here, in milliseconds.
const SOON: u64 = 50;

#[test]
fn an_idle_connection_is_closed_quietly() {
    let (mut js, listening, address) = Js::serving(with(|config| config.timeouts.idle = SOON));
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "then silence"));
    assert_eq!(read_answer(&mut client).body, "then silence");
    assert_eq!(read_to_end(&mut client), "");
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!(stats.timeouts, 0, "idling is no offence");
}

#[test]
fn a_connection_that_never_says_anything_is_closed() {
    let (_js, _, address) = Js::serving(with(|config| config.timeouts.headers = SOON));
    let mut client = connect(address);
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_head_that_is_not_finished_is_answered_408() {
    let (mut js, listening, address) = Js::serving(with(|config| {
        config.timeouts.headers = SOON;
        config.pull_accept = true;
    }));
    let mut client = ask(address, "GET / HTTP/1.1\r\nHost: ");
    accept(&mut js, listening.id);
    let answer = read_answer(&mut client);
    assert_eq!(answer.status, 408);
    assert!(answer.head.contains("Connection: close"));
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut client), "");
    let Event::Failed(_, text) = js.next() else {
        panic!("the failure is told");
    };
    assert!(text.starts_with("ERR_HTTP_HEADERS_TIMEOUT"), "{text}");
    assert_eq!(js.thread.stats(listening.id).unwrap().timeouts, 1);
}

#[test]
fn a_late_head_behind_an_answer_owed_is_refused_once_and_others_are_served() {
    let (mut js, listening, address) = Js::serving(with(|config| {
        config.timeouts.headers = SOON;
        config.pull_accept = true;
    }));
    let mut client = ask(address, GET);
    accept(&mut js, listening.id);
    let id = js.request();
    // An empty line, and then nothing: the next request has begun.
    client.write_all(b"\r\n").unwrap();
    let Event::Failed(_, text) = js.next() else {
        panic!("the failure is told");
    };
    assert!(text.starts_with("ERR_HTTP_HEADERS_TIMEOUT"), "{text}");
    let mut other = ask(address, GET);
    accept(&mut js, listening.id);
    let second = js.request();
    js.send(respond(second, "served"));
    assert_eq!(read_answer(&mut other).body, "served");
    js.send(respond(id, "owed"));
    assert_eq!(read_answer(&mut client).body, "owed");
    assert_eq!(read_answer(&mut client).status, 408);
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!(stats.protocol_errors, 1);
}

#[test]
fn a_body_that_stays_away_is_answered_408() {
    let (mut js, _, address) = Js::serving(with(|config| config.timeouts.body = SOON));
    let mut client = ask(address, post(100_000) + "half");
    let id = js.request();
    js.send(credit(id, 0));
    assert!(matches!(js.next(), Event::Body(..)));
    assert_eq!(js.next(), Event::Abort(id, 4));
    assert_eq!(read_answer(&mut client).status, 408);
}

#[test]
fn a_body_that_trickles_below_the_rate_is_answered_408() {
    let (mut js, _, address) = Js::serving(with(|config| {
        config.timeouts.body = SOON;
        config.timeouts.body_rate = 1_000_000;
    }));
    let mut client = ask(address, post(1_000_000));
    let id = js.request();
    js.send(credit(id, 0));
    // A byte at a time never lets the silence grow long, as far as this thread gets to run.
    let mut trickle = client.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        while trickle.write_all(b"x").is_ok() {
            std::thread::yield_now();
        }
    });
    let aborted = loop {
        match js.next() {
            Event::Body(..) => {}
            other => break other,
        }
    };
    assert_eq!(aborted, Event::Abort(id, 4));
    assert_eq!(read_answer(&mut client).status, 408);
    client.shutdown(std::net::Shutdown::Both).unwrap();
    writer.join().unwrap();
}

#[test]
fn a_body_nobody_reads_has_no_time_limit() {
    let (mut js, _, address) = Js::serving(with(|config| {
        config.timeouts.body = 1;
        config.timeouts.handler = SOON;
        config.policy.body_window = 4;
    }));
    let mut client = ask(address, post(100_000) + "half of it");
    let id = js.request();
    assert!(matches!(js.next(), Event::Body(..)));
    assert_eq!(js.next(), Event::Abort(id, 5), "it is the handler's time");
    assert_eq!(read_answer(&mut client).status, 503);
}

#[test]
fn a_handler_that_does_not_answer_is_answered_for() {
    let impatient = NewRoute {
        timeouts: RouteTimeouts {
            handler: Some(SOON),
            ..RouteTimeouts::default()
        },
        ..route("GET", "/impatient", RouteTarget::Handler)
    };
    let (mut js, _, address) = Js::routing(config(), vec![impatient]);
    let mut client = ask(address, "GET /impatient HTTP/1.1\r\nHost: a\r\n\r\n");
    let id = js.request();
    assert_eq!(js.next(), Event::Abort(id, 5));
    let answer = read_answer(&mut client);
    assert_eq!(answer.status, 503);
    assert_eq!(read_to_end(&mut client), "");
    js.send(respond(id, "too late"));
    let mut next = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "in time"));
    assert_eq!(read_answer(&mut next).body, "in time");
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let (mut js, listening, address) = Js::serving(with(|config| config.timeouts.write = SOON));
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(start(id));
    // More than the system buffers for a connection.
    let index = js.thread.put_chunk(&vec![0; 64 << 20]);
    js.send(large_chunk(id, index, 5));
    let told = [js.next(), js.next()];
    assert!(told.contains(&Event::Abort(id, 6)), "{told:?}");
    let timed_out = if cfg!(target_os = "linux") {
        &[16 + 110][..]
    } else {
        &[1, 16 + 60]
    };
    assert!(
        told.iter().any(
            |event| matches!(event, Event::Written(5, outcome) if timed_out.contains(outcome))
        ),
        "{told:?}"
    );
    assert_eq!(js.thread.stats(listening.id).unwrap().timeouts, 1);
    await_end(&mut client);
    js.send(end(id));
}

#[test]
fn a_client_that_resets_while_it_is_not_read_is_noticed() {
    let large = with(|config| config.policy.limits.body_bytes = 1 << 30);
    let (mut js, listening, address) = Js::serving(large);
    let mut client = ask(address, post(1 << 30));
    let id = js.request();
    // More than the body's window and the system take, of which nobody reads anything.
    client.set_nonblocking(true).unwrap();
    while client.write(&[0; 1 << 16]).is_ok() {}
    let reset = Some(Duration::ZERO);
    SockRef::from(&client).set_linger(reset).unwrap();
    drop(client);
    let is_end = |event: &Event| matches!(event, Event::Abort(ended, _) if *ended == id);
    while !is_end(&js.next()) {}
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_refused_client_that_does_not_close_is_cut_in_the_end() {
    let (_js, _, address) = Js::serving(with(|config| config.timeouts.linger = SOON));
    let mut client = ask(address, "nonsense\r\n\r\n");
    assert_eq!(read_answer(&mut client).status, 400);
    assert_eq!(read_to_end(&mut client), "");
    // The sending side is closed at once; that the rest is too shows when sending fails.
    while client.write_all(b"more").is_ok() {
        std::thread::yield_now();
    }
}

/// Accepts a connection whose client has sent its first bytes: how long it took over that is no matter then.
fn accept(js: &mut Js, server: u32) {
    js.thread.accept_more(server, 1);
    assert!(matches!(js.next(), Event::Accepted(..)));
}

fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config();
    change(&mut config);
    config
}
