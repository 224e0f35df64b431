//! Entity tags: made for files, compared, and read from lists (RFC 9110 8.8.3).

use std::fmt::{self, Write};
use std::ops::Deref;

use crate::grammar::trim;

/// An entity tag in its text form, quotes included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ETag {
    text: [u8; ETag::CAPACITY],
    length: u8,
}

/// The tag of a file by its length and the nanoseconds since 1970 of its last modification, such as
/// `"1f-18a3c2e5d4b60000"`. `weak` says that the file may change twice without this changing, as
/// when the file system's clock is coarse, or that it is meant for caches only: a weak tag resumes
/// no download.
pub fn file_etag(modified_nanoseconds: u64, length: u64, weak: bool) -> ETag {
    let mut tag = ETag {
        text: [0; ETag::CAPACITY],
        length: 0,
    };
    let prefix = if weak { "W/" } else { "" };
    // The capacity is that of the longest.
    let written = write!(tag, "{prefix}\"{length:x}-{modified_nanoseconds:x}\"");
    debug_assert!(written.is_ok());
    tag
}

/// Whether both tags are equal and neither is weak (RFC 9110 8.8.3.2).
pub fn strong_match(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

/// Whether both tags are equal apart from being weak (RFC 9110 8.8.3.2).
pub fn weak_match(one: &[u8], other: &[u8]) -> bool {
    let opaque = |tag| <[u8]>::strip_prefix(tag, b"W/").unwrap_or(tag);
    opaque(one) == opaque(other)
}

/// The tags of one line of a list. What is between commas and no tag is passed over.
pub(crate) fn list(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (tag, after) = split_tag(rest);
            // Behind a tag comes the comma or nothing, or else it was no tag.
            let next = after.iter().position(|&byte| byte == b',');
            let (behind, next) = after.split_at(next.unwrap_or(after.len()));
            rest = next.get(1..).unwrap_or_default();
            if let Some(tag) = tag
                && trim(behind).is_empty()
            {
                return Some(tag);
            }
        }
        None
    })
}

/// The only tag of `value`, if it is one.
pub(crate) fn single(value: &[u8]) -> Option<&[u8]> {
    match split_tag(value) {
        (Some(tag), rest) if trim(rest).is_empty() => Some(tag),
        _ => None,
    }
}

/// The tag at the beginning of `text`, and what follows it. A comma within quotes ends no tag.
fn split_tag(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let white = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let text = &text[white.count()..];
    let opening = if text.starts_with(b"W/") { 2 } else { 0 };
    if text.get(opening) != Some(&b'"') {
        return (None, text);
    }
    let quoted = &text[opening + 1..];
    match quoted.iter().position(|&byte| byte == b'"') {
        Some(length) => {
            let (tag, rest) = text.split_at(opening + length + 2);
            (Some(tag), rest)
        }
        None => (None, &[]),
    }
}

impl ETag {
    const CAPACITY: usize = r#"W/"ffffffffffffffff-ffffffffffffffff""#.len();

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self).unwrap_or_default()
    }
}

impl Deref for ETag {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }
}

impl Write for ETag {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.length);
        let place = self.text.get_mut(start..start + text.len());
        place.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length += text.len() as u8;
        Ok(())
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ETag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{file_etag, list, single, strong_match, weak_match};
    use proptest::prelude::*;

    #[test]
    fn a_file_has_its_length_and_time_as_its_tag() {
        assert_eq!(file_etag(0xabc, 31, false).as_str(), "\"1f-abc\"");
        assert_eq!(file_etag(0xabc, 31, true).as_str(), "W/\"1f-abc\"");
        assert_eq!(file_etag(0, 0, false).as_str(), "\"0-0\"");
        assert_eq!(
            file_etag(u64::MAX, u64::MAX, true).as_str(),
            "W/\"ffffffffffffffff-ffffffffffffffff\""
        );
    }

    #[test]
    fn tags_compare_as_in_the_table_of_the_rfc() {
        for (one, other, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("w/\"1\"", "\"1\"", false, false),
        ] {
            let (one, other) = (one.as_bytes(), other.as_bytes());
            assert_eq!(strong_match(one, other), strong);
            assert_eq!(strong_match(other, one), strong);
            assert_eq!(weak_match(one, other), weak);
            assert_eq!(weak_match(other, one), weak);
        }
    }

    #[test]
    fn a_list_gives_its_tags_and_passes_over_the_rest() {
        for (line, tags) in [
            ("", &[][..]),
            (" ,, ,", &[]),
            ("\"a\"", &["\"a\""]),
            ("\"a\",\"b\"", &["\"a\"", "\"b\""]),
            (" W/\"a\" ,\t\"b\" ", &["W/\"a\"", "\"b\""]),
            ("\"a,b\", \"\"", &["\"a,b\"", "\"\""]),
            ("\"a\\\",\"b\"", &["\"a\\\"", "\"b\""]),
            ("a, \"b\"", &["\"b\""]),
            ("*, \"b\"", &["\"b\""]),
            ("\"a\" \"b\", \"c\"", &["\"c\""]),
            ("\"a\"b, \"c\"", &["\"c\""]),
            ("w/\"a\", \"c\"", &["\"c\""]),
            ("W/ \"a\", \"c\"", &["\"c\""]),
            ("\"c\", \"open", &["\"c\""]),
        ] {
            let given: Vec<_> = list(line.as_bytes()).collect();
            let expected: Vec<_> = tags.iter().map(|tag| tag.as_bytes()).collect();
            assert_eq!(given, expected, "{line}");
        }
        assert_eq!(single(b" W/\"a\" "), Some(&b"W/\"a\""[..]));
        for value in [&b""[..], b"a", b"\"a\", \"b\"", b"\"a\" b", b"\"a"] {
            assert_eq!(single(value), None);
        }
    }

    proptest! {
        #[test]
        fn a_list_of_any_bytes_ends(line in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'W'), Just(b'/'), Just(b' '), any::<u8>()], 0..40))
        {
            for tag in list(&line) {
                prop_assert!(tag.ends_with(b"\""));
            }
            single(&line);
        }
    }
}
