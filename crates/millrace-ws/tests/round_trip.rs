//! Random conversations come out as they were put in, however they are framed and however they arrive; and whatever else
//! arrives is read alike.

use std::fmt::Write;

use millrace_testkit::{Received, client_frame};
use millrace_ws::{Agreed, Deflater, Limits};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn messages_come_out_of_their_frames_however_they_arrive(
        items in vec(item(), 0..8),
        takes_over in any::<bool>(),
        bits in 9u8..=15,
        cuts in vec(0usize..3000, 0..12),
        streaming in any::<bool>(),
    ) {
        let agreed = Agreed {
            client_no_context_takeover: !takes_over,
            client_window_bits: bits,
            ..Agreed::default()
        };
        let mut client = Client::new(&agreed);
        for item in &items {
            client.send(item);
        }
        let pieces = cut(&client.bytes, cuts);
        let received = Received::of(pieces, &Limits::default(), Some(agreed), streaming);
        prop_assert_eq!(received.error, None);
        prop_assert_eq!(received.unread, b"");
        prop_assert_eq!(received.events, client.events);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_arrive(
        bytes in vec(prop_oneof![any::<u8>(), proptest::sample::select(BYTES)], 0..60),
        agreed in proptest::option::of(Just(Agreed::default())),
    ) {
        Received::however_split(&bytes, &Limits::default(), agreed);
    }

    #[test]
    fn a_conversation_with_wrong_bytes_in_it_is_read_alike_however_it_arrives(
        items in vec(item(), 1..5),
        wrong in vec((0usize..400, any::<u8>()), 1..4),
        cuts in vec(0usize..400, 0..8),
        limits in limits(),
    ) {
        let agreed = Agreed::default();
        let mut client = Client::new(&agreed);
        for item in &items {
            client.send(item);
        }
        for (at, byte) in wrong {
            if let Some(place) = client.bytes.get_mut(at) {
                *place = byte;
            }
        }
        let whole = Received::of([&client.bytes[..]], &limits, Some(agreed), false);
        for streaming in [false, true] {
            let pieces = cut(&client.bytes, cuts.clone());
            let received = Received::of(pieces, &limits, Some(agreed), streaming);
            prop_assert_eq!(&received, &whole);
        }
    }
}

/// What frames begin with when they are good.
const BYTES: &[u8] = &[
    0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x83, 0x84, 0x88, 0x89, 0x8a, 0xc1, 0xfe, 0xff,
];

/// What a client sends.
#[derive(Clone, Debug)]
enum Item {
    Message {
        binary: bool,
        payload: Vec<u8>,
        compressed: bool,
        /// Where it is cut into fragments, with a ping or not.
        cuts: Vec<(usize, bool)>,
        key: [u8; 4],
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn item() -> impl Strategy<Value = Item> {
    let text = prop_oneof![any::<String>(), "[ -~]{0,300}"];
    let payload = prop_oneof![
        text.prop_map(|text| (false, text.into_bytes())),
        vec(any::<u8>(), 0..500).prop_map(|bytes| (true, bytes)),
        (any::<u8>(), 0usize..70_000).prop_map(|(byte, length)| (true, vec![byte; length])),
    ];
    let cuts = prop_oneof![Just(Vec::new()), vec((0usize..400, any::<bool>()), 1..6)];
    let control = vec(any::<u8>(), 0..=125);
    prop_oneof![
        4 => (payload, any::<bool>(), cuts, any::<[u8; 4]>()).prop_map(
            |((binary, payload), compressed, cuts, key)| Item::Message {
                binary,
                payload,
                compressed,
                cuts,
                key,
            },
        ),
        1 => control.clone().prop_map(Item::Ping),
        1 => control.prop_map(Item::Pong),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (0u64..500, 0u64..500, 0u32..5).prop_map(|(message, frame, fragments)| Limits {
        message,
        frame,
        fragments,
    })
}

/// The frames of a client and what a server has to make of them.
struct Client {
    deflater: Deflater,
    takes_over: bool,
    bytes: Vec<u8>,
    events: String,
}

impl Client {
    fn new(agreed: &Agreed) -> Client {
        Client {
            deflater: Deflater::new(agreed.client_window_bits, 6),
            takes_over: !agreed.client_no_context_takeover,
            bytes: Vec::new(),
            events: String::new(),
        }
    }

    fn send(&mut self, item: &Item) {
        match item {
            Item::Ping(payload) => self.control(0x89, "ping", payload),
            Item::Pong(payload) => self.control(0x8a, "pong", payload),
            Item::Message {
                binary,
                payload,
                compressed,
                cuts,
                key,
            } => {
                let mut deflated = Vec::new();
                if *compressed {
                    self.deflater
                        .compress(payload, &mut deflated, self.takes_over);
                }
                let sent = if *compressed { &deflated } else { payload };
                let first = u8::from(*compressed) << 6 | if *binary { 2 } else { 1 };
                self.fragments(first, sent, cuts, *key);
                self.event(if *binary { "binary" } else { "text" }, payload);
            }
        }
    }

    fn fragments(&mut self, mut first: u8, sent: &[u8], cuts: &[(usize, bool)], key: [u8; 4]) {
        let mut rest = sent;
        for (index, (at, ping)) in cuts.iter().enumerate() {
            let (piece, after) = rest.split_at(rest.len().min(*at));
            client_frame(&mut self.bytes, first, [index as u8; 4], piece);
            if *ping {
                self.control(0x89, "ping", &[index as u8]);
            }
            (first, rest) = (0, after);
        }
        client_frame(&mut self.bytes, 0x80 | first, key, rest);
    }

    fn control(&mut self, first: u8, name: &str, payload: &[u8]) {
        client_frame(&mut self.bytes, first, [1, 2, 3, 4], payload);
        self.event(name, payload);
    }

    fn event(&mut self, name: &str, payload: &[u8]) {
        let space = if payload.is_empty() { "" } else { " " };
        writeln!(self.events, "{name}{space}{}", payload.escape_ascii())
            .expect("a string takes any text");
    }
}

/// `input` cut at those of `cuts` that are within it.
fn cut(input: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.push(0);
    cuts.push(input.len());
    cuts.retain(|&at| at <= input.len());
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &input[pair[0]..pair[1]])
        .collect()
}
