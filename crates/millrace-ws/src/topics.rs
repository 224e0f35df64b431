//! Who gets what is published.

mod name;
mod patterns;

pub use name::TopicError;

use std::collections::{BTreeMap, HashMap};

use name::{check_published, check_subscribed};
use patterns::Patterns;

/// Whom a message goes to: a number of the owner's choice. Numbers are best small and used again, as the slots of
/// connections are, since memory goes by the largest.
pub type Subscriber = u32;

/// The subscriptions of many subscribers to topics, and to patterns of topics.
///
/// A topic is text in levels between `/`. In what is subscribed to, a level `+` stands for any one level and `#`, as the
/// last one, for any number of them, none included: `a/#` has `a`, `a/b` and `a/b/c` (MQTT 3.1.1 4.7.1). Unlike there
/// (4.7.2), topics that begin with `$` are topics as any other. Letter case counts.
///
/// There are no limits here to how much is subscribed to; the owner sets them.
#[derive(Debug, Default)]
pub struct Topics {
    /// By what was subscribed to, topics and patterns.
    numbers: HashMap<Box<[u8]>, TopicNumber>,
    topics: Vec<Topic>,
    /// Places in `topics` to be used again.
    free: Vec<TopicNumber>,
    patterns: Patterns,
    /// By number.
    subscribers: Vec<Subscriptions>,
    /// How often subscribers of several topics were looked for.
    stamp: u64,
    /// The patterns that a topic matches; kept for its memory.
    matched: Vec<TopicNumber>,
}

/// A place in [`Topics::topics`].
type TopicNumber = u32;

#[derive(Debug, Default)]
struct Topic {
    name: Box<[u8]>,
    is_pattern: bool,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug, Default)]
struct Subscriptions {
    /// For each topic the place in its list of subscribers.
    places: BTreeMap<TopicNumber, u32>,
    /// The value of [`Topics::stamp`] when this subscriber was last found.
    found: u64,
}

impl Topics {
    /// No subscriptions.
    pub fn new() -> Topics {
        Topics::default()
    }

    /// Subscribes to a topic or a pattern, and says whether that is new.
    ///
    /// # Errors
    ///
    /// When `topic` is not one that can be subscribed to.
    pub fn subscribe(&mut self, topic: &[u8], subscriber: Subscriber) -> Result<bool, TopicError> {
        let is_pattern = check_subscribed(topic)?;
        let number = match self.numbers.get(topic) {
            Some(&number) => number,
            None => self.add(topic, is_pattern),
        };
        let index = subscriber as usize;
        if self.subscribers.len() <= index {
            self.subscribers
                .resize_with(index + 1, Subscriptions::default);
        }
        let places = &mut self.subscribers[index].places;
        if places.contains_key(&number) {
            return Ok(false);
        }
        let list = &mut self.topics[number as usize].subscribers;
        places.insert(number, list.len() as u32);
        list.push(subscriber);
        Ok(true)
    }

    /// Ends the subscription to exactly this topic or pattern, and says whether there was one.
    pub fn unsubscribe(&mut self, topic: &[u8], subscriber: Subscriber) -> bool {
        let Some(&number) = self.numbers.get(topic) else {
            return false;
        };
        let Some(subscriptions) = self.subscribers.get_mut(subscriber as usize) else {
            return false;
        };
        let Some(place) = subscriptions.places.remove(&number) else {
            return false;
        };
        self.take_from_list(number, place);
        true
    }

    /// Ends all subscriptions of a subscriber, at a cost that goes by their number only.
    pub fn unsubscribe_all(&mut self, subscriber: Subscriber) {
        let Some(subscriptions) = self.subscribers.get_mut(subscriber as usize) else {
            return;
        };
        for (number, place) in std::mem::take(&mut subscriptions.places) {
            self.take_from_list(number, place);
        }
    }

    /// Calls `each` with every subscriber of a published topic, once though several of its subscriptions match, in no
    /// particular order.
    ///
    /// # Errors
    ///
    /// When `topic` is not one that can be published to.
    pub fn matching(
        &mut self,
        topic: &[u8],
        mut each: impl FnMut(Subscriber),
    ) -> Result<(), TopicError> {
        check_published(topic)?;
        self.matched.clear();
        self.matched.extend(self.numbers.get(topic));
        self.patterns.matching(topic, &mut self.matched);
        match *self.matched {
            [] => {}
            [only] => {
                let list = &self.topics[only as usize].subscribers;
                list.iter().copied().for_each(each);
            }
            ref several => {
                self.stamp += 1;
                for &number in several {
                    for &subscriber in &self.topics[number as usize].subscribers {
                        let found = &mut self.subscribers[subscriber as usize].found;
                        if *found != self.stamp {
                            *found = self.stamp;
                            each(subscriber);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether there is a subscription to exactly this topic or pattern.
    pub fn is_subscribed(&self, topic: &[u8], subscriber: Subscriber) -> bool {
        let subscriptions = self.subscribers.get(subscriber as usize);
        let number = self.numbers.get(topic);
        number
            .zip(subscriptions)
            .is_some_and(|(number, of)| of.places.contains_key(number))
    }

    /// What a subscriber is subscribed to, topics and patterns, in no particular order.
    pub fn subscriptions(&self, subscriber: Subscriber) -> impl Iterator<Item = &[u8]> {
        let subscriptions = self.subscribers.get(subscriber as usize);
        let numbers = subscriptions.into_iter().flat_map(|of| of.places.keys());
        numbers.map(|&number| &*self.topics[number as usize].name)
    }

    /// How many are subscribed to exactly this topic or pattern.
    pub fn count(&self, topic: &[u8]) -> usize {
        let number = self.numbers.get(topic);
        number.map_or(0, |&number| self.topics[number as usize].subscribers.len())
    }

    /// Whether nobody is subscribed to anything.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    fn add(&mut self, name: &[u8], is_pattern: bool) -> TopicNumber {
        let topic = Topic {
            name: name.into(),
            is_pattern,
            subscribers: Vec::new(),
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.topics[number as usize] = topic;
                number
            }
            None => {
                self.topics.push(topic);
                self.topics.len() as TopicNumber - 1
            }
        };
        self.numbers.insert(name.into(), number);
        if is_pattern {
            self.patterns.insert(name, number);
        }
        number
    }

    /// Takes who is at `place` from the list of a topic, and the topic with its last subscriber.
    fn take_from_list(&mut self, number: TopicNumber, place: u32) {
        let topic = &mut self.topics[number as usize];
        topic.subscribers.swap_remove(place as usize);
        if let Some(&moved) = topic.subscribers.get(place as usize) {
            let places = &mut self.subscribers[moved as usize].places;
            places.insert(number, place);
        }
        if topic.subscribers.is_empty() {
            let topic = std::mem::take(topic);
            self.numbers.remove(&topic.name);
            if topic.is_pattern {
                self.patterns.remove(&topic.name);
            }
            self.free.push(number);
        }
    }
}
