//! Which byte may be where: tables built at compile time, and scans over eight bytes at a time.

/// `tchar` of RFC 9110 5.6.2.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Where the run of bytes that a `reg-name` has, its percent-encoded parts aside, ends.
pub(crate) fn skip_reg_name(bytes: &[u8], at: usize) -> usize {
    skip_class(bytes, at, REG_NAME)
}

/// `unreserved` or `sub-delims` of RFC 3986: a `reg-name` without its percent-encoded parts.
pub(crate) fn is_reg_name_byte(byte: u8) -> bool {
    CLASS[byte as usize] & REG_NAME != 0
}

/// A control character other than HTAB, CR and LF.
pub(crate) fn is_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n')) || byte == 0x7f
}

/// Where the run of token bytes that begins at `at` ends.
pub(crate) fn skip_token(bytes: &[u8], at: usize) -> usize {
    skip_class(bytes, at, TOKEN)
}

/// Where the run of bytes that a request target may have ends.
///
/// RFC 3986 allows fewer characters than this: browsers send `|`, `{`, `"` and others as they
/// are, and refusing them would protect nothing, as none of them ends a target or a line. White
/// space, control characters and bytes above 0x7e are never part of a target (RFC 9112 3.2), and
/// neither is `#`, as fragments stay with the client (RFC 9110 7.1).
pub(crate) fn skip_target(bytes: &[u8], at: usize) -> usize {
    skip_class(bytes, at, TARGET)
}

/// Where the run of white space (`OWS` of RFC 9110 5.6.3) that begins at `at` ends.
pub(crate) fn skip_white_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// `bytes` without white space at its end.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `bytes` without white space on either side.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(&bytes[skip_white_space(bytes, 0)..])
}

/// The first control character other than HTAB at or after `at`, or the end of `bytes`: where a
/// field value ends (`field-value` of RFC 9110 5.5, with its `obs-text`).
pub(crate) fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let controls = controls_in(u64::from_le_bytes(*word));
        if controls == 0 {
            at += word.len();
            continue;
        }
        at += controls.trailing_zeros() as usize / 8;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\t' && (byte < 0x20 || byte == 0x7f) {
            break;
        }
        at += 1;
    }
    at
}

/// Marks with 0x80 every byte of `word` below 0x20 or equal to 0x7f. The lowest mark is exact; a
/// mark above a true one may be false, as the subtractions borrow.
fn controls_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let low = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = word ^ (ONES * 0x7f);
    let delete = delete.wrapping_sub(ONES) & !delete;
    (low | delete) & HIGH
}

fn skip_class(bytes: &[u8], mut at: usize, class: u8) -> usize {
    while let Some(&byte) = bytes.get(at) {
        if CLASS[byte as usize] & class == 0 {
            break;
        }
        at += 1;
    }
    at
}

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const REG_NAME: u8 = 4;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class_of(byte as u8);
        byte += 1;
    }
    table
};

const fn class_of(byte: u8) -> u8 {
    let mut class = 0;
    let alphanumeric = byte.is_ascii_alphanumeric();
    if alphanumeric || contains(b"!#$%&'*+-.^_`|~", byte) {
        class |= TOKEN;
    }
    if byte.is_ascii_graphic() && byte != b'#' {
        class |= TARGET;
    }
    if alphanumeric || contains(b"-._~!$&'()*+,;=", byte) {
        class |= REG_NAME;
    }
    class
}

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut index = 0;
    while index < set.len() {
        if set[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_at_its_first_control_character_wherever_it_is() {
        for byte in 0..=255u8 {
            for length in 0..40 {
                for index in 0..length {
                    let mut value = vec![b'v'; length];
                    value[index] = byte;
                    let ends = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                    assert_eq!(
                        skip_value(&value, 0),
                        if ends { index } else { length },
                        "{byte:#x} at {index}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_tab_in_a_value_hides_nothing_after_it() {
        for byte in 0..=255u8 {
            for tab in 0..16 {
                for index in (0..16).filter(|&index| index != tab) {
                    let mut value = [b' '; 16];
                    value[tab] = b'\t';
                    value[index] = byte;
                    let ends = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                    assert_eq!(
                        skip_value(&value, 0),
                        if ends { index } else { 16 },
                        "{byte:#x} at {index}"
                    );
                }
            }
        }
        assert_eq!(skip_value(b"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\r", 0), 17);
    }

    #[test]
    fn the_token_table_is_that_of_the_rfc() {
        for byte in 0..=255u8 {
            let expected = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token_byte(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn white_space_is_trimmed_on_both_sides_only() {
        assert_eq!(trim(b" \t a b \t"), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b""), b"");
    }
}
