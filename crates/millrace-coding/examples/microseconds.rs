//! What encoding and decoding JSON costs, and how small it gets:
//! `cargo run --release -p millrace-coding --example microseconds`.
//!
//! Bodies take turns: with one alone, the branch predictor learns a small body by heart, and figures come out at half of
//! what they are in a server. Each figure is the least of many rounds over all of them.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use millrace_coding::{Coding, DecodeLimits, Decoder, Encoder, Levels, encode};

const BODIES: u64 = 32;

fn main() {
    for kibibytes in [1, 4, 20, 64] {
        let bodies: Vec<Vec<u8>> = (0..BODIES)
            .map(|seed| common::json(kibibytes << 10, seed))
            .collect();
        for coding in Coding::ALL {
            for (level, levels) in levels(coding) {
                let name = format!("{kibibytes:2} KiB {:4} {level:2}", coding.token());
                measure(&name, coding, levels, &bodies);
            }
        }
    }
}

fn measure(name: &str, coding: Coding, levels: Levels, bodies: &[Vec<u8>]) {
    let mut out = Vec::new();
    let mut encoded = Vec::new();
    for body in bodies {
        out.clear();
        encode(coding, levels, body, &mut out);
        encoded.push(out.clone());
    }
    let whole = least(bodies, |body| {
        out.clear();
        encode(coding, levels, body, &mut out);
    });
    let streamed = least(bodies, |body| {
        out.clear();
        let mut encoder = Encoder::new(coding, levels);
        encoder.write(body, &mut out);
        encoder.finish(&mut out);
    });
    let limits = DecodeLimits {
        bytes: u64::MAX,
        ratio: u32::MAX,
    };
    let decoded = least(&encoded, |encoded| {
        out.clear();
        let mut decoder = Decoder::new(&coding.into(), limits);
        decoder.write(encoded, &mut out).expect("it is valid");
        decoder.finish().expect("it is complete");
    });
    let size: usize = encoded.iter().map(Vec::len).sum();
    let of: usize = bodies.iter().map(Vec::len).sum();
    println!(
        "{name}: whole {whole:7.1} µs, stream {streamed:7.1} µs, decode {decoded:6.1} µs, {:5.2} %",
        size as f64 * 100.0 / of as f64
    );
}

/// Microseconds for each input.
fn least(inputs: &[Vec<u8>], mut work: impl FnMut(&[u8])) -> f64 {
    let mut least = f64::MAX;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(100) || least == f64::MAX {
        let round = Instant::now();
        for input in inputs {
            work(black_box(input));
        }
        least = least.min(round.elapsed().as_secs_f64() * 1e6 / inputs.len() as f64);
    }
    least
}

/// The levels that answers made on the fly may have.
fn levels(coding: Coding) -> Vec<(i32, Levels)> {
    let defaults = Levels::default();
    match coding {
        Coding::Gzip => (1..=9)
            .map(|level| {
                (
                    level as i32,
                    Levels {
                        gzip: level,
                        ..defaults
                    },
                )
            })
            .collect(),
        Coding::Brotli => (0..=7)
            .map(|level| {
                (
                    level as i32,
                    Levels {
                        brotli: level,
                        ..defaults
                    },
                )
            })
            .collect(),
        Coding::Zstd => [-5, -1, 1, 2, 3, 4, 5, 6, 7]
            .map(|level| {
                (
                    level,
                    Levels {
                        zstd: level,
                        ..defaults
                    },
                )
            })
            .into(),
    }
}
