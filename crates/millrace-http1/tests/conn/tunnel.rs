//! Connections that stop being HTTP: what becomes of the bytes behind the request, both directions and their ends.

use millrace_http1::{BodySize, Error, Rejected, ResponseHead};
use millrace_testkit::splits;

use crate::session::{
    DATE, GET, Session, answer, date, elsewhere, head, however_fed, last_answer, policy, post,
};

const UPGRADE: &[u8] = b"GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
/// Bytes that HTTP would read as a request and something broken.
const JUNK: &[u8] = b"\r\nGET /junk HTTP/1.1\r\nHost: a\r\n\r\n\0\xff\r\n\r\n";

fn switching() -> String {
    format!("HTTP/1.1 101 Switching Protocols\r\n{DATE}Connection: upgrade\r\n\r\n")
}

fn established() -> String {
    format!("HTTP/1.1 200 OK\r\n{DATE}\r\n")
}

fn junk() -> String {
    JUNK.escape_ascii().to_string()
}

#[test]
fn an_upgraded_connection_carries_raw_bytes_both_ways() {
    however_fed(policy(), |session| {
        session.feed(UPGRADE);
        session.tunnel(0, 101).unwrap();
        assert_eq!(session.sent(), switching());
        assert!(session.conn.is_tunnel());
        session.feed(JUNK);
        session.send(0, "raw").unwrap();
        session.send(0, "").unwrap();
        session.send(0, "held and raw").unwrap();
        session.conn.send(0, elsewhere(3, 'f')).unwrap();
        assert_eq!(session.sent(), "rawheld and rawfff");
        assert_eq!(
            session.events,
            ["0: GET /u", &format!("0: body {}", junk())]
        );
        assert!(!session.conn.is_idle());
        assert!(!session.conn.expects_request());
        assert!(!session.conn.awaits_body(), "it may be silent for ever");
        assert_eq!(session.conn.earliest_deadline(), None);
    });
}

#[test]
fn a_successful_answer_to_connect_has_neither_length_nor_coding_nor_connection() {
    however_fed(policy(), |session| {
        session.feed(CONNECT);
        session.tunnel(0, 200).unwrap();
        assert_eq!(session.sent(), established());
        session.feed("there");
        session.send(0, "and back").unwrap();
        assert_eq!(session.sent(), "and back");
        assert_eq!(session.events, ["0: CONNECT a:1", "0: body there"]);
    });
}

#[test]
fn what_the_client_says_early_is_kept_however_it_is_split() {
    for (request, status, answer_head) in
        [(UPGRADE, 101, switching()), (CONNECT, 200, established())]
    {
        let input = [GET, request, JUNK].concat();
        for (pieces, at_once) in splits(&input).flat_map(|p| [(p.clone(), true), (p, false)]) {
            let mut session = Session::new(policy(), usize::MAX);
            for piece in &pieces {
                session.feed(piece);
                if at_once && !session.conn.is_tunnel() && session.pending().contains(&1) {
                    session.tunnel(1, status).unwrap();
                }
            }
            if !at_once {
                session.tunnel(1, status).unwrap();
            }
            session.respond(0, "first").unwrap();
            session.send(1, "raw").unwrap();
            assert_eq!(session.sent(), answer("first") + &answer_head + "raw");
            assert_eq!(session.events.len(), 3, "{:?}", session.events);
            assert_eq!(session.events[2], format!("1: body {}", junk()));
        }
    }
}

