//! Masking (RFC 6455 5.3).

/// Unmasks `bytes` in place, the first of them with the first byte of `key`; masking is the same. Says whether the
/// result is ASCII, which costs nothing here and spares the check of text as UTF-8.
///
/// For what comes in pieces, `key` is to be turned by as many bytes as came before.
#[inline]
pub fn unmask(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let half = u32::from_ne_bytes(key);
    let wide = u64::from(half) << 32 | u64::from(half);
    // Words in a plain loop become vector instructions of whatever width the target has.
    let (words, tail) = bytes.as_chunks_mut::<8>();
    let mut seen = 0;
    for bytes in words {
        let word = u64::from_ne_bytes(*bytes) ^ wide;
        seen |= word;
        *bytes = word.to_ne_bytes();
    }
    let (halves, tail) = tail.as_chunks_mut::<4>();
    for bytes in halves {
        let word = u32::from_ne_bytes(*bytes) ^ half;
        seen |= u64::from(word);
        *bytes = word.to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
        seen |= u64::from(*byte);
    }
    seen & 0x8080_8080_8080_8080 == 0
}

/// The key for the bytes after `count` bytes.
#[inline]
pub(crate) fn turned(mut key: [u8; 4], count: usize) -> [u8; 4] {
    key.rotate_left(count % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::{turned, unmask};

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    #[test]
    fn each_byte_is_masked_by_the_byte_of_the_key_at_its_place() {
        for length in 0..70 {
            let mut bytes: Vec<u8> = (0..length).collect();
            let masked = bytes.iter().zip(KEY.iter().cycle());
            let expected: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
            unmask(&mut bytes, KEY);
            assert_eq!(bytes, expected);
            for at in 0..bytes.len() {
                let (one, two) = bytes.split_at_mut(at);
                unmask(one, KEY);
                unmask(two, turned(KEY, at));
                assert!(bytes.iter().copied().eq(0..length), "cut at {at}");
                bytes.copy_from_slice(&expected);
            }
        }
    }

    #[test]
    fn one_byte_that_is_not_ascii_is_seen_wherever_it_is() {
        for length in 0..70 {
            let mut bytes = vec![0x7f; length];
            unmask(&mut bytes, KEY);
            assert!(unmask(&mut bytes, KEY));
            for at in 0..length {
                bytes[at] = 0x80;
                unmask(&mut bytes, KEY);
                assert!(!unmask(&mut bytes, KEY), "at {at} of {length}");
                bytes[at] = 0x7f;
            }
        }
    }
}
