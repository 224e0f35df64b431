use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Push {
        /// A published message's topic.
        topic: Option<u8>,
        part: Option<bool>,
        bytes: usize,
    },
    Pop,
    Change(Overflow),
    Close,
}

/// The same, done without thinking of what it costs: all that waits, in the order it came in.
#[derive(Default)]
struct Model(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: u32,
    topic: Option<u8>,
    /// Whether the part is the last of its message.
    part: Option<bool>,
    bytes: usize,
}

impl Model {
    fn weight(&self) -> usize {
        self.0.iter().map(|entry| entry.weight()).sum()
    }

    fn push(&mut self, entry: Entry, overflow: Overflow, room: usize) -> (bool, Vec<u32>) {
        let fits = self.weight() + entry.weight() <= room;
        let is_part = entry.part.is_some();
        let mut dropped = Vec::new();
        match overflow {
            Overflow::Close if !fits => return (false, dropped),
            Overflow::DropNewest if !fits && !is_part => return (true, vec![entry.id]),
            Overflow::Latest => dropped.extend(self.replace(&entry)),
            _ => {}
        }
        self.0.push(entry);
        if let Overflow::DropOldest | Overflow::Latest = overflow {
            let spared = usize::from(!is_part);
            while self.weight() > room {
                let mut whole = (0..self.0.len()).filter(|&at| self.0[at].part.is_none());
                let oldest = whole.next();
                let Some(oldest) = oldest.filter(|_| whole.count() >= spared) else {
                    break;
                };
                dropped.push(self.0.remove(oldest).id);
            }
        }
        (true, dropped)
    }

    fn replace(&mut self, by: &Entry) -> Option<u32> {
        let topic = by.topic?;
        let old = self.0.iter().position(|entry| entry.topic == Some(topic))?;
        Some(self.0.remove(old).id)
    }

    fn prepare(&mut self, overflow: Overflow) -> Vec<u32> {
        let all = std::mem::take(&mut self.0);
        if overflow != Overflow::Latest {
            self.0 = all;
            return Vec::new();
        }
        let mut dropped = Vec::new();
        for entry in all {
            dropped.extend(self.replace(&entry));
            self.0.push(entry);
        }
        dropped
    }

    fn pop(&mut self, is_streaming: bool) -> Option<Entry> {
        let mut places = 0..self.0.len();
        let next = places.find(|&at| !is_streaming || self.0[at].part.is_some())?;
        Some(self.0.remove(next))
    }

    /// What can never be popped if nothing more comes.
    fn take_unreachable(&mut self, mut is_streaming: bool) -> Vec<u32> {
        let mut reachable = Vec::new();
        let mut rest = Model(self.0.clone());
        while let Some(entry) = rest.pop(is_streaming) {
            is_streaming = entry.part.map_or(is_streaming, |is_last| !is_last);
            reachable.push(entry.id);
        }
        self.0.retain(|entry| reachable.contains(&entry.id));
        rest.0.iter().map(|entry| entry.id).collect()
    }
}

impl Entry {
    fn weight(&self) -> usize {
        self.bytes.max(LEAST_WEIGHT)
    }

    fn waiting(&self) -> Waiting {
        let payload = Bytes::from(vec![7; self.bytes - if self.bytes < 128 { 2 } else { 4 }]);
        let content = match self.topic {
            Some(topic) => {
                let topic = format!("topic/{topic}");
                let topic = topic.as_bytes();
                let message = Published::new(0, topic, payload, true, false, None);
                Content::Published(Arc::new(message))
            }
            None => {
                let form = Form {
                    binary: true,
                    compress: false,
                    part: self
                        .part
                        .map(|is_last| if is_last { Part::Last } else { Part::More }),
                    fragment: 0,
                };
                Content::Own(payload, form)
            }
        };
        Waiting {
            content,
            notify: Some(self.id),
        }
    }
}

