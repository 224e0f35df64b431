//! What a request's conditions come to, by the clauses of RFC 9110 13.

use millrace_semantics::{Conditions, Precondition, Validators, evaluate};
use proptest::prelude::*;

use Precondition::{Failed, NotModified, Proceed};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const SECONDS: u64 = 784_111_777;
const NOW: u64 = 1_700_000_000;

const TAGGED: Validators<'_> = Validators {
    etag: Some(b"\"a\""),
    modified: Some(SECONDS),
};
const WEAK: Validators<'_> = Validators {
    etag: Some(b"W/\"a\""),
    modified: Some(SECONDS),
};
const DATED: Validators<'_> = Validators {
    etag: None,
    modified: Some(SECONDS),
};
const NOTHING: Validators<'_> = Validators {
    etag: None,
    modified: None,
};

/// Evaluates field lines written `name: value`, for GET and then for another method.
fn outcomes(lines: &[&str], exists: bool, validators: &Validators<'_>) -> [Precondition; 2] {
    let fields = lines.iter().map(|line| {
        let (name, value) = line.split_once(": ").expect("a name and a value");
        (name.as_bytes(), value.as_bytes())
    });
    let conditions = Conditions::from_fields(fields);
    [true, false].map(|safe| evaluate(&conditions, safe, exists, validators, NOW))
}

fn check(validators: &Validators<'_>, cases: &[(&[&str], [Precondition; 2])]) {
    for (lines, expected) in cases {
        assert_eq!(outcomes(lines, true, validators), *expected, "{lines:?}");
    }
}

#[test]
fn if_match_needs_the_current_tag_and_compares_strongly() {
    check(
        &TAGGED,
        &[
            (&[], [Proceed, Proceed]),
            (&["If-Match: \"a\""], [Proceed, Proceed]),
            (&["if-match: \"b\", \"a\""], [Proceed, Proceed]),
            (&["If-Match: \"b\"", "If-Match: \"a\""], [Proceed, Proceed]),
            (&["If-Match: *"], [Proceed, Proceed]),
            (&["If-Match: \t* "], [Proceed, Proceed]),
            (&["If-Match: \"b\""], [Failed, Failed]),
            (&["If-Match: W/\"a\""], [Failed, Failed]),
            (&["If-Match: a"], [Failed, Failed]),
            (&["If-Match: "], [Failed, Failed]),
            // An asterisk is the whole field or means nothing.
            (&["If-Match: *, \"b\""], [Failed, Failed]),
            (&["If-Match: *", "If-Match: *"], [Failed, Failed]),
        ],
    );
    check(
        &WEAK,
        &[
            (&["If-Match: W/\"a\""], [Failed, Failed]),
            (&["If-Match: \"a\""], [Failed, Failed]),
            (&["If-Match: *"], [Proceed, Proceed]),
        ],
    );
    check(&DATED, &[(&["If-Match: \"a\""], [Failed, Failed])]);
}

#[test]
fn if_none_match_compares_weakly_and_answers_304_only_to_safe_methods() {
    let current = [NotModified, Failed];
    check(
        &TAGGED,
        &[
            (&["If-None-Match: \"a\""], current),
            (&["If-None-Match: W/\"a\""], current),
            (&["If-None-Match: \"b\",\"a\""], current),
            (&["If-None-Match: \"b\"", "If-None-Match: W/\"a\""], current),
            (&["If-None-Match: *"], current),
            (&["If-None-Match: \"b\""], [Proceed, Proceed]),
            (&["If-None-Match: \"a"], [Proceed, Proceed]),
            (&["If-None-Match: a"], [Proceed, Proceed]),
            (&["If-None-Match: "], [Proceed, Proceed]),
        ],
    );
    check(&WEAK, &[(&["If-None-Match: \"a\""], current)]);
    check(
        &NOTHING,
        &[
            (&["If-None-Match: \"a\""], [Proceed, Proceed]),
            (&["If-None-Match: *"], current),
        ],
    );
}

