//! The end of servers, and of the threads they belong to.

use std::io::Write;
use std::net::TcpStream;

use crate::client::{GET, ask, await_end, connect, post, read_answer, read_to_end};
use crate::js::{Event, Js, chunk, config, respond, respond_and_tell, start};

#[test]
fn closing_lets_requests_end_and_closes_what_is_idle() {
    let (mut js, listening, address) = Js::serving(config());
    let mut idle = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "idle from here on"));
    read_answer(&mut idle);
    let mut busy = ask(address, GET);
    let id = js.request();
    let mut half = ask(address, "GET / HT");

    js.thread.close(listening.id, None);
    assert_eq!(read_to_end(&mut idle), "");
    await_end(&mut half);
    assert!(TcpStream::connect(address).is_err(), "no new connections");
    js.send(respond(id, "the last"));
    let answer = read_answer(&mut busy);
    assert_eq!(answer.body, "the last");
    assert!(answer.head.contains("Connection: close"), "{}", answer.head);
    assert_eq!(read_to_end(&mut busy), "");
    // Until the client closes too, the connection lingers for what it may have sent meanwhile.
    drop(busy);
    assert_eq!(js.next(), Event::Closed(listening.id));
    assert_eq!(js.thread.stats(listening.id).unwrap().connections, 0);
}

#[test]
fn an_upload_under_way_is_let_end() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, post(100_000));
    let id = js.request();
    js.thread.close(listening.id, None);
    client.write_all(&vec![b'x'; 100_000]).unwrap();
    assert_eq!(js.body(id).len(), 100_000);
    js.send(respond(id, "done"));
    assert_eq!(read_answer(&mut client).body, "done");
    drop(client);
    assert_eq!(js.next(), Event::Closed(listening.id));
}

#[test]
fn what_outlasts_the_patience_is_cut() {
    let (mut js, listening, address) = Js::serving(config());
    let mut waiting = ask(address, GET);
    let first = js.request();
    let mut streaming = ask(address, GET);
    let second = js.request();
    js.send(start(second));
    js.send(chunk(second, b"half", 1));
    while !matches!(js.next(), Event::Drain(_)) {}

    js.thread.close(listening.id, Some(1));
    let mut aborted = Vec::new();
    loop {
        match js.next() {
            Event::Abort(id, 7) => aborted.push(id.connection),
            Event::Closed(id) => break assert_eq!(id, listening.id),
            Event::Written(1, 0) => {}
            other => panic!("not {other:?}"),
        }
    }
    aborted.sort_unstable();
    let mut expected = [first.connection, second.connection];
    expected.sort_unstable();
    assert_eq!(aborted, expected);
    await_end(&mut waiting);
    await_end(&mut streaming);
    js.send(respond_and_tell(first, "too late", 9));
    assert_eq!(js.next(), Event::Written(9, 1));
}

#[test]
fn less_patience_can_be_had_later_and_the_end_is_told_once_and_last() {
    let mut two = config();
    two.io_threads = 2;
    let (mut js, listening, address) = Js::serving(two);
    let mut client = ask(address, GET);
    let id = js.request();
    js.thread.close(listening.id, None);
    js.thread.close(listening.id, None);
    js.thread.close(listening.id, Some(1));
    assert_eq!(js.next(), Event::Abort(id, 7), "before the end is told");
    assert_eq!(js.next(), Event::Closed(listening.id));
    await_end(&mut client);

    // Whatever else were told would come before the next server's end.
    let next = js.thread.listen(config(), None).unwrap();
    js.thread.close(next.id, None);
    assert_eq!(js.next(), Event::Closed(next.id));
}

#[test]
fn two_servers_of_a_thread_end_apart() {
    let (mut js, first, address) = Js::serving(config());
    let second = js.thread.listen(config(), None).unwrap();
    js.thread.close(first.id, None);
    assert_eq!(js.next(), Event::Closed(first.id));
    assert!(TcpStream::connect(address).is_err());
    let mut client = ask(second.address.unwrap(), GET);
    let id = js.request();
    js.send(respond(id, "still here"));
    assert_eq!(read_answer(&mut client).body, "still here");
}

#[test]
fn a_thread_that_ends_takes_its_connections_with_it() {
    let mut two = config();
    two.io_threads = 2;
    let (mut js, _, address) = Js::serving(two);
    let mut waiting: Vec<_> = (0..4).map(|_| ask(address, GET)).collect();
    let ids: Vec<_> = (0..4).map(|_| js.request()).collect();
    js.send(start(ids[0]));
    let mut uploading = ask(address, post(1_000_000) + "half");
    js.request();
    let mut idle = connect(address);

    drop(js);
    for client in &mut waiting {
        await_end(client);
    }
    await_end(&mut uploading);
    await_end(&mut idle);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_end_of_one_thread_is_nothing_to_another() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    let (mut other, _, other_address) = Js::serving(config());
    let mut lost = ask(other_address, GET);
    other.request();
    drop(other);
    await_end(&mut lost);
    js.send(respond(id, "unmoved"));
    assert_eq!(read_answer(&mut client).body, "unmoved");
}

#[cfg(unix)]
#[test]
fn closing_again_leaves_another_servers_socket_file_alone() {
    let path = std::env::temp_dir().join(format!("millrace-{}-again.socket", std::process::id()));
    let mut local = config();
    local.bind = millrace_server::Bind::Unix(path.clone());
    let mut js = Js::new();
    let first = js.thread.listen(local.clone(), None).unwrap();
    js.thread.close(first.id, None);
    assert_eq!(js.next(), Event::Closed(first.id));
    let second = js.thread.listen(local, None).unwrap();
    js.thread.close(first.id, Some(0));
    assert!(path.exists());
    js.thread.close(second.id, None);
    assert_eq!(js.next(), Event::Closed(second.id));
    assert!(!path.exists());
}
