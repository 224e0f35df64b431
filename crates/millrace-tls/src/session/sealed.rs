//! Bytes that are ready to be sent.

/// Memory for bytes that are ready to be sent. All of it is initialised once, so that sealing into it costs no filling.
#[derive(Debug, Default)]
pub struct Sealed {
    memory: Vec<u8>,
    /// Bytes sent.
    start: usize,
    /// Bytes there are, with those sent.
    end: usize,
}

impl Sealed {
    /// Memory that takes so many bytes before it grows.
    pub fn with_capacity(bytes: usize) -> Self {
        Sealed {
            memory: vec![0; bytes],
            start: 0,
            end: 0,
        }
    }

    /// How many bytes it takes before it grows.
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// What is to be sent.
    pub fn pending(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Forgets the first `count` bytes: they have been sent.
    pub fn advance(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Appends bytes that are to be sent as they are.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.spare(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Memory behind what is to be sent, `bytes` at least.
    pub(crate) fn spare(&mut self, bytes: usize) -> &mut [u8] {
        if self.memory.len() - self.end < bytes {
            self.memory.resize(self.end + bytes, 0);
        }
        &mut self.memory[self.end..]
    }

    /// Says that so much of the spare memory has been filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
        debug_assert!(self.end <= self.memory.len());
    }
}
