//! Pipelined requests are answered in their order, whatever order their answers come in.

use millrace_http1::{BodySize, Rejected};
use millrace_testkit::splits;

use crate::session::{DATE, GET, Session, answer, however_fed, last_answer, policy, post};

#[test]
fn answers_out_of_order_go_out_in_order() {
    however_fed(policy(), |session| {
        session.feed([GET, GET, GET, GET].concat());
        assert_eq!(session.pending(), [0, 1, 2, 3]);
        session.respond(2, "two").unwrap();
        session.respond(1, "one").unwrap();
        assert_eq!(session.sent(), "", "the first one's turn comes first");
        session.respond(0, "zero").unwrap();
        assert_eq!(
            session.sent(),
            answer("zero") + &answer("one") + &answer("two")
        );
        assert_eq!(session.pending(), [3]);
        session.respond(3, "three").unwrap();
        assert_eq!(session.sent(), answer("three"));
        assert!(session.conn.is_idle());
    });
}

#[test]
fn every_order_of_four_answers_gives_the_same_bytes() {
    let expected: String = ["0", "1", "2", "3"].map(answer).concat();
    for order in permutations(vec![0, 1, 2, 3]) {
        let mut session = Session::new(policy(), usize::MAX);
        session.feed(GET.repeat(4));
        for &sequence in &order {
            session.respond(sequence, &sequence.to_string()).unwrap();
        }
        assert_eq!(session.sent(), expected, "{order:?}");
    }
}

#[test]
fn a_stream_behind_an_earlier_answer_is_held_until_its_turn_and_then_flows() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.start(1, BodySize::Unknown).unwrap();
        session.send(1, "held").unwrap();
        session.send(1, "held too").unwrap();
        assert_eq!(session.sent(), "");
        session.respond(0, "first").unwrap();
        let head = format!("HTTP/1.1 200 OK\r\n{DATE}Transfer-Encoding: chunked\r\n\r\n");
        assert_eq!(
            session.sent(),
            answer("first") + &head + "4\r\nheld\r\n8\r\nheld too\r\n"
        );
        session.send(1, "flows").unwrap();
        assert_eq!(session.sent(), "5\r\nflows\r\n", "its turn has come");
        session.finish(1).unwrap();
        assert_eq!(session.sent(), "0\r\n\r\n");
        assert!(session.conn.is_idle());
    });
}

#[test]
fn a_stream_in_front_holds_the_answers_behind_it() {
    however_fed(policy(), |session| {
        session.feed([GET, GET, GET].concat());
        session.start(0, BodySize::Known(6)).unwrap();
        session.respond(2, "third").unwrap();
        session.send(0, "abc").unwrap();
        session.respond(1, "second").unwrap();
        session.send(0, "def").unwrap();
        let first = answer("abcdef");
        assert_eq!(session.sent(), first, "nothing gets in between");
        session.finish(0).unwrap();
        assert_eq!(session.sent(), answer("second") + &answer("third"));
    });
}

#[test]
fn informational_responses_keep_their_place() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.conn.inform(1, 103, b"Link: </b>\r\n").unwrap();
        session.conn.inform(0, 103, b"Link: </a>\r\n").unwrap();
        let early = |link| format!("HTTP/1.1 103 Early Hints\r\nLink: <{link}>\r\n\r\n");
        assert_eq!(session.sent(), early("/a"));
        session.respond(0, "").unwrap();
        assert_eq!(session.sent(), answer("") + &early("/b"));
        session.respond(1, "").unwrap();
        assert_eq!(
            session.conn.inform(1, 103, b""),
            Err(Rejected::Gone),
            "too late"
        );
        assert_eq!(session.sent(), answer(""));
    });
}

