//! A route's pattern, read and checked.

use crate::RouteError;
use crate::normalise::normalise;

/// A pattern's segments and the names of its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern<'p> {
    /// At least one; the last is an empty literal when the pattern ends in a slash.
    pub(crate) segments: Vec<Segment>,
    names: Vec<&'p str>,
}

/// What one segment of a path has to be. Text is in normal form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(Vec<u8>),
    Parameter { prefix: Vec<u8>, suffix: Vec<u8> },
    Rest,
}

/// The names of a pattern's parameters, in the order of their spans.
pub fn parameter_names(pattern: &str) -> Result<Vec<&str>, RouteError> {
    Pattern::parse(pattern).map(|parsed| parsed.names)
}

/// Keeps the search's recursion shallow; a record's parameter count has to fit in a byte as well.
const MAX_SEGMENTS: usize = 128;

impl<'p> Pattern<'p> {
    pub(crate) fn parse(pattern: &'p str) -> Result<Self, RouteError> {
        let Some(path) = pattern.strip_prefix('/') else {
            return invalid(pattern, "a pattern begins with a slash");
        };
        if pattern.contains(|character: char| character.is_control()) {
            return invalid(pattern, "a pattern has no control characters");
        }
        if pattern.contains('#') {
            return invalid(pattern, "a pattern is a path, without a fragment");
        }
        let mut parsed = Pattern {
            segments: Vec::new(),
            names: Vec::new(),
        };
        for segment in path.split('/') {
            if let Some(Segment::Rest) = parsed.segments.last() {
                return invalid(pattern, "a wildcard is the last segment");
            }
            if parsed.segments.len() == MAX_SEGMENTS {
                return invalid(pattern, "a pattern has at most 128 segments");
            }
            let (segment, name) = match parse_segment(segment) {
                Ok(parts) => parts,
                Err(reason) => return invalid(pattern, reason),
            };
            if let Some(name) = name {
                if parsed.names.contains(&name) {
                    return invalid(pattern, "each parameter has a name of its own");
                }
                parsed.names.push(name);
            }
            parsed.segments.push(segment);
        }
        Ok(parsed)
    }

    /// Makes `/a` of `/a/`.
    pub(crate) fn trim_trailing_slash(&mut self) {
        if let [_, .., Segment::Literal(last)] = &*self.segments
            && last.is_empty()
        {
            self.segments.pop();
        }
    }
}

/// The segment and the name in it, or what is wrong with it.
fn parse_segment(text: &str) -> Result<(Segment, Option<&str>), &'static str> {
    if let Some(name) = text.strip_prefix('*') {
        return match name_length(name) {
            0 => Err("a wildcard has a name: write *path"),
            length if length < name.len() => Err("nothing follows the name of a wildcard"),
            _ => Ok((Segment::Rest, Some(name))),
        };
    }
    let colon = text
        .match_indices(':')
        .map(|(index, _)| index)
        .find(|&index| index == 0 || name_length(&text[index + 1..]) > 0);
    let Some(colon) = colon else {
        check_literal(text)?;
        return Ok((Segment::Literal(normal(text)), None));
    };

    let (prefix, rest) = (&text[..colon], &text[colon + 1..]);
    let (name, suffix) = rest.split_at(name_length(rest));
    if name.is_empty() {
        return Err("a parameter has a name: write :id");
    }
    match suffix.chars().next() {
        Some('?') => return Err("a parameter is never optional: add a second route"),
        Some('(' | '+' | '*') => return Err("a parameter is a name, without an expression"),
        _ => {}
    }
    let mut second = suffix.match_indices(':');
    if second.any(|(index, _)| name_length(&suffix[index + 1..]) > 0) {
        return Err("a segment has one parameter at most");
    }
    check_literal(prefix)?;
    check_literal(suffix)?;
    let segment = Segment::Parameter {
        prefix: normal(prefix),
        suffix: normal(suffix),
    };
    Ok((segment, Some(name)))
}

fn check_literal(text: &str) -> Result<(), &'static str> {
    if text.contains('*') {
        return Err("a wildcard is a whole segment; write %2A for an asterisk");
    }
    if text.contains('?') {
        return Err("a pattern is a path, without a query");
    }
    Ok(())
}

/// Length of the name that `text` begins with.
fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.bytes().take_while(|byte| in_name(byte)).count()
}

fn normal(text: &str) -> Vec<u8> {
    let mut normal = Vec::new();
    if !normalise(text.as_bytes(), &mut normal) {
        normal.extend_from_slice(text.as_bytes());
    }
    normal
}

fn invalid<T>(pattern: &str, reason: &str) -> Result<T, RouteError> {
    Err(RouteError::Invalid {
        reason: format!("{pattern:?}: {reason}"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Segment, parameter_names};
    use crate::RouteError;
    use proptest::prelude::*;

    #[test]
    fn names_come_in_the_order_of_the_pattern() {
        for (pattern, names) in [
            ("/", &[][..]),
            ("/a/b", &[]),
            ("/12:30", &[]),
            ("/:a", &["a"]),
            ("/:b/x/:a/*rest", &["b", "a", "rest"]),
            ("/img-:id.png", &["id"]),
            ("/:name.json", &["name"]),
            ("/:file_1", &["file_1"]),
            ("/v:major", &["major"]),
        ] {
            assert_eq!(parameter_names(pattern).as_deref(), Ok(names), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_reason() {
        for (pattern, reason) in [
            ("", "begins with a slash"),
            ("a", "begins with a slash"),
            ("*", "begins with a slash"),
            ("/:", "write :id"),
            ("/:/a", "write :id"),
            ("/:1", "write :id"),
            ("/:é", "write :id"),
            ("/*", "write *path"),
            ("/*1", "write *path"),
            ("/*path/a", "is the last segment"),
            ("/*path/", "is the last segment"),
            ("/*a*b", "nothing follows"),
            ("/*path.js", "nothing follows"),
            ("/a*b", "is a whole segment"),
            ("/a*", "is a whole segment"),
            ("/:a-*", "is a whole segment"),
            ("/:a-:b", "one parameter at most"),
            ("/:a:b", "one parameter at most"),
            ("/:a/:a", "a name of its own"),
            ("/:a/*a", "a name of its own"),
            ("/:a?", "never optional"),
            ("/:a(\\d+)", "without an expression"),
            ("/:a+", "without an expression"),
            ("/:a*", "without an expression"),
            ("/a?b=c", "without a query"),
            ("/a#b", "without a fragment"),
            ("/a\nb", "no control characters"),
            (&"/a".repeat(129), "at most 128"),
        ] {
            let Err(RouteError::Invalid { reason: given }) = parameter_names(pattern) else {
                panic!("{pattern} is refused");
            };
            assert!(given.contains(reason), "{pattern}: {given}");
        }
        assert!(parameter_names(&"/a".repeat(128)).is_ok());
    }

    #[test]
    fn literal_text_is_kept_in_its_normal_form() {
        let segments = Pattern::parse("/café/%7e{:id}").map(|parsed| parsed.segments);
        let expected = vec![
            Segment::Literal(b"caf%C3%A9".to_vec()),
            Segment::Parameter {
                prefix: b"~%7B".to_vec(),
                suffix: b"%7D".to_vec(),
            },
        ];
        assert_eq!(segments, Ok(expected));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(pattern in "/[/:*a-c{}%é\\PC]{0,20}") {
            if let Ok(parsed) = Pattern::parse(&pattern) {
                prop_assert!(parsed.names.len() <= parsed.segments.len());
                prop_assert!(!parsed.segments.is_empty());
            }
        }
    }
}
