//! In which coding a representation is sent (RFC 9110 12.5.3).

use crate::grammar::trim;

/// A content coding that an answer may have. Not the type of the crate that encodes: what is chosen
/// may be none, and choosing needs no library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip`, or `x-gzip`, which is the same (RFC 9110 8.4.1.3).
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

/// A few codings, the preferred one first, none twice, without [`Coding::Identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings {
    list: [Coding; 3],
    length: u8,
}

/// A request's `Accept-Encoding` field, read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptEncoding {
    present: bool,
    /// In thousandths, by coding; `None` for those that are not listed.
    listed: [Option<u16>; 4],
    /// Of `*`.
    others: Option<u16>,
}

/// The coding that suits best a request with this `Accept-Encoding` field; see
/// [`AcceptEncoding::prefer`].
pub fn negotiate(accept_encoding: Option<&[u8]>, preference: &[Coding]) -> Coding {
    AcceptEncoding::of(accept_encoding).prefer(preference)
}

/// Whether a request with this `Accept-Encoding` field accepts the coding; see
/// [`AcceptEncoding::accepts`].
pub fn accepts(accept_encoding: Option<&[u8]>, coding: Coding) -> bool {
    AcceptEncoding::of(accept_encoding).accepts(coding)
}

impl AcceptEncoding {
    /// Takes note of a line of the field; several are one list. What is no valid member of it is
    /// passed over, and of two for one coding the last counts.
    pub fn note(&mut self, line: &[u8]) {
        self.present = true;
        for member in line.split(|&byte| byte == b',') {
            let mut parts = member.splitn(2, |&byte| byte == b';').map(trim);
            let name = parts.next().unwrap_or_default();
            let Some(weight) = parts.next().map_or(Some(1000), weight) else {
                continue;
            };
            if name == b"*" {
                self.others = Some(weight);
            } else if let Some(coding) = Coding::from_name(name) {
                self.listed[coding as usize] = Some(weight);
            }
        }
    }

    /// The coding that the client gives the greatest weight, the first of `preference` among equal
    /// ones. [`Coding::Identity`] need not be in there: it comes last among equals, below all codings
    /// that are listed when it is not listed itself, and is the answer when nothing else is accepted,
    /// even if the client excludes it, as some answer is better than none.
    pub fn prefer(&self, preference: &[Coding]) -> Coding {
        let mut best = (0, Coding::Identity);
        for &coding in preference.iter().chain(&[Coding::Identity]) {
            let weight = self.weight(coding).unwrap_or(0);
            if weight > best.0 {
                best = (weight, coding);
            }
        }
        best.1
    }

    /// Whether the client says that it can read the coding. Without the field a server may choose
    /// any, but a client that says nothing often reads none, so only identity counts as accepted.
    pub fn accepts(&self, coding: Coding) -> bool {
        match self.weight(coding) {
            Some(weight) => weight > 0,
            None => coding == Coding::Identity,
        }
    }

    fn of(value: Option<&[u8]>) -> Self {
        let mut field = AcceptEncoding::default();
        if let Some(line) = value {
            field.note(line);
        }
        field
    }

    fn weight(&self, coding: Coding) -> Option<u16> {
        self.listed[coding as usize].or(self.others)
    }
}

impl Coding {
    /// The coding of this name, whatever its letters' case (RFC 9110 8.4.1).
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let is = |expected: &str| name.eq_ignore_ascii_case(expected.as_bytes());
        match name.len() {
            2 if is("br") => Some(Coding::Brotli),
            4 if is("gzip") => Some(Coding::Gzip),
            4 if is("zstd") => Some(Coding::Zstd),
            6 if is("x-gzip") => Some(Coding::Gzip),
            8 if is("identity") => Some(Coding::Identity),
            _ => None,
        }
    }

    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// What a file's name ends in when its content has this coding; empty for identity.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Identity => "",
            Coding::Gzip => ".gz",
            Coding::Brotli => ".br",
            Coding::Zstd => ".zst",
        }
    }
}

impl Codings {
    /// No codings.
    pub const NONE: Codings = Codings {
        list: [Coding::Identity; 3],
        length: 0,
    };

    /// The codings of a list such as `zstd, br, gzip`; `None` when it names another one, identity,
    /// or one twice. Of nothing it is [`Codings::NONE`].
    pub fn from_names(names: &str) -> Option<Self> {
        let mut codings = Codings::NONE;
        for name in names.split(',').map(str::trim) {
            if names.trim().is_empty() {
                break;
            }
            let coding = Coding::from_name(name.as_bytes())?;
            if coding == Coding::Identity || codings.as_slice().contains(&coding) {
                return None;
            }
            codings.list[usize::from(codings.length)] = coding;
            codings.length += 1;
        }
        Some(codings)
    }

    /// The codings in order.
    pub fn as_slice(&self) -> &[Coding] {
        &self.list[..usize::from(self.length)]
    }
}

