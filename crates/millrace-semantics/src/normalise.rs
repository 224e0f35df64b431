//! One spelling for each path, so that routes can be compared byte by byte.

use crate::grammar::{hex_pair, is_path_byte, is_unreserved};

/// Appends the normal form of `path` to `out` and says so when it differs from `path`; leaves `out`
/// alone and says no when `path` is in that form already, as nearly all are.
///
/// In the normal form (RFC 3986 6.2.2) what needs no percent-encoding has none, the digits of the
/// rest are upper-case, and what a URI may not have as it is, such as `{`, `"` or a `%` that begins
/// no encoding, is encoded. Nothing that changes what a path means is touched: `%2F` stays, and so
/// do dot segments and empty ones.
pub fn normalise(path: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(first) = path.iter().position(|&byte| !is_path_byte(byte)) else {
        return false;
    };
    let start = out.len();
    out.extend_from_slice(&path[..first]);
    let mut rest = &path[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, hex_pair(tail)) {
            (b'%', Some(decoded)) => {
                rest = &tail[2..];
                if is_unreserved(decoded) {
                    out.push(decoded);
                } else {
                    push_encoded(decoded, out);
                }
            }
            (&byte, _) if is_path_byte(byte) => out.push(byte),
            (&byte, _) => push_encoded(byte, out),
        }
    }
    let differs = out[start..] != *path;
    if !differs {
        out.truncate(start);
    }
    differs
}

fn push_encoded(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |index: u8| DIGITS[usize::from(index)];
    out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn different_spellings_of_a_path_become_one() {
        for (path, normal) in [
            ("/a%62c", "/abc"),
            ("/%7Euser/%2D%2e%5F", "/~user/-._"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%3ab", "/a%3Ab"),
            ("/{a}", "/%7Ba%7D"),
            ("/a b\\c\"<>^`|[]", "/a%20b%5Cc%22%3C%3E%5E%60%7C%5B%5D"),
            ("/%", "/%25"),
            ("/%4", "/%254"),
            // Decoding the second alone would make an encoding of both.
            ("/%4%41", "/%254A"),
            ("/%zz%41", "/%25zzA"),
            ("/%2541", "/%2541"),
        ] {
            let mut out = b"kept".to_vec();
            let differs = normalise(path.as_bytes(), &mut out);
            assert_eq!(differs, path != normal, "{path}");
            let expected = if differs { normal } else { "" };
            assert_eq!(out, [b"kept", expected.as_bytes()].concat(), "{path}");
        }
    }

    #[test]
    fn paths_in_normal_form_are_left_alone() {
        for path in [
            "",
            "/",
            "/a/b.c/~d",
            "/a//b/../c/.",
            "/!$&'()*+,;=:@",
            "/%2F%25%C3%A9",
        ] {
            let mut out = Vec::new();
            assert!(!normalise(path.as_bytes(), &mut out), "{path}");
            assert!(out.is_empty(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(
            path in prop::collection::vec(prop_oneof![Just(b'%'), Just(b'4'), any::<u8>()], 0..40),
        ) {
            let mut normal = Vec::new();
            if !normalise(&path, &mut normal) {
                normal = path;
            }
            prop_assert!(normal.iter().all(|&byte| byte == b'%' || super::is_path_byte(byte)));
            prop_assert!(!normalise(&normal, &mut Vec::new()));
        }
    }
}
