//! The four forms of a request target, and the authority in it and in Host.

use std::net::Ipv6Addr;
use std::str;

use crate::Error;
use crate::grammar::{is_reg_name_byte, skip_reg_name};

/// Which of the four forms a request target has (RFC 9112 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://host/path?query`, as sent to proxies; the target's host then counts and Host does
    /// not (RFC 9112 3.2.2).
    Absolute {
        /// Where in the target the path begins; the target's length or a `?` when there is none.
        path_start: usize,
    },
    /// `host:port`, with CONNECT only.
    Authority,
    /// `*`, with OPTIONS only.
    Asterisk,
}

/// The form of `target`, whose bytes are already known to be visible ASCII.
pub(crate) fn form_of(method: &[u8], target: &[u8]) -> Result<TargetForm, Error> {
    if method == b"CONNECT" {
        // RFC 9112 3.2.3: the authority form is CONNECT's only one. RFC 9110 9.3.6: an empty or
        // invalid port "MUST" be rejected.
        return match authority(target) {
            Some(Port::Number(1..)) => Ok(TargetForm::Authority),
            _ => Err(Error::InvalidTargetForm),
        };
    }
    match target {
        [b'/', ..] => Ok(TargetForm::Origin),
        b"*" if method == b"OPTIONS" => Ok(TargetForm::Asterisk),
        _ => match absolute_path_start(target) {
            Some(path_start) => Ok(TargetForm::Absolute { path_start }),
            None => Err(Error::InvalidTargetForm),
        },
    }
}

/// Whether `value` is a Host: `uri-host [ ":" port ]` (RFC 9110 7.2), or nothing at all, which a
/// client sends for a target without authority (RFC 9112 3.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    value.is_empty() || authority(value).is_some()
}

/// Where the path of an absolute URL begins; `None` when the target is none.
///
/// An authority with user information has no place in a request and is "likely being used to
/// obscure the authority for the sake of phishing" (RFC 9110 4.2.4), and an empty host "MUST" be
/// rejected (RFC 9110 4.2.1).
fn absolute_path_start(target: &[u8]) -> Option<usize> {
    let scheme_length = target
        .iter()
        .take_while(|&&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    let (scheme, rest) = target.split_at(scheme_length);
    let rest = rest.strip_prefix(b"://")?;
    let authority_length = rest
        .iter()
        .take_while(|&&byte| !matches!(byte, b'/' | b'?'))
        .count();
    authority(&rest[..authority_length])?;
    scheme
        .first()?
        .is_ascii_alphabetic()
        .then_some(scheme_length + 3 + authority_length)
}

/// The port of a valid authority.
enum Port {
    Absent,
    Number(u16),
}

/// Checks `host [ ":" port ]` with a host that is not empty.
fn authority(bytes: &[u8]) -> Option<Port> {
    let rest = if let [b'[', rest @ ..] = bytes {
        let end = rest.iter().position(|&byte| byte == b']')?;
        is_ip_literal(&rest[..end]).then_some(&rest[end + 1..])?
    } else {
        after_reg_name(bytes)?
    };
    match rest {
        // RFC 3986 3.2.3: a port may be empty, and then it is the scheme's.
        [] | [b':'] => Some(Port::Absent),
        [b':', digits @ ..] => port_number(digits).map(Port::Number),
        _ => None,
    }
}

/// What follows the name or IPv4 address that `bytes` begin with (`reg-name` of RFC 3986 3.2.2
/// covers both).
fn after_reg_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = skip_reg_name(bytes, 0);
    while let Some(b'%') = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at = skip_reg_name(bytes, at + 3);
    }
    (at > 0).then_some(&bytes[at..])
}

fn port_number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0u16, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// What is between the brackets: `IPv6address / IPvFuture` (RFC 3986 3.2.2). A zone identifier
/// means something only to the machine it is on, so it is none.
fn is_ip_literal(bytes: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = bytes {
        let digits = rest
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        return match &rest[digits..] {
            [b'.', address @ ..] => {
                digits > 0
                    && !address.is_empty()
                    && address
                        .iter()
                        .all(|&byte| is_reg_name_byte(byte) || byte == b':')
            }
            _ => false,
        };
    }
    str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{TargetForm, form_of, is_host};
    use crate::Error;

    #[test]
    fn hosts_are_names_and_addresses_with_an_optional_port() {
        for host in [
            "",
            "a",
            "example.com",
            "example.com:80",
            "example.com:",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "[v1.fe80::a+en1]",
            "a_b.example",
            "%C3%A4.example",
            "xn--bcher-kva.example:443",
            "a.b.",
            "-",
            "a:0",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn hosts_with_anything_else_are_refused() {
        for host in [
            ":",
            ":80",
            "a:b",
            "a:65536",
            "a:99999999999",
            "a:+80",
            "a:80:80",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%25en0]",
            "[127.0.0.1]",
            "[v.a]",
            "[v1.]",
            "[vz.a]",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "a@b",
            "user:pass@host",
            "a,b",
            "a%",
            "a%2",
            "a%2g",
            "a\\b",
            "http://a",
            "a\tb",
            "\u{e4}",
            "<a>",
            "a\"",
            "a|b",
            "a^b",
            "{a}",
            "`a`",
        ] {
            // The comma is a sub-delim, so a list of names is one odd name to the grammar.
            assert_eq!(is_host(host.as_bytes()), host == "a,b", "{host}");
        }
    }

    #[test]
    fn every_form_is_known_by_method_and_target() {
        use TargetForm::*;
        for (method, target, form) in [
            ("GET", "/", Origin),
            ("GET", "//", Origin),
            ("OPTIONS", "*", Asterisk),
            ("OPTIONS", "/*", Origin),
            ("CONNECT", "example.com:443", Authority),
            ("CONNECT", "[::1]:443", Authority),
            ("GET", "http://example.com/a?b", Absolute { path_start: 18 }),
            ("GET", "HTTPS://[::1]:1/a", Absolute { path_start: 15 }),
            ("GET", "http://example.com", Absolute { path_start: 18 }),
            ("GET", "http://example.com?b", Absolute { path_start: 18 }),
            ("OPTIONS", "http://a", Absolute { path_start: 8 }),
            ("GET", "a+b-c.1://host/", Absolute { path_start: 14 }),
        ] {
            assert_eq!(
                form_of(method.as_bytes(), target.as_bytes()),
                Ok(form),
                "{method} {target}"
            );
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for (method, target) in [
            ("GET", "*"),
            ("OPTIONS", "**"),
            ("GET", "a"),
            ("GET", "?a"),
            ("GET", "example.com:443"),
            ("GET", "http:/a"),
            ("GET", "http:a"),
            ("GET", "://a/"),
            ("GET", "1http://a/"),
            ("GET", "http:///a"),
            ("GET", "http://"),
            ("GET", "http://u@h/"),
            ("GET", "http://h:x/"),
            ("GET", "http://[::1/"),
            ("GET", "mailto:a"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", "a:0"),
            ("CONNECT", "a:65536"),
            ("CONNECT", "*"),
            ("CONNECT", "http://a:80/"),
            ("CONNECT", ":80"),
            ("connect", "a:80"),
            ("CONNECT", "a:80/"),
        ] {
            let form = form_of(method.as_bytes(), target.as_bytes());
            assert_eq!(form, Err(Error::InvalidTargetForm), "{method} {target}");
        }
    }
}
