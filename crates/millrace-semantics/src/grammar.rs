//! Which byte may be where in the fields and targets that this crate reads.

/// `token` of RFC 9110 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// `unreserved` of RFC 3986 2.3.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What a path may have as it is: `pchar` of RFC 3986 3.3 and the slash, without the percent sign.
pub(crate) fn is_path_byte(byte: u8) -> bool {
    PATH[byte as usize]
}

/// Where the first slash at or after `at` is, or else the end of `path`. Segments are short: this is
/// faster than a call to a search that is good at long texts.
pub(crate) fn find_slash(path: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const SLASHES: u64 = ONES * b'/' as u64;
    while let Some(word) = path.get(at..).and_then(<[u8]>::first_chunk) {
        // A byte that is zero borrows; the lowest mark is exact.
        let zero = u64::from_le_bytes(*word) ^ SLASHES;
        let marks = zero.wrapping_sub(ONES) & !zero & (ONES * 0x80);
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += word.len();
    }
    let rest = path.get(at..).unwrap_or_default();
    rest.iter()
        .position(|&byte| byte == b'/')
        .map_or(path.len(), |length| at + length)
}

/// `bytes` without white space (`OWS` of RFC 9110 5.6.3) on either side.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The byte that `digits`, two hexadecimal ones, stand for.
pub(crate) fn hex_pair(digits: &[u8]) -> Option<u8> {
    let [high, low] = *digits.first_chunk()?;
    let value = |digit: u8| char::from(digit).to_digit(16);
    Some((value(high)? << 4 | value(low)?) as u8)
}

static PATH: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"-._~!$&'()*+,;=:@/";
    let mut index = 0;
    while index < allowed.len() {
        table[allowed[index] as usize] = true;
        index += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = true;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{find_slash, hex_pair, is_token, trim};

    #[test]
    fn white_space_is_trimmed_on_both_sides_only() {
        assert_eq!(trim(b" \t a b \t"), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b""), b"");
    }

    #[test]
    fn a_slash_is_found_wherever_it_is() {
        for length in 0..20 {
            let mut path = vec![0xaf; length];
            assert_eq!(find_slash(&path, 0), length);
            for slash in 0..length {
                path[slash..].fill(b'0');
                path[slash] = b'/';
                assert_eq!(find_slash(&path, 0), slash);
                assert_eq!(find_slash(&path, slash + 1), length);
                path.fill(b'.');
            }
        }
    }

    #[test]
    fn two_hexadecimal_digits_are_a_byte_and_nothing_else_is() {
        assert_eq!(hex_pair(b"aF0"), Some(0xaf));
        for bytes in [&b""[..], b"1", b"+1", b"1g", b"-0"] {
            assert_eq!(hex_pair(bytes), None);
        }
    }

    #[test]
    fn a_token_is_not_empty_and_has_no_delimiters() {
        assert!(is_token(b"M-SEARCH"));
        for bytes in [&b""[..], b"A B", b"A,", b"\xff", b"A/"] {
            assert!(!is_token(bytes));
        }
    }
}
