//! What the owner is told of its writes: marks and drains.

use millrace_http1::{BodySize, ResponseHead};

use crate::session::{GET, Session, head, however_fed, last_answer, policy};

#[test]
fn a_mark_is_passed_when_its_bytes_are_out_and_not_before() {
    however_fed(policy(), |session| {
        session.feed(GET);
        session.start(0, BodySize::Known(8)).unwrap();
        session.send(0, "abc").unwrap();
        session.conn.mark(0, 10);
        session.send(0, "de fg").unwrap();
        session.conn.mark(0, 11);
        session.finish(0).unwrap();
        session.conn.mark(0, 12);
        assert!(session.conn.has_news());
        assert_eq!(passed(session), []);
        let before = session.conn.output().buffered() - 5;
        session.conn.output().advance(before - 1);
        assert_eq!(passed(session), []);
        session.conn.output().advance(1);
        assert_eq!(passed(session), [10]);
        session.conn.output().advance(5);
        assert_eq!(passed(session), [11, 12]);
        assert!(!session.conn.has_news());
    });
}

#[test]
fn marks_of_answers_out_of_order_are_passed_in_the_order_of_the_answers() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(3));
        session.respond(2, "two").unwrap();
        session.conn.mark(2, 2);
        session.respond(1, "one").unwrap();
        session.conn.mark(1, 1);
        assert_eq!(session.sent(), "");
        assert_eq!(passed(session), []);
        session.respond(0, "zero").unwrap();
        session.conn.mark(0, 0);
        session.sent();
        assert_eq!(passed(session), [0, 1, 2]);
    });
}

#[test]
fn the_mark_of_an_answer_is_passed_with_its_last_byte_also_when_others_have_moved_up_behind_it() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(2));
        session.respond(1, "behind").unwrap();
        session.conn.mark(1, 1);
        session.start(0, BodySize::Unknown).unwrap();
        session.conn.mark(0, 2);
        let head = session.sent().len();
        session.finish(0).unwrap();
        session.conn.mark(0, 3);
        assert!(head > 0);
        assert_eq!(passed(session), [2]);
        session.conn.output().advance("0\r\n\r\n".len());
        assert_eq!(passed(session), [3]);
        session.sent();
        assert_eq!(passed(session), [1]);
    });
}

#[test]
fn marks_that_will_not_be_passed_are_given_back_once() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(3));
        session.start(0, BodySize::Unknown).unwrap();
        session.conn.mark(0, 5);
        session.respond(2, "waits").unwrap();
        session.conn.mark(2, 6);
        let mut given_back = Vec::new();
        session
            .conn
            .abandon_marks(|mark| given_back.push((mark.sequence, mark.token)));
        assert_eq!(given_back, [(0, 5), (2, 6)]);
        session.conn.abandon_marks(|mark| panic!("twice: {mark:?}"));
    });
}

#[test]
fn a_drain_is_told_once_the_output_is_low_enough() {
    however_fed(policy(), |session| {
        session.feed(GET);
        session.start(0, BodySize::Known(100)).unwrap();
        session.send(0, &"x".repeat(100)).unwrap();
        session.conn.want_drain(0);
        assert_eq!(session.conn.take_drained(50), None);
        let length = session.conn.output().buffered();
        session.conn.output().advance(length - 51);
        assert_eq!(session.conn.take_drained(50), None);
        session.conn.output().advance(1);
        assert_eq!(session.conn.take_drained(50), Some(0));
        assert_eq!(session.conn.take_drained(50), None, "once");
    });
}

#[test]
fn a_drain_behind_an_earlier_answer_waits_for_its_turn() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.start(1, BodySize::Unknown).unwrap();
        session.send(1, "held back").unwrap();
        session.conn.want_drain(1);
        assert_eq!(
            session.conn.take_drained(1000),
            None,
            "its bytes have not even been counted"
        );
        session.respond(0, "").unwrap();
        assert_eq!(session.conn.take_drained(0), None);
        session.sent();
        assert_eq!(session.conn.take_drained(0), Some(1));
    });
}

#[test]
fn a_stream_behind_the_last_answer_is_never_asked_for_more() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        let close = ResponseHead {
            close: true,
            ..head(BodySize::Known(3))
        };
        session.respond_with(0, &close, "bye").unwrap();
        session.start(1, BodySize::Unknown).unwrap();
        session.send(1, "nobody will get this").unwrap();
        session.conn.want_drain(1);
        assert_eq!(session.conn.take_drained(1000), None);
        assert_eq!(session.sent(), last_answer("bye"));
        assert_eq!(session.conn.take_drained(1000), None);
    });
}

#[test]
fn a_reset_connection_is_as_new_and_goes_on_counting() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed([GET, b"GET / HT"].concat());
    session.start(0, BodySize::Unknown).unwrap();
    session.conn.mark(0, 1);
    let next = session.conn.reset();
    assert_eq!(next, 1);
    assert!(session.conn.is_idle());
    assert!(!session.conn.has_news());
    assert_eq!(session.pending(), []);
}

fn passed(session: &mut Session) -> Vec<u32> {
    let mut tokens = Vec::new();
    while let Some(mark) = session.conn.output().pop_passed() {
        tokens.push(mark.token);
    }
    tokens
}
