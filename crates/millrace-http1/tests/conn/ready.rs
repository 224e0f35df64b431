//! Answers that were encoded ahead are what they would have been otherwise.

use bytes::Bytes;
use millrace_http1::{BodySize, Ready, Rejected, ResponseHead};

use crate::session::{GET, Session, answer, date, policy, post};

const FIELDS: &[u8] = b"Content-Type: text/plain\r\nETag: \"1\"\r\n";

#[test]
fn a_ready_answer_is_the_one_that_would_have_been_encoded() {
    let requests: [&[u8]; 7] = [
        GET,
        b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n",
    ];
    for status in [200, 404, 204, 304, 599] {
        for length in [1, 100, 40_000] {
            let body = "x".repeat(length);
            let head = ResponseHead {
                status,
                reason: (status == 404).then_some(b"Nowhere"),
                fields: FIELDS,
                body: BodySize::Known(length as u64),
                close: false,
                has_date: status == 599,
            };
            let ready = Ready::new(&head, Bytes::from(body.clone()));
            for request in requests {
                let mut expected = Session::new(policy(), usize::MAX);
                let mut session = Session::new(policy(), usize::MAX);
                expected.feed(request);
                session.feed(request);
                expected.respond_with(0, &head, &body).unwrap();
                respond(&mut session, 0, &ready).unwrap();
                assert_eq!(session.sent(), expected.sent());
                assert_eq!(session.conn.is_idle(), expected.conn.is_idle());
                assert_eq!(
                    session.conn.closes_when_sent(),
                    expected.conn.closes_when_sent()
                );
            }
        }
    }
}

#[test]
fn a_ready_answer_waits_for_its_turn_and_is_given_once() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed([GET, GET].concat());
    let head = ResponseHead {
        status: 200,
        reason: None,
        fields: b"",
        body: BodySize::Known(0),
        close: false,
        has_date: false,
    };
    let ready = Ready::new(&head, Bytes::from_static(b"ready"));
    respond(&mut session, 1, &ready).unwrap();
    assert_eq!(session.sent(), "");
    assert_eq!(respond(&mut session, 1, &ready), Err(Rejected::OutOfOrder));
    session.respond(0, "slow").unwrap();
    assert_eq!(session.sent(), answer("slow") + &answer("ready"));
    assert_eq!(respond(&mut session, 1, &ready), Err(Rejected::Gone));
}

#[test]
fn a_body_that_a_ready_answer_leaves_unread_is_discarded() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed(post(10));
    let head = ResponseHead {
        status: 200,
        reason: None,
        fields: b"",
        body: BodySize::Known(0),
        close: false,
        has_date: false,
    };
    let ready = Ready::new(&head, Bytes::from_static(b"ready"));
    respond(&mut session, 0, &ready).unwrap();
    session.feed(b"0123456789");
    session.feed(GET);
    assert_eq!(session.sent(), answer("ready"));
    session.respond(1, "next").unwrap();
    assert_eq!(session.sent(), answer("next"));
}

fn respond(session: &mut Session, sequence: u32, ready: &Ready) -> Result<(), Rejected> {
    session
        .conn
        .respond_ready(sequence, ready, &date(), &session.policy)
}
