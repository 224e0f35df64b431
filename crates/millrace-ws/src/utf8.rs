//! UTF-8 in pieces (RFC 6455 8.1): wrong at the first byte that cannot continue, wherever pieces end.

use std::str;

use crate::Error;

/// What is known of a text that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Utf8 {
    /// The beginning of a character whose end has not come.
    held: [u8; 3],
    count: u8,
}

impl Utf8 {
    /// Goes on with `bytes`.
    pub(crate) fn check(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while self.count > 0 {
            let Some((&next, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.continue_with(next)?;
            bytes = rest;
        }
        match str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let beginning = &bytes[error.valid_up_to()..];
                self.held[..beginning.len()].copy_from_slice(beginning);
                self.count = beginning.len() as u8;
                Ok(())
            }
            Err(_) => Err(Error::InvalidUtf8),
        }
    }

    /// How many bytes at the end of what came are the beginning of a character: 0 where a text may end.
    pub(crate) fn held(&self) -> usize {
        self.count as usize
    }

    fn continue_with(&mut self, next: u8) -> Result<(), Error> {
        let count = self.held();
        let mut character = [0; 4];
        character[..count].copy_from_slice(&self.held[..count]);
        character[count] = next;
        match str::from_utf8(&character[..=count]) {
            Ok(_) => self.count = 0,
            // Four bytes are a character or wrong, so at most three are ever held.
            Err(error) if error.error_len().is_none() => {
                self.held[count] = next;
                self.count += 1;
            }
            Err(_) => return Err(Error::InvalidUtf8),
        }
        Ok(())
    }
}
