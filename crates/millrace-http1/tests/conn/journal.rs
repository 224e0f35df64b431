//! What the owner learns of exchanges that have come to their ends.

use bytes::Bytes;
use millrace_http1::{Answered, BodySize, Error, Piece, Ready, ResponseHead};

use crate::session::{GET, Session, date, policy};

fn session() -> Session {
    let mut session = Session::new(policy(), usize::MAX);
    session.conn.keep_journal();
    session
}

fn head(status: u16, body: BodySize) -> ResponseHead<'static> {
    ResponseHead {
        status,
        reason: None,
        fields: b"",
        body,
        close: false,
        has_date: false,
    }
}

fn answered(sequence: u32, status: u16, content: u64) -> Answered {
    Answered {
        sequence,
        status,
        content,
        is_cut: false,
        refusal: None,
    }
}

fn cut(sequence: u32, status: u16, content: u64) -> Answered {
    Answered {
        is_cut: true,
        ..answered(sequence, status, content)
    }
}

#[test]
fn each_answer_is_noted_once_when_it_is_written() {
    let mut session = session();
    session.feed([GET, GET, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", GET].concat());
    let whole = head(404, BodySize::Known(5));
    session.respond_with(1, &whole, "gone\n").unwrap();
    session.respond_with(2, &whole, "gone\n").unwrap();
    let ready = Ready::new(&head(200, BodySize::Known(2)), Bytes::from_static(b"hi"));
    let (date, policy) = (date(), policy());
    let conn = &mut session.conn;
    conn.respond_ready(3, &ready, &date, &policy).unwrap();
    conn.start(0, &head(206, BodySize::Unknown), &date, &policy)
        .unwrap();
    conn.send(0, Piece::Slice(b"some")).unwrap();
    session.sent();
    assert_eq!(
        session.conn.take_answered(),
        [],
        "the others wait for the first"
    );

    let conn = &mut session.conn;
    conn.send(0, Piece::Slice(b"thing")).unwrap();
    conn.finish(0, b"", &policy).unwrap();
    assert_eq!(conn.take_answered(), [], "nothing of it is written");
    session.sent();
    let mut noted = session.conn.take_answered();
    noted.sort_by_key(|answered| answered.sequence);
    assert_eq!(
        noted,
        [
            // What chunks add is no content.
            answered(0, 206, 9),
            answered(1, 404, 5),
            answered(2, 404, 0),
            answered(3, 200, 2)
        ]
    );
    session.conn.cut_answers();
    assert_eq!(session.conn.take_answered(), []);
}

#[test]
fn an_answer_is_noted_with_the_byte_that_ends_it() {
    let mut session = session();
    session.feed([GET, GET].concat());
    for sequence in 0..2 {
        let whole = head(200, BodySize::Known(5));
        session.respond_with(sequence, &whole, "hello").unwrap();
    }
    let length = session.conn.output().buffered() / 2;
    session.conn.output().advance(length - 1);
    assert_eq!(session.conn.take_answered(), []);
    session.conn.output().advance(1);
    assert_eq!(session.conn.take_answered(), [answered(0, 200, 5)]);
    session.conn.output().advance(length - 3);
    session.conn.cut_answers();
    assert_eq!(session.conn.take_answered(), [cut(1, 200, 2)]);
}

#[test]
fn what_is_refused_is_noted_with_the_status_of_the_refusal() {
    let mut session = session();
    session.conn.refuse(Error::HeadersTimeout, &date());
    let sent = session.sent();
    let noted = session.conn.take_answered();
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].status, noted[0].is_cut), (408, false));
    assert_eq!(noted[0].refusal, Some(Error::HeadersTimeout));
    let body = sent.rsplit("\r\n\r\n").next().unwrap();
    assert_eq!(noted[0].content, body.len() as u64);
}

#[test]
fn what_is_cut_is_noted_as_far_as_it_was_written() {
    let mut session = session();
    session.feed([GET, GET, GET].concat());
    let (date, policy) = (date(), policy());
    let conn = &mut session.conn;
    conn.start(0, &head(200, BodySize::Known(9)), &date, &policy)
        .unwrap();
    conn.send(0, Piece::Slice(b"some")).unwrap();
    // Complete, and behind one that never will be.
    let whole = head(200, BodySize::Known(2));
    session.respond_with(2, &whole, "hi").unwrap();
    let unwritten = 1;
    let length = session.conn.output().buffered() - unwritten;
    session.conn.output().advance(length);
    session.conn.abandon(|_| {});
    session.conn.cut_answers();
    let mut noted = session.conn.take_answered();
    noted.sort_by_key(|answered| answered.sequence);
    assert_eq!(noted, [cut(0, 200, 3), cut(1, 0, 0), cut(2, 200, 0)]);
}

#[test]
fn nothing_is_noted_unless_it_is_asked_for() {
    let mut session = Session::new(policy(), usize::MAX);
    session.feed(GET);
    let whole = head(200, BodySize::Known(2));
    session.respond_with(0, &whole, "hi").unwrap();
    assert_eq!(session.conn.take_answered(), []);
}
