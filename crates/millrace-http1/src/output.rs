//! Bytes on their way to a socket: encoded text copied together, large pieces held by reference, and segments that are
//! not in memory at all.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// A consumed prefix of the tail is given back once it is this long, in bytes, so that a reader that is always a
/// little behind cannot make the tail grow for ever.
const COMPACT_BYTES: usize = 64 * 1024;

/// A queue of bytes to be written in order, with marks that tell when a position has been passed.
#[derive(Debug, Default)]
pub struct Output {
    held: VecDeque<Held>,
    tail: Vec<u8>,
    /// How much of the first piece (the first held one, else the tail) has been written, when it is in memory.
    written: usize,
    /// Bytes of the held pieces that are in memory.
    held_bytes: usize,
    /// Bytes left of the held segments that live elsewhere; 0 only when there is none.
    elsewhere_bytes: u64,
    /// Bytes written since the output was made.
    position: u64,
    marks: VecDeque<Mark>,
    /// Where the last mark was that has been passed.
    passed: u64,
    /// Keys of segments elsewhere that are needed no more.
    gone: Vec<u32>,
}

/// What is to be written next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Nothing.
    None,
    /// Bytes in memory: [`Output::single`] or [`Output::slices`] has them.
    Bytes,
    /// Bytes that live elsewhere, for example in a file.
    Elsewhere {
        /// What the owner called the segment.
        key: u32,
        /// Bytes of the segment that have been written.
        done: u64,
        /// Bytes of the segment that have not; at least one.
        left: u64,
    },
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

