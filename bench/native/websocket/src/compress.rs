//! permessage-deflate (RFC 7692) as far as a client of the bench needs it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// What a sync flush ends in, and what is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A message compressed by itself. It refers to nothing before it, so a server takes it with or without context
/// takeover, any number of times.
pub(crate) fn compress(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 64);
    Compress::new(Compression::default(), false)
        .compress_vec(payload, &mut out, FlushCompress::Sync)
        .expect("memory to compress in");
    assert!(out.ends_with(&TAIL), "there was room for the whole message");
    out.truncate(out.len() - TAIL.len());
    out
}

/// A server's messages, which may refer to those before.
pub(crate) struct Inflater(Decompress);

impl Inflater {
    pub(crate) fn new() -> Self {
        Inflater(Decompress::new(false))
    }

    /// None when it is not deflated data, or makes more than `limit` bytes.
    pub(crate) fn inflate(&mut self, payload: &[u8], limit: usize) -> Option<Vec<u8>> {
        // One byte more, so that a message of just `limit` is not taken for one cut short.
        let mut out = Vec::with_capacity(limit + 1);
        let input = [payload, &TAIL].concat();
        let before = self.0.total_in();
        self.0
            .decompress_vec(&input, &mut out, FlushDecompress::Sync)
            .ok()?;
        let used = (self.0.total_in() - before) as usize;
        (used == input.len() && out.len() <= limit).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_again_and_again() {
        let mut inflater = Inflater::new();
        for text in ["", "a", "the same the same the same", &"long ".repeat(1000)] {
            for _ in 0..3 {
                let packed = compress(text.as_bytes());
                assert_eq!(
                    inflater.inflate(&packed, text.len()).as_deref(),
                    Some(text.as_bytes())
                );
            }
        }
    }

    #[test]
    fn what_is_no_message_does_not_come_back() {
        assert_eq!(Inflater::new().inflate(b"\xff\xff", 100), None);
        assert_eq!(Inflater::new().inflate(&compress(&[7; 200]), 100), None);
    }
}
