//! What decoders accept and what they refuse, however the input is split.

mod common;

use common::json;
use millrace_coding::{Chain, Coding, DecodeError, DecodeLimits, Decoder, Levels, encode};
use millrace_testkit::splits;

const LIMITS: DecodeLimits = DecodeLimits {
    bytes: 1 << 20,
    ratio: 1000,
};

fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(coding, Levels::default(), body, &mut out);
    out
}

fn decoded(codings: &str, pieces: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let chain = Chain::parse(codings.as_bytes()).expect("the codings are known");
    let mut decoder = Decoder::new(&chain, LIMITS);
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.write(piece, &mut out) {
            assert_eq!(
                decoder.write(b"more", &mut out),
                Err(error),
                "an error stays"
            );
            assert_eq!(decoder.finish(), Err(error), "an error stays");
            return Err(error);
        }
    }
    decoder.finish().map(|()| out)
}

/// The same result for all splits.
fn however_split(codings: &str, input: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let whole = decoded(codings, &[input]);
    for pieces in splits(input) {
        let result = decoded(codings, &pieces);
        let lengths: Vec<usize> = pieces.iter().take(2).map(|piece| piece.len()).collect();
        assert!(
            result == whole,
            "{codings}, {} pieces from {lengths:?} on: {:?} bytes",
            pieces.len(),
            result.map(|out| out.len())
        );
    }
    whole
}

#[test]
fn every_split_of_the_input_gives_the_same_body() {
    let body = json(700, 1);
    for coding in Coding::ALL {
        let input = encoded(coding, &body);
        assert_eq!(however_split(coding.token(), &input), Ok(body.clone()));
    }
}

#[test]
fn chains_are_undone_from_the_last_to_the_first() {
    let body = json(700, 1);
    let input = encoded(Coding::Brotli, &encoded(Coding::Gzip, &body));
    assert_eq!(however_split("gzip, br", &input), Ok(body.clone()));
    assert_eq!(decoded("br, gzip", &[&input]), Err(DecodeError::Malformed));
    let mut input = body.clone();
    for coding in [Coding::Zstd, Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        input = encoded(coding, &input);
    }
    assert_eq!(however_split("zstd, gzip, br, zstd", &input), Ok(body));
}

#[test]
fn large_bodies_come_out_whole_through_a_chain() {
    let body = json(900_000, 1);
    let input = encoded(Coding::Gzip, &encoded(Coding::Zstd, &body));
    let pieces: Vec<&[u8]> = input.chunks(10_000).collect();
    assert!(decoded("zstd, gzip", &pieces) == Ok(body));
}

#[test]
fn deflate_is_the_zlib_format_and_nothing_else() {
    let zlib = b"x\x9c\xcbH\xcd\xc9\xc9\x07\x00\x06,\x02\x15";
    assert_eq!(however_split("deflate", zlib), Ok(b"hello".to_vec()));
    let bare = &zlib[2..zlib.len() - 4];
    assert_eq!(decoded("deflate", &[bare]), Err(DecodeError::Malformed));
    let preset_dictionary = b"x\xbb\x00\x00\x00\x01\xcbH\xcd\xc9\xc9\x07\x00\x06,\x02\x15";
    assert_eq!(
        however_split("deflate", preset_dictionary),
        Err(DecodeError::Malformed)
    );
    let mut wrong = zlib.to_vec();
    wrong[12] ^= 1;
    assert_eq!(
        however_split("deflate", &wrong),
        Err(DecodeError::Malformed)
    );
    let mut longer = zlib.to_vec();
    longer.push(b'x');
    assert_eq!(
        however_split("deflate", &longer),
        Err(DecodeError::TrailingGarbage)
    );
}

#[test]
fn after_the_end_nothing_more_is_taken() {
    for codings in ["gzip", "identity"] {
        let chain = Chain::parse(codings.as_bytes()).expect("the codings are known");
        let mut decoder = Decoder::new(&chain, LIMITS);
        assert_eq!(decoder.finish(), Ok(()));
        let mut out = Vec::new();
        assert_eq!(decoder.write(b"", &mut out), Ok(()));
        assert_eq!(
            decoder.write(b"more", &mut out),
            Err(DecodeError::TrailingGarbage),
            "{codings}"
        );
        assert_eq!(decoder.finish(), Ok(()), "an end stays");
        assert!(out.is_empty());
    }
}

#[test]
fn a_body_cut_anywhere_is_truncated() {
    let body = json(300, 1);
    for coding in Coding::ALL {
        let input = encoded(coding, &body);
        for end in 1..input.len() {
            let cut = decoded(coding.token(), &[&input[..end]]);
            assert_eq!(cut, Err(DecodeError::Truncated), "{coding:?} at {end}");
        }
    }
}

#[test]
fn a_body_without_any_bytes_is_empty() {
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, br", "identity"] {
        assert_eq!(decoded(coding, &[]), Ok(Vec::new()), "{coding}");
        assert_eq!(decoded(coding, &[b""]), Ok(Vec::new()), "{coding}");
    }
    // But what was encoded with the last coding has to have something for the first.
    let input = encoded(Coding::Brotli, b"");
    assert_eq!(
        however_split("gzip, br", &input),
        Err(DecodeError::Truncated)
    );
}

#[test]
fn bytes_after_the_end_are_refused() {
    let body = json(300, 1);
    for coding in Coding::ALL {
        for garbage in [&b"x"[..], b"\0", b"\r\n"] {
            let mut input = encoded(coding, &body);
            input.extend_from_slice(garbage);
            assert_eq!(
                however_split(coding.token(), &input),
                Err(DecodeError::TrailingGarbage),
                "{coding:?}"
            );
        }
    }
    let mut twice = encoded(Coding::Brotli, b"a");
    twice.extend_from_slice(&encoded(Coding::Brotli, b"b"));
    assert_eq!(
        however_split("br", &twice),
        Err(DecodeError::TrailingGarbage)
    );
}

