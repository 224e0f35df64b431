//! The textual encoding of certificates and keys (RFC 7468), with the headers that RFC 1421 put before the data and
//! that encrypted keys of old carry.

use base64ct::{Base64, Encoding};
use pkcs8::der::zeroize::{Zeroize, Zeroizing};

/// What stands between one `-----BEGIN …-----` and its `-----END …-----`.
pub(crate) struct Section {
    pub(crate) label: String,
    /// `Proc-Type: 4,ENCRYPTED` and its like: names and values, without the blanks around them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// All sections in the order of the text; none when there is no `-----BEGIN` in it. Text around sections is skipped.
/// The error says what is wrong, for a sentence that begins with where the text came from.
pub(crate) fn sections(text: &[u8]) -> Result<Vec<Section>, String> {
    let mut found = Vec::new();
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(start) = find(line, BEGIN) else {
            continue;
        };
        let Some(label) = label(&line[start..], BEGIN) else {
            return Err(unclosed_line(line));
        };
        found.push(section(label, &mut lines)?);
    }
    Ok(found)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

fn section<'a>(
    label_of_begin: String,
    lines: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Section, String> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut base64 = Zeroizing::new(Vec::with_capacity(8 << 10));
    for line in lines {
        if line.starts_with(END) {
            if label(line, END).as_deref() != Some(&label_of_begin) {
                return Err(format!(
                    "holds a section {label_of_begin} that ends as another one"
                ));
            }
            return finish(label_of_begin, headers, &base64);
        }
        if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
            headers.push((text(&line[..colon]), text(&line[colon + 1..])));
        } else {
            base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
    }
    Err(format!("holds a section {label_of_begin} that has no end"))
}

fn finish(label: String, headers: Vec<(String, String)>, base64: &[u8]) -> Result<Section, String> {
    let mut der = vec![0; base64.len() / 4 * 3 + 3];
    match Base64::decode(base64, &mut der).map(<[u8]>::len) {
        Ok(length) => {
            der.truncate(length);
            Ok(Section {
                label,
                headers,
                der: Zeroizing::new(der),
            })
        }
        Err(_) => {
            der.zeroize();
            Err(format!("holds a section {label} that is not base64"))
        }
    }
}

/// The label of a line that begins with `prefix` and ends with dashes. It is shown in errors, so it must not be what
/// follows when a whole key is on one line.
fn label(line: &[u8], prefix: &[u8]) -> Option<String> {
    let label = line.strip_prefix(prefix)?.strip_suffix(DASHES)?;
    let is_short = label.len() <= 40;
    let is_plain =
        |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b" .#".contains(byte);
    (is_short && label.iter().all(is_plain)).then(|| String::from_utf8_lossy(label).into_owned())
}

/// Most often a key out of an environment variable whose line ends were written as a backslash and an `n`.
fn unclosed_line(line: &[u8]) -> String {
    if find(line, b"\\n").is_some() {
        return "has a backslash and an n where its lines should end".into();
    }
    "has text after -----BEGIN on the same line: PEM needs its line ends".into()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
