//! The secrets of connections in a file, in the format that Wireshark and NSS share (SSLKEYLOGFILE).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::KeyLog;

use crate::{Error, ErrorKind};

/// Appends a line for each secret. Whoever reads the file can read the connections.
pub(crate) struct KeyLogFile {
    file: File,
    path: PathBuf,
    has_failed: AtomicBool,
    unreported: Mutex<Option<String>>,
}

impl KeyLogFile {
    /// A file that is made here is its owner's alone to read; one that exists keeps its mode.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| {
            Error::new(
                ErrorKind::File,
                format!(
                    "the key log file {} cannot be opened: {error}",
                    path.display()
                ),
            )
        })?;
        Ok(KeyLogFile {
            file,
            path: path.to_owned(),
            has_failed: AtomicBool::new(false),
            unreported: Mutex::new(None),
        })
    }

    /// Why a line could not be written, the first time that one could not.
    pub(crate) fn take_error(&self) -> Option<String> {
        if !self.has_failed.load(Ordering::Relaxed) {
            return None;
        }
        self.unreported
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        // One write for a line: the system appends it whole, whatever other threads and processes write.
        let Err(error) = (&self.file).write_all(line.as_bytes()) else {
            return;
        };
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            let text = format!(
                "the key log file {} cannot be written: {error}",
                self.path.display()
            );
            *self
                .unreported
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("KeyLogFile")
            .field(&self.path)
            .finish()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
