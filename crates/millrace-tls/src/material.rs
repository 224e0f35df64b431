//! What certificates and keys are made from, as it was given: bytes or files, PEM or DER.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use pkcs8::der::zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Error, ErrorKind};

/// More than any chain or revocation list in use, and little enough that naming another file by mistake ends soon.
const LARGEST: u64 = 64 << 20;

/// A document in PEM or DER, whichever it is found to be. Its bytes are wiped when it is dropped, since they may be a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Blob {
    /// Its bytes.
    Memory(Vec<u8>),
    /// The file that it is read from, each time anew.
    File(PathBuf),
}

/// What one certificate is presented with: a chain and its key, or a PKCS #12 store that holds both.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// The chain: the server's own certificate first, then those between it and the root. A private key in the same
    /// PEM document is taken when `key` is missing.
    pub certificate: Option<Blob>,
    /// The private key: PKCS #8, SEC 1 or PKCS #1, encrypted or not.
    pub key: Option<Blob>,
    /// A PKCS #12 store, instead of `certificate` and `key`.
    pub pkcs12: Option<Blob>,
    /// What `key` or `pkcs12` is encrypted with. Ignored for a key that is not.
    pub passphrase: Option<Zeroizing<String>>,
    /// The OCSP response that is stapled to the certificate (RFC 6066, section 8), in DER.
    pub ocsp: Option<Blob>,
    /// The server names it is presented for; empty: those that the certificate itself names.
    pub names: Vec<String>,
}

/// A blob that was read. Its memory is wiped when it is dropped, since it may hold a key.
pub(crate) struct Document {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Where it came from, for sentences that begin with it: a path, or an option's name in backquotes.
    pub(crate) place: String,
    from_file: bool,
}

impl Zeroize for Blob {
    fn zeroize(&mut self) {
        if let Blob::Memory(bytes) = self {
            bytes.zeroize();
        }
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Blob {}

impl Blob {
    /// Reads it. `what` names it in errors ("the private key"), `option` is how it is called when it is not a file.
    pub(crate) fn open(&self, what: &str, option: &str) -> Result<Document, Error> {
        let document = match self {
            Blob::Memory(bytes) => Document {
                bytes: Zeroizing::new(bytes.clone()),
                place: format!("`{option}`"),
                from_file: false,
            },
            Blob::File(path) => Document {
                bytes: read(path).map_err(|error| {
                    let text = format!("{what} cannot be read from {}: {error}", path.display());
                    Error::new(ErrorKind::File, text)
                })?,
                place: path.display().to_string(),
                from_file: true,
            },
        };
        Ok(document)
    }
}

impl Document {
    /// `what` with where it came from: "the private key in /etc/x.pem", "the private key given as `key`".
    pub(crate) fn names(&self, what: &str) -> String {
        let joint = if self.from_file { "in" } else { "given as" };
        format!("{what} {joint} {}", self.place)
    }
}

fn read(path: &PathBuf) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        // To open a pipe that nobody writes to would last for ever, and hold up every later reload.
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path)?;
    // One allocation for a regular file: growing would leave copies of a key behind in freed memory.
    let expected = file.metadata()?.len().min(LARGEST);
    bytes.reserve_exact(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let text = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(std::io::Error::other(text));
    }
    Ok(bytes)
}

/// Never the bytes: they may be a private key.
impl fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blob::Memory(bytes) => write!(formatter, "Memory({} bytes)", bytes.len()),
            Blob::File(path) => formatter.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Never the passphrase.
impl fmt::Debug for Material {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passphrase = self.passphrase.as_ref().map(|_| format_args!("…"));
        formatter
            .debug_struct("Material")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .field("pkcs12", &self.pkcs12)
            .field("passphrase", &passphrase)
            .field("ocsp", &self.ocsp)
            .field("names", &self.names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn what_may_be_secret_is_wiped_when_it_is_dropped() {
        fn assert_wiped(_: &impl ZeroizeOnDrop) {}
        let mut blob = Blob::Memory(b"-----BEGIN PRIVATE KEY-----".to_vec());
        assert_wiped(&blob);
        blob.zeroize();
        assert_eq!(blob, Blob::Memory(Vec::new()));
        let material = Material {
            passphrase: Some(String::from("correct horse").into()),
            ..Material::default()
        };
        assert_wiped(&material.passphrase.unwrap());
        assert_wiped(&Settings::default().ticket_keys);
    }
}
