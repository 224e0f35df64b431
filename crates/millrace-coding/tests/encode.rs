//! What encoders make can be decoded, at once and as it comes.

mod common;

use common::{json, noise};
use millrace_coding::{Chain, Coding, DecodeLimits, Decoder, Encoder, Levels, encode};

const ANYTHING: DecodeLimits = DecodeLimits {
    bytes: u64::MAX,
    ratio: u32::MAX,
};

fn decoded(coding: Coding, encoded: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(&coding.into(), ANYTHING);
    let mut out = Vec::new();
    decoder.write(encoded, &mut out).expect("it is well-formed");
    decoder.finish().expect("it is complete");
    out
}

fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [0, 1, 100, 5_000, 70_000]
        .map(|bytes| json(bytes, 1))
        .into();
    bodies[0].clear();
    bodies.push(noise(70_000));
    bodies.push(vec![0; 300_000]);
    bodies
}

#[test]
fn a_whole_body_decodes_to_itself_at_every_level() {
    for body in bodies() {
        for level in 0..=11 {
            let levels = Levels {
                gzip: level,
                brotli: level.min(9),
                zstd: level as i32 * 2 - 4,
            };
            for coding in Coding::ALL {
                let mut out = b"before".to_vec();
                encode(coding, levels, &body, &mut out);
                assert!(out.starts_with(b"before"));
                assert!(
                    decoded(coding, &out[6..]) == body,
                    "{coding:?} at {level}, {} bytes",
                    body.len()
                );
            }
        }
    }
}

#[test]
fn levels_out_of_range_are_brought_into_it() {
    let levels = Levels {
        gzip: 1000,
        brotli: 1000,
        zstd: 1000,
    };
    let body = json(500, 1);
    for coding in Coding::ALL {
        let mut out = Vec::new();
        encode(coding, levels, &body, &mut out);
        assert!(decoded(coding, &out) == body, "{coding:?}");
    }
}

#[test]
fn text_gets_smaller_and_noise_hardly_larger() {
    let (text, noise) = (json(20 << 10, 1), noise(20 << 10));
    for coding in Coding::ALL {
        let mut out = Vec::new();
        encode(coding, Levels::default(), &text, &mut out);
        assert!(out.len() < text.len() / 3, "{coding:?}: {}", out.len());
        out.clear();
        encode(coding, Levels::default(), &noise, &mut out);
        assert!(out.len() < noise.len() + 50, "{coding:?}: {}", out.len());
    }
}

#[test]
fn a_stream_in_pieces_of_any_size_decodes_to_the_body() {
    for body in bodies() {
        for coding in Coding::ALL {
            for size in [1, 1000, 64 << 10] {
                if body.len() / size > 10_000 {
                    continue;
                }
                let mut encoder = Encoder::new(coding, Levels::default());
                assert_eq!(encoder.coding(), coding);
                let mut out = Vec::new();
                for piece in body.chunks(size) {
                    encoder.write(piece, &mut out);
                }
                encoder.finish(&mut out);
                assert!(decoded(coding, &out) == body, "{coding:?} by {size}");
            }
        }
    }
}

#[test]
fn after_a_flush_everything_so_far_can_be_decoded() {
    let body = json(200_000, 1);
    for coding in Coding::ALL {
        for size in [1, 17, 3_000, 50_000] {
            let mut encoder = Encoder::new(coding, Levels::default());
            let mut decoder = Decoder::new(&coding.into(), ANYTHING);
            let (mut wire, mut seen) = (Vec::new(), Vec::new());
            for (index, piece) in body.chunks(size).take(300).enumerate() {
                encoder.write(piece, &mut wire);
                // Several pieces between two flushes are as good as one.
                if index % 3 == 0 {
                    continue;
                }
                encoder.flush(&mut wire);
                decoder.write(&wire, &mut seen).expect("it is well-formed");
                wire.clear();
                let written = ((index + 1) * size).min(body.len());
                assert!(
                    seen == body[..written],
                    "{coding:?} by {size}: {}",
                    seen.len()
                );
            }
            encoder.finish(&mut wire);
            decoder.write(&wire, &mut seen).expect("it is well-formed");
            decoder.finish().expect("it is complete");
            let written = (300 * size).min(body.len());
            assert!(seen == body[..written], "{coding:?} by {size}");
        }
    }
}

#[test]
fn a_second_flush_without_anything_new_adds_nothing() {
    for coding in Coding::ALL {
        let mut encoder = Encoder::new(coding, Levels::default());
        let mut out = Vec::new();
        encoder.flush(&mut out);
        encoder.write(b"", &mut out);
        encoder.write(b"data: 1\n\n", &mut out);
        encoder.flush(&mut out);
        let flushed = out.len();
        for _ in 0..5 {
            encoder.flush(&mut out);
        }
        assert_eq!(out.len(), flushed, "{coding:?}");
        encoder.finish(&mut out);
        assert_eq!(decoded(coding, &out), b"data: 1\n\n", "{coding:?}");
    }
}

#[test]
fn state_that_is_used_again_remembers_nothing() {
    let (first, second) = (json(30_000, 1), json(30_000, 2));
    for coding in Coding::ALL {
        let whole = |body: &[u8]| {
            let mut out = Vec::new();
            encode(coding, Levels::default(), body, &mut out);
            out
        };
        let streamed = |body: &[u8]| {
            let mut encoder = Encoder::new(coding, Levels::default());
            let mut out = Vec::new();
            encoder.write(body, &mut out);
            encoder.finish(&mut out);
            out
        };
        let (alone, alone_streamed) = (whole(&second), streamed(&second));
        for _ in 0..3 {
            // One is left in the middle of its body.
            Encoder::new(coding, Levels::default()).write(&first, &mut Vec::new());
            assert!(decoded(coding, &whole(&first)) == first);
            assert!(whole(&second) == alone, "{coding:?}");
            assert!(decoded(coding, &streamed(&first)) == first);
            assert!(streamed(&second) == alone_streamed, "{coding:?}");
        }
    }
}

#[test]
fn encoders_and_decoders_work_on_many_threads_at_once() {
    std::thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                for round in 0..10 {
                    let body = json(4_000, seed * 100 + round);
                    for coding in Coding::ALL {
                        let mut out = Vec::new();
                        encode(coding, Levels::default(), &body, &mut out);
                        assert!(decoded(coding, &out) == body);
                    }
                }
            });
        }
    });
}

#[test]
fn encoders_and_decoders_may_move_between_threads() {
    fn moves<T: Send>(value: T) -> T {
        value
    }
    for coding in Coding::ALL {
        let encoder = moves(Encoder::new(coding, Levels::default()));
        let mut out = Vec::new();
        encoder.finish(&mut out);
        let mut decoder = moves(Decoder::new(&Chain::from(coding), ANYTHING));
        assert_eq!(decoder.write(&out, &mut Vec::new()), Ok(()));
    }
}