fn overflows() -> impl Strategy<Value = Overflow> {
    prop_oneof![
        Just(Overflow::Close),
        Just(Overflow::DropNewest),
        Just(Overflow::DropOldest),
        Just(Overflow::Latest),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![2..100usize, 150..400usize];
    prop_oneof![
        6 => (proptest::option::of(0..4u8), bytes.clone())
            .prop_map(|(topic, bytes)| Step::Push { topic, part: None, bytes }),
        2 => (any::<bool>(), bytes)
            .prop_map(|(is_last, bytes)| Step::Push { topic: None, part: Some(is_last), bytes }),
        4 => Just(Step::Pop),
        1 => overflows().prop_map(Step::Change),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #[test]
    fn what_waits_comes_out_in_order_and_is_dropped_by_the_rule(
        mut overflow in overflows(),
        room in 0..2000usize,
        steps in prop::collection::vec(steps(), 0..80),
    ) {
        let (mut backlog, mut model) = (Backlog::default(), Model::default());
        let mut is_streaming = false;
        for (id, step) in (0u32..).zip(steps) {
            let mut dropped = Vec::new();
            let note = |waiting: Waiting, _| dropped.extend(waiting.notify);
            match step {
                Step::Push { topic, part, bytes } => {
                    let entry = Entry { id, topic, part, bytes };
                    let pushed = backlog.push(entry.waiting(), overflow, room, note);
                    let (fits, expected) = model.push(entry, overflow, room);
                    prop_assert_eq!(pushed.is_ok(), fits);
                    prop_assert_eq!(dropped, expected);
                }
                Step::Pop => {
                    let popped = backlog.pop(is_streaming);
                    let expected = model.pop(is_streaming);
                    prop_assert_eq!(
                        popped.and_then(|waiting| waiting.notify),
                        expected.as_ref().map(|entry| entry.id)
                    );
                    if let Some(is_last) = expected.and_then(|entry| entry.part) {
                        is_streaming = !is_last;
                    }
                }
                Step::Change(other) => {
                    overflow = other;
                    backlog.prepare(overflow, note);
                    prop_assert_eq!(dropped, model.prepare(overflow));
                }
                Step::Close => {
                    let taken = backlog.take_unreachable(is_streaming);
                    let taken: Vec<u32> = taken.iter().filter_map(|waiting| waiting.notify).collect();
                    prop_assert_eq!(taken, model.take_unreachable(is_streaming));
                }
            }
            prop_assert_eq!(backlog.weight, model.weight());
            let bytes = model.0.iter().map(|entry| entry.bytes).sum::<usize>();
            prop_assert_eq!(backlog.bytes(), bytes);
            prop_assert_eq!(backlog.is_empty(), model.0.is_empty());
        }
        let mut left: Vec<u32> = backlog.drain().filter_map(|waiting| waiting.notify).collect();
        left.sort_unstable();
        prop_assert_eq!(left, model.0.iter().map(|entry| entry.id).collect::<Vec<_>>());
    }
}

#[test]
fn ten_thousand_topics_wait_without_a_look_at_each() {
    let mut backlog = Backlog::default();
    let mut replaced = 0;
    for round in 0..20 {
        for topic in 0..10_000 {
            let topic = format!("quotes/{topic}");
            let payload = Bytes::from(format!("round {round}"));
            let message = Published::new(0, topic.as_bytes(), payload, false, false, None);
            let waiting = Waiting {
                content: Content::Published(Arc::new(message)),
                notify: None,
            };
            let pushed = backlog.push(waiting, Overflow::Latest, usize::MAX, |_, how| {
                assert_eq!(how, DroppedAs::Replaced);
                replaced += 1;
            });
            assert!(pushed.is_ok());
        }
    }
    assert_eq!(replaced, 19 * 10_000);
    let mut left = 0;
    while let Some(waiting) = backlog.pop(false) {
        let topic = waiting.topic().map(|message| message.topic().to_vec());
        assert_eq!(topic, Some(format!("quotes/{left}").into_bytes()));
        left += 1;
    }
    assert_eq!(left, 10_000);
    assert!(backlog.topics.is_empty());
}
