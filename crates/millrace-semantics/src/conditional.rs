//! Conditional requests (RFC 9110 13).

use std::time::UNIX_EPOCH;

use crate::etag::{self, strong_match, weak_match};
use crate::grammar::trim;
use crate::negotiate::AcceptEncoding;

/// What identifies the state of a resource's representation; what is unknown is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// The value of the `ETag` field: with its quotes, and `W/` before them when it is weak.
    pub etag: Option<&'a [u8]>,
    /// Seconds since 1970 of the `Last-Modified` field.
    pub modified: Option<u64>,
}

/// The fields of a request that decide whether, in which part and in which coding a representation
/// is sent.
#[derive(Clone, Debug, Default)]
pub struct Conditions<'a> {
    /// `If-Match`.
    pub if_match: Lines<'a>,
    /// `If-None-Match`.
    pub if_none_match: Lines<'a>,
    /// `If-Modified-Since`.
    pub if_modified_since: Lines<'a>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Lines<'a>,
    /// `If-Range`.
    pub if_range: Lines<'a>,
    /// `Range`.
    pub range: Lines<'a>,
    /// `Accept-Encoding`.
    pub accept_encoding: AcceptEncoding,
}

/// The lines of one field. Those of a list are one list together (RFC 9110 5.3); a field that is
/// no list and comes twice has no meaning.
#[derive(Clone, Debug, Default)]
pub struct Lines<'a> {
    first: Option<&'a [u8]>,
    more: Vec<&'a [u8]>,
}

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The request is carried out.
    Proceed,
    /// 304: the client has the current representation.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates the conditions in the order of RFC 9110 13.2.2, up to `If-Range`, which
/// [`select`](crate::select) looks at.
///
/// `method_is_safe` is true for GET and HEAD only; `exists` says whether there is a current
/// representation; `now` is in seconds since 1970: a modification date in the future counts as now
/// (RFC 9110 8.8.2.1). Not to be asked when the answer is neither a success nor 412 without the
/// conditions (RFC 9110 13.2.1).
pub fn evaluate(
    conditions: &Conditions<'_>,
    method_is_safe: bool,
    exists: bool,
    validators: &Validators<'_>,
    now: u64,
) -> Precondition {
    let etag = validators.etag.filter(|_| exists);
    let modified = validators.modified.filter(|_| exists);
    let modified_after = |date: Option<u64>| Some(modified?.min(now) > date?);

    if conditions.if_match.is_present() {
        if !any_matches(&conditions.if_match, exists, etag, strong_match) {
            return Precondition::Failed;
        }
    } else if modified_after(conditions.if_unmodified_since.date()) == Some(true) {
        return Precondition::Failed;
    }

    let is_current = if conditions.if_none_match.is_present() {
        any_matches(&conditions.if_none_match, exists, etag, weak_match)
    } else {
        method_is_safe && modified_after(conditions.if_modified_since.date()) == Some(false)
    };
    match (is_current, method_is_safe) {
        (false, _) => Precondition::Proceed,
        (true, true) => Precondition::NotModified,
        (true, false) => Precondition::Failed,
    }
}

impl<'a> Conditions<'a> {
    /// The conditions among a request's fields, given as names and values.
    pub fn from_fields(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut conditions = Conditions::default();
        for (name, value) in fields {
            conditions.note(name, value);
        }
        conditions
    }

    /// Takes note of a field line, in the order of the lines. Others than those above are passed
    /// over.
    pub fn note(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |expected: &str| name.eq_ignore_ascii_case(expected.as_bytes());
        // Their lengths tell most other fields apart without a look at the names.
        let lines = match name.len() {
            5 if is("range") => &mut self.range,
            8 if is("if-match") => &mut self.if_match,
            8 if is("if-range") => &mut self.if_range,
            13 if is("if-none-match") => &mut self.if_none_match,
            17 if is("if-modified-since") => &mut self.if_modified_since,
            19 if is("if-unmodified-since") => &mut self.if_unmodified_since,
            15 if is("accept-encoding") => return self.accept_encoding.note(value),
            _ => return,
        };
        lines.push(value);
    }

    /// Whether the part of the representation that `Range` asks for is one of the representation
    /// that the client has (RFC 9110 13.1.5): true without `If-Range`.
    pub(crate) fn range_is_current(&self, validators: &Validators<'_>) -> bool {
        if !self.if_range.is_present() {
            return true;
        }
        let Some(value) = self.if_range.only() else {
            return false;
        };
        match etag::single(value) {
            Some(given) => validators
                .etag
                .is_some_and(|etag| strong_match(etag, given)),
            // The exact date and no earlier one: nothing says which of two files is the older.
            None => http_date(value).is_some_and(|date| validators.modified == Some(date)),
        }
    }
}

impl<'a> Lines<'a> {
    /// Adds a line.
    pub fn push(&mut self, value: &'a [u8]) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.more.push(value);
        }
    }

    /// Whether the request has the field.
    pub fn is_present(&self) -> bool {
        self.first.is_some()
    }

    /// The field's value when it has one line.
    pub fn only(&self) -> Option<&'a [u8]> {
        self.first.filter(|_| self.more.is_empty())
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        self.first.iter().chain(&self.more).copied()
    }

    /// The date that the field is, in seconds since 1970.
    fn date(&self) -> Option<u64> {
        http_date(self.only()?)
    }
}

/// Whether the list is `*` and there is a representation, or has the representation's tag.
fn any_matches(
    lines: &Lines<'_>,
    exists: bool,
    etag: Option<&[u8]>,
    matches: fn(&[u8], &[u8]) -> bool,
) -> bool {
    if lines.only().map(trim) == Some(b"*") {
        return exists;
    }
    let Some(etag) = etag else {
        return false;
    };
    lines
        .iter()
        .any(|line| etag::list(line).any(|given| matches(etag, given)))
}

/// Seconds since 1970 of a date in any of the three forms of RFC 9110 5.6.7.
fn http_date(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(trim(value)).ok()?;
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
