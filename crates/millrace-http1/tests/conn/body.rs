//! Bodies: windows and credit, 100 (Continue), and what becomes of a body nobody reads.

use millrace_http1::{BodySize, Error};

use crate::session::{
    GET, Session, answer, however_fed, last_answer, policy, post, post_to, refusal,
};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const EXPECTING: &[u8] =
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn a_full_window_blocks_and_credit_resumes() {
    let mut narrow = policy();
    narrow.body_window = 4;
    however_fed(narrow, |session| {
        session.feed([&post(12)[..], b"abcd"].concat());
        assert_eq!(session.events, ["0: POST /", "0: body abcd"]);
        assert!(session.is_blocked());
        assert!(!session.conn.awaits_body(), "there is no room for it");
        assert_eq!(session.conn.body_ahead(), 0);

        session.conn.consume(0, 0);
        assert!(session.is_blocked(), "wanting is not consuming");
        session.conn.consume(0, 4);
        assert!(session.conn.awaits_body());
        assert_eq!(session.conn.body_ahead(), 8);
        session.feed("efgh");
        assert!(session.is_blocked());

        session.conn.consume(0, 4);
        session.feed("ijkl");
        session.conn.consume(0, 4);
        session.look();
        assert_eq!(session.events[1..], ["0: body abcdefghijkl", "0: end"]);
        session.respond(0, "done").unwrap();
        assert_eq!(session.sent(), answer("done"));
        assert!(session.conn.is_idle());
    });
}

#[test]
fn bytes_that_arrived_behind_a_full_window_are_looked_at_after_credit() {
    let mut narrow = policy();
    narrow.body_window = 4;
    for step in [1, 4] {
        let mut session = Session::new(narrow.clone(), step);
        session.feed([&post(10)[..], b"abcdefghij", GET].concat());
        assert_eq!(session.events, ["0: POST /", "0: body abcd"]);
        for _ in 0..3 {
            session.conn.consume(0, 4);
            session.look();
        }
        assert_eq!(
            session.events,
            ["0: POST /", "0: body abcdefghij", "0: end", "1: GET /"]
        );
    }
}

#[test]
fn a_chunked_body_has_its_window_and_trailers_too() {
    let mut narrow = policy();
    narrow.body_window = 2;
    however_fed(narrow, |session| {
        session.feed("PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        session.feed("2\r\nab\r\n");
        assert!(session.is_blocked());
        assert_eq!(session.conn.body_ahead(), 0, "chunks have lines in between");
        session.conn.consume(0, 2);
        session.look();
        session.feed("2\r\ncd\r\n0\r\nSum: 4\r\n\r\n");
        session.conn.consume(0, 2);
        session.look();
        assert_eq!(
            session.events,
            ["0: PUT /c", "0: body abcd", "0: end Sum=4"]
        );
    });
}

#[test]
fn continue_is_sent_once_when_the_handler_wants_the_body() {
    however_fed(policy(), |session| {
        session.feed(EXPECTING);
        assert_eq!(session.sent(), "");
        assert!(
            !session.conn.awaits_body(),
            "the client waits for the server, not the other way round"
        );
        session.conn.consume(0, 0);
        assert_eq!(session.sent(), CONTINUE);
        assert!(session.conn.awaits_body());
        session.feed("hello");
        session.conn.consume(0, 5);
        assert_eq!(session.sent(), "");
        session.respond(0, "thanks").unwrap();
        assert_eq!(session.sent(), answer("thanks"));
        assert!(session.conn.is_idle(), "the connection lives on");
    });
}

#[test]
fn continue_waits_for_the_answers_before_it() {
    however_fed(policy(), |session| {
        session.feed([GET, EXPECTING].concat());
        session.conn.consume(1, 0);
        assert_eq!(session.sent(), "");
        session.respond(0, "first").unwrap();
        assert_eq!(session.sent(), answer("first") + CONTINUE);
    });
}

#[test]
fn continue_is_not_sent_to_who_got_an_answer_and_the_connection_ends() {
    however_fed(policy(), |session| {
        session.feed(EXPECTING);
        session.respond(0, "no thanks").unwrap();
        session.conn.consume(0, 0);
        assert_eq!(session.sent(), last_answer("no thanks"));
        assert!(session.conn.closes_when_sent());

        let mut streaming = Session::new(policy(), usize::MAX);
        streaming.feed(EXPECTING);
        streaming.start(0, BodySize::Known(2)).unwrap();
        streaming.conn.consume(0, 0);
        streaming.send(0, "no").unwrap();
        streaming.finish(0).unwrap();
        assert_eq!(streaming.sent(), last_answer("no"));
    });
}

#[test]
fn continue_is_superfluous_for_a_body_that_is_here() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed([EXPECTING, b"hello"].concat());
    session.conn.body_is_here(0, 5);
    session.conn.consume(0, 0);
    session.respond(0, "ok").unwrap();
    assert_eq!(session.sent(), answer("ok"));
}

