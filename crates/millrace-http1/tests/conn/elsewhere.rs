//! Pieces of answers that are not in memory: their place, their framing, and the end of each.

use millrace_http1::{BodySize, Rejected};

use crate::session::{DATE, GET, Session, answer, date, elsewhere, head, however_fed, policy};

#[test]
fn a_whole_answer_may_live_elsewhere() {
    however_fed(policy(), |session| {
        session.feed(GET);
        respond(session, 0, 20, 'f').unwrap();
        assert_eq!(session.gone(), "");
        assert_eq!(session.sent(), answer(&"f".repeat(20)));
        assert_eq!(session.gone(), "f");
        assert_eq!(session.gone(), "", "once");
        assert!(session.conn.is_idle());
    });
}

#[test]
fn a_chunk_from_elsewhere_has_its_size_before_it_and_its_line_end_behind_it() {
    however_fed(policy(), |session| {
        session.feed(GET);
        session.start(0, BodySize::Unknown).unwrap();
        session.send(0, "abc").unwrap();
        session.send_elsewhere(0, 18, 'f').unwrap();
        session.send_elsewhere(0, 0, 'g').unwrap();
        session.send_elsewhere(0, 1, 'h').unwrap();
        session.send(0, "held").unwrap();
        session.finish(0).unwrap();
        let chunks = "3\r\nabc\r\n12\r\nffffffffffffffffff\r\n1\r\nh\r\n4\r\nheld\r\n0\r\n\r\n";
        let head = format!("HTTP/1.1 200 OK\r\n{DATE}Transfer-Encoding: chunked\r\n\r\n");
        assert_eq!(session.sent(), head + chunks);
        assert_eq!(session.gone(), "gfh", "nothing is done with at once");
    });
}

#[test]
fn a_declared_length_counts_what_lives_elsewhere() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        session.start(0, BodySize::Known(1 << 40)).unwrap();
        session.send_elsewhere(0, (1 << 40) - 1, 'f').unwrap();
        let more = session.send_elsewhere(0, 2, 'g');
        assert_eq!(more, Err(Rejected::WrongLength));
        assert_eq!(session.gone(), "g", "it will not be sent");
        session.send_elsewhere(0, 1, 'h').unwrap();
        session.finish(0).unwrap();
        assert!(session.conn.output().len() > 1 << 40);
        let short = respond_with(session, 1, BodySize::Known(3), 2, 'i');
        assert_eq!(short, Err(Rejected::WrongLength));
        session.conn.reset();
        assert_eq!(session.gone(), "fhi");
    });
}

#[test]
fn answers_ahead_of_their_turn_are_appended_in_order() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(3));
        respond(session, 2, 3, 'c').unwrap();
        session.start(1, BodySize::Known(9)).unwrap();
        session.send_elsewhere(1, 3, 'b').unwrap();
        session.send(1, "...").unwrap();
        respond(session, 0, 3, 'a').unwrap();
        session.send_elsewhere(1, 3, 'B').unwrap();
        session.finish(1).unwrap();
        let expected = answer("aaa") + &answer("bbb...BBB") + &answer("ccc");
        assert_eq!(session.sent(), expected);
        assert_eq!(session.gone(), "abBc");
    });
}

#[test]
fn an_answer_without_body_does_not_need_what_lives_elsewhere() {
    however_fed(policy(), |session| {
        session.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
        respond(session, 0, 20, 'f').unwrap();
        session.start(1, BodySize::Known(9)).unwrap();
        session.send_elsewhere(1, 9, 'g').unwrap();
        session.finish(1).unwrap();
        assert_eq!(session.gone(), "fg");
        let head = |length| format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: {length}\r\n\r\n");
        assert_eq!(session.sent(), head(20) + &head(9));
    });
}

#[test]
fn what_comes_too_late_or_too_early_gives_its_key_back() {
    however_fed(policy(), |session| {
        session.feed([GET, GET].concat());
        assert_eq!(session.send_elsewhere(0, 1, 'a'), Err(Rejected::OutOfOrder));
        assert_eq!(session.send_elsewhere(7, 1, 'b'), Err(Rejected::Gone));
        session.respond(1, "").unwrap();
        assert_eq!(respond(session, 1, 1, 'c'), Err(Rejected::OutOfOrder));
        session.respond(0, "").unwrap();
        assert_eq!(respond(session, 0, 1, 'd'), Err(Rejected::Gone));
        assert!(session.conn.has_news());
        assert_eq!(session.gone(), "abcd");
        assert!(!session.conn.has_news());
    });
}

#[test]
fn a_connection_that_is_given_up_gives_all_its_keys_back() {
    however_fed(policy(), |session| {
        session.feed(GET.repeat(4));
        respond(session, 3, 4, 'd').unwrap();
        respond(session, 0, 4, 'a').unwrap();
        session.start(2, BodySize::Unknown).unwrap();
        session.send_elsewhere(2, 4, 'c').unwrap();
        session.conn.abandon(|_| {});
        assert_eq!(session.gone(), "cd");
        session.conn.reset();
        assert_eq!(session.gone(), "a", "its turn had come");
        assert!(session.conn.is_idle());
    });
}

#[test]
fn only_what_is_in_memory_holds_up_requests_and_handlers() {
    let mut narrow = policy();
    narrow.unsent_bytes = 300;
    however_fed(narrow, |session| {
        session.feed([GET, GET].concat());
        session.start(0, BodySize::Unknown).unwrap();
        session.send_elsewhere(0, 1 << 40, 'f').unwrap();
        session.conn.want_drain(0);
        assert_eq!(session.conn.take_drained(300), Some(0));
        respond(session, 1, 1 << 40, 'g').unwrap();
        session.feed(GET);
        assert_eq!(session.events.len(), 3);
        session.send(0, &"x".repeat(300)).unwrap();
        assert!(session.is_blocked());
    });
}

fn respond(session: &mut Session, sequence: u32, length: u64, key: char) -> Result<(), Rejected> {
    respond_with(session, sequence, BodySize::Known(length), length, key)
}

fn respond_with(
    session: &mut Session,
    sequence: u32,
    size: BodySize,
    length: u64,
    key: char,
) -> Result<(), Rejected> {
    let body = elsewhere(length, key);
    session
        .conn
        .respond(sequence, &head(size), body, &date(), &session.policy)
}
