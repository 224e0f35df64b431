//! What one message may refer to in those before it.

/// The last bytes of the messages that went one way on a socket (RFC 7692 7.2.3.2): as many as came, up to a size.
#[derive(Debug)]
pub struct Window {
    bytes: Vec<u8>,
    size: usize,
}

impl Window {
    /// Of at most `1 << bits` bytes, 8 to 15.
    pub fn new(bits: u8) -> Window {
        Window {
            bytes: Vec::new(),
            size: 1 << bits.clamp(8, 15),
        }
    }

    /// Adds a message. One that was compressed elsewhere, on its own, has to be added as well: the other end does.
    pub fn remember(&mut self, message: &[u8]) {
        let message = last(message, self.size);
        let together = self.bytes.len() + message.len();
        if together > self.size {
            self.bytes.drain(..together - self.size);
        }
        // Growing as vectors do would end above the size.
        let length = self.bytes.len() + message.len();
        if self.bytes.capacity() < length {
            self.bytes
                .reserve_exact(length.next_power_of_two() - self.bytes.len());
        }
        self.bytes.extend_from_slice(message);
    }

    /// How many bytes of memory it holds.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

pub(crate) fn last(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(most)..]
}
