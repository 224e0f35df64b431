//! From a request's path to a file's, beneath a directory and without a way out of it.

use std::fmt;

use crate::grammar::hex_pair;

/// What a request may reach, and on which system.
#[derive(Clone, Copy, Debug)]
pub struct PathRules {
    /// Whether names that begin with a dot may be asked for.
    pub dot_files: bool,
    /// Whether names that mean something other than a file of that name to Windows are refused.
    pub windows: bool,
}

impl PathRules {
    /// The rules for the system that this runs on.
    pub fn native(dot_files: bool) -> Self {
        PathRules {
            dot_files,
            windows: cfg!(windows),
        }
    }
}

/// A path beneath some directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath {
    /// Names joined by slashes: none is empty, `.` or `..`, and none has a slash, a backslash or a
    /// NUL in it. Empty for the directory itself. UTF-8 under the rules for Windows; elsewhere
    /// names are bytes.
    pub relative: Vec<u8>,
    /// Whether it was asked for as a directory, with a slash at its end or with no name at all.
    pub directory: bool,
}

/// Why a request's path leads to no file. The file system has not been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// A `%` that begins no encoding, a NUL or a slash in a name, or (Windows) no UTF-8.
    Malformed,
    /// A `..` segment or a backslash: what could lead out of the directory.
    Outside,
    /// A name that begins with a dot.
    Hidden,
    /// A name that Windows takes for something else: a device, a stream, the name without its last
    /// dots and spaces, or the long name that a short one stands for.
    Reserved,
}

/// The file that `path`, what follows the mount point in a request's path, stands for.
///
/// It is percent-decoded once, segment by segment, so that an encoded slash is never a separator.
/// Empty segments and `.` are passed over: `//etc/passwd` is `etc/passwd` beneath the directory.
pub fn file_path(path: &[u8], rules: PathRules) -> Result<FilePath, PathError> {
    let mut relative = Vec::with_capacity(path.len());
    let mut segments = path.split(|&byte| byte == b'/').peekable();
    let mut directory = false;
    while let Some(segment) = segments.next() {
        let start = relative.len();
        decode(segment, &mut relative)?;
        let name = &relative[start..];
        if name.is_empty() || name == b"." {
            relative.truncate(start);
            directory = true;
            continue;
        }
        check(name, rules)?;
        directory = false;
        if segments.peek().is_some() {
            relative.push(b'/');
        }
    }
    if relative.last() == Some(&b'/') {
        relative.pop();
    }
    Ok(FilePath {
        relative,
        directory,
    })
}

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            PathError::Malformed => "the path is malformed",
            PathError::Outside => "the path leads out of the directory",
            PathError::Hidden => "the path has a hidden name",
            PathError::Reserved => "the path has a reserved name",
        })
    }
}

impl std::error::Error for PathError {}

