mod pair;

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;

use self::pair::Pair;
use super::*;

fn message(payload: &[u8]) -> Message<'_> {
    Message {
        payload: Piece::Lent(payload),
        binary: true,
        compress: false,
        part: None,
        fragment: 0,
        notify: None,
        want_drain: false,
    }
}

fn published(topic: &str, payload: &[u8], compress: bool) -> Arc<Published> {
    let payload = Bytes::copy_from_slice(payload);
    let message = Published::new(0, topic.as_bytes(), payload, true, compress, None);
    Arc::new(message)
}

#[derive(Clone, Debug)]
enum Step {
    Send {
        bytes: usize,
        part: Option<bool>,
        compress: bool,
        fragment: u32,
        held: bool,
    },
    Publish {
        bytes: usize,
        topic: u8,
        compress: bool,
    },
    Ping,
    Pong,
    Write(usize),
    WriteAll,
}

fn steps() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![8 => 4..40usize, 3 => 100..400usize, 1 => 16_000..40_000usize];
    let part = prop_oneof![4 => Just(None), 2 => Just(Some(false)), 1 => Just(Some(true))];
    let fragment = prop_oneof![3 => Just(0), 1 => 1..300u32, 1 => Just(17_000)];
    prop_oneof![
        6 => (bytes.clone(), part, any::<bool>(), fragment, any::<bool>()).prop_map(
            |(bytes, part, compress, fragment, held)| Step::Send {
                bytes, part, compress, fragment, held,
            }
        ),
        3 => (bytes, 0..3u8, any::<bool>())
            .prop_map(|(bytes, topic, compress)| Step::Publish { bytes, topic, compress }),
        1 => Just(Step::Ping),
        1 => Just(Step::Pong),
        2 => (0..500usize).prop_map(Step::Write),
        1 => Just(Step::WriteAll),
    ]
}

fn compressions() -> impl Strategy<Value = Option<Compression>> {
    let agreed = |no_context, bits| Compression {
        agreed: Agreed {
            server_no_context_takeover: no_context,
            server_window_bits: bits,
            ..Agreed::default()
        },
        level: 1,
        threshold: 20,
    };
    prop_oneof![
        Just(None),
        Just(Some(agreed(true, 15))),
        Just(Some(agreed(false, 10))),
        Just(Some(agreed(false, 15))),
    ]
}

/// A payload that says which one it is.
fn payload(id: u32, bytes: usize) -> Vec<u8> {
    let mut payload = id.to_le_bytes().to_vec();
    payload.resize(bytes, (id % 3) as u8);
    payload
}

/// What is expected to arrive, in order, if nothing is dropped.
#[derive(Default)]
struct Expected {
    waiting: Vec<(Vec<u8>, Option<bool>)>,
    streamed: Option<Vec<u8>>,
    messages: Vec<Vec<u8>>,
}

