//! Compressing and decompressing messages (RFC 7692 7.2).

mod deflate_blocks;

use deflate_blocks::largest_distance;
use millrace_ws::{Deflater, InflateError, Inflater, SharedInflater, Window};
use proptest::prelude::*;

fn inflate(compressed: &[u8], limit: u64) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    SharedInflater::new().inflate(compressed, &mut out, limit)?;
    Ok(out)
}

fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(15, 6).compress(payload, &mut out, false);
    out
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7692 7.2.3.1, 7.2.3.3, 7.2.3.4 and 7.2.3.5.
    let hello: [&[u8]; 4] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ];
    for compressed in hello {
        assert_eq!(
            inflate(compressed, 5).as_deref(),
            Ok(&b"Hello"[..]),
            "{compressed:x?}"
        );
    }
    // RFC 7692 7.2.3.6.
    assert_eq!(inflate(&[0], 0).as_deref(), Ok(&b""[..]));
}

#[test]
fn the_second_hello_refers_to_the_first() {
    // RFC 7692 7.2.3.2.
    let mut shared = SharedInflater::new();
    let mut inflater = Inflater::new(15);
    let mut out = Vec::new();
    for compressed in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
    ] {
        inflater
            .inflate(&mut shared, compressed, &mut out, 5)
            .expect("it is well formed");
    }
    assert_eq!(out, b"HelloHello");

    let mut deflater = Deflater::new(15, 6);
    let mut out = Vec::new();
    deflater.compress(b"Hello", &mut out, true);
    assert_eq!(out, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    out.clear();
    deflater.compress(b"Hello", &mut out, true);
    assert_eq!(out, [0xf2, 0x00, 0x11, 0x00, 0x00]);
}

#[test]
fn an_empty_message_is_one_byte_and_nothing_received_is_empty_too() {
    assert_eq!(deflate(b""), [0]);
    let mut out = Vec::new();
    Deflater::new(9, 1).compress_after(&mut Window::new(9), b"", &mut out);
    assert_eq!(out, [0]);
    assert_eq!(inflate(b"", 0).as_deref(), Ok(&b""[..]));
}

#[test]
fn every_window_and_level_makes_what_the_other_end_reads() {
    let messages = [
        text(10, 1),
        text(3_000, 2),
        text(100, 3),
        noise(5_000),
        text(34_000, 4),
        text(10, 5),
    ];
    let mut shared = SharedInflater::new();
    for bits in [8, 11, 15] {
        for level in [1, 2, 3, 6, 9] {
            for keep_context in [false, true] {
                let mut deflater = Deflater::new(bits, level);
                let mut inflater = Inflater::new(bits);
                for message in &messages {
                    let mut compressed = Vec::new();
                    deflater.compress(message, &mut compressed, keep_context);
                    let mut out = b"kept".to_vec();
                    let limit = message.len() as u64;
                    inflater
                        .inflate(&mut shared, &compressed, &mut out, limit)
                        .expect("it is well formed");
                    assert_eq!(
                        out[4..],
                        message[..],
                        "{bits} bits, level {level}, {keep_context}"
                    );
                    if !keep_context {
                        assert_eq!(inflate(&compressed, limit).as_ref(), Ok(message));
                    }
                }
            }
        }
    }
}

#[test]
fn a_flush_may_end_wherever_the_memory_does() {
    let message = noise(100);
    let size = deflate(&message).len();
    for capacity in 64..size + 16 {
        let mut out = Vec::with_capacity(capacity);
        let mut deflater = Deflater::new(15, 6);
        deflater.compress(&message, &mut out, true);
        deflater.compress(&message, &mut out, true);
        // Both as one message: there is nothing between blocks but the bytes that were taken off.
        let mut first = Vec::with_capacity(capacity);
        Deflater::new(15, 6).compress(&message, &mut first, true);
        let second = out.split_off(first.len());
        let both = [&out[..], &[0, 0, 0xff, 0xff], &second].concat();
        assert_eq!(
            inflate(&both, 200),
            Ok(message.repeat(2)),
            "{capacity} bytes"
        );
    }
}