#[test]
fn the_pipelining_limit_blocks_and_an_answer_resumes() {
    let mut few = policy();
    few.pipelined = 2;
    however_fed(few, |session| {
        session.feed(GET.repeat(5));
        assert_eq!(session.pending(), [0, 1]);
        assert!(session.is_blocked());
        session.respond(1, "1").unwrap();
        assert!(
            session.is_blocked(),
            "an answer that waits for its turn is still kept"
        );
        session.respond(0, "0").unwrap();
        session.look();
        assert_eq!(session.pending(), [2, 3]);
        session.respond(2, "2").unwrap();
        session.look();
        assert_eq!(session.pending(), [3, 4]);
        session.respond(4, "4").unwrap();
        session.respond(3, "3").unwrap();
        let expected: String = ["0", "1", "2", "3", "4"].map(answer).concat();
        assert_eq!(session.sent(), expected);
        assert!(!session.is_blocked());
    });
}

#[test]
fn the_body_of_the_last_request_allowed_is_still_read() {
    let mut one = policy();
    one.pipelined = 1;
    however_fed(one, |session| {
        session.feed([&post(5)[..], b"hello", GET].concat());
        assert_eq!(session.events, ["0: POST /", "0: body hello", "0: end"]);
        assert!(session.is_blocked());
    });
}

#[test]
fn answers_that_are_not_taken_block_further_requests() {
    let mut little = policy();
    little.unsent_bytes = 100;
    however_fed(little, |session| {
        session.feed(GET);
        session.respond(0, &"x".repeat(100)).unwrap();
        session.feed(GET);
        assert!(session.is_blocked());
        assert_eq!(session.pending(), []);
        session.sent();
        session.look();
        assert_eq!(session.pending(), [1]);

        // What waits for its turn counts too.
        session.feed(GET);
        session.respond(2, &"y".repeat(100)).unwrap();
        session.feed(GET);
        assert_eq!(session.pending(), [1]);
        session.respond(1, "").unwrap();
        session.sent();
        session.look();
        assert_eq!(session.pending(), [3]);
    });
}

#[test]
fn an_answer_is_taken_once() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(3));
        session.respond(0, "a").unwrap();
        assert_eq!(session.respond(0, "b"), Err(Rejected::Gone));
        session.respond(2, "c").unwrap();
        assert_eq!(session.respond(2, "d"), Err(Rejected::OutOfOrder));
        assert_eq!(session.send(1, "e"), Err(Rejected::OutOfOrder));
        assert_eq!(session.finish(1), Err(Rejected::OutOfOrder));
        assert_eq!(session.respond(77, "f"), Err(Rejected::Gone));
        session.start(1, BodySize::Known(0)).unwrap();
        assert_eq!(
            session.start(1, BodySize::Known(0)),
            Err(Rejected::OutOfOrder)
        );
        session.finish(1).unwrap();
        assert_eq!(session.sent(), answer("a") + &answer("") + &answer("c"));
    });
}

#[test]
fn a_conversation_is_the_same_split_at_every_byte() {
    let input = [
        GET,
        b"\r\nHEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
        &post(12),
        b"GET / HTTP/1",
        b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nSum: 5\r\n\r\n",
        b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    .concat();
    for pieces in splits(&input) {
        let mut session = Session::new(policy(), usize::MAX);
        let mut sent = String::new();
        for piece in &pieces {
            session.feed(piece);
            // What can be answered is answered at once.
            for sequence in session.pending() {
                session.respond(sequence, &sequence.to_string()).unwrap();
            }
            sent += &session.sent();
        }
        let bodiless = format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: 1\r\n\r\n");
        let expected = answer("0") + &bodiless + &answer("2") + &answer("3") + &last_answer("4");
        assert_eq!(sent, expected, "in {} pieces", pieces.len());
        assert!(session.conn.closes_when_sent());
        let requests: Vec<&String> = session
            .events
            .iter()
            .filter(|event| event.contains(" /") && !event.contains("body"))
            .collect();
        assert_eq!(
            requests,
            [
                "0: GET /",
                "1: HEAD /h",
                "2: POST /",
                "3: POST /c",
                "4: GET /last"
            ]
        );
    }
}

fn permutations(items: Vec<u32>) -> Vec<Vec<u32>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (index, &first) in items.iter().enumerate() {
        let mut rest = items.clone();
        rest.remove(index);
        for mut order in permutations(rest) {
            order.insert(0, first);
            all.push(order);
        }
    }
    all
}