impl Expected {
    fn push(&mut self, payload: Vec<u8>, part: Option<bool>) {
        self.waiting.push((payload, part));
        loop {
            let is_streaming = self.streamed.is_some();
            let can_go = |(_, part): &(Vec<u8>, Option<bool>)| !is_streaming || part.is_some();
            let Some(next) = self.waiting.iter().position(can_go) else {
                break;
            };
            match self.waiting.remove(next) {
                (payload, None) => self.messages.push(payload),
                (payload, Some(is_last)) => {
                    let mut whole = self.streamed.take().unwrap_or_default();
                    whole.extend(payload);
                    match is_last {
                        true => self.messages.push(whole),
                        false => self.streamed = Some(whole),
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn everything_arrives_once_and_in_order_however_the_client_reads(
        compression in compressions(),
        steps in prop::collection::vec(steps(), 0..60),
    ) {
        let mut pair = Pair::new(Overflow::Close, usize::MAX, compression);
        let mut expected = Expected::default();
        let (mut pings, mut last_pong, mut tokens) = (Vec::new(), None, Vec::new());
        for (id, step) in (0u32..).zip(steps) {
            match step {
                Step::Send { bytes, part, compress, fragment, held } => {
                    let payload = payload(id, bytes);
                    let bytes = Bytes::from(payload.clone());
                    tokens.push((id, payload.len()));
                    let _ = pair.send(&Message {
                        payload: if held { Piece::Held(&bytes) } else { Piece::Lent(&payload) },
                        compress,
                        part: part.map(|last| if last { Part::Last } else { Part::More }),
                        fragment,
                        notify: Some(id),
                        ..message(&[])
                    });
                    expected.push(payload, part);
                }
                Step::Publish { bytes, topic, compress } => {
                    let payload = payload(id, bytes);
                    let message = published(&topic.to_string(), &payload, compress);
                    let _ = pair.outgoing.deliver(&mut pair.shared, &message);
                    expected.push(payload, None);
                }
                Step::Ping => {
                    pair.outgoing.ping(&mut pair.shared, &id.to_le_bytes());
                    pings.push(id.to_le_bytes().to_vec());
                }
                Step::Pong => {
                    pair.outgoing.pong(&mut pair.shared, &id.to_le_bytes());
                    last_pong = Some(id.to_le_bytes().to_vec());
                }
                Step::Write(bytes) => pair.write(bytes),
                Step::WriteAll => pair.write(usize::MAX),
            }
        }
        // The end of what is streamed lets go of what waits for it.
        let _ = pair.send(&Message { part: Some(Part::Last), ..message(b"end") });
        expected.push(b"end".to_vec(), Some(true));
        pair.write(usize::MAX);
        let read = pair.messages(compression.map(|compression| compression.agreed));
        prop_assert_eq!(read.messages, expected.messages);
        prop_assert!(!read.unfinished);
        prop_assert_eq!(read.pings, pings);
        prop_assert_eq!(read.pongs.last(), last_pong.as_ref());
        prop_assert_eq!(pair.outgoing.queued_bytes(), 0);
        prop_assert!(pair.outgoing.backlog.is_none() && pair.outgoing.aside.is_none());
        prop_assert_eq!(pair.outgoing.output().tail().capacity(), 0);
        let mut told = Vec::new();
        for news in pair.news {
            let News::Sent(sent) = news else { continue };
            prop_assert_eq!(sent.outcome, WriteOutcome::Written);
            told.push((sent.token, sent.transferred));
        }
        told.sort_unstable();
        prop_assert_eq!(told, tokens);
    }

    #[test]
    fn what_a_slow_client_misses_is_told_and_the_rest_arrives_in_order(
        overflow in prop_oneof![
            Just(Overflow::DropNewest), Just(Overflow::DropOldest), Just(Overflow::Latest)
        ],
        limit in 0..4000usize,
        compression in compressions(),
        steps in prop::collection::vec(steps(), 0..60),
        close_at in 0..70u32,
        ends_badly in any::<bool>(),
    ) {
        let mut pair = Pair::new(overflow, limit, compression);
        // By token what was sent.
        let mut sent = HashMap::new();
        let (mut published_count, mut late) = (0, 0);
        for (id, step) in (0u32..).zip(steps) {
            if id == close_at {
                pair.outgoing.close(&mut pair.shared, Some(1000), "done");
            }
            match step {
                Step::Send { bytes, part, compress, fragment, .. } => {
                    let payload = payload(id, bytes);
                    let verdict = pair.send(&Message {
                        compress,
                        part: part.map(|last| if last { Part::Last } else { Part::More }),
                        fragment,
                        notify: Some(id),
                        ..message(&payload)
                    });
                    prop_assert_ne!(verdict, Verdict::Full);
                    sent.insert(id, (payload, part));
                }
                Step::Publish { bytes, topic, compress } => {
                    let message = published(&topic.to_string(), &payload(id, bytes), compress);
                    let verdict = pair.outgoing.deliver(&mut pair.shared, &message);
                    prop_assert_ne!(verdict, Verdict::Full);
                    published_count += 1;
                    late += u32::from(id >= close_at);
                }
                Step::Ping => pair.outgoing.ping(&mut pair.shared, b"ping"),
                Step::Pong => pair.outgoing.pong(&mut pair.shared, b"pong"),
                Step::Write(bytes) => pair.write(bytes),
                Step::WriteAll => pair.write(usize::MAX),
            }
        }
        if ends_badly {
            let Pair { outgoing, news, .. } = &mut pair;
            let cut = WriteOutcome::System(103);
            outgoing.abandon(WriteOutcome::NotExecuted, cut, |told| news.push(told));
        } else {
            pair.outgoing.close(&mut pair.shared, Some(1000), "done");
            pair.write(usize::MAX);
            prop_assert!(pair.outgoing.close_is_out());
        }
        let (mut outcomes, mut dropped) = (HashMap::new(), Dropped::default());
        for news in &pair.news {
            match news {
                News::Sent(told) => {
                    prop_assert!(outcomes.insert(told.token, *told).is_none(), "told twice");
                }
                News::Dropped(more) => {
                    dropped.newest += more.newest;
                    dropped.oldest += more.oldest;
                    dropped.replaced += more.replaced;
                }
                News::Drained(_) => {}
            }
        }
        prop_assert_eq!(outcomes.len(), sent.len());
        let dropped_sends = outcomes.values().filter(|told| told.outcome == WriteOutcome::Dropped);
        prop_assert!(dropped_sends.count() <= dropped.messages() as usize);
        for (token, told) in &outcomes {
            let (payload, _) = &sent[token];
            match told.outcome {
                WriteOutcome::Written => prop_assert_eq!(told.transferred, payload.len()),
                WriteOutcome::System(_) => prop_assert!(told.transferred < payload.len()),
                _ => prop_assert_eq!(told.transferred, 0),
            }
        }
        if ends_badly {
            return Ok(());
        }
        let read = pair.messages(compression.map(|compression| compression.agreed));
        prop_assert!(read.close.is_some());
        let whole = |payload: &Vec<u8>| match payload.first_chunk() {
            Some(&id) => (u32::from_le_bytes(id), payload.len()),
            None => (0, 0),
        };
        // Whole messages come in order; those that are streamed begin in it.
        let mut ids: Vec<u32> = Vec::new();
        for message in &read.messages {
            let (id, bytes) = whole(message);
            if sent.get(&id).is_some_and(|(_, part)| part.is_some()) {
                continue;
            }
            prop_assert_eq!(&payload(id, bytes), message);
            ids.push(id);
        }
        prop_assert!(ids.is_sorted());
        for (token, told) in &outcomes {
            if sent[token].1.is_none() {
                let has_arrived = ids.contains(token);
                prop_assert_eq!(told.outcome == WriteOutcome::Written, has_arrived);
            }
        }
        let arrived = ids.iter().filter(|id| !sent.contains_key(id)).count() as u32;
        // Without a stream that is left unfinished, what was published has arrived or was counted.
        let dropped_published = dropped.messages()
            - outcomes.values().filter(|told| told.outcome == WriteOutcome::Dropped).count() as u32;
        prop_assert!(arrived + dropped_published + late <= published_count + late);
        if !read.unfinished {
            prop_assert_eq!(arrived + dropped_published + late, published_count);
        }
    }
}

#[test]
fn a_slow_client_is_cut_off_when_more_waits_than_may() {
    let mut pair = Pair::new(Overflow::Close, 1000, None);
    assert_eq!(pair.send(&message(&[1; 900])), Verdict::Goes);
    pair.write(100);
    assert_eq!(pair.send(&message(&[2; 150])), Verdict::Goes);
    assert_eq!(pair.outgoing.queued_bytes(), 904 - 100 + 154);
    let token = Message {
        notify: Some(5),
        ..message(&[3; 90])
    };
    assert_eq!(pair.send(&token), Verdict::Full);
    pair.write(0);
    let sent = Sent {
        token: 5,
        outcome: WriteOutcome::NotExecuted,
        transferred: 0,
    };
    assert_eq!(pair.news, [News::Sent(sent)]);
}

#[test]
fn a_client_that_reads_is_sent_more_than_may_wait() {
    let mut pair = Pair::new(Overflow::Close, 1000, None);
    for _ in 0..100 {
        match pair.send(&message(&[1; 5000])) {
            Verdict::Goes => {}
            Verdict::Write => pair.write(usize::MAX),
            Verdict::Full => panic!("the client reads"),
        }
    }
    pair.write(usize::MAX);
    assert_eq!(pair.messages(None).messages.len(), 100);
}

#[test]
fn what_would_take_long_to_compress_is_sent_as_it_is() {
    let compression = Compression {
        agreed: Agreed {
            server_no_context_takeover: true,
            ..Agreed::default()
        },
        level: 1,
        threshold: 20,
    };
    for (bytes, is_compressed) in [
        (19, false),
        (20, true),
        (LARGEST_COMPRESSED, true),
        (LARGEST_COMPRESSED + 1, false),
    ] {
        let mut pair = Pair::new(Overflow::Close, 8 * 1024 * 1024, Some(compression));
        let payload = vec![b'x'; bytes];
        let sent = Message {
            compress: true,
            ..message(&payload)
        };
        let _ = pair.send(&sent);
        let Pair {
            outgoing, shared, ..
        } = &mut pair;
        let _ = outgoing.deliver(shared, &published("topic", &payload, true));
        pair.write(usize::MAX);
        let frames = pair.wire.len();
        assert_eq!(
            frames < 2 * bytes,
            is_compressed,
            "{bytes} bytes took {frames}"
        );
        assert_eq!(
            pair.messages(Some(compression.agreed)).messages,
            [&payload[..], &payload]
        );
    }
}

#[test]
fn the_newest_of_a_topic_reaches_a_client_that_was_slow() {
    let mut pair = Pair::new(Overflow::Latest, 100, None);
    let _ = pair.send(&message(&[1; 5000]));
    pair.write(10);
    for round in 0..50 {
        for topic in ["a", "b"] {
            let text = format!("{topic}{round}");
            let message = published(topic, text.as_bytes(), false);
            let _ = pair.outgoing.deliver(&mut pair.shared, &message);
        }
    }
    pair.write(usize::MAX);
    // More waits already than may, and so only the newest of all stays.
    assert_eq!(pair.messages(None).messages[1..], [b"b49"]);
    let dropped = Dropped {
        oldest: 99,
        bytes: 10 * 2 * 2 + 40 * 3 * 2 - 3,
        ..Dropped::default()
    };
    assert_eq!(pair.news, [News::Dropped(dropped)]);
}

#[test]
fn pings_of_a_client_that_reads_nothing_take_no_memory() {
    let mut pair = Pair::new(Overflow::Close, 1000, None);
    let _ = pair.send(&message(&[1; 900]));
    pair.write(1);
    for round in 0..100_000u32 {
        pair.outgoing.pong(&mut pair.shared, &round.to_le_bytes());
        pair.outgoing.ping(&mut pair.shared, b"are you there?");
    }
    assert!(pair.outgoing.output().buffered() < 1100);
    pair.write(usize::MAX);
    let read = pair.messages(None);
    assert_eq!(read.pongs, [99_999u32.to_le_bytes()]);
}

#[test]
fn a_close_frame_comes_behind_what_was_sent_and_nothing_behind_it() {
    let mut pair = Pair::new(Overflow::Close, 100_000, None);
    let _ = pair.send(&message(b"one"));
    pair.write(1);
    let _ = pair.send(&message(b"two"));
    pair.outgoing.close(&mut pair.shared, Some(1001), "bye");
    assert!(!pair.outgoing.close_is_out());
    let _ = pair.send(&message(b"three"));
    pair.write(usize::MAX);
    assert!(pair.outgoing.close_is_out());
    let read = pair.messages(None);
    assert_eq!(read.messages, [b"one", b"two"]);
    assert_eq!(read.close.as_deref(), Some(&b"\x03\xe9bye"[..]));
}

#[test]
fn a_close_frame_that_cannot_wait_goes_before_what_waits() {
    let mut pair = Pair::new(Overflow::Close, 100_000, None);
    let _ = pair.send(&message(b"one"));
    pair.write(1);
    let _ = pair.send(&message(b"two"));
    pair.outgoing.close(&mut pair.shared, Some(1000), "");
    pair.outgoing.close_now(&mut pair.shared, Some(1002), "");
    pair.write(usize::MAX);
    let read = pair.messages(None);
    assert_eq!(read.messages, [b"one"]);
    assert_eq!(read.close.as_deref(), Some(&b"\x03\xea"[..]));
}
