//! What the codings are called, how hard they try, and in which order they were applied.

use std::fmt;

/// A content coding that bodies can be encoded with (RFC 9110 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, within the window of RFC 9659.
    Zstd,
}

impl Coding {
    /// All of them.
    pub const ALL: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

    /// The name in `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// The coding of that name, in any case. `x-gzip` is gzip (RFC 9110 8.4.1.3).
    pub fn from_token(token: &[u8]) -> Option<Coding> {
        if token.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Coding::Gzip);
        }
        Coding::ALL
            .into_iter()
            .find(|coding| token.eq_ignore_ascii_case(coding.token().as_bytes()))
    }
}

/// How hard each coding tries. Values out of range are brought into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// 0 (stored) to 9.
    pub gzip: u32,
    /// 0 to 11. A stream holds 4 MiB at 5 and 6, 11 MiB at 7 and 38 MiB at 9; from 9 on a body takes 40 to 130 times as
    /// long as at 2, which is for files that are encoded once.
    pub brotli: u32,
    /// -50 to 19; above that the window would exceed what clients must accept (RFC 9659 3).
    pub zstd: i32,
}

impl Default for Levels {
    /// gzip 3, brotli 2 and zstd 3, for answers that are made while a client waits.
    ///
    /// Microseconds and what is left of 20 KiB of JSON (`examples/microseconds.rs`; one core of a small virtual machine):
    ///
    /// | gzip | µs | % | brotli | µs | % | zstd | µs | % |
    /// | --- | --- | --- | --- | --- | --- | --- | --- | --- |
    /// | 1 | 43 | 32.5 | 1 | 95 | 24.7 | 1 | 43 | 23.2 |
    /// | 2 | 81 | 25.0 | **2** | 161 | 23.0 | **3** | 54 | 22.4 |
    /// | **3** | 118 | 23.7 | 3 | 182 | 22.9 | 5 | 128 | 22.1 |
    /// | 4 | 153 | 22.8 | 4 | 254 | 22.5 | 6 | 187 | 21.4 |
    /// | 6 | 183 | 21.9 | 5 | 412 | 20.4 | 7 | 230 | 21.2 |
    ///
    /// gzip at 3 makes of it what zlib does at 6, to 6 % and in a quarter of the time. brotli 1 is larger than gzip
    /// below 4 KiB; brotli gains much only from 5 on, at five times the time of gzip. zstd beats both in both.
    fn default() -> Levels {
        Levels {
            gzip: 3,
            brotli: 2,
            zstd: 3,
        }
    }
}

impl Levels {
    pub(crate) fn of(&self, coding: Coding) -> i32 {
        match coding {
            Coding::Gzip => self.gzip.min(9) as i32,
            Coding::Brotli => self.brotli.min(11) as i32,
            Coding::Zstd => self.zstd.clamp(-50, 19),
        }
    }
}

/// The codings that were applied to a body, first to last, as `Content-Encoding` lists them (RFC 9110 8.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    pub(crate) formats: Vec<Format>,
}

/// What a decoder reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Gzip,
    /// The "deflate" coding: zlib's format (RFC 1950).
    Zlib,
    Brotli,
    Zstd,
}

impl Chain {
    /// Each coding costs memory and time of its own, and none gains from more than two.
    const MOST: usize = 4;

    /// Reads the value of `Content-Encoding`; several lines are joined by commas.
    ///
    /// `deflate` is read as RFC 9110 8.4.1.2 has it, in zlib's format; bare deflate data, which some old clients sent,
    /// is malformed. `identity` changes nothing. More than four codings are refused as well.
    pub fn parse(value: &[u8]) -> Result<Chain, UnsupportedCoding> {
        let mut formats = Vec::new();
        for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if token.is_empty() || token.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let format = match Coding::from_token(token) {
                Some(coding) => coding.into(),
                None if token.eq_ignore_ascii_case(b"deflate") => Format::Zlib,
                None => return Err(UnsupportedCoding),
            };
            formats.push(format);
        }
        if formats.len() > Chain::MOST {
            return Err(UnsupportedCoding);
        }
        Ok(Chain { formats })
    }

    /// Whether bodies are as they came.
    pub fn is_identity(&self) -> bool {
        self.formats.is_empty()
    }
}

impl From<Coding> for Chain {
    fn from(coding: Coding) -> Chain {
        Chain {
            formats: vec![coding.into()],
        }
    }
}

impl From<Coding> for Format {
    fn from(coding: Coding) -> Format {
        match coding {
            Coding::Gzip => Format::Gzip,
            Coding::Brotli => Format::Brotli,
            Coding::Zstd => Format::Zstd,
        }
    }
}

/// `Content-Encoding` names a coding that is not known here, or too many. The answer is a 415 (RFC 9110 15.5.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedCoding;

impl fmt::Display for UnsupportedCoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "The body has a content coding other than gzip, deflate, br and zstd, or more than four.",
        )
    }
}

impl std::error::Error for UnsupportedCoding {}

#[cfg(test)]
mod tests {
    use super::{Chain, Coding, Format, UnsupportedCoding};

    #[test]
    fn every_coding_is_found_by_its_name() {
        for coding in Coding::ALL {
            assert_eq!(Coding::from_token(coding.token().as_bytes()), Some(coding));
        }
        assert_eq!(Coding::from_token(b"X-GZip"), Some(Coding::Gzip));
        assert_eq!(Coding::from_token(b"deflate"), None);
    }

    #[test]
    fn codings_are_listed_in_the_order_they_were_applied() {
        let chain = Chain::parse(b" GZIP ,, br,identity,\tdeflate").unwrap();
        assert_eq!(chain.formats, [Format::Gzip, Format::Brotli, Format::Zlib]);
        assert!(Chain::parse(b"identity").unwrap().is_identity());
        assert!(Chain::parse(b"").unwrap().is_identity());
    }

    #[test]
    fn unknown_codings_and_long_chains_are_refused() {
        for value in ["compress", "gzip br", "gzip;q=1", "br,br,br,br,br"] {
            assert_eq!(
                Chain::parse(value.as_bytes()),
                Err(UnsupportedCoding),
                "{value}"
            );
        }
        assert!(Chain::parse(b"br,br,br,br").is_ok());
    }
}
