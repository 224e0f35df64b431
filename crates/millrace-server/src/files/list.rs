//! A directory as a page of links.

use std::fmt::Write;

use millrace_semantics::{PathRules, file_path};

/// Entries that a page has at most.
pub(super) const MOST: usize = 10_000;

/// The page for a directory with these names in it, of which some are directories. Has those that a client may ask for.
pub(super) fn page(names: &[(Vec<u8>, bool)], is_root: bool, rules: PathRules) -> String {
    let mut page = String::from(HEAD);
    if !is_root {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for (name, is_directory) in names {
        let mut encoded = String::with_capacity(name.len());
        encode(name, &mut encoded);
        if file_path(encoded.as_bytes(), rules).is_err() {
            continue;
        }
        let slash = if *is_directory { "/" } else { "" };
        let _ = write!(page, "<li><a href=\"./{encoded}{slash}\">");
        escape(&String::from_utf8_lossy(name), &mut page);
        let _ = writeln!(page, "{slash}</a>");
    }
    page.push_str("</ul>\n");
    page
}

const HEAD: &str = "<!doctype html>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Directory</title>
<ul>
";

/// Percent-encodes all but what is never special in a path (RFC 3986 2.3).
fn encode(name: &[u8], out: &mut String) {
    for &byte in name {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PathRules, page};

    const RULES: PathRules = PathRules {
        dot_files: false,
        windows: false,
    };

    #[test]
    fn names_cannot_break_out_of_their_links() {
        let names = [
            (b"\"><script>&.txt".to_vec(), false),
            (b"javascript:alert(1)".to_vec(), true),
        ];
        let page = page(&names, true, RULES);
        assert!(page.contains(
            "<a href=\"./%22%3E%3Cscript%3E%26.txt\">&quot;&gt;&lt;script&gt;&amp;.txt</a>"
        ));
        assert!(page.contains("<a href=\"./javascript%3Aalert%281%29/\">javascript:alert(1)/</a>"));
        assert!(!page.contains("../"));
    }

    #[test]
    fn hidden_names_are_listed_only_where_they_are_served() {
        let names = [(b".env".to_vec(), false), (b"a".to_vec(), false)];
        assert!(!page(&names, false, RULES).contains(".env"));
        let rules = PathRules {
            dot_files: true,
            ..RULES
        };
        assert!(page(&names, false, rules).contains(".env"));
    }

    #[test]
    fn names_that_no_path_may_have_are_left_out() {
        let names = [(b"a\\b".to_vec(), false), (b"con.txt".to_vec(), false)];
        assert!(!page(&names, true, RULES).contains("a\\b"));
        assert!(page(&names, true, RULES).contains("con.txt"));
        let rules = PathRules {
            windows: true,
            ..RULES
        };
        assert!(!page(&names, true, rules).contains("con.txt"));
    }
}
