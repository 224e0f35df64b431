//! Bytes on their way to a socket: encoded text copied together, large pieces held by reference.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// A consumed prefix of the tail is given back once it is this long, in bytes, so that a reader that is always a
/// little behind cannot make the tail grow for ever.
const COMPACT_BYTES: usize = 64 * 1024;

/// A queue of bytes to be written in order, with marks that tell when a position has been passed.
#[derive(Debug, Default)]
pub struct Output {
    held: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of the first piece (the first held one, else the tail) has been written.
    written: usize,
    held_bytes: usize,
    /// Bytes written since the output was made.
    position: u64,
    marks: VecDeque<Mark>,
}

/// A position in the output and the write that ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    at: u64,
    /// The exchange that the write belongs to.
    pub sequence: u32,
    /// What the writer called it.
    pub token: u32,
}

impl Output {
    /// Where encoded bytes are appended.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends a piece without copying it.
    pub fn hold(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if !self.tail.is_empty() {
            let mut before = Bytes::from(std::mem::take(&mut self.tail));
            if self.held.is_empty() {
                before = before.slice(std::mem::take(&mut self.written)..);
            }
            self.held_bytes += before.len();
            self.held.push_back(before);
        }
        self.held_bytes += piece.len();
        self.held.push_back(piece);
    }

    /// Appends all of `later`, whose turn has come.
    pub fn append(&mut self, later: &mut Output) {
        debug_assert_eq!(
            later.position, 0,
            "an output that waits for its turn writes nothing"
        );
        let base = self.position + self.len() as u64;
        for piece in later.held.drain(..) {
            self.hold(piece);
        }
        self.tail.extend_from_slice(&later.tail);
        self.marks.extend(later.marks.drain(..).map(|mark| Mark {
            at: mark.at + base,
            ..mark
        }));
        later.reset();
    }

    /// Bytes not yet written.
    pub fn len(&self) -> usize {
        // 0 <= written <= length of the first piece
        self.held_bytes + self.tail.len() - self.written
    }

    /// Bytes written since the output was made or reset.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Marks the current end: [`pop_passed`](Output::pop_passed) returns the mark once all before it is written.
    pub fn mark(&mut self, sequence: u32, token: u32) {
        let at = self.position + self.len() as u64;
        self.marks.push_back(Mark {
            at,
            sequence,
            token,
        });
    }

    /// Whether a mark waits to be passed.
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// The next mark whose position has been passed.
    pub fn pop_passed(&mut self) -> Option<Mark> {
        self.marks.pop_front_if(|mark| mark.at <= self.position)
    }

    /// The next mark, passed or not: for a connection that will write no more.
    pub fn pop_mark(&mut self) -> Option<Mark> {
        self.marks.pop_front()
    }

    /// The only piece, when there is one piece.
    pub fn single(&self) -> Option<&[u8]> {
        self.held.is_empty().then(|| &self.tail[self.written..])
    }

    /// Fills `slices` with what is to be written next and returns how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self
            .held
            .iter()
            .map(|piece| &piece[..])
            .chain(std::iter::once(&self.tail[..]));
        let mut skip = self.written;
        let mut count = 0;
        for (slot, piece) in slices.iter_mut().zip(pieces) {
            *slot = IoSlice::new(&piece[skip..]);
            skip = 0;
            count += 1;
        }
        count
    }

    /// Forgets the first `count` bytes: they have been written.
    pub fn advance(&mut self, mut count: usize) {
        debug_assert!(count <= self.len());
        self.position += count as u64;
        while let Some(first) = self.held.front() {
            let left = first.len() - self.written;
            if count < left {
                self.written += count;
                return;
            }
            count -= left;
            self.written = 0;
            self.held_bytes -= first.len();
            self.held.pop_front();
        }
        self.written += count;
        if self.written == self.tail.len() {
            self.tail.clear();
            self.written = 0;
        } else if self.written >= COMPACT_BYTES && self.written > self.tail.len() / 2 {
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }

    /// Makes the output new and keeps a reasonable amount of its memory.
    pub fn reset(&mut self) {
        self.held.clear();
        self.tail.clear();
        self.tail.shrink_to(COMPACT_BYTES);
        self.written = 0;
        self.held_bytes = 0;
        self.position = 0;
        self.marks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let count = output.slices(&mut slices);
            let next: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .take(step)
                .collect();
            output.advance(next.len());
            all.extend(next);
        }
        all
    }

    #[test]
    fn bytes_come_out_in_the_order_they_went_in_however_they_are_taken() {
        for step in 1..20 {
            let mut output = Output::default();
            output.tail().extend_from_slice(b"one ");
            output.hold(Bytes::from_static(b"two "));
            output.tail().extend_from_slice(b"three ");
            output.hold(Bytes::from_static(b"four "));
            output.hold(Bytes::from_static(b"five "));
            output.tail().extend_from_slice(b"six");
            assert_eq!(collect(&mut output, step), b"one two three four five six");
        }
    }

    #[test]
    fn a_piece_held_behind_a_half_written_tail_keeps_its_place() {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"head");
        output.advance(2);
        output.hold(Bytes::from_static(b"body"));
        assert_eq!(output.len(), 6);
        assert_eq!(collect(&mut output, 100), b"adbody");
    }

    #[test]
    fn a_mark_is_passed_when_everything_before_it_is_written() {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"abc");
        output.mark(0, 7);
        output.tail().extend_from_slice(b"de");
        output.mark(0, 8);
        output.advance(2);
        assert_eq!(output.pop_passed(), None);
        output.advance(1);
        assert_eq!(output.pop_passed().map(|mark| mark.token), Some(7));
        assert_eq!(output.pop_passed(), None);
        output.advance(2);
        assert_eq!(output.pop_passed().map(|mark| mark.token), Some(8));
    }

    #[test]
    fn an_appended_output_keeps_its_bytes_and_marks() {
        let mut first = Output::default();
        first.tail().extend_from_slice(b"first");
        let mut second = Output::default();
        second.hold(Bytes::from_static(b"second"));
        second.mark(1, 9);
        second.tail().extend_from_slice(b"third");
        first.append(&mut second);
        first.advance(10);
        assert_eq!(first.pop_passed(), None);
        first.advance(1);
        assert_eq!(first.pop_passed().map(|mark| mark.token), Some(9));
        assert_eq!(collect(&mut first, 3), b"third");
        assert!(second.is_empty());
    }
}
