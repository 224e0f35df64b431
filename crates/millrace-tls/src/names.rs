//! The names that servers are asked for.

use std::net::IpAddr;

use crate::{Error, ErrorKind};

/// `name` as it is compared: in lower case, without the dot of the root. A host name of letters, digits, hyphens and
/// underscores, whose first label may be `*`; or an IP address.
pub(crate) fn server_name(name: &str) -> Result<String, Error> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let lower = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let host = lower.strip_prefix("*.").unwrap_or(&lower);
    if host.len() <= 253 && host.split('.').all(is_label) {
        return Ok(lower);
    }
    let hint = if name.is_ascii() {
        ""
    } else {
        " (names in other scripts are written in Punycode, xn--…)"
    };
    Err(Error::new(
        ErrorKind::Option,
        format!("{name:?} is not a server name{hint}"),
    ))
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}