#[test]
fn one_deflater_serves_many_sockets_that_keep_their_context() {
    let mut shared = SharedInflater::new();
    for bits in 8..=15 {
        let mut deflater = Deflater::new(bits, 1);
        let mut sockets: Vec<_> = (0..3)
            .map(|_| (Window::new(bits), Inflater::new(bits)))
            .collect();
        for round in 0..20 {
            for (number, (window, inflater)) in sockets.iter_mut().enumerate() {
                let message = text(100 * round + number, number as u64);
                let mut compressed = Vec::new();
                // Now and then one that all get, compressed on its own.
                if round % 3 == 0 {
                    deflater.compress(&message, &mut compressed, false);
                    window.remember(&message);
                } else {
                    deflater.compress_after(window, &message, &mut compressed);
                }
                let mut out = Vec::new();
                inflater
                    .inflate(&mut shared, &compressed, &mut out, u64::MAX)
                    .expect("it is well formed");
                assert_eq!(out, message, "{bits} bits, round {round}");
                assert!(window.memory() <= 1 << bits);
            }
        }
    }
}

#[test]
fn a_message_after_one_without_context_does_not_refer_to_it() {
    let mut deflater = Deflater::new(15, 6);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    deflater.compress(&text(500, 1), &mut first, true);
    deflater.compress(&text(500, 1), &mut second, false);
    assert_eq!(inflate(&second, 500).as_ref(), Ok(&text(500, 1)));
    let mut third = Vec::new();
    deflater.compress(&text(500, 1), &mut third, true);
    assert_eq!(third, second, "nothing is left of the one before");
    deflater.reset();
    third.clear();
    deflater.compress(&text(500, 1), &mut third, true);
    assert_eq!(third, second, "nor after a reset");
}

#[test]
fn compressed_data_of_a_window_of_nine_bits_never_refers_back_more_than_eight_bits_do() {
    // RFC 7692 7.1.2.1 lets a client ask for 8 bits; see Deflater::new.
    for level in [1, 2, 3, 6, 9] {
        let mut deflater = Deflater::new(8, level);
        let mut window = Window::new(8);
        for seed in 0..8 {
            let message = match seed % 4 {
                0 => text(2_000, seed),
                1 => text(300, seed),
                2 => noise(251).repeat(3 + seed as usize % 5),
                _ => noise(257 + seed as usize).repeat(4),
            };
            let mut compressed = Vec::new();
            deflater.compress_after(&mut window, &message, &mut compressed);
            compressed.extend_from_slice(&[0, 0, 0xff, 0xff]);
            assert!(
                largest_distance(&compressed) <= 250,
                "level {level}, seed {seed}"
            );
        }
    }
}

#[test]
fn a_limit_holds_to_the_byte() {
    for size in [0, 1, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, 300_000] {
        for message in [vec![b'a'; size], text(size, 7)] {
            let compressed = deflate(&message);
            assert_eq!(
                inflate(&compressed, size as u64).as_ref(),
                Ok(&message),
                "{size}"
            );
            if size > 0 {
                assert_eq!(
                    inflate(&compressed, size as u64 - 1),
                    Err(InflateError::TooBig),
                    "{size}"
                );
            }
        }
    }
}

#[test]
fn a_bomb_makes_no_more_than_the_limit_and_a_byte() {
    let compressed = deflate(&vec![0; 4 << 20]);
    assert!(compressed.len() < 5_000);
    for limit in [0, 1, 100, 65_536, 1 << 20] {
        let mut out = Vec::new();
        let result = SharedInflater::new().inflate(&compressed, &mut out, limit);
        assert_eq!(result, Err(InflateError::TooBig));
        assert!(
            out.capacity() as u64 <= limit + 1,
            "{} bytes for {limit}",
            out.capacity()
        );
    }
}

#[test]
fn a_message_cut_anywhere_is_an_error_or_less_of_the_message() {
    for message in [text(600, 1), noise(300), vec![b'a'; 5_000]] {
        let compressed = deflate(&message);
        let mut errors = 0;
        for length in 1..compressed.len() {
            match inflate(&compressed[..length], 10_000) {
                Err(InflateError::Broken(_)) => errors += 1,
                Err(error) => panic!("{error:?} at {length}"),
                // A stored block takes the four bytes that are added for its own when it is short of these.
                Ok(out) => assert!(
                    message.starts_with(&out) || message.starts_with(&out[..out.len() - 4]),
                    "at {length}"
                ),
            }
        }
        assert!(
            errors * 10 > compressed.len() * 9,
            "{errors} of {}",
            compressed.len()
        );
    }
}

