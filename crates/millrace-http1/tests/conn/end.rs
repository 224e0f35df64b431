//! When a connection closes, and what is refused on the way.

use millrace_http1::{BodySize, Error, Rejected, ResponseHead};

use crate::session::{
    DATE, GET, Session, answer, date, head, however_fed, last_answer, policy, post, refusal,
};

const BROKEN: &[u8] = b"GET / HTTP/1.1\r\nHost : a\r\n\r\n";

#[test]
fn the_client_asks_for_the_end_and_gets_its_answer_first() {
    however_fed(policy(), |session| {
        session.feed(GET);
        session.feed("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        session.feed(GET);
        assert_eq!(session.events, ["0: GET /", "1: GET /last"]);
        session.respond(1, "bye").unwrap();
        session.respond(0, "hi").unwrap();
        assert_eq!(session.sent(), answer("hi") + &last_answer("bye"));
        assert!(session.conn.closes_when_sent());
        assert!(session.conn.has_read_everything());
    });
}

#[test]
fn a_handler_asks_for_the_end_and_later_requests_go_unanswered() {
    however_fed(policy(), |session| {
        session.feed([GET, GET, GET].concat());
        session.respond(1, "too late").unwrap();
        let close = ResponseHead {
            close: true,
            ..head(BodySize::Known(3))
        };
        session.respond_with(0, &close, "bye").unwrap();
        session.respond(2, "too late as well").unwrap();
        assert_eq!(session.sent(), last_answer("bye"));
        assert!(session.conn.closes_when_sent());
        session.feed(GET);
        assert_eq!(session.events.len(), 3, "nothing more is looked at");
    });
}

#[test]
fn the_last_of_the_requests_a_connection_may_make_closes_it() {
    let mut three = policy();
    three.requests = 3;
    however_fed(three, |session| {
        session.feed(GET.repeat(5));
        assert_eq!(session.pending(), [0, 1, 2]);
        for sequence in [2, 1, 0] {
            session.respond(sequence, "x").unwrap();
        }
        assert_eq!(
            session.sent(),
            answer("x") + &answer("x") + &last_answer("x")
        );
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn requests_are_counted_on_after_a_rest() {
    let mut two = policy();
    two.requests = 2;
    let mut session = Session::new(two, usize::MAX);
    session.feed(GET);
    session.respond(0, "first").unwrap();
    assert_eq!(session.sent(), answer("first"));
    let next = session.conn.reset();
    session.conn.resume(next);
    session.feed(GET);
    session.respond(1, "second").unwrap();
    assert_eq!(session.sent(), last_answer("second"));
}

#[test]
fn http_1_0_closes_unless_it_asks_to_be_kept() {
    however_fed(policy(), |session| {
        session.feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        session.feed("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(session.events, ["0: GET / HTTP/1.0", "1: GET / HTTP/1.0"]);
        session.conn.inform(0, 103, b"").unwrap();
        session.respond(0, "kept").unwrap();
        assert_eq!(
            session.sent(),
            format!(
                "HTTP/1.1 200 OK\r\n{DATE}Content-Length: 4\r\nConnection: keep-alive\r\n\r\nkept"
            )
        );
        // What has no length ends with the connection, and is not chunked.
        session.start(1, BodySize::Unknown).unwrap();
        session.send(1, "until").unwrap();
        session.send(1, " the end").unwrap();
        session.finish(1).unwrap();
        let sent = format!("HTTP/1.1 200 OK\r\n{DATE}Connection: close\r\n\r\nuntil the end");
        assert_eq!(session.sent(), sent);
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn an_answer_to_head_has_no_body() {
    however_fed(policy(), |session| {
        session.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
        session.respond(0, "not sent").unwrap();
        session.start(1, BodySize::Known(9)).unwrap();
        session.send(1, "not").unwrap();
        session.finish(1).unwrap();
        let head = |length| format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: {length}\r\n\r\n");
        assert_eq!(session.sent(), head(8) + &head(9));
        assert!(session.conn.is_idle());
    });
}

#[test]
fn a_body_of_another_length_than_declared_is_refused() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.start(0, BodySize::Known(4)).unwrap();
        session.send(0, "ab").unwrap();
        assert_eq!(session.send(0, "cde"), Err(Rejected::WrongLength));
        assert_eq!(session.finish(0), Err(Rejected::WrongLength));
        session.send(0, "cd").unwrap();
        session.finish(0).unwrap();
        session.start(1, BodySize::Known(1)).unwrap();
        assert_eq!(session.finish(1), Err(Rejected::WrongLength));
    });
}

#[test]
fn a_broken_head_is_answered_behind_the_answers_owed_and_nothing_after_it() {
    however_fed(policy(), |session| {
        session.feed([GET, GET, BROKEN, GET].concat());
        assert_eq!(
            session.events,
            ["0: GET /", "1: GET /", "refused SpaceBeforeColon None"]
        );
        session.feed(GET);
        session.respond(1, "1").unwrap();
        assert_eq!(session.sent(), "");
        session.respond(0, "0").unwrap();
        let expected = answer("0") + &answer("1") + &refusal(Error::SpaceBeforeColon);
        assert_eq!(session.sent(), expected);
        assert!(session.conn.closes_when_sent());
        assert!(!session.conn.has_read_everything());
        assert_eq!(session.events.len(), 3);
    });
}

#[test]
fn a_broken_body_is_refused_in_its_exchange() {
    however_fed(policy(), |session| {
        session.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        session.feed("2\r\nab\r\nnonsense\r\n");
        assert_eq!(
            session.events[2..],
            ["refused InvalidChunkSize Some(0)"],
            "{:?}",
            session.events
        );
        assert_eq!(session.sent(), refusal(Error::InvalidChunkSize));
        assert_eq!(session.respond(0, "too late"), Err(Rejected::Gone));
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn a_broken_body_is_refused_behind_the_answers_owed() {
    however_fed(policy(), |session| {
        session.feed(GET);
        session.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
        assert_eq!(session.pending(), [0]);
        assert_eq!(session.sent(), "");
        session.respond(0, "owed").unwrap();
        assert_eq!(
            session.sent(),
            answer("owed") + &refusal(Error::InvalidChunkSize)
        );
    });
}

#[test]
fn a_body_that_breaks_after_the_answer_began_cuts_it_short() {
    however_fed(policy(), |session| {
        session.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        session.start(0, BodySize::Unknown).unwrap();
        session.send(0, "half").unwrap();
        session.feed("x\r\n");
        let sent = session.sent();
        assert!(
            sent.ends_with("4\r\nhalf\r\n"),
            "no end, no second head: {sent}"
        );
        assert_eq!(session.send(0, "more"), Err(Rejected::Gone));
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn a_declared_length_that_is_too_long_is_refused_at_once() {
    however_fed(policy(), |session| {
        session.policy.limits.body_bytes = 4;
        session.feed([&post(4)[..], b"four"].concat());
        session.respond(0, "ok").unwrap();
        session.feed(post(5));
        assert_eq!(session.sent(), answer("ok") + &refusal(Error::BodyTooLarge));
        assert_eq!(
            session.events.last().map(String::as_str),
            Some("refused BodyTooLarge None"),
            "no handler has seen it"
        );
    });
}

#[test]
fn a_late_handler_is_answered_for_in_its_place() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(3));
        session
            .conn
            .refuse_exchange(1, Error::HandlerTimeout, &date());
        assert_eq!(session.respond(1, "late"), Err(Rejected::OutOfOrder));
        assert_eq!(session.pending(), [0, 2]);
        session.respond(0, "0").unwrap();
        assert_eq!(
            session.sent(),
            answer("0") + &refusal(Error::HandlerTimeout)
        );
        session.respond(2, "never sent").unwrap();
        assert_eq!(session.sent(), "");
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn the_handler_with_the_least_time_left_is_told_until_it_answers() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(4));
        assert_eq!(session.conn.earliest_deadline(), None);
        for (sequence, at) in [(0, 300), (1, 100), (3, 200), (77, 1)] {
            session.conn.set_deadline(sequence, at);
        }
        assert_eq!(session.conn.earliest_deadline(), Some((1, 100)));
        session.start(1, BodySize::Known(1)).unwrap();
        assert_eq!(session.conn.earliest_deadline(), Some((3, 200)));
        session.respond(3, "in time").unwrap();
        session.conn.inform(0, 103, b"").unwrap();
        assert_eq!(session.conn.earliest_deadline(), Some((0, 300)));
        session.conn.set_deadline(0, 0);
        assert_eq!(session.conn.earliest_deadline(), None);
    });
}

#[test]
fn a_body_that_stays_away_behind_an_owed_answer_is_refused_once() {
    however_fed(policy(), |session| {
        session.feed([GET, &post(8), b"half"].concat());
        assert_eq!(session.conn.refuse(Error::BodyTimeout, &date()), Some(1));
        session.feed("the rest after all");
        session.respond(0, "0").unwrap();
        assert_eq!(session.sent(), answer("0") + &refusal(Error::BodyTimeout));
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn after_the_end_of_input_what_is_owed_is_sent() {
    however_fed(policy(), |session| {
        session.feed([GET, GET, b"GET / HT"].concat());
        session.conn.end_of_input();
        assert!(!session.conn.closes_when_sent());
        session.respond(1, "1").unwrap();
        session.respond(0, "0").unwrap();
        assert_eq!(session.sent(), answer("0") + &answer("1"));
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn closing_lets_the_answers_owed_go_and_the_last_one_says_so() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.conn.close_after_answers();
        session.feed(GET);
        assert_eq!(session.pending(), [0, 1]);
        session.respond(0, "0").unwrap();
        assert!(!session.conn.closes_when_sent());
        session.respond(1, "1").unwrap();
        assert_eq!(session.sent(), answer("0") + &last_answer("1"));
        assert!(session.conn.closes_when_sent());
    });
}

#[test]
fn abandoning_names_what_was_not_complete() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(4));
        session.respond(1, "waits").unwrap();
        session.start(2, BodySize::Unknown).unwrap();
        let mut ended = Vec::new();
        session.conn.abandon(|sequence| ended.push(sequence));
        assert_eq!(ended, [0, 2, 3]);
        assert_eq!(session.respond(0, "gone"), Err(Rejected::Gone));
    });
}

#[test]
fn nothing_follows_connect() {
    however_fed(policy(), |session| {
        session.feed("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
        session.feed(GET);
        assert_eq!(session.events, ["0: CONNECT a:1"]);
        session.respond(0, "").unwrap();
        assert!(session.conn.closes_when_sent());
    });
}
