//! Limits: refused at the header that passes them, and memory only for what came.

use millrace_testkit::{Received, client_frame};
use millrace_ws::{CloseCode, Data, Error, Event, Limits, Receiver, SharedInflater};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const NONE: Limits = Limits {
    message: u64::MAX,
    frame: u64::MAX,
    fragments: u32::MAX,
};

#[test]
fn a_message_may_be_as_long_as_the_limit_and_not_longer() {
    let limits = Limits {
        message: 10,
        ..NONE
    };
    for good in [
        frames(&[(0x81, b"0123456789")]),
        frames(&[(0x02, b"01234"), (0x00, b""), (0x80, b"56789")]),
    ] {
        let received = Received::however_split(&good, &limits, None);
        assert_eq!(received.error, None);
    }
    for bad in [
        frames(&[(0x81, b"0123456789a")]),
        frames(&[(0x02, b"01234"), (0x00, b""), (0x80, b"56789a")]),
        frames(&[(0x01, b"0123456789"), (0x00, b"a")]),
    ] {
        let received = Received::however_split(&bad, &limits, None);
        assert_eq!(received.error, Some(Error::MessageTooBig));
        assert_eq!(received.events, "");
    }
    assert_eq!(Error::MessageTooBig.close_code(), CloseCode::TOO_BIG);
}

#[test]
fn a_frame_may_be_as_long_as_the_limit_and_not_longer() {
    let limits = Limits { frame: 3, ..NONE };
    let input = frames(&[(0x01, b"abc"), (0x80, b"def"), (0x82, b"ghi")]);
    let received = Received::however_split(&input, &limits, None);
    assert_eq!(received.events, "text abcdef\nbinary ghi\n");
    for bad in [
        frames(&[(0x82, b"abcd")]),
        frames(&[(0x01, b"abc"), (0x80, b"defg")]),
    ] {
        let received = Received::however_split(&bad, &limits, None);
        assert_eq!(received.error, Some(Error::FrameTooBig));
    }
    assert_eq!(Error::FrameTooBig.close_code(), CloseCode::TOO_BIG);
}

#[test]
fn control_frames_have_their_own_limit() {
    let limits = Limits {
        message: 0,
        frame: 0,
        fragments: 1,
    };
    let input = frames(&[(0x01, b""), (0x89, b"four"), (0x8a, &[b'x'; 125])]);
    let received = Received::however_split(&input, &limits, None);
    assert_eq!(received.error, None);
}

#[test]
fn a_message_may_have_as_many_frames_as_the_limit_and_not_more() {
    let limits = Limits {
        fragments: 3,
        ..NONE
    };
    let pings = [(0x89, &b""[..]); 5];
    let three = [(0x01, &b"a"[..]), (0x00, b""), (0x80, b"b")];
    let good = frames(&[&three[..], &pings, &three].concat());
    let received = Received::however_split(&good, &limits, None);
    assert_eq!(received.error, None);
    let bad = frames(&[(0x01, b"a"), (0x00, b""), (0x00, b""), (0x80, b"b")]);
    let received = Received::however_split(&bad, &limits, None);
    assert_eq!(received.error, Some(Error::TooManyFragments));
    assert_eq!(Error::TooManyFragments.close_code(), CloseCode::POLICY);
}

#[test]
fn a_limit_is_known_to_be_passed_with_the_header() {
    let limits = Limits {
        message: 1 << 20,
        ..NONE
    };
    let mut header = vec![0x82, 0xff];
    header.extend_from_slice(&(1_u64 << 62).to_be_bytes());
    header.extend_from_slice(&KEY);
    let received = Received::however_split(&header, &limits, None);
    assert_eq!(received.error, Some(Error::MessageTooBig));
}

#[test]
fn without_limits_lengths_that_add_up_to_too_much_are_no_overflow() {
    let mut input = frames(&[(0x02, b"abc")]);
    input.extend_from_slice(&[0x00, 0xff]);
    input.extend_from_slice(&(i64::MAX as u64).to_be_bytes());
    input.extend_from_slice(&KEY);
    input.extend_from_slice(b"the beginning of very much");
    let received = Received::however_split(&input, &NONE, None);
    assert_eq!((received.error, received.events.as_str()), (None, ""));
}

#[test]
fn a_message_that_came_in_pieces_has_memory_for_itself_and_no_more() {
    let payload = vec![b'x'; 100_000];
    let input = frames(&[(0x82, &payload)]);
    let mut receiver = Receiver::new(None);
    let mut shared = SharedInflater::default();
    let mut unread = Vec::new();
    let mut messages = 0;
    for piece in input.chunks(1460) {
        unread.extend_from_slice(piece);
        let (used, event) = receiver
            .receive(&mut unread, &NONE, &mut shared, false)
            .expect("it is good");
        if let Event::Message { data, .. } = event {
            let Data::Owned(message) = data else {
                panic!("what came in pieces is put together");
            };
            assert_eq!(message, payload);
            assert_eq!(message.capacity(), payload.len());
            messages += 1;
        }
        unread.drain(..used);
    }
    assert_eq!(messages, 1);
}

#[test]
fn a_message_that_is_whole_in_the_input_is_not_copied() {
    let mut input = frames(&[(0x81, b"here"), (0x82, b"and here")]);
    let bytes = input.as_ptr_range();
    let mut receiver = Receiver::new(None);
    let mut shared = SharedInflater::default();
    let mut at = 0;
    for _ in 0..2 {
        let (used, event) = receiver
            .receive(&mut input[at..], &NONE, &mut shared, false)
            .expect("it is good");
        let Event::Message {
            data: Data::Borrowed(data),
            ..
        } = event
        else {
            panic!("{event:?}");
        };
        assert!(bytes.contains(&data.as_ptr()));
        at += used;
    }
}

#[test]
fn a_socket_without_a_message_under_way_costs_24_bytes() {
    assert_eq!(size_of::<Receiver>(), 24);
    let mut receiver = Receiver::new(None);
    let mut shared = SharedInflater::default();
    let mut read = |bytes: &mut [u8]| {
        let result = receiver.receive(bytes, &NONE, &mut shared, false);
        assert!(result.is_ok());
        receiver.is_in_message()
    };
    assert!(read(&mut frames(&[(0x01, b"begun")])));
    assert!(!read(&mut frames(&[(0x80, b" and ended")])));
}

#[test]
fn a_hundred_thousand_empty_fragments_cost_no_memory() {
    let mut input = frames(&[(0x01, b"a")]);
    for _ in 0..100_000 {
        client_frame(&mut input, 0x00, KEY, b"");
    }
    client_frame(&mut input, 0x80, KEY, b"b");
    for streaming in [false, true] {
        let pieces = input.chunks(4096);
        let received = Received::of(pieces, &Limits::default(), None, streaming);
        assert_eq!(
            (received.error, received.events.as_str()),
            (None, "text ab\n")
        );
    }
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut input = Vec::new();
    for (first, payload) in frames {
        client_frame(&mut input, *first, KEY, payload);
    }
    input
}
