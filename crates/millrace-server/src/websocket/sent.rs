//! What becomes of messages that somebody waits for.

use std::collections::VecDeque;

use millrace_batch::layout::WriteOutcome;
use millrace_ws::header_len;

/// What there is to tell JavaScript about what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A message that was asked about is done, with so many bytes of its payload handed to the system.
    Sent(Sent),
    /// Messages were dropped because the client is slow.
    Dropped(Dropped),
    /// What waits has fallen to so many bytes.
    Drained(usize),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) token: u32,
    pub(crate) outcome: WriteOutcome,
    /// Bytes of its payload.
    pub(crate) transferred: usize,
}

/// How many messages were dropped by which rule, and how many bytes of payload they had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) newest: u32,
    pub(crate) oldest: u32,
    /// Replaced by a later one of their topic.
    pub(crate) replaced: u32,
    pub(crate) bytes: usize,
}

/// The messages asked about that are in the output, in its order.
#[derive(Debug, Default)]
pub(super) struct Notices(VecDeque<Notice>);

/// One of them: where it is among all bytes that the output ever had.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) token: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Bytes of its payload, before compression.
    pub(super) payload: usize,
    /// The most payload bytes of its frames; 0 for one frame.
    pub(super) fragment: usize,
}

impl Dropped {
    /// Messages dropped, by whatever rule.
    pub(crate) fn messages(&self) -> u32 {
        self.newest + self.oldest + self.replaced
    }
}

impl Notices {
    pub(super) fn push(&mut self, notice: Notice) {
        self.0.push_back(notice);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one that ends where the output has got to, or before.
    pub(super) fn pop_passed(&mut self, position: u64) -> Option<Sent> {
        let notice = self.0.pop_front_if(|notice| notice.end <= position)?;
        Some(Sent {
            token: notice.token,
            outcome: WriteOutcome::Written,
            transferred: notice.payload,
        })
    }

    /// Ends all of them at a position behind which nothing will be written. An error of the system's is of the first; when
    /// there is none, one that was under way gets `cut`.
    pub(super) fn abandon(
        &mut self,
        position: u64,
        outcome: WriteOutcome,
        cut: WriteOutcome,
        mut tell: impl FnMut(Sent),
    ) {
        while let Some(sent) = self.pop_passed(position) {
            tell(sent);
        }
        let mut is_first = true;
        for notice in self.0.drain(..) {
            let outcome = match outcome {
                WriteOutcome::System(_) if is_first => outcome,
                WriteOutcome::System(_) => WriteOutcome::NotExecuted,
                WriteOutcome::NotExecuted if notice.start < position => cut,
                outcome => outcome,
            };
            is_first = false;
            tell(Sent {
                token: notice.token,
                outcome,
                transferred: notice.transferred(position),
            });
        }
    }
}

impl Notice {
    /// Bytes of the payload in the frames' bytes before `position`, which is not behind all of them; of a compressed
    /// payload those that it was compressed to. Never all.
    fn transferred(&self, position: u64) -> usize {
        let done = position.saturating_sub(self.start) as usize;
        let all = (self.end - self.start) as usize;
        let frame = match self.fragment {
            0 => all,
            fragment => header_len(fragment as u64) + fragment,
        };
        let (whole, begun) = (done / frame, done % frame);
        // The last frame may be shorter, and its header with it.
        let header = header_of_frame(frame.min(all - whole * frame));
        let transferred = whole * self.fragment + begun.saturating_sub(header);
        transferred.min(self.payload.saturating_sub(1))
    }
}

/// The bytes of the header in a frame of so many bytes.
fn header_of_frame(frame: usize) -> usize {
    [2, 4]
        .into_iter()
        .find(|&header| header_len(frame.saturating_sub(header) as u64) == header)
        .unwrap_or(10)
}

#[cfg(test)]
mod tests {
    use millrace_ws::write_message;

    use super::*;

    #[test]
    fn the_bytes_of_a_payload_are_counted_without_those_of_its_headers() {
        for payload in [0, 1, 125, 126, 127, 128, 300, 65_535, 65_536, 70_000] {
            for fragment in [0, 1, 125, 126, 200, 70_000] {
                let mut frames = Vec::new();
                // No header here has the byte that the payload is of.
                write_message(&mut frames, true, false, &vec![0xaa; payload], fragment);
                let notice = Notice {
                    token: 1,
                    start: 1000,
                    end: 1000 + frames.len() as u64,
                    payload,
                    fragment: if payload > fragment { fragment } else { 0 },
                };
                let mut expected = 0;
                for (done, byte) in frames.iter().enumerate() {
                    let transferred = notice.transferred(1000 + done as u64);
                    assert_eq!(transferred, expected, "{payload} {fragment} {done}");
                    expected += usize::from(*byte == 0xaa);
                }
            }
        }
    }

    #[test]
    fn the_error_of_a_write_is_that_of_the_message_that_was_under_way() {
        let told = |position, outcome| {
            let mut notices = Notices::default();
            for token in 0..3 {
                notices.push(Notice {
                    token,
                    start: u64::from(token) * 12,
                    end: u64::from(token) * 12 + 12,
                    payload: 10,
                    fragment: 0,
                });
            }
            let mut told = Vec::new();
            let cut = WriteOutcome::System(103);
            notices.abandon(position, outcome, cut, |sent| {
                told.push((sent.outcome, sent.transferred));
            });
            told
        };
        let (written, not_executed) = (WriteOutcome::Written, WriteOutcome::NotExecuted);
        assert_eq!(
            told(17, WriteOutcome::System(32)),
            [
                (written, 10),
                (WriteOutcome::System(32), 3),
                (not_executed, 0)
            ]
        );
        assert_eq!(
            told(17, not_executed),
            [
                (written, 10),
                (WriteOutcome::System(103), 3),
                (not_executed, 0)
            ]
        );
        assert_eq!(
            told(12, not_executed),
            [(written, 10), (not_executed, 0), (not_executed, 0)]
        );
        assert_eq!(
            told(23, WriteOutcome::Destroyed),
            [
                (written, 10),
                (WriteOutcome::Destroyed, 9),
                (WriteOutcome::Destroyed, 0)
            ]
        );
    }
}
