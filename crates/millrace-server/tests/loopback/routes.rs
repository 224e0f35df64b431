//! Where requests go.

use std::io::Write;

use millrace_server::{Codings, NewRoute, RouteTarget, RouteTimeouts};

use crate::client::{Answer, GET, ask, post, read_answer, read_to_end};
use crate::js::{Event, Js, config, fixed, respond, route};

/// Asks and lets the JavaScript thread answer; returns the route's number and 1, and the parameters.
fn routed(
    js: &mut Js,
    client: &mut (impl std::io::Read + Write),
    target: &str,
) -> (u32, Vec<String>) {
    client.write_all(get(target).as_bytes()).unwrap();
    match js.next() {
        Event::Request {
            id,
            route,
            parameters,
            ..
        } => {
            js.send(respond(id, "routed"));
            assert_eq!(read_answer(client).body, "routed");
            (route, parameters)
        }
        other => panic!("a request should have come, not {other:?}"),
    }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn exchange(client: &mut (impl std::io::Read + Write), request: &str) -> Answer {
    client.write_all(request.as_bytes()).unwrap();
    read_answer(client)
}

#[test]
fn a_request_comes_with_its_route_and_parameters() {
    let routes = [
        "/users/:id",
        "/users/me",
        "/users/:id/*rest",
        "/caf\u{e9}/:x",
    ]
    .map(|pattern| route("GET", pattern, RouteTarget::Handler));
    let (mut js, _, address) = Js::routing(config(), routes.into());
    let mut client = ask(address, "");
    let mut look_up = |target| {
        let (route, parameters) = routed(&mut js, &mut client, target);
        (route, parameters.join(" "))
    };
    assert_eq!(look_up("/users/7?id=8"), (1, "7".into()));
    assert_eq!(look_up("/users/me"), (2, "".into()));
    assert_eq!(look_up("/users/7/a/b"), (3, "7 a/b".into()));
    assert_eq!(look_up("http://a/users/9?q"), (1, "9".into()));
    assert_eq!(look_up("/us%65rs/%37%2f%e9"), (1, "7%2F%E9".into()));
    assert_eq!(look_up("/caf%c3%a9/%41"), (4, "A".into()));
    assert_eq!(look_up("/elsewhere"), (0, "".into()));
    assert_eq!(look_up("/"), (0, "".into()));
}

#[test]
fn each_of_five_hundred_routes_is_found() {
    let routes = (0..500).map(|n| route("GET", &format!("/r{n}/:a/x{n}/:b"), RouteTarget::Handler));
    let (mut js, _, address) = Js::routing(config(), routes.collect());
    let mut client = ask(address, "");
    for n in (0..500).step_by(7) {
        let found = routed(&mut js, &mut client, &format!("/r{n}/one/x{n}/two"));
        assert_eq!(found, (n + 1, vec!["one".to_owned(), "two".into()]));
    }
}

#[test]
fn what_has_no_route_is_404_where_there_is_no_handler() {
    let mut own = config();
    own.not_found_in_core = true;
    let routes = vec![route("GET", "/a", RouteTarget::Handler)];
    let (js, listening, address) = Js::routing(own, routes);
    let mut client = ask(address, "");
    let answer = exchange(&mut client, &get("/b"));
    assert_eq!(answer.status, 404);
    assert_eq!(answer.body, "There is nothing at this path.\n");
    let head = exchange(&mut client, "OPTIONS /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.status, 404);
    client
        .write_all(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
        .unwrap();
    let answer = read_answer(&mut client);
    assert_eq!(answer.status, 501);
    assert!(answer.head.contains("Connection: close"));
    assert_eq!(read_to_end(&mut client), "");
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.requests, stats.pending), (3, 0));
}

#[test]
fn a_server_without_routes_or_handler_answers_404_by_itself() {
    let mut own = config();
    own.not_found_in_core = true;
    let (_js, _, address) = Js::serving(own);
    assert_eq!(read_answer(&mut ask(address, GET)).status, 404);
}

#[test]
fn a_method_that_has_no_route_is_405_with_what_is_allowed() {
    let routes = vec![
        route("GET", "/a", RouteTarget::Handler),
        route("DELETE", "/a", RouteTarget::Handler),
        route("POST", "/b", RouteTarget::Handler),
    ];
    let (mut js, listening, address) = Js::routing(config(), routes);
    let mut client = ask(address, "");
    let answer = exchange(
        &mut client,
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert_eq!(answer.status, 405);
    assert!(
        answer
            .head
            .contains("\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n"),
        "{}",
        answer.head
    );
    let answer = exchange(&mut client, &get("/b"));
    assert_eq!(answer.status, 405);
    assert!(
        answer.head.contains("\r\nAllow: POST, OPTIONS\r\n"),
        "{}",
        answer.head
    );
    // Its own handler is asked all the same.
    assert_eq!(routed(&mut js, &mut client, "/a").0, 1);
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.requests, stats.pending), (3, 0));
}