#[test]
fn what_does_not_exist_has_no_tag_and_no_date() {
    for (lines, expected) in [
        (&["If-Match: *"][..], [Failed, Failed]),
        (&["If-Match: \"a\""], [Failed, Failed]),
        (&["If-None-Match: *"], [Proceed, Proceed]),
        (&["If-None-Match: \"a\""], [Proceed, Proceed]),
        (
            &["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
            [Proceed, Proceed],
        ),
        (&[&format!("If-Modified-Since: {DATE}")], [Proceed, Proceed]),
    ] {
        assert_eq!(outcomes(lines, false, &TAGGED), expected, "{lines:?}");
    }
}

#[test]
fn dates_compare_by_the_second_in_all_three_forms() {
    for (date, since, unmodified_since) in [
        (DATE, [NotModified, Proceed], [Proceed, Proceed]),
        (
            "Sunday, 06-Nov-94 08:49:37 GMT",
            [NotModified, Proceed],
            [Proceed, Proceed],
        ),
        (
            "Sun Nov  6 08:49:37 1994",
            [NotModified, Proceed],
            [Proceed, Proceed],
        ),
        (
            " Sun, 06 Nov 1994 08:49:37 GMT\t",
            [NotModified, Proceed],
            [Proceed, Proceed],
        ),
        (
            "Sun, 06 Nov 1994 08:49:38 GMT",
            [NotModified, Proceed],
            [Proceed, Proceed],
        ),
        (
            "Fri, 31 Dec 9999 23:59:59 GMT",
            [NotModified, Proceed],
            [Proceed, Proceed],
        ),
        (
            "Sun, 06 Nov 1994 08:49:36 GMT",
            [Proceed, Proceed],
            [Failed, Failed],
        ),
        (
            "Thu, 01 Jan 1970 00:00:00 GMT",
            [Proceed, Proceed],
            [Failed, Failed],
        ),
    ] {
        let lines = [
            format!("If-Modified-Since: {date}"),
            format!("If-Unmodified-Since: {date}"),
        ];
        assert_eq!(outcomes(&[&lines[0]], true, &DATED), since, "{date}");
        assert_eq!(
            outcomes(&[&lines[1]], true, &DATED),
            unmodified_since,
            "{date}"
        );
    }
}

#[test]
fn what_is_no_date_is_ignored_and_so_are_two() {
    for value in [
        "",
        "0",
        "yesterday",
        "784111777",
        "06 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT, Thu, 01 Jan 1970 00:00:00 GMT",
        "\"a\"",
        "*",
    ] {
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            let line = format!("{name}: {value}");
            assert_eq!(
                outcomes(&[&line], true, &DATED),
                [Proceed, Proceed],
                "{line}"
            );
        }
    }
    let line = format!("If-Modified-Since: {DATE}");
    assert_eq!(outcomes(&[&line, &line], true, &DATED), [Proceed, Proceed]);
}

#[test]
fn dates_are_ignored_where_tags_are_given_or_no_date_is_known() {
    let since = &*format!("If-Modified-Since: {DATE}");
    let long_ago = "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT";
    check(
        &TAGGED,
        &[
            (&[since, "If-None-Match: \"b\""], [Proceed, Proceed]),
            (&[since, "If-None-Match: x"], [Proceed, Proceed]),
            (&[long_ago, "If-Match: \"a\""], [Proceed, Proceed]),
            (&[long_ago], [Failed, Failed]),
        ],
    );
    check(
        &NOTHING,
        &[
            (&[since], [Proceed, Proceed]),
            (&[long_ago], [Proceed, Proceed]),
        ],
    );
}

#[test]
fn conditions_are_evaluated_in_the_order_of_13_2_2() {
    let since = &*format!("If-Modified-Since: {DATE}");
    let long_ago = "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT";
    check(
        &TAGGED,
        &[
            (
                &["If-None-Match: \"a\"", "If-Match: \"b\""],
                [Failed, Failed],
            ),
            (
                &["If-None-Match: \"a\"", "If-Match: \"a\""],
                [NotModified, Failed],
            ),
            (&["If-None-Match: \"a\"", long_ago], [Failed, Failed]),
            (&[since, long_ago], [Failed, Failed]),
            (&[since, "If-Match: \"a\""], [NotModified, Proceed]),
        ],
    );
}

#[test]
fn a_modification_in_the_future_counts_as_one_now() {
    let future = Validators {
        etag: None,
        modified: Some(NOW + 1000),
    };
    let now = "Tue, 14 Nov 2023 22:13:20 GMT";
    let since = &*format!("If-Modified-Since: {now}");
    let unmodified_since = &*format!("If-Unmodified-Since: {now}");
    check(
        &future,
        &[
            (&[since], [NotModified, Proceed]),
            (&[unmodified_since], [Proceed, Proceed]),
            (
                &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT"],
                [Failed, Failed],
            ),
        ],
    );
}

#[test]
fn other_fields_are_no_conditions() {
    let lines = [
        "If-Matches: \"b\"",
        "X-Match: \"b\"",
        "Host: a",
        "If-Match2: x",
    ];
    assert_eq!(outcomes(&lines, true, &TAGGED), [Proceed, Proceed]);
}

proptest! {
    #[test]
    fn any_bytes_come_to_something(
        lines in prop::collection::vec(
            (
                prop::sample::select(vec!["if-match", "if-none-match", "if-modified-since", "if-unmodified-since",
                    "if-range", "range", "accept-encoding"]),
                prop_oneof!["[W/\"a, *]{0,12}".prop_map(String::into_bytes),
                    "[SMTWF][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT".prop_map(String::into_bytes),
                    prop::collection::vec(any::<u8>(), 0..40)],
            ),
            0..6,
        ),
        safe: bool,
        exists: bool,
    ) {
        let fields = lines.iter().map(|(name, value)| (name.as_bytes(), &**value));
        let conditions = Conditions::from_fields(fields);
        let outcome = evaluate(&conditions, safe, exists, &TAGGED, NOW);
        prop_assert!(safe || outcome != NotModified);
        millrace_semantics::select(&conditions, &TAGGED, 10);
    }
}