#[test]
fn continue_is_neither_sent_to_http_1_0_nor_for_no_body() {
    however_fed(policy(), |session| {
        session.feed("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
        session.conn.consume(0, 0);
        session.respond(0, "").unwrap();
        assert_eq!(session.sent(), answer(""));
        session.feed("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
        session.conn.consume(1, 0);
        assert_eq!(session.sent(), "");
    });
}

#[test]
fn an_unread_body_is_discarded_up_to_the_limit_and_the_connection_lives() {
    however_fed(policy(), |session| {
        session.feed(post(1024));
        session.respond(0, "early").unwrap();
        assert_eq!(session.sent(), answer("early"));
        assert!(!session.conn.closes_when_sent());
        session.feed(vec![b'x'; 1024]);
        session.feed(GET);
        assert_eq!(session.events, ["0: POST /", "1: GET /"]);
        session.respond(1, "next").unwrap();
        assert_eq!(session.sent(), answer("next"));
    });
}

#[test]
fn a_body_longer_than_is_worth_discarding_ends_the_connection_with_the_answer() {
    however_fed(policy(), |session| {
        session.feed(post(1025));
        session.respond(0, "early").unwrap();
        assert_eq!(session.sent(), last_answer("early"));
        assert!(session.conn.closes_when_sent());
        assert!(
            !session.conn.has_read_everything(),
            "so the close has to linger"
        );
    });
}

#[test]
fn a_chunked_body_is_discarded_until_it_proves_too_long() {
    however_fed(policy(), |session| {
        session.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        session.respond(0, "early").unwrap();
        assert_eq!(
            session.sent(),
            answer("early"),
            "its length is not known yet"
        );
        let chunk = ["200\r\n", &"x".repeat(0x200), "\r\n"].concat();
        session.feed(chunk.repeat(2));
        assert!(!session.conn.closes_when_sent());
        session.feed(&chunk);
        session.look();
        assert!(session.conn.closes_when_sent());
        session.feed(&chunk);
        assert_eq!(session.events, ["0: POST /"]);
    });
}

#[test]
fn a_reader_is_told_when_its_answer_cuts_the_body() {
    however_fed(policy(), |session| {
        session.feed([&post(8)[..], b"half"].concat());
        session.conn.consume(0, 0);
        session.respond(0, "enough").unwrap();
        assert!(session.conn.has_news());
        assert_eq!(session.conn.take_cut_body(), Some(0));
        assert_eq!(session.conn.take_cut_body(), None, "once");
        session.feed("rest");
        assert_eq!(session.events, ["0: POST /", "0: body half"]);

        session.feed([&post(4)[..], b"half"].concat());
        session.respond(1, "not read").unwrap();
        assert_eq!(session.conn.take_cut_body(), None, "nobody waits for it");
    });
}

#[test]
fn credit_for_another_exchange_opens_nothing() {
    let mut narrow = policy();
    narrow.body_window = 2;
    however_fed(narrow, |session| {
        session.feed([GET, &post(4), b"ab"].concat());
        session.conn.consume(0, 100);
        session.conn.consume(7, 100);
        assert!(session.is_blocked());
        session.conn.consume(1, 2);
        assert!(!session.is_blocked());
    });
}

#[test]
fn each_request_has_a_body_limit_of_its_own() {
    however_fed(policy(), |session| {
        session.policy.limits.body_bytes = 4;
        session.body_limit = |head| (head.target == b"/large").then_some(8);
        session.feed([&post_to("/large", 8)[..], b"eight by"].concat());
        session.feed([&post(4)[..], b"four"].concat());
        session.respond(0, "0").unwrap();
        session.respond(1, "1").unwrap();
        assert_eq!(session.sent(), answer("0") + &answer("1"));
        session.feed(post(5));
        assert_eq!(session.sent(), refusal(Error::BodyTooLarge));
    });
}

#[test]
fn a_chunked_body_keeps_the_limit_of_its_head() {
    let to = |target: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    };
    however_fed(policy(), |session| {
        session.policy.limits.body_bytes = 4;
        session.body_limit = |head| (head.target == b"/large").then_some(8);
        session.feed(to("/large") + "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n");
        session.feed(to("/") + "3\r\nabc\r\n2\r\n");
        assert_eq!(
            session.events[1..],
            [
                "0: body abcdefgh",
                "0: end",
                "1: POST /",
                "1: body abc",
                "refused BodyTooLarge Some(1)"
            ],
            "before the chunk has come"
        );
    });
}
