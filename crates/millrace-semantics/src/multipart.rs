//! Several parts of a representation in one answer (RFC 9110 14.6).

use std::ops::Range;

use crate::range::content_range;

/// A `multipart/byteranges` body. It is [`prefix`](Multipart::prefix) and bytes of each part in
/// turn, then [`closing`](Multipart::closing); how long all this is is known ahead.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    part_type: String,
    ranges: Vec<Range<u64>>,
    length: u64,
}

impl Multipart {
    /// The body with these parts of a representation of `length` bytes and the content type
    /// `part_type`; empty when it has none.
    ///
    /// The boundary is made of `seed`. It must not occur in the parts (RFC 2046 5.1.1), and nobody
    /// looks: it should be random and new for each answer.
    pub fn new(seed: u128, part_type: &str, ranges: Vec<Range<u64>>, length: u64) -> Self {
        Multipart {
            boundary: format!("{seed:032x}"),
            part_type: part_type.to_owned(),
            ranges,
            length,
        }
    }

    /// The answer's `Content-Type` field.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The answer's `Content-Length` field.
    pub fn content_length(&self) -> u64 {
        let mut text = Vec::new();
        let parts = self.ranges.iter().enumerate().map(|(index, range)| {
            text.clear();
            self.prefix(index, &mut text);
            text.len() as u64 + (range.end - range.start)
        });
        let parts: u64 = parts.sum();
        parts + "\r\n----\r\n".len() as u64 + self.boundary.len() as u64
    }

    /// The parts, in order.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Appends what comes before the bytes of the part `index`.
    ///
    /// # Panics
    ///
    /// When there is no such part.
    pub fn prefix(&self, index: usize, out: &mut Vec<u8>) {
        let content_range = content_range(&self.ranges[index], self.length);
        let mut push = |text: &str| out.extend_from_slice(text.as_bytes());
        // The line end before a boundary belongs to it, so the first needs none.
        push(if index > 0 { "\r\n--" } else { "--" });
        push(&self.boundary);
        if !self.part_type.is_empty() {
            push("\r\nContent-Type: ");
            push(&self.part_type);
        }
        push("\r\nContent-Range: ");
        push(&content_range);
        push("\r\n\r\n");
    }

    /// Appends what comes behind the last part's bytes.
    pub fn closing(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n--");
        out.extend_from_slice(self.boundary.as_bytes());
        out.extend_from_slice(b"--\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::Multipart;

    fn body(multipart: &Multipart, representation: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for (index, range) in multipart.ranges().iter().enumerate() {
            multipart.prefix(index, &mut body);
            body.extend_from_slice(&representation[range.start as usize..range.end as usize]);
        }
        multipart.closing(&mut body);
        body
    }

    #[test]
    fn parts_say_what_they_are_and_their_length_is_known_ahead() {
        let multipart = Multipart::new(0xabc, "text/plain", vec![0..2, 5..6], 10);
        let boundary = "00000000000000000000000000000abc";
        assert_eq!(
            multipart.content_type(),
            format!("multipart/byteranges; boundary={boundary}")
        );
        let body = body(&multipart, b"0123456789");
        let expected = format!(
            "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-5/10\r\n\r\n5\
             \r\n--{boundary}--\r\n"
        );
        assert_eq!(body, expected.as_bytes());
        assert_eq!(multipart.content_length(), body.len() as u64);
    }

    #[test]
    fn parts_of_no_known_type_have_no_content_type() {
        let multipart = Multipart::new(u128::MAX, "", vec![0..1, 2..3, 4..10], 10);
        let body = body(&multipart, b"0123456789");
        assert!(!body.windows(12).any(|text| text == b"Content-Type"));
        assert_eq!(multipart.content_length(), body.len() as u64);
    }

    #[test]
    fn the_length_of_parts_too_long_to_hold_is_known_too() {
        let multipart = Multipart::new(1, "", vec![0..1 << 40, 1 << 50..1 << 51], 1 << 60);
        let length = multipart.content_length() - (1 << 40) - (1 << 50);
        assert!((100..300).contains(&length));
    }
}