#[test]
fn gzip_members_and_zstd_frames_may_follow_one_another() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let mut input = Vec::new();
        for part in [&b"one "[..], b"", b"two ", b"three"] {
            input.extend_from_slice(&encoded(coding, part));
        }
        assert_eq!(
            however_split(coding.token(), &input),
            Ok(b"one two three".to_vec()),
            "{coding:?}"
        );
        input.pop();
        assert_eq!(
            however_split(coding.token(), &input),
            Err(DecodeError::Truncated)
        );
    }
    let mut skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    skipped.extend_from_slice(&encoded(Coding::Zstd, b"one"));
    skipped.extend_from_slice(b"\x5f\x2a\x4d\x18\0\0\0\0");
    assert_eq!(however_split("zstd", &skipped), Ok(b"one".to_vec()));
}

#[test]
fn a_member_that_only_begins_like_one_is_malformed() {
    let mut input = encoded(Coding::Gzip, b"one");
    input.extend_from_slice(b"\x1f not gzip at all");
    assert_eq!(however_split("gzip", &input), Err(DecodeError::Malformed));
}

#[test]
fn checksums_and_lengths_are_verified() {
    let input = encoded(Coding::Gzip, &json(300, 1));
    for back in 1..=8 {
        let mut wrong = input.clone();
        wrong[input.len() - back] ^= 0x10;
        assert_eq!(
            however_split("gzip", &wrong),
            Err(DecodeError::Malformed),
            "{back} from the end"
        );
    }
    // The encoder here leaves the checksum of zstd out, as TCP and TLS have theirs; others write it.
    let mut context = zstd_safe::CCtx::create();
    let checksum = zstd_safe::CParameter::ChecksumFlag(true);
    context.set_parameter(checksum).expect("it exists");
    let mut input = Vec::with_capacity(100);
    context
        .compress2(&mut input, b"hello")
        .expect("there is room");
    assert_eq!(however_split("zstd", &input), Ok(b"hello".to_vec()));
    *input.last_mut().expect("it is not empty") ^= 1;
    assert_eq!(however_split("zstd", &input), Err(DecodeError::Malformed));
}

#[test]
fn what_is_in_no_coding_is_malformed() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let input = b"{\"this\": \"is not encoded at all\"}";
        assert_eq!(
            however_split(coding, input),
            Err(DecodeError::Malformed),
            "{coding}"
        );
    }
}

#[test]
fn damage_anywhere_is_an_error_or_changes_nothing_but_never_worse() {
    let body = json(400, 1);
    for coding in Coding::ALL {
        let input = encoded(coding, &body);
        for at in 0..input.len() {
            for bit in 0..8 {
                let mut damaged = input.clone();
                damaged[at] ^= 1 << bit;
                let result = decoded(coding.token(), &[&damaged]);
                // brotli has no checksum; gzip's covers all but parts of its head.
                if let (Coding::Gzip, Ok(out)) = (coding, &result) {
                    assert!(*out == body, "bit {bit} of byte {at}");
                }
            }
        }
    }
}

#[test]
fn a_zstd_window_above_8_mib_is_refused() {
    let frame = |window_log: u8| {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (window_log - 10) << 3];
        // A last, raw block of one byte.
        frame.extend_from_slice(&[0x09, 0x00, 0x00, b'x']);
        frame
    };
    assert_eq!(however_split("zstd", &frame(23)), Ok(b"x".to_vec()));
    assert_eq!(
        however_split("zstd", &frame(24)),
        Err(DecodeError::WindowTooLarge)
    );
    assert_eq!(
        however_split("zstd", &frame(31)),
        Err(DecodeError::WindowTooLarge)
    );
}

#[test]
fn a_zstd_frame_of_another_length_than_it_declares_is_refused_however_it_is_split() {
    // Declared as 2 bytes: a raw block of so many, and an empty block that is the last.
    let frame = |block: &[u8]| {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 2];
        frame.extend_from_slice(&[(block.len() as u8) << 3, 0, 0]);
        frame.extend_from_slice(block);
        frame.extend_from_slice(&[1, 0, 0]);
        frame
    };
    assert_eq!(however_split("zstd", &frame(b"ab")), Ok(b"ab".to_vec()));
    let twice = [frame(b"ab"), frame(b"cd")].concat();
    assert_eq!(however_split("zstd", &twice), Ok(b"abcd".to_vec()));
    for block in [&b""[..], b"a", b"abc"] {
        assert_eq!(
            however_split("zstd", &frame(block)),
            Err(DecodeError::Malformed)
        );
        let second = [frame(b"ab"), frame(block)].concat();
        assert_eq!(however_split("zstd", &second), Err(DecodeError::Malformed));
    }
}

#[test]
fn a_brotli_window_of_the_large_variant_is_refused() {
    let large = [0x11, 0x1e, 0x03, 0x00];
    assert_eq!(however_split("br", &large), Err(DecodeError::Malformed));
}

#[test]
fn a_brotli_meta_block_longer_than_it_declares_is_refused_however_it_is_split() {
    // RFC 7932 9.3. The commands of one meta-block make more than its length, and others follow.
    let overrun = include_bytes!("testdata/overrun.br");
    assert_eq!(however_split("br", overrun), Err(DecodeError::Malformed));
}
