//! Answers that the core gives without JavaScript.

use std::io::{Read, Write};

use millrace_server::{Codings, FixedAnswer, RouteTable, RouteTarget};

use crate::client::{Answer, ask, await_end, read_answer, read_head, read_to_end};
use crate::js::{Event, Js, config, fixed, respond, route};

const ONE: &str = "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server whose only route is this answer's.
fn serving(answer: FixedAnswer) -> (Js, millrace_server::Listening, std::net::SocketAddr) {
    let routes = vec![route("GET", "/fixed", RouteTarget::Fixed(answer))];
    Js::routing(config(), routes)
}

fn tagged() -> FixedAnswer {
    FixedAnswer {
        fields: b"content-type: text/plain\r\ncache-control: max-age=1\r\n".to_vec(),
        etag: Some(b"\"v1\"".to_vec()),
        modified: Some(784_111_777),
        ..fixed("tagged")
    }
}

fn with(lines: &str) -> String {
    format!("GET /fixed HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")
}

fn exchange(client: &mut (impl Read + Write), request: &str) -> Answer {
    client.write_all(request.as_bytes()).unwrap();
    read_answer(client)
}

#[test]
fn fixed_answers_flow_while_javascript_does_nothing() {
    // The thread is never asked for anything: nobody calls `next`.
    let (js, listening, address) = serving(fixed("fixed"));
    let mut clients: Vec<_> = (0..20).map(|_| ask(address, "")).collect();
    for _ in 0..50 {
        for client in &mut clients {
            client.write_all(ONE.as_bytes()).unwrap();
        }
        for client in &mut clients {
            assert_eq!(read_answer(client).body, "fixed");
        }
    }
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!(
        (stats.requests, stats.fixed_answers, stats.pending),
        (1000, 1000, 0)
    );
    assert_eq!(js.thread.queued_bytes(), 0);
}

#[test]
fn fixed_answers_flow_although_too_much_waits_for_javascript() {
    const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut tight = config();
    tight.queued_bytes = 10_000;
    tight.not_found_in_core = false;
    let routes = vec![route("GET", "/fixed", RouteTarget::Fixed(fixed("fixed")))];
    let (mut js, _, address) = Js::routing(tight, routes);
    let mut waiting = Vec::new();
    while js.thread.queued_bytes() <= 10_000 {
        let before = js.thread.queued_bytes();
        waiting.push(ask(address, SLOW.repeat(2)));
        // One after the other, so that never twice as much waits, which would hold up everything.
        while js.thread.queued_bytes() == before {
            std::thread::yield_now();
        }
    }
    // New connections, and one that asks JavaScript in between and so has to wait for it.
    for _ in 0..10 {
        assert_eq!(read_answer(&mut ask(address, ONE)).body, "fixed");
    }
    let mut mixed = ask(address, format!("{ONE}{SLOW}{ONE}"));
    assert_eq!(read_answer(&mut mixed).body, "fixed");
    for _ in 0..2 * waiting.len() + 1 {
        let id = js.request();
        js.send(respond(id, "slow"));
    }
    for client in &mut waiting {
        assert_eq!(read_answer(client).body, "slow");
        assert_eq!(read_answer(client).body, "slow");
    }
    assert_eq!(read_answer(&mut mixed).body, "slow");
    assert_eq!(read_answer(&mut mixed).body, "fixed");
}

