//! What becomes of exchanges, for an owner who wants to know.

use crate::error::Error;

/// What has become of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whose answer it was.
    pub sequence: u32,
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// Bytes of its content, without what transfer codings add; of an answer that was cut, what can have been written.
    pub content: u64,
    /// It was cut before its end was written.
    pub is_cut: bool,
    /// Why it was refused, when it was.
    pub refusal: Option<Error>,
}

/// Exchanges that have come to their ends, in that order, until their answers are written.
#[derive(Debug, Default)]
pub(super) struct Journal {
    ended: Vec<Ended>,
}

#[derive(Debug)]
struct Ended {
    answered: Answered,
    /// Where its answer ends in the connection's output; none while that waits for its turn.
    end: Option<u64>,
}

impl Journal {
    pub(super) fn note(&mut self, answered: Answered, end: Option<u64>) {
        self.ended.push(Ended { answered, end });
    }

    /// Says where an answer ends whose turn has come.
    pub(super) fn place(&mut self, sequence: u32, end: u64) {
        let waiting = |ended: &&mut Ended| ended.answered.sequence == sequence;
        if let Some(ended) = self.ended.iter_mut().find(waiting) {
            ended.end = Some(end);
        }
    }

    /// Takes those whose answers are written as far as they go.
    pub(super) fn take_written(&mut self, position: u64) -> Vec<Answered> {
        let is_written = |ended: &mut Ended| ended.end.is_some_and(|end| end <= position);
        let written = self.ended.extract_if(.., is_written);
        written.map(|ended| ended.answered).collect()
    }

    /// Says that nothing more is written.
    pub(super) fn cut(&mut self, position: u64) {
        for Ended { answered, end } in &mut self.ended {
            let unwritten = match *end {
                Some(end) if end <= position => continue,
                Some(end) => end - position,
                None => answered.content,
            };
            answered.is_cut = true;
            answered.content = answered.content.saturating_sub(unwritten);
            *end = Some(position);
        }
    }
}