#[test]
fn an_offer_that_is_not_taken_up_leaves_the_connection_http() {
    however_fed(policy(), |session| {
        session.feed([UPGRADE, GET, b"GET / HT"].concat());
        assert_eq!(session.events, ["0: GET /u"]);
        assert!(session.is_blocked(), "nobody knows yet what comes next");
        session.respond(0, "no").unwrap();
        session.look();
        session.respond(1, "as ever").unwrap();
        assert_eq!(session.sent(), answer("no") + &answer("as ever"));
        session.feed("TP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(session.pending(), [2]);
    });
}

#[test]
fn a_refused_connect_is_the_end_of_the_connection() {
    however_fed(policy(), |session| {
        session.feed([CONNECT, JUNK].concat());
        let no = ResponseHead {
            status: 403,
            ..head(BodySize::Known(2))
        };
        session.respond_with(0, &no, "no").unwrap();
        session.look();
        let sent = session.sent();
        assert!(sent.contains("Connection: close"), "{sent}");
        assert!(session.conn.closes_when_sent());
        assert_eq!(session.events, ["0: CONNECT a:1"]);
    });
}

#[test]
fn each_direction_ends_by_itself_and_the_client_may_be_first() {
    however_fed(policy(), |session| {
        session.feed([UPGRADE, b"last words"].concat());
        session.tunnel(0, 101).unwrap();
        session.end_input();
        assert_eq!(
            session.events[1..],
            ["0: body last words", "0: end"],
            "not an abort"
        );
        session.look();
        assert_eq!(session.events.len(), 3, "it ends once");
        session.send(0, "still").unwrap();
        assert!(!session.conn.take_send_closed());
        assert!(!session.conn.closes_when_sent());
        session.finish(0).unwrap();
        assert!(!session.conn.is_pending(0));
        assert_eq!(session.sent(), switching() + "still");
        assert!(session.conn.closes_when_sent());
        assert_eq!(session.send(0, "more"), Err(Rejected::Gone));
    });
}

#[test]
fn each_direction_ends_by_itself_and_the_handler_may_be_first() {
    however_fed(policy(), |session| {
        session.feed(CONNECT);
        session.tunnel(0, 200).unwrap();
        session.send(0, "bye").unwrap();
        session.finish(0).unwrap();
        session.conn.mark(0, 5);
        assert!(!session.conn.take_send_closed(), "it is not written");
        assert_eq!(session.send(0, "more"), Err(Rejected::OutOfOrder));
        assert_eq!(session.finish(0), Err(Rejected::OutOfOrder));
        assert_eq!(session.sent(), established() + "bye");
        assert_eq!(session.conn.output().pop_passed().unwrap().token, 5);
        assert!(session.conn.take_send_closed());
        assert!(!session.conn.take_send_closed(), "once");
        session.feed("still");
        assert_eq!(session.pending(), [0]);
        assert!(!session.conn.closes_when_sent());
        session.end_input();
        assert_eq!(session.events[1..], ["0: body still", "0: end"]);
        assert_eq!(session.pending(), []);
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn a_client_that_ended_before_the_answer_has_ended_its_direction() {
    however_fed(policy(), |session| {
        session.feed(UPGRADE);
        session.end_input();
        assert_eq!(session.events.len(), 1);
        session.tunnel(0, 101).unwrap();
        assert_eq!(session.events[1..], ["0: end"]);
        session.finish(0).unwrap();
        assert_eq!(session.sent(), switching());
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn a_tunnel_has_the_window_of_a_body_and_no_limit() {
    let mut narrow = policy();
    narrow.body_window = 4;
    narrow.limits.body_bytes = 1;
    however_fed(narrow, |session| {
        session.feed(UPGRADE);
        session.tunnel(0, 101).unwrap();
        session.feed("abcd");
        assert!(session.is_blocked(), "even without a byte to look at");
        session.feed("efgh");
        assert_eq!(session.events[1..], ["0: body abcd"]);
        session.conn.consume(0, 0);
        assert!(session.is_blocked(), "wanting is not consuming");
        session.conn.consume(0, 4);
        session.look();
        assert_eq!(session.events[1..], ["0: body abcdefgh"]);
        session.end_input();
        assert_eq!(
            session.events[2..],
            ["0: end"],
            "the end needs no room in the window"
        );
    });
}

#[test]
fn a_tunnel_waits_for_its_turn_to_send() {
    however_fed(policy(), |session| {
        session.feed([GET, UPGRADE, b"early"].concat());
        session.tunnel(1, 101).unwrap();
        session.send(1, "raw").unwrap();
        session.finish(1).unwrap();
        assert_eq!(session.sent(), "");
        assert!(!session.conn.take_send_closed());
        assert_eq!(session.events[2..], ["1: body early"]);
        session.start(0, BodySize::Known(2)).unwrap();
        session.send(0, "ok").unwrap();
        assert!(!session.conn.take_send_closed());
        session.finish(0).unwrap();
        assert_eq!(session.sent(), answer("ok") + &switching() + "raw");
        assert!(session.conn.take_send_closed());
        assert_eq!(session.pending(), [1]);
    });
}

#[test]
fn an_answer_that_closes_leaves_no_room_for_a_tunnel_behind_it() {
    however_fed(policy(), |session| {
        session.feed([GET, UPGRADE].concat());
        session.tunnel(1, 101).unwrap();
        session
            .conn
            .refuse_exchange(0, Error::HandlerTimeout, &date());
        session.send(1, "never sent").unwrap();
        assert!(session.sent().starts_with("HTTP/1.1 503 "));
        assert!(session.conn.closes_when_sent());
        let mut ended = Vec::new();
        session.conn.abandon(|sequence| ended.push(sequence));
        assert_eq!(ended, [1]);
    });
}

#[test]
fn there_is_no_tunnel_that_the_client_did_not_ask_for() {
    however_fed(policy(), |session| {
        session.feed([GET, CONNECT].concat());
        assert_eq!(session.tunnel(0, 101), Err(Rejected::OutOfOrder));
        assert_eq!(session.tunnel(1, 101), Err(Rejected::OutOfOrder));
        assert_eq!(session.tunnel(1, 404), Err(Rejected::OutOfOrder));
        assert_eq!(session.tunnel(2, 200), Err(Rejected::Gone));
        session.respond(0, "ok").unwrap();
        session.tunnel(1, 204).unwrap();
        assert_eq!(session.tunnel(1, 200), Err(Rejected::OutOfOrder));
        assert_eq!(session.respond(1, ""), Err(Rejected::OutOfOrder));
    });
    however_fed(policy(), |session| {
        session.feed(UPGRADE);
        assert_eq!(session.tunnel(0, 200), Err(Rejected::OutOfOrder));
        session.respond(0, "after all").unwrap();
        assert_eq!(session.sent(), answer("after all"));
    });
}

#[test]
fn the_body_of_a_request_comes_before_its_tunnel() {
    let with_body = |body: &str| {
        format!(
            "POST /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\
             Expect: 100-continue\r\nContent-Length: 4\r\n\r\n{body}"
        )
    };
    however_fed(policy(), |session| {
        session.feed(with_body("bo"));
        assert_eq!(session.tunnel(0, 101), Err(Rejected::OutOfOrder));
        session.feed("dyraw");
        assert_eq!(session.events[1..], ["0: body body", "0: end"]);
        session.tunnel(0, 101).unwrap();
        assert_eq!(session.events[3..], ["0: body raw"]);
        session.conn.consume(0, 7);
        assert_eq!(session.sent(), switching(), "and no 100 in or before it");
    });
}

#[test]
fn closing_does_not_end_a_tunnel() {
    however_fed(policy(), |session| {
        session.feed(UPGRADE);
        session.conn.close_after_answers();
        session.tunnel(0, 101).unwrap();
        session.conn.close_after_answers();
        session.feed("more");
        assert_eq!(session.events[1..], ["0: body more"]);
        assert!(!session.conn.closes_when_sent());
        assert_eq!(session.sent(), switching());
    });
}

#[test]
fn a_connection_that_was_a_tunnel_is_as_new_after_a_reset() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed(UPGRADE);
    session.tunnel(0, 101).unwrap();
    session.end_input();
    let next = session.conn.reset();
    assert!(session.conn.is_idle());
    session.conn.resume(next);
    session.feed([&post(4)[..], b"body", UPGRADE].concat());
    session.respond(1, "1").unwrap();
    session.tunnel(2, 101).unwrap();
    assert_eq!(
        session.events[2..],
        ["1: POST /", "1: body body", "1: end", "2: GET /u"],
        "the new client has not ended"
    );
}

#[test]
fn a_tunnel_may_follow_the_request_that_says_it_is_the_last() {
    however_fed(policy(), |session| {
        let last = "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n";
        session.feed(last);
        session.tunnel(0, 101).unwrap();
        session.feed("raw");
        assert_eq!(session.sent(), switching());
        assert_eq!(session.events[1..], ["0: body raw"]);
    });
    however_fed(policy(), |session| {
        session
            .feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n");
        session.respond(0, "no").unwrap();
        assert_eq!(session.sent(), last_answer("no"));
    });
}