#[test]
fn data_that_is_not_deflate_is_an_error() {
    for broken in [
        // A block of the reserved type.
        &[0x06][..],
        &[0xff],
        // A stored block whose lengths differ, and one that is not all there.
        &[0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65],
        // Refers to what was before the message.
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
        // A final block, and then something that is no block.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x07],
    ] {
        assert!(
            matches!(inflate(broken, 1_000), Err(InflateError::Broken(_))),
            "{broken:x?}"
        );
    }
    assert_eq!(
        inflate(&deflate(b"still works"), 100).as_deref(),
        Ok(&b"still works"[..])
    );
}

#[test]
fn a_final_block_may_be_the_end_or_be_followed() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    // Without the byte that RFC 7692 7.2.3.4 puts behind it, it is as clear what is meant.
    assert_eq!(inflate(&last, 5).as_deref(), Ok(&b"Hello"[..]));
    // A second one that refers to the first, as the window is the same (RFC 7692 7.2.3.2).
    let mut both = last.to_vec();
    both.extend_from_slice(&[0xf3, 0x00, 0x11, 0x00]);
    assert_eq!(inflate(&both, 10).as_deref(), Ok(&b"HelloHello"[..]));
    both.push(0);
    assert_eq!(inflate(&both, 10).as_deref(), Ok(&b"HelloHello"[..]));
    assert_eq!(inflate(&both, 9), Err(InflateError::TooBig));

    // And one in the next message.
    let mut shared = SharedInflater::new();
    let mut inflater = Inflater::new(9);
    let mut out = Vec::new();
    inflater
        .inflate(&mut shared, &last, &mut out, 5)
        .expect("it is well formed");
    inflater
        .inflate(&mut shared, &[0xf3, 0x00, 0x11, 0x00], &mut out, 5)
        .expect("it is well formed");
    assert_eq!(out, b"HelloHello");
}

#[test]
fn final_blocks_cannot_be_had_by_the_thousand() {
    // Each is two bytes and has nothing in it.
    let many = [0x03, 0x00].repeat(100_000);
    assert!(matches!(
        inflate(&many, 1_000),
        Err(InflateError::Broken(_))
    ));
    assert_eq!(inflate(&many[..32], 1_000).as_deref(), Ok(&b""[..]));
    // As many as a sender makes that ends a block every few KiB.
    let mut block = vec![0x01, 0x00, 0x10, 0xff, 0xef];
    block.resize(5 + 4_096, b'a');
    let out = inflate(&block.repeat(200), 1 << 20).expect("it is well formed");
    assert_eq!(out.len(), 200 * 4_096);
}

#[test]
fn an_idle_window_has_the_bytes_that_came_and_no_more() {
    let mut window = Window::new(12);
    assert_eq!(window.memory(), 0);
    window.remember(&text(100, 1));
    assert_eq!(window.memory(), 128);
    for seed in 0..100 {
        window.remember(&text(900, seed));
    }
    assert_eq!(window.memory(), 4_096);
    window.remember(&text(1 << 20, 1));
    assert_eq!(window.memory(), 4_096);
}

proptest! {
    #[test]
    fn any_messages_come_back(
        messages in prop::collection::vec(prop::collection::vec(0u8..6, 0..1_500), 1..5),
        bits in 8u8..=15,
        level in 1u32..=9,
        keep_context: bool,
    ) {
        let mut deflater = Deflater::new(bits, level);
        let mut inflater = Inflater::new(bits);
        let mut shared = SharedInflater::new();
        for message in messages {
            let mut compressed = Vec::new();
            deflater.compress(&message, &mut compressed, keep_context);
            let mut out = Vec::new();
            prop_assert_eq!(inflater.inflate(&mut shared, &compressed, &mut out, message.len() as u64), Ok(()));
            prop_assert_eq!(out, message);
        }
    }

    #[test]
    fn any_bytes_end_in_a_message_or_an_error_within_the_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        limit in 0u64..2_000,
    ) {
        let mut out = Vec::new();
        let result = SharedInflater::new().inflate(&bytes, &mut out, limit);
        prop_assert!(result.is_err() || out.len() as u64 <= limit);
        prop_assert!(out.capacity() as u64 <= limit + 1);
    }
}

/// Words that repeat, as text does.
fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed + 1);
    let words = [
        "{\"name\":",
        "\"value\"",
        ", ",
        "[1, 2, 3]",
        "true",
        " the ",
        "of ",
        "0.25",
        "}",
    ];
    let mut out = Vec::new();
    while out.len() < length {
        out.extend_from_slice(words[random.next() as usize % words.len()].as_bytes());
    }
    out.truncate(length);
    out
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = Random(length as u64 + 1);
    (0..length).map(|_| random.next() as u8).collect()
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