#[derive(Debug)]
enum Held {
    Memory(Bytes),
    Elsewhere { key: u32, done: u64, left: u64 },
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
        self.hold_tail();
        self.held_bytes += piece.len();
        self.held.push_back(Held::Memory(piece));
    }

    /// Appends `length` bytes that the owner writes from elsewhere when [`next_segment`](Output::next_segment) says so.
    /// The key comes out of [`drain_elsewhere`](Output::drain_elsewhere) once, when the owner need not keep them longer.
    pub fn hold_elsewhere(&mut self, length: u64, key: u32) {
        if length == 0 {
            return self.give_up(key);
        }
        self.hold_tail();
        self.elsewhere_bytes += length;
        self.held.push_back(Held::Elsewhere {
            key,
            done: 0,
            left: length,
        });
    }

    /// Appends all of `later`, whose turn has come.
    pub fn append(&mut self, later: &mut Output) {
        debug_assert_eq!(
            later.position, 0,
            "an output that waits for its turn writes nothing"
        );
        let base = self.position + self.len();
        for piece in later.held.drain(..) {
            match piece {
                Held::Memory(bytes) => self.hold(bytes),
                Held::Elsewhere { key, left, .. } => self.hold_elsewhere(left, key),
            }
        }
        self.tail.extend_from_slice(&later.tail);
        self.marks.extend(later.marks.drain(..).map(|mark| Mark {
            at: mark.at + base,
            ..mark
        }));
        self.gone.append(&mut later.gone);
        later.reset();
    }

    /// Bytes not yet written, wherever they are.
    pub fn len(&self) -> u64 {
        self.elsewhere_bytes + self.buffered() as u64
    }

    /// Bytes not yet written that are in memory.
    pub fn buffered(&self) -> usize {
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
        self.mark_at(self.end(), sequence, token);
    }

    /// Marks a position, behind which there may be more already, with marks of its own.
    pub(crate) fn mark_at(&mut self, at: u64, sequence: u32, token: u32) {
        let behind = self.marks.iter().rev().take_while(|mark| mark.at > at);
        let place = self.marks.len() - behind.count();
        self.marks.insert(
            place,
            Mark {
                at,
                sequence,
                token,
            },
        );
    }

    /// The position behind everything there is.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.len()
    }

    /// Whether a mark waits to be passed.
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// The next mark whose position has been passed.
    pub fn pop_passed(&mut self) -> Option<Mark> {
        self.marks
            .pop_front_if(|mark| mark.at <= self.position)
            .inspect(|mark| self.passed = mark.at)
    }

    /// Whether a part of what the next mark stands for has been written.
    pub fn is_before_mark(&self) -> bool {
        self.position > self.passed && !self.marks.is_empty()
    }

    /// The next mark, passed or not: for a connection that will write no more.
    pub fn pop_mark(&mut self) -> Option<Mark> {
        self.marks.pop_front()
    }

    /// What is to be written next, and how it is got at.
    pub fn next_segment(&self) -> Segment {
        match self.held.front() {
            Some(&Held::Elsewhere { key, done, left }) => Segment::Elsewhere { key, done, left },
            Some(Held::Memory(_)) => Segment::Bytes,
            None if self.is_empty() => Segment::None,
            None => Segment::Bytes,
        }
    }

    /// The only piece, when there is one piece and it is in memory.
    pub fn single(&self) -> Option<&[u8]> {
        self.held.is_empty().then(|| &self.tail[self.written..])
    }

    /// Fills `slices` with what is to be written next, as far as the first segment that lives elsewhere, and returns
    /// how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let held = self.held.iter().map_while(|piece| match piece {
            Held::Memory(bytes) => Some(&bytes[..]),
            Held::Elsewhere { .. } => None,
        });
        let pieces = held.chain((self.elsewhere_bytes == 0).then_some(&self.tail[..]));
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
        debug_assert!(count as u64 <= self.len());
        self.position += count as u64;
        while let Some(first) = self.held.front_mut() {
            match first {
                Held::Memory(bytes) => {
                    let left = bytes.len() - self.written;
                    if count < left {
                        self.written += count;
                        return;
                    }
                    count -= left;
                    self.written = 0;
                    self.held_bytes -= bytes.len();
                }
                Held::Elsewhere { key, done, left } => {
                    let taken = (*left).min(count as u64);
                    *done += taken;
                    *left -= taken;
                    self.elsewhere_bytes -= taken;
                    if *left > 0 {
                        return;
                    }
                    count -= taken as usize;
                    self.gone.push(*key);
                }
            }
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

    /// Makes the output new and keeps a reasonable amount of its memory. The segments that live elsewhere are gone, and
    /// so it does not forget their keys.
    pub fn reset(&mut self) {
        for piece in self.held.drain(..) {
            if let Held::Elsewhere { key, .. } = piece {
                self.gone.push(key);
            }
        }
        self.tail.clear();
        self.tail.shrink_to(COMPACT_BYTES);
        self.written = 0;
        self.held_bytes = 0;
        self.elsewhere_bytes = 0;
        self.position = 0;
        self.passed = 0;
        self.marks.clear();
    }

    /// Takes the memory of an output in which there is nothing, for another one. Positions and marks stay.
    pub fn release(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty());
        if self.held.capacity() > 0 {
            self.held = VecDeque::new();
        }
        std::mem::take(&mut self.tail)
    }

    /// Passes the key of each segment elsewhere that is needed no more to `gone`, whether it was written or given up.
    pub fn drain_elsewhere(&mut self, gone: impl FnMut(u32)) {
        self.gone.drain(..).for_each(gone);
    }

    /// Whether [`drain_elsewhere`](Output::drain_elsewhere) has a key to pass.
    pub fn has_gone_elsewhere(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Takes the key of a segment that will not be written.
    pub(crate) fn give_up(&mut self, key: u32) {
        self.gone.push(key);
    }

    /// Takes over the keys of an output that is dropped.
    pub(crate) fn give_up_all(&mut self, mut dropped: Output) {
        dropped.reset();
        self.gone.append(&mut dropped.gone);
    }

    /// Closes the tail, so that something can come behind it that is not copied.
    fn hold_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let mut before = Bytes::from(std::mem::take(&mut self.tail));
        if self.held.is_empty() {
            before = before.slice(std::mem::take(&mut self.written)..);
        }
        self.held_bytes += before.len();
        self.held.push_back(Held::Memory(before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let next: Vec<u8> = match output.next_segment() {
                Segment::None => break,
                Segment::Bytes => {
                    let mut slices = [IoSlice::new(&[]); 4];
                    let count = output.slices(&mut slices);
                    let bytes = slices[..count].iter().flat_map(|slice| slice.iter());
                    bytes.copied().take(step).collect()
                }
                Segment::Elsewhere { done, left, .. } => {
                    let rest = (done..done + left).map(|at| b'0' + (at % 10) as u8);
                    rest.take(step).collect()
                }
            };
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

    #[test]
    fn what_lives_elsewhere_goes_in_its_place_and_its_key_comes_back_once() {
        for step in 1..20 {
            let mut output = Output::default();
            output.tail().extend_from_slice(b"one ");
            output.hold_elsewhere(12, 7);
            output.hold_elsewhere(3, 8);
            output.tail().extend_from_slice(b" two ");
            output.hold(Bytes::from_static(b"three "));
            output.hold_elsewhere(1, 9);
            assert_eq!(output.single(), None);
            assert_eq!((output.len(), output.buffered()), (31, 15));
            let all = collect(&mut output, step);
            assert_eq!(all, b"one 012345678901012 two three 0");
            assert_eq!(gone(&mut output), [7, 8, 9]);
            assert_eq!(gone(&mut output), []);
            assert_eq!(output.single(), Some(&b""[..]));
        }
    }

    #[test]
    fn slices_end_where_something_elsewhere_begins() {
        let mut output = Output::default();
        output.hold(Bytes::from_static(b"head"));
        output.hold_elsewhere(5, 1);
        output.tail().extend_from_slice(b"end");
        let count = |output: &Output| output.slices(&mut [IoSlice::new(&[]); 4]);
        assert_eq!(output.next_segment(), Segment::Bytes);
        assert_eq!(count(&output), 1);
        output.advance(6);
        let elsewhere = Segment::Elsewhere {
            key: 1,
            done: 2,
            left: 3,
        };
        assert_eq!(output.next_segment(), elsewhere);
        assert_eq!(count(&output), 0);
        assert_eq!(output.buffered(), 3);
        output.advance(3);
        assert_eq!(output.next_segment(), Segment::Bytes);
        assert_eq!(output.single(), Some(&b"end"[..]));
    }

    #[test]
    fn marks_are_passed_behind_segments_longer_than_4_gib() {
        let length = 5 << 32;
        let mut output = Output::default();
        output.tail().extend_from_slice(b"head");
        output.hold_elsewhere(length, 1);
        output.mark(0, 1);
        output.tail().extend_from_slice(b"end");
        output.mark(0, 2);
        assert_eq!((output.len(), output.buffered()), (length + 7, 7));
        output.advance(4);
        let mut left = length;
        while left > 0 {
            assert_eq!(output.pop_passed(), None);
            let count = left.min(0x7fff_f000);
            output.advance(count as usize);
            left -= count;
        }
        assert_eq!(output.pop_passed().map(|mark| mark.token), Some(1));
        assert_eq!(output.pop_passed(), None);
        output.advance(3);
        assert_eq!(output.pop_passed().map(|mark| mark.token), Some(2));
        assert_eq!(output.position(), length + 7);
    }

    #[test]
    fn an_output_that_gave_its_memory_away_goes_on_where_it_was() {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"one");
        output.hold(Bytes::from_static(b"two"));
        output.tail().extend_from_slice(b"three");
        output.advance(11);
        assert!(output.release().is_empty());
        assert_eq!(output.tail().capacity(), 0);
        output.tail().extend_from_slice(b"four");
        output.mark(0, 1);
        assert_eq!(output.position(), 11);
        assert_eq!(collect(&mut output, 3), b"four");
        assert_eq!(output.pop_passed().map(|mark| mark.token), Some(1));
    }

    #[test]
    fn an_output_that_is_reset_gives_its_keys_back() {
        let mut output = Output::default();
        output.hold_elsewhere(2, 1);
        output.hold_elsewhere(0, 2);
        output.hold_elsewhere(2, 3);
        output.advance(1);
        output.reset();
        assert!(output.is_empty());
        assert_eq!(gone(&mut output), [2, 1, 3]);
    }

    fn gone(output: &mut Output) -> Vec<u32> {
        let mut keys = Vec::new();
        output.drain_elsewhere(|key| keys.push(key));
        keys
    }
}
