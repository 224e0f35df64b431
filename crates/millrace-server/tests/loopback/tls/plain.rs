use std::net::SocketAddr;

use millrace_batch::layout::inbound_flag;
use millrace_server::{Config, Plain, RouteTarget, Timeouts, Tls};

use super::certificates::{Pair, context, secured};
use crate::client::{GET, ask, read_answer, read_to_end};
use crate::js::{Event, Js, fixed, respond, route};

fn speaking(plain: Plain) -> Config {
    let config = secured(context(&[&Pair::new("localhost")], Default::default()));
    let tls = config.tls.map(|tls| Tls { plain, ..tls });
    Config { tls, ..config }
}

fn serving(plain: Plain) -> (Js, SocketAddr, u32) {
    let (js, listening, address) = Js::serving(speaking(plain));
    (js, address, listening.id)
}

fn refused(js: &Js, server: u32) -> u64 {
    js.thread.stats(server).expect("stats").tls_plain_refused
}

#[test]
fn plain_http_is_refused_in_words_and_its_connection_closed() {
    let (js, address, server) = serving(Plain::Refuse);
    let request = format!("GET /a HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut stream = ask(address, request);
    let answer = read_answer(&mut stream);
    assert_eq!(answer.status, 400);
    assert!(
        answer.head.contains("\r\nConnection: close\r\n"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("\r\nContent-Type: text/plain"),
        "{}",
        answer.head
    );
    assert_eq!(
        answer.body,
        format!("This port speaks HTTPS; this is plain HTTP. Try https://{address}/\n")
    );
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!(refused(&js, server), 1);
}

#[test]
fn nothing_behind_a_refused_request_is_looked_at() {
    let (js, address, server) = serving(Plain::Refuse);
    for first in [
        GET,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut stream = ask(address, [first, GET].concat());
        assert_eq!(read_answer(&mut stream).status, 400, "{first}");
        assert_eq!(read_to_end(&mut stream), "", "{first}");
    }
    assert_eq!(refused(&js, server), 4);
}

#[test]
fn a_body_that_would_be_too_large_does_not_change_why_plain_http_is_refused() {
    let mut config = speaking(Plain::Refuse);
    config.policy.limits.body_bytes = 10;
    let (_js, _, address) = Js::serving(config);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11000000000\r\n\r\n";
    let answer = read_answer(&mut ask(address, head));
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.starts_with("This port speaks HTTPS"),
        "{}",
        answer.body
    );
}

#[test]
fn plain_http_that_breaks_the_rules_is_told_which() {
    let (js, address, server) = serving(Plain::Redirect);
    let mut stream = ask(address, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    let answer = read_answer(&mut stream);
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("more than one Host"),
        "{}",
        answer.body
    );
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!(refused(&js, server), 0);
}

#[test]
fn a_head_of_plain_http_has_to_come_in_time() {
    let config = speaking(Plain::Redirect);
    let timeouts = Timeouts {
        headers: 50,
        ..config.timeouts
    };
    let (_js, _, address) = Js::serving(Config { timeouts, ..config });
    let mut stream = ask(address, "GET / HTTP/1.1\r\nHos");
    assert_eq!(read_answer(&mut stream).status, 408);
}

#[test]
fn each_request_is_sent_on_and_the_connection_stays() {
    let (js, address, server) = serving(Plain::Redirect);
    let mut stream = ask(
        address,
        "GET /a?b=c HTTP/1.1\r\nHost: a.example:8443\r\n\r\n\
         PUT /d HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbodyHEAD / HTTP/1.1\r\nHost: b.example\r\n\r\n",
    );
    for location in [
        "https://a.example:8443/a?b=c",
        "https://a.example/d",
        "https://b.example/",
    ] {
        let answer = read_answer(&mut stream);
        assert_eq!(answer.status, 308);
        let line = format!("\r\nLocation: {location}\r\n");
        assert!(answer.head.contains(&line), "{}", answer.head);
        assert!(
            !answer.head.contains("Connection: close"),
            "{}",
            answer.head
        );
    }
    assert_eq!(refused(&js, server), 3);
}

#[test]
fn a_request_that_does_not_say_whom_it_wanted_is_refused_rather_than_sent_on() {
    let (_js, address, _) = serving(Plain::Redirect);
    for request in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n"] {
        let mut stream = ask(address, request);
        let answer = read_answer(&mut stream);
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(answer.body, "This port speaks HTTPS; this is plain HTTP.\n");
        assert_eq!(read_to_end(&mut stream), "");
    }
}

#[test]
fn routes_are_not_for_plain_http_unless_it_is_served() {
    for (plain, status) in [
        (Plain::Refuse, 400),
        (Plain::Redirect, 308),
        (Plain::Serve, 200),
    ] {
        let routes = vec![route("GET", "/", RouteTarget::Fixed(fixed("fixed")))];
        let (_js, _, address) = Js::routing(speaking(plain), routes);
        assert_eq!(
            read_answer(&mut ask(address, GET)).status,
            status,
            "{plain:?}"
        );
    }
}

#[test]
fn plain_http_that_is_served_is_known_to_be_plain() {
    let (mut js, address, server) = serving(Plain::Serve);
    let mut stream = ask(address, GET);
    let Event::Request { id, flags, .. } = js.next() else {
        panic!("a request should have come");
    };
    assert_eq!(flags & (inbound_flag::SECURE | inbound_flag::EARLY), 0);
    js.send(respond(id, "plain"));
    assert_eq!(read_answer(&mut stream).body, "plain");
    assert_eq!(refused(&js, server), 0);
}
