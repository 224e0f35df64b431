//! A process that runs out of descriptors. It is a test of its own because the limit is the whole process's.
#![cfg(unix)]

#[path = "loopback/client.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod client;
#[path = "loopback/js.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod js;
#[path = "loopback/over_tls.rs"]
mod over_tls;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use client::{GET, ask, read_answer};
use js::{Event, Js, config, respond};
use millrace_server::Descriptors;

/// What the process may have open during the test.
const LIMIT: u64 = 120;

#[test]
fn accepting_stops_before_the_last_descriptors_and_resumes_by_itself() {
    let before = getrlimit(Resource::Nofile);
    let limited = Rlimit {
        current: Some(LIMIT),
        ..before
    };
    let mut reserving = config();
    reserving.reserved_descriptors = Some(20);
    let (mut js, listening, address) = Js::serving(reserving);
    setrlimit(Resource::Nofile, limited).expect("a lower limit is always allowed");
    let stats = |js: &Js| js.thread.stats(listening.id).unwrap();

    // Both ends of each connection are descriptors of this process.
    let mut served: Vec<TcpStream> = Vec::new();
    let (text, last) = loop {
        let mut client = ask(address, GET);
        match js.next() {
            Event::Request { id, .. } => js.send(respond(id, "served")),
            // Whether the end of this one was the last to be given or its beginning, is not known here.
            Event::Failed(_, text) => break (text, client),
            other => panic!("not {other:?}"),
        }
        assert_eq!(read_answer(&mut client).body, "served");
        served.push(client);
    };
    assert!(text.starts_with("ERR_DESCRIPTORS_LOW "), "{text}");
    assert_eq!(stats(&js).descriptors_low, 1);
    assert_eq!(stats(&js).accept_errors, 0, "it stopped before it failed");
    let descriptors = Descriptors::now();
    assert_eq!(descriptors.limit, Some(LIMIT));
    assert!(
        (LIMIT - 20..LIMIT).contains(&descriptors.open),
        "{descriptors:?}"
    );
    let reserve: Vec<File> = (0..15).map(|_| File::open("/dev/null").unwrap()).collect();

    // Who is connected is served on, and who is not waits.
    let mut waiting = ask(address, "GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n");
    served[0].write_all(GET.as_bytes()).unwrap();
    assert_eq!(answer_next(&mut js), "/");
    if stats(&js).accepted > served.len() as u64 {
        assert_eq!(answer_next(&mut js), "/");
    }
    assert_eq!(read_answer(&mut served[0]).body, "served");
    waiting
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let unread = waiting.read(&mut [0]).unwrap_err();
    assert!(matches!(
        unread.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));

    // Some leave, and what they leave is given to those who wait, without being told.
    drop((reserve, last));
    drop(served.drain(..10));
    waiting.set_read_timeout(Some(js::PATIENCE)).unwrap();
    while answer_next(&mut js) != "/waiting" {}
    assert_eq!(read_answer(&mut waiting).body, "served");
    while stats(&js).descriptors_low > 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(stats(&js).accept_errors, 0);
}

/// Answers the next request and returns its target.
fn answer_next(js: &mut Js) -> String {
    loop {
        match js.next() {
            Event::Request { id, target, .. } => {
                js.send(respond(id, "served"));
                return target;
            }
            Event::Abort(..) => {}
            other => panic!("not {other:?}"),
        }
    }
}