fn decode(segment: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = segment;
    while let [byte, tail @ ..] = rest {
        if *byte == b'%' {
            out.push(hex_pair(tail).ok_or(PathError::Malformed)?);
            rest = &tail[2..];
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    Ok(())
}

fn check(name: &[u8], rules: PathRules) -> Result<(), PathError> {
    if name.iter().any(|byte| matches!(byte, b'\0' | b'/')) {
        return Err(PathError::Malformed);
    }
    // Refused on all systems: a backslash is rarely part of a name, and what is safe to serve
    // should not depend on where it is served from.
    if name == b".." || name.contains(&b'\\') {
        return Err(PathError::Outside);
    }
    if rules.windows {
        check_for_windows(name)?;
    }
    if name.starts_with(b".") && !rules.dot_files {
        return Err(PathError::Hidden);
    }
    Ok(())
}

fn check_for_windows(name: &[u8]) -> Result<(), PathError> {
    let name = std::str::from_utf8(name).map_err(|_| PathError::Malformed)?;
    let odd = |character: char| character < ' ' || "<>:\"|?*".contains(character);
    if name.contains(odd) || name.ends_with(['.', ' ']) {
        return Err(PathError::Reserved);
    }
    // `con.txt` and `con .txt` are the console too.
    let (stem, _) = name.split_once('.').unwrap_or((name, ""));
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let is_device = match &*stem {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => matches!(
            stem.strip_prefix("COM")
                .or_else(|| stem.strip_prefix("LPT")),
            Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        ),
    };
    if is_device || is_short_name(name) {
        return Err(PathError::Reserved);
    }
    Ok(())
}

/// Whether the file system may have made this name, such as `ENV~1`, for a longer one: it would be
/// a way around the rule for hidden names.
fn is_short_name(name: &str) -> bool {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let Some((begin, number)) = base.rsplit_once('~') else {
        return false;
    };
    let fits = base.chars().count() <= 8 && extension.chars().count() <= 3;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    fits && is_number && !begin.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{FilePath, PathError, PathRules, file_path};
    use proptest::prelude::*;

    const UNIX: PathRules = PathRules {
        dot_files: false,
        windows: false,
    };
    const WINDOWS: PathRules = PathRules {
        dot_files: false,
        windows: true,
    };
    const ALL: PathRules = PathRules {
        dot_files: true,
        windows: false,
    };

    #[test]
    fn a_path_is_decoded_once_and_stays_relative() {
        for (path, relative, directory) in [
            ("", "", true),
            ("/", "", true),
            ("a", "a", false),
            ("a/b.txt", "a/b.txt", false),
            ("a/b/", "a/b", true),
            ("a//b", "a/b", false),
            ("//etc/passwd", "etc/passwd", false),
            ("./a/./b/.", "a/b", true),
            ("a%20b", "a b", false),
            ("caf%C3%A9/%e2%82%ac", "café/€", false),
            ("%252e%252e/a", "%2e%2e/a", false),
            ("a..b/..c/c..", "a..b/..c/c..", false),
            ("con/aux.txt", "con/aux.txt", false),
            ("a:b", "a:b", false),
        ] {
            let expected = FilePath {
                relative: relative.as_bytes().to_vec(),
                directory,
            };
            assert_eq!(file_path(path.as_bytes(), ALL), Ok(expected), "{path}");
        }
    }

    #[test]
    fn names_need_not_be_utf8_where_they_are_bytes() {
        let path = file_path(b"%ff\xfe", UNIX).map(|path| path.relative);
        assert_eq!(path, Ok(vec![0xff, 0xfe]));
        assert_eq!(file_path(b"%ff", WINDOWS), Err(PathError::Malformed));
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        use PathError::*;
        for (path, error) in [
            ("..", Outside),
            ("../a", Outside),
            ("a/..", Outside),
            ("a/../b", Outside),
            ("%2e%2e/a", Outside),
            (".%2E", Outside),
            ("a\\b", Outside),
            ("..\\a", Outside),
            ("%5c%5cserver", Outside),
            ("..%5ca", Outside),
            ("a%2fb", Malformed),
            ("..%2f..%2fetc", Malformed),
            ("%2Fetc", Malformed),
            ("a%00.txt", Malformed),
            ("a\0", Malformed),
            ("%", Malformed),
            ("a%2", Malformed),
            ("%zz", Malformed),
            ("%+1", Malformed),
        ] {
            assert_eq!(file_path(path.as_bytes(), ALL), Err(error), "{path}");
            assert_eq!(file_path(path.as_bytes(), WINDOWS), Err(error), "{path}");
        }
    }

    #[test]
    fn names_with_a_leading_dot_are_hidden_unless_allowed() {
        for path in [".env", "a/.git/config", "%2ehtaccess", "...", "a/.b/"] {
            let refused = file_path(path.as_bytes(), UNIX);
            assert_eq!(refused, Err(PathError::Hidden), "{path}");
            assert!(file_path(path.as_bytes(), ALL).is_ok(), "{path}");
        }
    }

    #[test]
    fn names_with_another_meaning_to_windows_are_reserved_there() {
        for path in [
            "con",
            "CON.txt",
            "a/nul",
            "aux.tar.gz",
            "prn ",
            "com1",
            "Com9.log",
            "lpt%C2%B9",
            "conin$",
            "con .txt",
            "a.",
            "a%20",
            "a/b.../c",
            "file.txt::$DATA",
            "c:",
            "C:/windows",
            "a*",
            "a%3F",
            "a%01",
            "a|b",
            "%3Ca",
        ] {
            let refused = file_path(path.as_bytes(), WINDOWS);
            assert_eq!(refused, Err(PathError::Reserved), "{path}");
        }
        for path in [
            "console", "com", "com10", "nully", "a con", "lpt", "con-1", "xcom1",
        ] {
            assert!(file_path(path.as_bytes(), WINDOWS).is_ok(), "{path}");
        }
    }

    #[test]
    fn short_names_of_windows_are_no_way_around_the_rule_for_hidden_ones() {
        for path in [
            "ENV~1",
            "git~1/config",
            "a/HTPAS~12.txt",
            "e%7e1",
            "PROGRA~1",
        ] {
            let refused = file_path(path.as_bytes(), WINDOWS);
            assert_eq!(refused, Err(PathError::Reserved), "{path}");
            assert!(file_path(path.as_bytes(), UNIX).is_ok(), "{path}");
        }
        for path in [
            "~1",
            "a~",
            "a~b",
            "draft~1.html",
            "chapters~1",
            "a~1.b.c",
            "notes~1a",
        ] {
            assert!(file_path(path.as_bytes(), WINDOWS).is_ok(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_lead_out_of_the_directory(
            path in prop::collection::vec(
                prop_oneof![Just(b'/'), Just(b'.'), Just(b'%'), Just(b'2'), Just(b'e'), Just(b'f'),
                    Just(b'5'), Just(b'c'), Just(b'0'), any::<u8>()],
                0..24,
            ),
            dot_files: bool,
            windows: bool,
        ) {
            let Ok(path) = file_path(&path, PathRules { dot_files, windows }) else {
                return Ok(());
            };
            prop_assert!(!path.relative.contains(&0) && !path.relative.contains(&b'\\'));
            if path.relative.is_empty() {
                prop_assert!(path.directory);
                return Ok(());
            }
            for name in path.relative.split(|&byte| byte == b'/') {
                prop_assert!(!name.is_empty() && name != b"." && name != b"..");
                prop_assert!(dot_files || !name.starts_with(b"."));
            }
        }
    }
}
