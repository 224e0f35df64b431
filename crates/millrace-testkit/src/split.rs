//! The byte splitter.

use std::iter::once;

/// `input` in pieces: whole, in two at every position, and byte by byte. A parser has to make the
/// same of all of them.
pub fn splits(input: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let whole = once(vec![input]);
    let in_two = (1..input.len()).map(move |at| vec![&input[..at], &input[at..]]);
    let bytes = once(input.chunks(1).collect());
    whole.chain(in_two).chain(bytes)
}

#[cfg(test)]
mod tests {
    use super::splits;

    #[test]
    fn an_input_is_given_whole_at_every_split_and_byte_by_byte() {
        let pieces: Vec<Vec<&[u8]>> = splits(b"abc").collect();
        let expected: [&[&[u8]]; 4] = [
            &[b"abc"],
            &[b"a", b"bc"],
            &[b"ab", b"c"],
            &[b"a", b"b", b"c"],
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn pieces_put_together_are_the_input() {
        assert!(
            splits(b"GET / HTTP/1.1\r\n").all(|pieces| pieces.concat() == b"GET / HTTP/1.1\r\n")
        );
    }
}