#[test]
fn a_fixed_answer_has_its_fields_and_what_the_core_adds() {
    let (_js, _, address) = serving(FixedAnswer {
        status: 203,
        reason: b"As Prepared".to_vec(),
        ..tagged()
    });
    let mut client = ask(address, ONE);
    let answer = read_answer(&mut client);
    let (before, after) = answer.head.split_once("\r\nDate: ").expect("a date");
    assert_eq!(
        before,
        "HTTP/1.1 203 As Prepared\r\ncontent-type: text/plain\r\ncache-control: max-age=1\r\n\
         ETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!(&after[29..], "\r\nContent-Length: 6\r\n\r\n");
    assert_eq!(answer.body, "tagged");
}

#[test]
fn head_gets_the_head_alone() {
    let (_js, _, address) = serving(tagged());
    let mut client = ask(address, "HEAD /fixed HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = read_head(&mut client);
    assert!(head.contains("Content-Length: 6\r\n"), "{head}");
    assert_eq!(exchange(&mut client, ONE).body, "tagged");
}

#[test]
fn conditions_are_answered_in_javascripts_stead() {
    let (js, listening, address) = serving(tagged());
    let mut client = ask(address, "");
    for (line, status) in [
        ("If-None-Match: \"v1\"", 304),
        ("If-None-Match: W/\"v1\"", 304),
        ("If-None-Match: \"v0\"\r\nIf-None-Match: \"v1\"", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"v0\"", 200),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 304),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200),
        (
            "If-None-Match: \"v0\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
            200,
        ),
        ("If-Match: \"v1\"", 200),
        ("If-Match: \"v0\"", 412),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 412),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ] {
        let answer = exchange(&mut client, &with(line));
        assert_eq!(answer.status, status, "{line}");
        if status == 304 {
            assert!(answer.head.contains("\r\nETag: \"v1\"\r\n"));
            assert!(answer.head.contains("\r\ncache-control: max-age=1\r\n"));
            assert!(!answer.head.contains("content-type"));
            assert!(!answer.head.contains("Content-Length"));
        }
    }
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.fixed_answers, stats.pending), (12, 0));
}

#[test]
fn conditions_do_not_change_an_answer_that_is_no_success() {
    let (_js, _, address) = serving(FixedAnswer {
        status: 404,
        ..tagged()
    });
    let answer = read_answer(&mut ask(address, with("If-None-Match: \"v1\"")));
    assert_eq!((answer.status, &*answer.body), (404, "tagged"));
}

#[test]
fn a_fixed_answer_behind_a_slow_handler_waits_for_its_turn() {
    let routes = vec![
        route("GET", "/slow", RouteTarget::Handler),
        route("GET", "/fixed", RouteTarget::Fixed(fixed("fixed"))),
    ];
    let (mut js, _, address) = Js::routing(config(), routes);
    let slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = ask(address, [ONE, slow, ONE, ONE].concat());
    assert_eq!(read_answer(&mut client).body, "fixed");
    let id = js.request();
    js.send(respond(id, "slow"));
    for body in ["slow", "fixed", "fixed"] {
        assert_eq!(read_answer(&mut client).body, body);
    }
}

