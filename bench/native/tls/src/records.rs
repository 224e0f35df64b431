//! Records of TLS 1.3 counted without being decrypted.

/// RFC 8446 section 5.2: what is encrypted has a type of its own at its end, and then the tag of AES-GCM. None of the
/// servers pads, which would show as answers that are too long.
const OVERHEAD: usize = 1 + 16;
const HEADER: usize = 5;
const LARGEST: usize = 16 * 1024 + 256;

#[derive(Default)]
pub(crate) struct Records {
    header: [u8; HEADER],
    gathered: usize,
    /// Of the record under way, when its header is complete.
    left: usize,
    content: usize,
}

impl Records {
    /// How many bytes of content are complete with `input`.
    pub(crate) fn walk(&mut self, mut input: &[u8]) -> Result<u64, String> {
        let mut complete = 0;
        loop {
            if self.gathered < HEADER {
                let taken = input.len().min(HEADER - self.gathered);
                self.header[self.gathered..][..taken].copy_from_slice(&input[..taken]);
                self.gathered += taken;
                input = &input[taken..];
                if self.gathered < HEADER {
                    return Ok(complete);
                }
                self.left = length(self.header)?;
                self.content = self.left - OVERHEAD;
            }
            let taken = input.len().min(self.left);
            self.left -= taken;
            input = &input[taken..];
            if self.left > 0 {
                return Ok(complete);
            }
            complete += self.content as u64;
            self.gathered = 0;
        }
    }
}

fn length(header: [u8; HEADER]) -> Result<usize, String> {
    let [kind, major, minor, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // All that comes behind a handshake calls itself application data, of TLS 1.2.
    if [kind, major, minor] != [23, 3, 3] || !(OVERHEAD..=LARGEST).contains(&length) {
        return Err(format!("a record that begins with {header:?}"));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: usize) -> Vec<u8> {
        let length = (content + OVERHEAD) as u16;
        let mut record = vec![23, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(HEADER + usize::from(length), 0xaa);
        record
    }

    #[test]
    fn content_counts_with_the_last_byte_of_its_record_however_it_is_split() {
        let input = [record(3), record(0), record(300)].concat();
        for split in 0..input.len() {
            let (first, second) = input.split_at(split);
            let mut records = Records::default();
            let before = records.walk(first).expect("records");
            assert_eq!(before + records.walk(second).expect("records"), 303);
            assert!(before <= 3);
        }
    }

    #[test]
    fn what_is_no_record_of_tls_1_3_is_an_error() {
        for input in [
            *b"HTTP/",
            [21, 3, 3, 0, 26],
            [23, 3, 3, 0, 16],
            [23, 3, 3, 0x41, 1],
        ] {
            assert!(Records::default().walk(&input).is_err(), "{input:?}");
        }
    }
}
