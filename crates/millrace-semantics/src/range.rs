//! Range requests (RFC 9110 14).

use std::ops::Range;

use crate::conditional::{Conditions, Validators};
use crate::grammar::trim;

/// What of a representation a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// All of it: 200.
    Whole,
    /// Nothing that there is: 416 with [`unsatisfied_range`].
    Unsatisfiable,
    /// One part: 206 with [`content_range`].
    One(Range<u64>),
    /// Two parts or more that neither overlap nor touch, in the order asked for: 206 as
    /// [`Multipart`](crate::Multipart).
    Several(Vec<Range<u64>>),
}

/// More ranges than this are ignored, as RFC 9110 14.2 allows; so many are asked for to cause work.
const MAX_RANGES: usize = 32;

/// The parts of a representation of `length` bytes that a GET request asks for; with other methods
/// `Range` means nothing (RFC 9110 14.2).
///
/// Ranges that overlap or touch are one (RFC 9110 15.3.7.2), in the place of the first, so that no
/// byte is sent twice. A `Range` field with an unknown unit, without valid syntax or with more than
/// 32 ranges is ignored, and so is one whose `If-Range` is not current.
pub fn select(conditions: &Conditions<'_>, validators: &Validators<'_>, length: u64) -> Ranges {
    let Some(specs) = conditions.range.only().and_then(byte_ranges) else {
        return Ranges::Whole;
    };
    let Some(mut ranges) = satisfiable(specs, length) else {
        return Ranges::Whole;
    };
    if !conditions.range_is_current(validators) {
        return Ranges::Whole;
    }
    // There is no way to write the range of nothing (RFC 9110 14.4), so that is sent as a whole.
    if !ranges.is_empty() && length == 0 {
        return Ranges::Whole;
    }
    match ranges.len() {
        0 => Ranges::Unsatisfiable,
        1 => Ranges::One(ranges.remove(0)),
        _ => Ranges::Several(ranges),
    }
}

/// The `Content-Range` field of a 206 with this part.
pub fn content_range(range: &Range<u64>, length: u64) -> String {
    let last = range.end.saturating_sub(1);
    format!("bytes {}-{last}/{length}", range.start)
}

/// The `Content-Range` field of a 416.
pub fn unsatisfied_range(length: u64) -> String {
    format!("bytes */{length}")
}

/// What follows `bytes=`.
fn byte_ranges(value: &[u8]) -> Option<&[u8]> {
    let value = trim(value);
    let (unit, specs) = value.split_at_checked(b"bytes=".len())?;
    unit.eq_ignore_ascii_case(b"bytes=").then_some(specs)
}

/// The ranges that begin within the representation, coalesced; `None` without valid syntax.
fn satisfiable(specs: &[u8], length: u64) -> Option<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut count = 0;
    // A list may have empty elements (RFC 9110 5.6.1.2), but not only those.
    let specs = specs.split(|&byte| byte == b',').map(trim);
    for spec in specs.filter(|spec| !spec.is_empty()) {
        count += 1;
        if count > MAX_RANGES {
            return None;
        }
        if let Some(range) = parse(spec, length)? {
            insert(&mut ranges, range);
        }
    }
    (count > 0).then_some(ranges)
}

/// One range, within the representation; `Some(None)` when it lies behind it.
fn parse(spec: &[u8], length: u64) -> Option<Option<Range<u64>>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        let suffix = number(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = number(first)?;
    let last = match last {
        [] => u64::MAX,
        _ => number(last)?,
    };
    if last < first {
        return None;
    }
    Some((first < length).then(|| first..length.min(last.saturating_add(1))))
}

/// A number of any length: what is too large is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

/// Adds a range to others that do not touch each other, and keeps it so.
fn insert(ranges: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    let mut place = ranges.len();
    while let Some(index) = ranges
        .iter()
        .position(|other| other.start <= range.end && range.start <= other.end)
    {
        let other = ranges.remove(index);
        range = range.start.min(other.start)..range.end.max(other.end);
        place = place.min(index);
    }
    ranges.insert(place, range);
}

#[cfg(test)]
mod tests {
    use super::{Ranges, content_range, select, unsatisfied_range};
    use crate::{Conditions, Validators};
    use proptest::prelude::*;

    fn ranges(value: &[u8], length: u64) -> Ranges {
        let conditions = Conditions::from_fields([(&b"Range"[..], value)]);
        select(&conditions, &Validators::default(), length)
    }