/// The thousandths of what follows a member's semicolon, `q=` and a number of at most three places
/// (RFC 9110 12.4.2).
fn weight(text: &[u8]) -> Option<u16> {
    let ([b'q' | b'Q', b'='], value) = text.split_at_checked(2)? else {
        return None;
    };
    let (&whole, places) = value.split_first()?;
    let places = match places {
        [] => places,
        [b'.', places @ ..] if places.len() <= 3 => places,
        _ => return None,
    };
    if !matches!(whole, b'0' | b'1') || !places.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = places.iter().chain(b"000").take(3);
    let weight = digits.fold(u16::from(whole - b'0'), |weight, digit| {
        weight * 10 + u16::from(digit - b'0')
    });
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::Coding::{self, Brotli, Gzip, Identity, Zstd};
    use super::{AcceptEncoding, Codings, accepts, negotiate};
    use proptest::prelude::*;

    #[test]
    fn the_heaviest_coding_is_chosen_and_preference_decides_among_equals() {
        let all = &[Zstd, Brotli, Gzip][..];
        for (value, preference, coding) in [
            (None, all, Identity),
            (Some(""), all, Identity),
            (Some("gzip, deflate, br, zstd"), all, Zstd),
            (Some("gzip, deflate, br"), all, Brotli),
            (Some("gzip, deflate, br"), &[Gzip, Brotli], Gzip),
            (Some("gzip, deflate, br"), &[], Identity),
            (Some("deflate, compress"), all, Identity),
            (Some("GZip"), all, Gzip),
            (Some("x-gzip"), all, Gzip),
            (Some("gzip;q=0.5, br;q=0.8"), all, Brotli),
            (Some("gzip;q=0.9, br;q=0.8, zstd;q=0"), all, Gzip),
            (Some("gzip;q=0.001"), all, Gzip),
            (Some("gzip;q=0"), all, Identity),
            (Some("gzip;q=0.000"), all, Identity),
            (Some("*"), all, Zstd),
            (Some("*;q=0"), all, Identity),
            (Some("zstd;q=0, *"), all, Brotli),
            (Some("gzip, *;q=0"), all, Gzip),
            (Some("gzip;q=0.2, *;q=0.1"), all, Gzip),
            (Some("identity"), all, Identity),
            (Some("identity, gzip"), all, Gzip),
            (Some("identity;q=1, gzip;q=0.5"), all, Identity),
            (Some("identity;q=0.5, gzip;q=0.5"), all, Gzip),
            (
                Some("identity;q=0.5, gzip;q=0.5"),
                &[Identity, Gzip],
                Identity,
            ),
            (Some("identity;q=0"), all, Identity),
            (Some("identity;q=0, gzip;q=0.1"), all, Gzip),
            (Some("gzip;q=0, identity;q=0"), all, Identity),
            (Some(" gzip ; q=0.5 ,\tbr;Q=0.4"), all, Gzip),
            (Some("gzip, gzip;q=0"), all, Identity),
            (Some(",,gzip,"), all, Gzip),
        ] {
            let chosen = negotiate(value.map(str::as_bytes), preference);
            assert_eq!(chosen, coding, "{value:?} of {preference:?}");
        }
    }

    #[test]
    fn members_with_an_invalid_weight_are_passed_over() {
        for weight in [
            "",
            "q",
            "q=",
            "q=2",
            "q=1.001",
            "q=1.1",
            "q=-1",
            "q=.5",
            "q=0.0001",
            "q=0,5",
            "q=0.5x",
            "q= 1",
            "q =1",
            "x=1",
            "q=0.5;x=1",
            "q=0.٠",
            "q=NaN",
        ] {
            let value = format!("gzip;{weight}, br;q=0.1");
            let chosen = negotiate(Some(value.as_bytes()), &[Gzip, Brotli]);
            assert_eq!(chosen, Brotli, "{value}");
        }
        for weight in ["q=0.2", "q=0.20", "q=1", "q=1.", "q=1.000", "q=0.999"] {
            let value = format!("gzip;{weight}, br;q=0.1");
            let chosen = negotiate(Some(value.as_bytes()), &[Brotli, Gzip]);
            assert_eq!(chosen, Gzip, "{value}");
        }
    }

    #[test]
    fn only_what_the_client_says_it_reads_is_accepted() {
        for (value, coding, accepted) in [
            (None, Gzip, false),
            (None, Identity, true),
            (Some(""), Gzip, false),
            (Some("gzip"), Gzip, true),
            (Some("gzip"), Brotli, false),
            (Some("gzip"), Identity, true),
            (Some("gzip;q=0"), Gzip, false),
            (Some("*"), Zstd, true),
            (Some("*;q=0"), Identity, false),
            (Some("identity, *;q=0"), Identity, true),
            (Some("identity;q=0"), Identity, false),
        ] {
            let answer = accepts(value.map(str::as_bytes), coding);
            assert_eq!(answer, accepted, "{value:?} {coding:?}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut field = AcceptEncoding::default();
        field.note(b"gzip;q=0.5");
        field.note(b"br");
        assert_eq!(field.prefer(&[Gzip, Brotli]), Brotli);
        assert!(field.accepts(Gzip));
    }

    #[test]
    fn codings_are_read_from_their_names() {
        for (names, codings) in [
            ("", Some(&[][..])),
            (" ", Some(&[])),
            ("zstd,br,gzip", Some(&[Zstd, Brotli, Gzip])),
            ("gzip, zstd", Some(&[Gzip, Zstd])),
            ("br", Some(&[Brotli])),
            ("gzip,gzip", None),
            ("gzip,x-gzip", None),
            ("identity", None),
            ("deflate", None),
            ("gzip,", None),
        ] {
            let read = Codings::from_names(names);
            assert_eq!(read.as_ref().map(Codings::as_slice), codings, "{names}");
        }
        for coding in [Identity, Gzip, Brotli, Zstd] {
            assert_eq!(Coding::from_name(coding.name().as_bytes()), Some(coding));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_accepted_coding_or_none(
            line in prop_oneof![
                "((gzip|br|zstd|identity|\\*|x)( ?; ?q=[01](\\.[0-9]{0,4})?)?,? ?){0,6}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
        ) {
            let mut field = AcceptEncoding::default();
            field.note(&line);
            let chosen = field.prefer(&[Zstd, Brotli, Gzip]);
            prop_assert!(chosen == Identity || field.accepts(chosen));
        }
    }
}