#[test]
fn options_are_answered_with_what_is_allowed_unless_they_have_a_route() {
    let routes = vec![
        route("GET", "/a", RouteTarget::Handler),
        route("PUT", "/a", RouteTarget::Handler),
        route("OPTIONS", "/own", RouteTarget::Handler),
    ];
    let (mut js, _, address) = Js::routing(config(), routes);
    let mut client = ask(address, "");
    for (target, allow) in [
        ("/a", "GET, HEAD, PUT, OPTIONS"),
        ("*", "GET, HEAD, PUT, OPTIONS"),
    ] {
        let answer = exchange(
            &mut client,
            &format!("OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
        );
        assert_eq!(answer.status, 204);
        assert!(
            answer.head.contains(&format!("\r\nAllow: {allow}\r\n")),
            "{}",
            answer.head
        );
        assert!(!answer.head.contains("Content-Length"));
    }
    client
        .write_all(b"OPTIONS /own HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let Event::Request { id, route: 3, .. } = js.next() else {
        panic!("the route for OPTIONS should have been taken");
    };
    js.send(respond(id, "own"));
    assert_eq!(read_answer(&mut client).body, "own");
}

#[test]
fn head_goes_to_the_route_for_get() {
    let routes = vec![route("GET", "/a", RouteTarget::Handler)];
    let (mut js, _, address) = Js::routing(config(), routes);
    let mut client = ask(
        address,
        "HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let Event::Request { id, route: 1, .. } = js.next() else {
        panic!("the route for GET should have been taken");
    };
    js.send(respond(id, "not sent"));
    let head = read_to_end(&mut client);
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn connect_is_never_routed() {
    let routes = vec![route("*", "/*all", RouteTarget::Handler)];
    let (mut js, _, address) = Js::routing(config(), routes);
    let _client = ask(address, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    assert!(matches!(js.next(), Event::Request { route: 0, .. }));
}

#[test]
fn a_route_may_take_more_or_less_of_a_body_than_the_server() {
    let mut small = config();
    small.policy.limits.body_bytes = 100;
    let limited = |pattern: &str, bytes| NewRoute {
        body_bytes: Some(bytes),
        ..route("POST", pattern, RouteTarget::Handler)
    };
    let routes = vec![
        limited("/more", 50_000),
        limited("/less", 10),
        route("POST", "/same", RouteTarget::Handler),
    ];
    let (mut js, _, address) = Js::routing(small, routes);
    for (target, length, accepted) in [
        ("/more", 50_000, true),
        ("/more", 50_001, false),
        ("/less", 10, true),
        ("/less", 11, false),
        ("/same", 100, true),
        ("/same", 101, false),
    ] {
        let mut client = ask(
            address,
            post(length).replace("POST /", &format!("POST {target}")),
        );
        if accepted {
            client.write_all(&vec![b'x'; length]).unwrap();
            let Event::Request { id, body, .. } = js.next() else {
                panic!("{length} bytes are within the limit of {target}");
            };
            let received = body.unwrap_or_else(|| js.body(id));
            assert_eq!(received.len(), length);
            js.send(respond(id, "taken"));
            assert_eq!(read_answer(&mut client).body, "taken");
        } else {
            assert_eq!(read_answer(&mut client).status, 413, "{target} {length}");
            assert!(
                matches!(js.next(), Event::Failed(_, text) if text.starts_with("ERR_HTTP_BODY_TOO_LARGE"))
            );
        }
    }
}

#[test]
fn a_chunked_body_has_its_routes_limit_too() {
    let more = NewRoute {
        body_bytes: Some(5),
        ..route("POST", "/", RouteTarget::Handler)
    };
    let (mut js, _, address) = Js::routing(config(), vec![more]);
    let mut client = ask(
        address,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let id = js.request();
    client.write_all(b"4\r\nabcd\r\n4\r\nabcd\r\n").unwrap();
    assert_eq!(read_answer(&mut client).status, 413);
    loop {
        match js.next() {
            Event::Body(..) => {}
            Event::Abort(aborted, _) => break assert_eq!(aborted, id),
            other => panic!("not {other:?}"),
        }
    }
}

#[test]
fn a_route_may_give_its_handler_less_time() {
    let quick = NewRoute {
        timeouts: RouteTimeouts {
            handler: Some(20),
            ..RouteTimeouts::default()
        },
        ..route("GET", "/quick", RouteTarget::Handler)
    };
    let routes = vec![quick, route("GET", "/slow", RouteTarget::Handler)];
    let (mut js, _, address) = Js::routing(config(), routes);
    let mut client = ask(address, [get("/slow"), get("/quick")].concat());
    let slow = js.request();
    let quick = js.request();
    let Event::Abort(given_up, _) = js.next() else {
        panic!("the quick one should have been given up");
    };
    assert_eq!(given_up, quick);
    js.send(respond(slow, "in its own time"));
    assert_eq!(read_answer(&mut client).body, "in its own time");
    assert_eq!(read_answer(&mut client).status, 503);
}

#[test]
fn a_route_may_wait_less_long_for_a_body_and_the_next_request_has_its_own_time() {
    let quick = NewRoute {
        timeouts: RouteTimeouts {
            body: Some(20),
            ..RouteTimeouts::default()
        },
        ..route("POST", "/quick", RouteTarget::Handler)
    };
    let routes = vec![quick, route("POST", "/slow", RouteTarget::Handler)];
    let (mut js, _, address) = Js::routing(config(), routes);
    let mut client = ask(
        address,
        "POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    );
    js.request();
    assert_eq!(read_answer(&mut client).status, 408);
    assert!(matches!(js.next(), Event::Abort(..)));

    let mut client = ask(
        address,
        "POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    );
    let id = js.request();
    js.send(respond(id, "ok"));
    assert_eq!(read_answer(&mut client).body, "ok");
    client
        .write_all(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .unwrap();
    let id = js.request();
    std::thread::sleep(std::time::Duration::from_millis(60));
    client.write_all(b"late!").unwrap();
    assert_eq!(js.body(id), b"late!");
}

#[test]
fn routes_can_be_added_while_listening() {
    let mut js = Js::new();
    let table = millrace_server::RouteTable::new(true);
    let listening = js.thread.listen(config(), Some(table.clone())).unwrap();
    let mut client = ask(listening.address.unwrap(), "");
    assert_eq!(routed(&mut js, &mut client, "/later").0, 0);
    let number = table
        .add(route("GET", "/later", RouteTarget::Handler))
        .unwrap();
    table.publish();
    assert_eq!(routed(&mut js, &mut client, "/later").0, number + 1);
    assert_eq!(routed(&mut js, &mut client, "/later/").0, number + 1);
    let again = table.add(route("GET", "/later/", RouteTarget::Handler));
    assert_eq!(
        again.unwrap_err().to_string(),
        "the route /later takes the same requests"
    );
    let added = table.add(route("GET", "/fixed", RouteTarget::Fixed(fixed("at once"))));
    assert_eq!(added, Ok(1));
    table.publish();
    assert_eq!(exchange(&mut client, &get("/fixed")).body, "at once");
}

#[test]
fn a_request_tells_which_coding_its_client_likes_best() {
    let mut compressing = config();
    compressing.codings = Codings::from_names("zstd,br,gzip").unwrap();
    let (mut js, _, address) = Js::serving(compressing);
    let mut client = ask(address, "");
    for (lines, code) in [
        ("", 0),
        ("Accept-Encoding: gzip\r\n", 1),
        ("accept-encoding: gzip, deflate, br\r\n", 2),
        ("Accept-Encoding: gzip\r\nAccept-Encoding: zstd\r\n", 3),
        ("Accept-Encoding: zstd;q=0, *;q=0.5\r\n", 2),
        ("Accept-Encoding: identity\r\nAccept-Language-: gzip\r\n", 0),
    ] {
        client
            .write_all(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes())
            .unwrap();
        let Event::Request { id, flags, .. } = js.next() else {
            panic!("a request should have come");
        };
        assert_eq!(flags >> 24 & 3, code, "{lines}");
        js.send(respond(id, "ok"));
        read_answer(&mut client);
    }
}
