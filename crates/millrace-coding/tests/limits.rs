//! Bombs: a few bytes that would become gigabytes.

mod common;

use common::json;
use millrace_coding::{
    Chain, Coding, DecodeError, DecodeLimits, Decoder, Encoder, Levels, PIECE, encode,
};

const MIB: usize = 1 << 20;

/// Nothing but the limit of bytes.
fn bytes(bytes: u64) -> DecodeLimits {
    DecodeLimits {
        bytes,
        ratio: u32::MAX,
    }
}

/// Nothing but the limit of the ratio.
fn ratio(ratio: u32) -> DecodeLimits {
    DecodeLimits {
        bytes: u64::MAX,
        ratio,
    }
}

fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(coding, Levels::default(), body, &mut out);
    out
}

/// 10 GiB of zeros: a gzip member of 1 MiB ten thousand times, encoded again.
fn gzip_twice() -> Vec<u8> {
    let member = encoded(Coding::Gzip, &vec![0; MIB]);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(Coding::Gzip, Levels::default());
    for _ in 0..10 << 10 {
        encoder.write(&member, &mut out);
    }
    encoder.finish(&mut out);
    out
}

/// 10 GiB of zeros as zstd: blocks of 128 KiB that are one byte repeated, in 4 bytes each.
fn zstd_bomb() -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (17 - 10) << 3];
    for left in (0..10 * 8 * 1024).rev() {
        let last = u32::from(left == 0);
        let header = BLOCK << 3 | 1 << 1 | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

fn decode(codings: &str, limits: DecodeLimits, input: &[u8]) -> (Result<(), DecodeError>, usize) {
    let chain = Chain::parse(codings.as_bytes()).expect("the codings are known");
    let mut decoder = Decoder::new(&chain, limits);
    let mut out = Vec::new();
    let result = decoder.write(input, &mut out);
    (result, out.capacity())
}

#[test]
fn a_bomb_costs_no_more_memory_than_the_limit_of_bytes() {
    let twice = gzip_twice();
    assert!(twice.len() < 100_000, "{} bytes", twice.len());
    let zstd = zstd_bomb();
    let thrice = encoded(Coding::Brotli, &encoded(Coding::Gzip, &zstd));
    assert!(thrice.len() < 1000, "{} bytes", thrice.len());
    let bombs = [
        ("gzip, gzip", twice),
        ("zstd", zstd),
        ("zstd, gzip, br", thrice),
    ];
    for (codings, bomb) in bombs {
        for limit in [0, 1, 10_000, MIB, 3 * MIB] {
            let (result, memory) = decode(codings, bytes(limit as u64), &bomb);
            assert_eq!(result, Err(DecodeError::TooLarge), "{codings}");
            // A vector that grows has up to twice what it needs.
            assert!(memory <= 2 * (limit + PIECE), "{codings}: {memory} bytes");
        }
    }
}

#[test]
fn a_bomb_is_found_by_its_ratio_after_the_first_piece() {
    let zeros = vec![0; 8 * MIB];
    for coding in Coding::ALL {
        let bomb = encoded(coding, &zeros);
        let (result, memory) = decode(coding.token(), ratio(100), &bomb);
        assert_eq!(result, Err(DecodeError::Ratio), "{coding:?}");
        assert!(memory <= 4 * PIECE, "{coding:?}: {memory} bytes");
    }
    let (result, _) = decode("gzip, gzip", ratio(2000), &gzip_twice());
    assert_eq!(result, Err(DecodeError::Ratio));
}

#[test]
fn a_bomb_that_arrives_byte_by_byte_is_found_as_well() {
    let bomb = zstd_bomb();
    let mut decoder = Decoder::new(&Coding::Zstd.into(), bytes(MIB as u64));
    let mut out = Vec::new();
    let result = bomb
        .chunks(1)
        .try_for_each(|byte| decoder.write(byte, &mut out));
    assert_eq!(result, Err(DecodeError::TooLarge));
    assert!(out.len() <= MIB);
}

#[test]
fn what_passes_between_two_codings_is_limited_though_nothing_comes_of_it() {
    // Empty gzip members and skippable zstd frames decode to nothing, however many there are.
    let members = encoded(Coding::Gzip, &encoded(Coding::Gzip, b"").repeat(20_000));
    let (result, memory) = decode("gzip, gzip", bytes(100_000), &members);
    assert_eq!(result, Err(DecodeError::TooLarge));
    assert!(memory < PIECE, "{memory} bytes");
    let frames = encoded(Coding::Gzip, &b"\x50\x2a\x4d\x18\0\0\0\0".repeat(100_000));
    let (result, _) = decode("zstd, gzip", ratio(50), &frames);
    assert_eq!(result, Err(DecodeError::Ratio));
}

#[test]
fn a_body_that_just_fits_is_decoded() {
    let body = json(150_000, 1);
    for coding in Coding::ALL {
        let input = encoded(coding, &body);
        let length = body.len() as u64;
        let (result, _) = decode(coding.token(), bytes(length), &input);
        assert_eq!(result, Ok(()), "{coding:?}");
        let (result, _) = decode(coding.token(), bytes(length - 1), &input);
        assert_eq!(result, Err(DecodeError::TooLarge), "{coding:?}");
        let (result, _) = decode(coding.token(), ratio(10), &input);
        assert_eq!(result, Ok(()), "{coding:?}");
    }
}

#[test]
fn a_small_body_may_have_any_ratio() {
    let body = vec![b' '; PIECE];
    for coding in Coding::ALL {
        let (result, _) = decode(coding.token(), ratio(1), &encoded(coding, &body));
        assert_eq!(result, Ok(()), "{coding:?}");
    }
}

#[test]
fn without_codings_the_limit_of_bytes_holds() {
    let body = vec![b'x'; 100_000];
    assert_eq!(decode("", bytes(100_000), &body).0, Ok(()));
    assert_eq!(
        decode("identity", bytes(99_999), &body).0,
        Err(DecodeError::TooLarge)
    );
}

#[test]
fn no_piece_is_larger_than_promised() {
    let bomb = zstd_bomb();
    let mut decoder = Decoder::new(&Coding::Zstd.into(), bytes(u64::MAX));
    let mut out = vec![0; 4 * PIECE];
    let mut input = &bomb[..];
    let sizes: Vec<usize> = (0..20)
        .map(|_| decoder.read(&mut input, &mut out).expect("it is valid"))
        .collect();
    assert_eq!(sizes, [PIECE; 20]);
    assert!(
        bomb.len() - input.len() < 100,
        "input is used as it is needed"
    );
}
