//! Messages that are published to the same sockets one after the other: most of them get the frames of all at once.

use std::sync::Arc;

use millrace_http1::Output;

use super::published::Published;
use super::shared::HELD_BYTES;

/// Messages for the same sockets, in their order; at least one. Who gets them is looked up once, and a socket is come back
/// to once: with many subscribers its memory is out of the cache by the next message.
#[derive(Debug)]
pub(crate) struct Run {
    messages: Vec<Arc<Published>>,
    /// Their frames, not compressed, when they are small enough to be copied.
    frames: Vec<u8>,
}

impl Run {
    /// Makes runs of messages, as long as they can be.
    pub(crate) fn collect(messages: impl Iterator<Item = Published>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for message in messages {
            match runs.last_mut() {
                Some(run) if run.takes(&message) => run.push(message),
                _ => {
                    let mut run = Run {
                        messages: Vec::new(),
                        frames: Vec::new(),
                    };
                    run.push(message);
                    runs.push(run);
                }
            }
        }
        runs
    }

    pub(crate) fn messages(&self) -> &[Arc<Published>] {
        &self.messages
    }

    /// A message that has the server, the topic and the exception of all.
    pub(crate) fn first(&self) -> &Published {
        &self.messages[0]
    }

    /// Bytes of all payloads.
    pub(crate) fn payload_bytes(&self) -> usize {
        let payloads = self.messages.iter().map(|message| message.payload_bytes());
        payloads.sum()
    }

    /// Whether clients that can read them so get some of them compressed.
    pub(super) fn may_be_compressed(&self) -> bool {
        self.messages
            .iter()
            .any(|message| message.may_be_compressed())
    }

    /// Appends the frames of all, not compressed, to what a socket sends.
    #[inline]
    pub(super) fn put(&self, output: &mut Output) {
        match &*self.frames {
            // One that is not copied is alone.
            [] => self.first().plain().put(output),
            frames => output.tail().extend_from_slice(frames),
        }
    }

    fn takes(&self, next: &Published) -> bool {
        let frame = next.plain().copied();
        let fits = frame.is_some_and(|frame| self.frames.len() + frame.len() <= HELD_BYTES);
        !self.frames.is_empty() && fits && self.first().goes_where(next)
    }

    fn push(&mut self, message: Published) {
        let frame = message.plain().copied();
        self.frames.extend_from_slice(frame.unwrap_or_default());
        self.messages.push(Arc::new(message));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millrace_batch::SocketId;

    use super::*;

    fn lengths(messages: Vec<(u32, &str, Option<SocketId>, usize)>) -> Vec<usize> {
        let messages = messages.into_iter().map(|(server, topic, except, length)| {
            let payload = Bytes::from(vec![b'x'; length]);
            Published::new(server, topic.as_bytes(), payload, true, false, except)
        });
        let runs = Run::collect(messages);
        runs.iter().map(|run| run.messages().len()).collect()
    }

    #[test]
    fn what_goes_to_the_same_sockets_goes_together_and_nothing_else() {
        let socket = |connection| {
            Some(SocketId {
                connection,
                generation: 0,
            })
        };
        let all = |topic| (1, topic, None, 9);
        assert_eq!(lengths(vec![]), []);
        assert_eq!(lengths(vec![all("a"), all("a"), all("a")]), [3]);
        assert_eq!(lengths(vec![all("a"), all("b"), all("a")]), [1, 1, 1]);
        assert_eq!(lengths(vec![all("a"), all("a"), (2, "a", None, 9)]), [2, 1]);
        let but = |connection| (1, "a", socket(connection), 9);
        assert_eq!(
            lengths(vec![all("a"), but(1), but(1), but(2), all("a")]),
            [1, 2, 1, 1]
        );
    }

    #[test]
    fn large_messages_are_alone_and_many_small_ones_in_parts() {
        let of = |length| (1, "a", None, length);
        let large = HELD_BYTES + 1;
        assert_eq!(lengths(vec![of(1), of(large), of(1), of(1)]), [1, 1, 2]);
        assert_eq!(lengths(vec![of(large), of(large)]), [1, 1]);
        // With headers of two and of four bytes.
        let (a, b) = (100, HELD_BYTES - 2 * 102 - 4);
        assert_eq!(lengths(vec![of(a), of(b), of(a), of(a)]), [3, 1]);
    }

    #[test]
    fn an_output_gets_the_frames_of_all_in_their_order() {
        let payloads = [&b"one"[..], b"two", b""];
        let messages = payloads.map(|payload| {
            Published::new(1, b"a", Bytes::from_static(payload), false, false, None)
        });
        let runs = Run::collect(messages.into_iter());
        let mut output = Output::default();
        runs[0].put(&mut output);
        assert_eq!(output.tail(), b"\x81\x03one\x81\x03two\x81\x00");
    }
}
