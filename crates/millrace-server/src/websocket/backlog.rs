//! Messages that wait because their client is slow, and what becomes of those that are too many.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use millrace_batch::layout::overflow;
use millrace_batch::outbound::Part;
use millrace_ws::header_len;

use super::published::Published;

/// A message that waits counts for at least so many bytes, about what keeping it takes: else a limit in bytes would not
/// bound the memory of empty messages.
const LEAST_WEIGHT: usize = 64;

/// What becomes of messages that a slow client does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The client is cut off.
    #[default]
    Close,
    /// The message that does not fit is dropped.
    DropNewest,
    /// The oldest messages that wait are dropped. The newest is not, whatever its size.
    DropOldest,
    /// A message replaces the one of the same topic that waits; if that is not enough, the oldest are dropped.
    Latest,
}

/// The messages that wait, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Whole messages, by numbers that only grow.
    messages: BTreeMap<u64, Waiting>,
    /// Parts of streamed messages, each with the number of the first whole message behind it.
    parts: VecDeque<(u64, Waiting)>,
    next: u64,
    /// The number of the message of each topic. Only kept for [`Overflow::Latest`].
    topics: HashMap<u64, u64>,
    bytes: usize,
    weight: usize,
}

/// A message that waits, or a part of one.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) content: Content,
    /// What became of it is reported under this token.
    pub(super) notify: Option<u32>,
}

#[derive(Debug)]
pub(super) enum Content {
    Own(Bytes, Form),
    Published(Arc<Published>),
}

/// How a message is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) binary: bool,
    /// It may be compressed.
    pub(super) compress: bool,
    pub(super) part: Option<Part>,
    /// The most payload bytes of a frame; 0 for one frame.
    pub(super) fragment: u32,
}

/// Which rule a message was dropped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DroppedAs {
    Newest,
    Oldest,
    Replaced,
}

/// There is no room for this, and the client is to be cut off.
#[derive(Debug)]
pub(super) struct Full(pub(super) Waiting);

impl Overflow {
    /// By its number in records.
    pub fn from_code(code: u32) -> Option<Self> {
        match code {
            overflow::CLOSE => Some(Overflow::Close),
            overflow::DROP_NEWEST => Some(Overflow::DropNewest),
            overflow::DROP_OLDEST => Some(Overflow::DropOldest),
            overflow::LATEST => Some(Overflow::Latest),
            _ => None,
        }
    }
}

impl Backlog {
    /// Adds a message. All that waits may then weigh `room` bytes; what is dropped for that goes to `dropped`. Parts of
    /// streamed messages are never dropped: what is left of their message would be another one.
    pub(super) fn push(
        &mut self,
        waiting: Waiting,
        overflow: Overflow,
        room: usize,
        mut dropped: impl FnMut(Waiting, DroppedAs),
    ) -> Result<(), Full> {
        let is_part = waiting.is_part();
        let fits = self.weight.saturating_add(waiting.weight()) <= room;
        match overflow {
            Overflow::Close if !fits => return Err(Full(waiting)),
            Overflow::DropNewest if !fits && !is_part => {
                dropped(waiting, DroppedAs::Newest);
                return Ok(());
            }
            Overflow::Latest => {
                if let Some(old) = self.take_topic_of(&waiting) {
                    dropped(old, DroppedAs::Replaced);
                }
            }
            _ => {}
        }
        self.add(waiting, overflow == Overflow::Latest);
        if let Overflow::DropOldest | Overflow::Latest = overflow {
            // Of whole messages the newest stays: it would be the last word on its subject, and nothing came after it.
            let spared = usize::from(!is_part);
            while self.weight > room && self.messages.len() > spared {
                if let Some(oldest) = self.pop_message() {
                    dropped(oldest, DroppedAs::Oldest);
                }
            }
        }
        Ok(())
    }

    /// Takes what is sent next: while a streamed message is under way, only its parts.
    pub(super) fn pop(&mut self, is_streaming: bool) -> Option<Waiting> {
        let first = self.messages.first_key_value().map(|(&number, _)| number);
        let part_is_next = match (self.parts.front(), first) {
            (None, _) => is_streaming,
            (Some(&(before, _)), Some(number)) => is_streaming || before <= number,
            (Some(_), None) => true,
        };
        if !part_is_next {
            return self.pop_message();
        }
        let (_, part) = self.parts.pop_front()?;
        self.subtract(&part);
        Some(part)
    }