    #[test]
    fn one_range_is_cut_to_the_length() {
        for (value, start, end) in [
            ("bytes=0-499", 0, 500),
            ("bytes=500-999", 500, 1000),
            ("bytes=0-0", 0, 1),
            ("bytes=-1", 999, 1000),
            ("bytes=-500", 500, 1000),
            ("bytes=-1000", 0, 1000),
            ("bytes=-1001", 0, 1000),
            ("bytes=-99999999999999999999999999", 0, 1000),
            ("bytes=9-", 9, 1000),
            ("bytes=0-", 0, 1000),
            ("bytes=999-", 999, 1000),
            ("bytes=999-1000", 999, 1000),
            ("bytes=0-18446744073709551615", 0, 1000),
            ("bytes=0-18446744073709551616", 0, 1000),
            ("bytes=007-0008", 7, 9),
            ("BYTES=1-2", 1, 3),
            (" bytes=1-2\t", 1, 3),
            ("bytes= 1-2 ", 1, 3),
            ("bytes=,1-2,,", 1, 3),
            ("bytes=1-2,2000-", 1, 3),
            ("bytes=-0,1-2", 1, 3),
        ] {
            assert_eq!(
                ranges(value.as_bytes(), 1000),
                Ranges::One(start..end),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_byte_range_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes= , ",
            "bytes:0-1",
            "bytes =0-1",
            "items=0-1",
            "0-1",
            "bytes=a-b",
            "bytes=-",
            "bytes=--1",
            "bytes=1",
            "bytes=1-2-3",
            "bytes=2-1",
            "bytes=0-1,2-1",
            "bytes=0 - 1",
            "bytes=0- 1",
            "bytes=- 1",
            "bytes=+0-1",
            "bytes=0-1;q=1",
            "bytes=0-1 2-3",
            "bytes=0x0-1",
            "bytes=٠-١",
            "bytes=99999999999999999999-1",
        ] {
            assert_eq!(ranges(value.as_bytes(), 1000), Ranges::Whole, "{value}");
        }
    }

    #[test]
    fn ranges_behind_the_end_are_unsatisfiable_only_together() {
        for value in [
            "bytes=1000-",
            "bytes=1000-1001",
            "bytes=-0",
            "bytes=-0,5000-",
            "bytes=18446744073709551615-",
            "bytes=99999999999999999999999-",
            "bytes=99999999999999999999998-99999999999999999999999",
        ] {
            let asked = ranges(value.as_bytes(), 1000);
            assert_eq!(asked, Ranges::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn nothing_has_no_part_but_its_end() {
        for (value, expected) in [
            ("bytes=0-", Ranges::Unsatisfiable),
            ("bytes=0-0", Ranges::Unsatisfiable),
            ("bytes=-0", Ranges::Unsatisfiable),
            ("bytes=-5", Ranges::Whole),
            ("bytes=0-0,-1", Ranges::Whole),
        ] {
            assert_eq!(ranges(value.as_bytes(), 0), expected, "{value}");
        }
    }

    #[test]
    fn ranges_that_overlap_or_touch_are_one_in_the_place_of_the_first() {
        for (value, expected) in [
            ("bytes=0-1,3-4", &[(0, 2), (3, 5)][..]),
            ("bytes=3-4,0-1", &[(3, 5), (0, 2)][..]),
            ("bytes=0-1,-1", &[(0, 2), (999, 1000)][..]),
            ("bytes=0-1,2-3", &[(0, 4)][..]),
            ("bytes=2-3,0-1", &[(0, 4)][..]),
            ("bytes=0-9,5-14", &[(0, 15)][..]),
            ("bytes=500-600,601-999", &[(500, 1000)][..]),
            ("bytes=500-700,601-999", &[(500, 1000)][..]),
            ("bytes=20-29,0-9,10-19", &[(0, 30)][..]),
            ("bytes=20-29,50-59,0-9,10-19", &[(0, 30), (50, 60)][..]),
            ("bytes=50-59,20-29,60-60", &[(50, 61), (20, 30)][..]),
            ("bytes=5-,0-2,-1000", &[(0, 1000)][..]),
        ] {
            let mut expected: Vec<_> = expected.iter().map(|&(start, end)| start..end).collect();
            let expected = match expected.len() {
                1 => Ranges::One(expected.remove(0)),
                _ => Ranges::Several(expected),
            };
            assert_eq!(ranges(value.as_bytes(), 1000), expected, "{value}");
        }
    }

    #[test]
    fn more_than_32_ranges_are_ignored() {
        let value = |count: u64| {
            let ranges: Vec<_> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
            format!("bytes={}", ranges.join(","))
        };
        let Ranges::Several(several) = ranges(value(32).as_bytes(), 1000) else {
            panic!("32 are not too many");
        };
        assert_eq!(several.len(), 32);
        assert_eq!(ranges(value(33).as_bytes(), 1000), Ranges::Whole);
        // Those that lie behind the end are work as well.
        assert_eq!(ranges(value(33).as_bytes(), 1), Ranges::Whole);
        let same = "0-,".repeat(1300);
        assert_eq!(ranges(format!("bytes={same}").as_bytes(), 9), Ranges::Whole);
    }

    #[test]
    fn a_field_that_comes_twice_is_ignored() {
        let range = |value: &'static str| (&b"range"[..], value.as_bytes());
        let conditions = Conditions::from_fields([range("bytes=0-1"), range("bytes=0-1")]);
        let selected = select(&conditions, &Validators::default(), 10);
        assert_eq!(selected, Ranges::Whole);
    }

    #[test]
    fn if_range_needs_the_very_same_representation() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let part = Ranges::One(0..1);
        let unsatisfiable = Ranges::Unsatisfiable;
        for (etag, modified, range, if_range, expected) in [
            (Some("\"a\""), None, "0-0", "\"a\"", &part),
            (Some("\"a\""), None, "0-0", " \"a\" ", &part),
            (Some("\"a\""), None, "0-0", "\"b\"", &Ranges::Whole),
            (Some("\"a\""), None, "0-0", "W/\"a\"", &Ranges::Whole),
            (Some("W/\"a\""), None, "0-0", "W/\"a\"", &Ranges::Whole),
            (Some("W/\"a\""), None, "0-0", "\"a\"", &Ranges::Whole),
            (Some("\"a\""), None, "0-0", "\"b\", \"a\"", &Ranges::Whole),
            (Some("\"a\""), None, "0-0", "*", &Ranges::Whole),
            (Some("\"a\""), None, "0-0", "", &Ranges::Whole),
            (None, None, "0-0", "\"a\"", &Ranges::Whole),
            (None, Some(784_111_777), "0-0", date, &part),
            (None, Some(784_111_776), "0-0", date, &Ranges::Whole),
            (None, Some(784_111_778), "0-0", date, &Ranges::Whole),
            (None, None, "0-0", date, &Ranges::Whole),
            (
                None,
                Some(784_111_777),
                "0-0",
                "06 Nov 1994",
                &Ranges::Whole,
            ),
            // 416 is for clients that have the current representation.
            (Some("\"a\""), None, "99-", "\"a\"", &unsatisfiable),
            (Some("\"a\""), None, "99-", "\"b\"", &Ranges::Whole),
        ] {
            let range = format!("bytes={range}");
            let conditions = Conditions::from_fields([
                (&b"If-Range"[..], if_range.as_bytes()),
                (&b"Range"[..], range.as_bytes()),
            ]);
            let validators = Validators {
                etag: etag.map(str::as_bytes),
                modified,
            };
            let selected = select(&conditions, &validators, 10);
            assert_eq!(selected, *expected, "{etag:?} {modified:?} {if_range}");
        }
        let twice = [(&b"if-range"[..], &b"\"a\""[..]); 2];
        let range = (&b"range"[..], &b"bytes=0-0"[..]);
        let conditions = Conditions::from_fields(twice.into_iter().chain([range]));
        let validators = Validators {
            etag: Some(b"\"a\""),
            modified: None,
        };
        assert_eq!(select(&conditions, &validators, 10), Ranges::Whole);
    }

    #[test]
    fn content_range_counts_from_the_first_to_the_last_byte() {
        assert_eq!(content_range(&(0..1), 10), "bytes 0-0/10");
        assert_eq!(content_range(&(2..10), 10), "bytes 2-9/10");
        assert_eq!(unsatisfied_range(10), "bytes */10");
    }

    proptest! {
        #[test]
        fn parts_are_apart_and_cover_what_was_asked_for(
            asked in prop::collection::vec((0u64..60, 0u64..60), 1..=32),
            length in 1u64..50,
        ) {
            let specs: Vec<_> = asked.iter().map(|&(a, b)| format!("{}-{}", a.min(b), a.max(b))).collect();
            let parts = match ranges(format!("bytes={}", specs.join(",")).as_bytes(), length) {
                Ranges::Whole => panic!("the syntax is valid"),
                Ranges::Unsatisfiable => Vec::new(),
                Ranges::One(range) => vec![range],
                Ranges::Several(ranges) => ranges,
            };
            for byte in 0..length {
                let wanted = asked.iter().any(|&(a, b)| (a.min(b)..=a.max(b)).contains(&byte));
                let count = parts.iter().filter(|part| part.contains(&byte)).count();
                prop_assert_eq!(count, usize::from(wanted));
            }
            for (index, part) in parts.iter().enumerate() {
                prop_assert!(part.start < part.end && part.end <= length);
                for other in &parts[..index] {
                    prop_assert!(part.end < other.start || other.end < part.start);
                }
            }
        }

        #[test]
        fn any_bytes_give_parts_within_the_length(
            value in prop::collection::vec(
                prop_oneof![Just(b'-'), Just(b','), Just(b'9'), Just(b'0'), any::<u8>()], 0..60),
            length: u64,
        ) {
            let value = [b"bytes=", &*value].concat();
            match ranges(&value, length) {
                Ranges::One(range) => prop_assert!(range.start < range.end && range.end <= length),
                Ranges::Several(ranges) => {
                    prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= length));
                }
                Ranges::Whole | Ranges::Unsatisfiable => {}
            }
        }
    }
}