#[test]
fn a_body_sent_to_a_fixed_answer_is_passed_over_or_ends_the_connection() {
    let mut draining = config();
    draining.policy.drain_bytes = 1000;
    let routes = vec![route("POST", "/fixed", RouteTarget::Fixed(fixed("fixed")))];
    let (mut js, _, address) = Js::routing(draining, routes);
    let sending = |length: usize| {
        format!(
            "POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    };
    let mut client = ask(address, [sending(10), sending(1000), sending(0)].concat());
    for _ in 0..3 {
        assert_eq!(read_answer(&mut client).body, "fixed");
    }
    let answer = exchange(&mut client, &sending(100_000));
    assert!(answer.head.contains("Connection: close"), "{}", answer.head);
    let mut client = ask(
        address,
        "POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    let answer = read_answer(&mut client);
    assert!(answer.head.contains("Connection: close"), "{}", answer.head);
    assert_eq!(read_to_end(&mut client), "");
    // Nothing of it came to JavaScript.
    ask(address, "GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(js.next(), Event::Request { target, .. } if target == "/other"));
}

#[test]
fn a_body_sent_to_a_fixed_answer_has_its_time() {
    let mut timed = config();
    // Long enough for a machine under load to send the first body in time.
    timed.timeouts.body = 1000;
    let routes = vec![route("POST", "/fixed", RouteTarget::Fixed(fixed("fixed")))];
    let (_js, _, address) = Js::routing(timed, routes);
    let mut client = ask(
        address,
        "POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(read_answer(&mut client).body, "fixed");
    std::thread::sleep(std::time::Duration::from_millis(50));
    let next = "xyPOST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(exchange(&mut client, next).body, "fixed");
    await_end(&mut client);
}

#[test]
fn old_clients_and_those_that_leave_get_what_suits_them() {
    let (_js, _, address) = serving(fixed("fixed"));
    let mut client = ask(address, "GET /fixed HTTP/1.0\r\n\r\n");
    let all = read_to_end(&mut client);
    assert!(
        all.contains("\r\nConnection: close\r\n") && all.ends_with("\r\n\r\nfixed"),
        "{all}"
    );
    let mut client = ask(
        address,
        "GET /fixed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    );
    assert!(
        read_answer(&mut client)
            .head
            .contains("Connection: keep-alive")
    );
    let closing = ONE.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    assert!(
        exchange(&mut client, &closing)
            .head
            .contains("Connection: close")
    );
    assert_eq!(read_to_end(&mut client), "");
}

#[test]
fn a_large_fixed_answer_reaches_many_clients_whole() {
    let body: String = (0..300_000u32)
        .map(|n| char::from(b'a' + (n % 26) as u8))
        .collect();
    let (_js, _, address) = serving(fixed(&body));
    let mut clients: Vec<_> = (0..10).map(|_| ask(address, ONE.repeat(3))).collect();
    for client in &mut clients {
        for _ in 0..3 {
            assert!(read_answer(client).body == body);
        }
    }
}

#[test]
fn an_answer_can_be_replaced_while_it_is_served() {
    let mut js = Js::new();
    let table = RouteTable::new(false);
    let number = table
        .add(route("GET", "/fixed", RouteTarget::Fixed(tagged())))
        .unwrap();
    let listening = js.thread.listen(config(), Some(table.clone())).unwrap();
    let mut client = ask(listening.address.unwrap(), "");
    assert_eq!(
        exchange(&mut client, &with("If-None-Match: \"v1\"")).status,
        304
    );
    let next = FixedAnswer {
        status: 201,
        etag: Some(b"\"v2\"".to_vec()),
        ..fixed("replaced")
    };
    table.replace_fixed(number, next).unwrap();
    let answer = exchange(&mut client, &with("If-None-Match: \"v1\""));
    assert_eq!((answer.status, &*answer.body), (201, "replaced"));
    assert!(!answer.head.contains("cache-control"));
}

#[test]
fn compressed_variants_are_given_to_those_who_like_them() {
    let mut compressing = config();
    compressing.codings = Codings::from_names("zstd,br,gzip").unwrap();
    let body = "compressible ".repeat(1000);
    let answer = FixedAnswer {
        compress: true,
        etag: Some(b"\"v1\"".to_vec()),
        ..fixed(&body)
    };
    let routes = vec![route("GET", "/fixed", RouteTarget::Fixed(answer))];
    let (_js, _, address) = Js::routing(compressing, routes);
    let mut client = ask(address, "");
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("gzip, br", "br"),
        ("gzip, br, zstd", "zstd"),
    ] {
        let (head, coded) = loop {
            client
                .write_all(with(&format!("Accept-Encoding: {accepted}")).as_bytes())
                .unwrap();
            let head = read_head(&mut client);
            assert!(head.contains("\r\nVary: Accept-Encoding\r\n"), "{head}");
            let length: usize = length_of(&head);
            let mut coded = vec![0; length];
            client.read_exact(&mut coded).unwrap();
            // A worker compresses it; until then it is sent as it is.
            if head.contains(&format!("\r\nContent-Encoding: {coding}\r\n")) {
                break (head, coded);
            }
        };
        assert!(coded.len() < body.len() / 10);
        assert!(
            head.contains(&format!("\r\nETag: \"v1-{coding}\"\r\n")),
            "{head}"
        );
        let lines = format!("Accept-Encoding: {accepted}\r\nIf-None-Match: \"v1-{coding}\"");
        let answer = exchange(&mut client, &with(&lines));
        assert_eq!(answer.status, 304);
        assert!(
            answer.head.contains("\r\nVary: Accept-Encoding\r\n"),
            "{}",
            answer.head
        );
        let lines = format!("Accept-Encoding: {accepted}\r\nIf-None-Match: \"v1\"");
        client.write_all(with(&lines).as_bytes()).unwrap();
        let head = read_head(&mut client);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        client.read_exact(&mut vec![0; length_of(&head)]).unwrap();
    }
    assert_eq!(exchange(&mut client, ONE).body, body);
}

fn length_of(head: &str) -> usize {
    let (_, rest) = head.split_once("Content-Length: ").expect("a length");
    rest.split_once('\r').unwrap().0.parse().unwrap()
}