    /// Takes everything, in no particular order.
    pub(super) fn drain(self) -> impl Iterator<Item = Waiting> {
        let parts = self.parts.into_iter().map(|(_, part)| part);
        parts.chain(self.messages.into_values())
    }

    /// Takes the whole messages that wait for the end of a streamed one of which no part is its last: the one that is
    /// under way when `is_streaming`, or one that waits.
    pub(super) fn take_unreachable(&mut self, is_streaming: bool) -> Vec<Waiting> {
        let is_last = |part: &Waiting| part.part() == Some(Part::Last);
        let ended = self.parts.iter().rposition(|(_, part)| is_last(part));
        let begun = match ended {
            None if is_streaming => Some(0),
            None => self.parts.front().map(|&(before, _)| before),
            Some(ended) => self.parts.get(ended + 1).map(|&(before, _)| before),
        };
        let Some(begun) = begun else {
            return Vec::new();
        };
        let unreachable = self.messages.split_off(&begun);
        self.topics.retain(|_, number| *number < begun);
        let unreachable: Vec<Waiting> = unreachable.into_values().collect();
        for waiting in &unreachable {
            self.bytes -= waiting.bytes();
            self.weight -= waiting.weight();
        }
        unreachable
    }

    /// Gets ready for another rule; what [`Overflow::Latest`] would have replaced is dropped.
    pub(super) fn prepare(
        &mut self,
        overflow: Overflow,
        mut dropped: impl FnMut(Waiting, DroppedAs),
    ) {
        self.topics = HashMap::new();
        if overflow != Overflow::Latest {
            return;
        }
        let numbers: Vec<u64> = self.messages.keys().copied().collect();
        for number in numbers {
            let Some(topic) = self.messages.get(&number).and_then(Waiting::topic) else {
                continue;
            };
            let topic = topic.clone();
            if let Some(old) = self.take_topic(&topic) {
                dropped(old, DroppedAs::Replaced);
            }
            self.topics.insert(topic.topic_key(), number);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.parts.is_empty()
    }

    pub(super) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    pub(super) fn has_messages(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Bytes on the wire, if they are sent as they are.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, waiting: Waiting, by_topic: bool) {
        self.bytes += waiting.bytes();
        self.weight += waiting.weight();
        if waiting.is_part() {
            self.parts.push_back((self.next, waiting));
            return;
        }
        if by_topic && let Some(topic) = waiting.topic() {
            self.topics.insert(topic.topic_key(), self.next);
        }
        self.messages.insert(self.next, waiting);
        self.next += 1;
    }

    fn pop_message(&mut self) -> Option<Waiting> {
        let (number, waiting) = self.messages.pop_first()?;
        self.subtract(&waiting);
        if !self.topics.is_empty()
            && let Some(topic) = waiting.topic()
            && self.topics.get(&topic.topic_key()) == Some(&number)
        {
            self.topics.remove(&topic.topic_key());
        }
        Some(waiting)
    }

    fn take_topic_of(&mut self, waiting: &Waiting) -> Option<Waiting> {
        self.take_topic(waiting.topic()?)
    }

    fn take_topic(&mut self, topic: &Published) -> Option<Waiting> {
        let number = *self.topics.get(&topic.topic_key())?;
        let old = self.messages.get(&number)?.topic()?;
        if old.topic() != topic.topic() {
            // Two topics with one key, which happens to nobody: the older is then replaced no more.
            return None;
        }
        self.topics.remove(&topic.topic_key());
        let old = self.messages.remove(&number)?;
        self.subtract(&old);
        Some(old)
    }

    fn subtract(&mut self, waiting: &Waiting) {
        self.bytes -= waiting.bytes();
        self.weight -= waiting.weight();
    }
}

impl Waiting {
    /// Bytes of the payload.
    pub(super) fn payload_bytes(&self) -> usize {
        match &self.content {
            Content::Own(payload, _) => payload.len(),
            Content::Published(published) => published.payload_bytes(),
        }
    }

    fn bytes(&self) -> usize {
        let payload = self.payload_bytes();
        header_len(payload as u64) + payload
    }

    fn weight(&self) -> usize {
        self.bytes().max(LEAST_WEIGHT)
    }

    fn is_part(&self) -> bool {
        self.part().is_some()
    }

    fn part(&self) -> Option<Part> {
        match &self.content {
            Content::Own(_, form) => form.part,
            Content::Published(_) => None,
        }
    }

    fn topic(&self) -> Option<&Arc<Published>> {
        match &self.content {
            Content::Own(..) => None,
            Content::Published(published) => Some(published),
        }
    }
}
