//! What a file is by its name, and whether compressing it is of use.

use std::borrow::Cow;

/// The `Content-Type` field for a file of this name: `application/octet-stream` when its extension
/// says nothing. Text is taken for UTF-8, except XML, which says itself in which encoding it is.
pub fn content_type(file_name: &[u8]) -> Cow<'static, str> {
    let known = extension(file_name).and_then(|extension| {
        let lower = extension.to_ascii_lowercase();
        registered(&lower).or_else(|| mime_guess::from_ext(&lower).first_raw())
    });
    match known.unwrap_or("application/octet-stream") {
        "text/html" => Cow::Borrowed("text/html; charset=utf-8"),
        "text/css" => Cow::Borrowed("text/css; charset=utf-8"),
        "text/plain" => Cow::Borrowed("text/plain; charset=utf-8"),
        "text/javascript" => Cow::Borrowed("text/javascript; charset=utf-8"),
        "text/xml" => Cow::Borrowed("application/xml"),
        text if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
        other => Cow::Borrowed(other),
    }
}

/// Whether content of this type becomes notably smaller by compressing it. `text/event-stream` is
/// said not to: a compressor holds events back until it is flushed.
pub fn is_compressible(content_type: &[u8]) -> bool {
    let end = content_type.iter().position(|&byte| byte == b';');
    let essence = content_type[..end.unwrap_or(content_type.len())].trim_ascii();
    // Longer ones are none of those below.
    let mut lower = [0; 80];
    let Some(lower) = lower.get_mut(..essence.len()) else {
        return false;
    };
    lower.copy_from_slice(essence);
    lower.make_ascii_lowercase();

    match &*lower {
        b"text/event-stream" => false,
        [b't', b'e', b'x', b't', b'/', ..] => true,
        [.., b'+', b'j', b's', b'o', b'n'] | [.., b'+', b'x', b'm', b'l'] => true,
        [.., b'+', b't', b'e', b'x', b't'] => true,
        _ => COMPRESSIBLE.contains(&&*lower),
    }
}

/// What the table of mime_guess does not have, or not as it is registered with IANA today.
fn registered(extension: &str) -> Option<&'static str> {
    Some(match extension {
        // RFC 9239
        "js" | "mjs" | "cjs" => "text/javascript",
        "map" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        // RFC 9512
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "otf" => "font/otf",
        "woff" => "font/woff",
        // RFC 8216
        "m3u8" => "application/vnd.apple.mpegurl",
        "ts" | "mts" | "m2ts" => "video/mp2t",
        // RFC 8878
        "zst" => "application/zstd",
        _ => return None,
    })
}

const COMPRESSIBLE: &[&[u8]] = &[
    b"application/javascript",
    b"application/json",
    b"application/rtf",
    b"application/toml",
    b"application/vnd.apple.mpegurl",
    b"application/vnd.ms-fontobject",
    b"application/wasm",
    b"application/x-javascript",
    b"application/x-ndjson",
    b"application/x-sh",
    b"application/x-sql",
    b"application/x-tar",
    b"application/x-www-form-urlencoded",
    b"application/xml",
    b"application/yaml",
    b"audio/wav",
    b"font/otf",
    b"font/ttf",
    b"image/bmp",
    b"image/vnd.microsoft.icon",
    b"image/x-icon",
    b"model/gltf-binary",
];

/// What follows the last dot of a file's name, unless the dot is its first character.
fn extension(file_name: &[u8]) -> Option<&str> {
    let separator = file_name
        .iter()
        .rposition(|byte| matches!(byte, b'/' | b'\\'));
    let name = &file_name[separator.map_or(0, |index| index + 1)..];
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    if dot == 0 {
        return None;
    }
    std::str::from_utf8(&name[dot + 1..]).ok()
}

#[cfg(test)]
mod tests {
    use super::{content_type, is_compressible};
    use proptest::prelude::*;

    #[test]
    fn the_extension_says_what_a_file_is() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b/INDEX.HTM", "text/html; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("app.min.css", "text/css; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("README.md", "text/markdown; charset=utf-8"),
            ("table.csv", "text/csv; charset=utf-8"),
            ("data.json", "application/json"),
            ("app.js.map", "application/json"),
            ("app.webmanifest", "application/manifest+json"),
            ("feed.xml", "application/xml"),
            ("image.svg", "image/svg+xml"),
            ("image.png", "image/png"),
            ("image.jpeg", "image/jpeg"),
            ("image.avif", "image/avif"),
            ("image.webp", "image/webp"),
            ("favicon.ico", "image/x-icon"),
            ("font.woff2", "font/woff2"),
            ("font.woff", "font/woff"),
            ("module.wasm", "application/wasm"),
            ("paper.pdf", "application/pdf"),
            ("film.mp4", "video/mp4"),
            ("film.ts", "video/mp2t"),
            ("archive.tar.gz", "application/gzip"),
            ("what.is-this", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
            (".html", "application/octet-stream"),
            ("a.html/b", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("a.", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(content_type(b"\xff.png"), "image/png");
        assert_eq!(content_type(b"a.\xff"), "application/octet-stream");
    }

    #[test]
    fn text_is_compressible_and_what_is_compressed_is_not() {
        for text in [
            "text/html",
            "text/html; charset=utf-8",
            "Text/HTML ;charset=utf-8",
            "application/json",
            "application/problem+json; charset=utf-8",
            "application/atom+xml",
            "image/svg+xml",
            "application/wasm",
            "font/ttf",
        ] {
            assert!(is_compressible(text.as_bytes()), "{text}");
        }
        for other in [
            "",
            ";",
            "text",
            "image/png",
            "image/jpeg",
            "video/mp4",
            "font/woff2",
            "application/zip",
            "application/octet-stream",
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            &format!("application/{}+json", "x".repeat(80)),
        ] {
            assert!(!is_compressible(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_name_has_a_type_that_fits_into_a_field(name in prop::collection::vec(any::<u8>(), 0..20)) {
            let name = [&*name, b".", &*name].concat();
            let value = content_type(&name);
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            is_compressible(&name);
        }
    }
}
