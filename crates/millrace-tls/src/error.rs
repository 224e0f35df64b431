//! What is wrong with certificates, keys and settings.

use std::fmt;

/// Why TLS cannot be set up so. The text names what is wrong and, when it came from a file, the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A certificate cannot be read, or cannot be used for a server.
    Certificate,
    /// A private key cannot be read, or is of a kind that is not supported.
    Key,
    /// A private key or a PKCS #12 store is encrypted, and the passphrase is missing or wrong.
    Passphrase,
    /// The private key is not the certificate's.
    Mismatch,
    /// A file cannot be read.
    File,
    /// A setting is not possible.
    Option,
    /// The roots or revocation lists that client certificates are judged by cannot be used.
    ClientCa,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Error {
            kind,
            text: text.into(),
        }
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl ErrorKind {
    /// The code that JavaScript shows.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Certificate => "ERR_TLS_CERTIFICATE",
            ErrorKind::Key => "ERR_TLS_KEY",
            ErrorKind::Passphrase => "ERR_TLS_PASSPHRASE",
            ErrorKind::Mismatch => "ERR_TLS_MISMATCH",
            ErrorKind::File => "ERR_TLS_FILE",
            ErrorKind::Option => "ERR_TLS_OPTION",
            ErrorKind::ClientCa => "ERR_TLS_CLIENT_CA",
        }
    }
}

/// The code, ` - `, and the text.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} - {}", self.kind.code(), self.text)
    }
}

impl std::error::Error for Error {}
