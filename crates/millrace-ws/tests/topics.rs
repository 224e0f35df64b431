//! Who gets what is published.

use std::collections::BTreeSet;

use millrace_ws::{TopicError, Topics};
use proptest::prelude::*;

fn matching(topics: &mut Topics, topic: &str) -> Vec<u32> {
    let mut found = Vec::new();
    topics
        .matching(topic.as_bytes(), |subscriber| found.push(subscriber))
        .expect("a topic to publish to");
    found.sort_unstable();
    found
}

fn is_match(pattern: &str, topic: &str) -> bool {
    let mut topics = Topics::new();
    topics
        .subscribe(pattern.as_bytes(), 0)
        .expect("a topic to subscribe to");
    !matching(&mut topics, topic).is_empty()
}

#[test]
fn the_examples_of_mqtt_hold() {
    // MQTT 3.1.1 4.7.1.2, 4.7.1.3 and 4.7.3.
    for (pattern, topic, expected) in [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/ranking",
            true,
        ),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/score/wimbledon",
            true,
        ),
        ("sport/tennis/player1/#", "sport/tennis/player10", false),
        ("sport/#", "sport", true),
        ("#", "a", true),
        ("#", "a/b/c", true),
        ("#", "/", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/tennis/+", "sport/tennis", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "sport", true),
        ("+/tennis/#", "a/tennis", true),
        ("+/tennis/#", "a/tennis/b/c", true),
        ("+/tennis/#", "tennis", false),
        ("sport/+/player1", "sport/tennis/player1", true),
        ("sport/+/player1", "sport//player1", true),
        ("/finance", "finance", false),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("ACCOUNTS", "Accounts", false),
        ("a/", "a", false),
        // Not taken over from 4.7.2.
        ("#", "$SYS/a", true),
        ("+/a", "$SYS/a", true),
    ] {
        assert_eq!(is_match(pattern, topic), expected, "{pattern} and {topic}");
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    let mut topics = Topics::new();
    let long = vec![b'a'; 65_536];
    for (topic, error) in [
        (&b""[..], TopicError::Empty),
        (b"a\0", TopicError::Nul),
        (&long, TopicError::TooLong),
        (b"a+", TopicError::MisplacedWildcard),
        (b"+a/b", TopicError::MisplacedWildcard),
        (b"a/++", TopicError::MisplacedWildcard),
        (b"a#", TopicError::MisplacedWildcard),
        (b"a/#/b", TopicError::MisplacedWildcard),
        (b"#/", TopicError::MisplacedWildcard),
        (b"##", TopicError::MisplacedWildcard),
    ] {
        assert_eq!(topics.subscribe(topic, 0), Err(error));
        assert!(!topics.unsubscribe(topic, 0));
        assert!(!error.reason().is_empty());
    }
    for topic in [&b"+"[..], b"a/#", b"a+"] {
        assert_eq!(
            topics.matching(topic, |_| ()),
            Err(TopicError::PublishedWildcard)
        );
    }
    assert_eq!(topics.matching(b"", |_| ()), Err(TopicError::Empty));
    assert!(topics.is_empty());
    assert_eq!(topics.subscribe(&long[1..], 0), Ok(true));
}

#[test]
fn a_subscriber_is_found_once_though_several_subscriptions_match() {
    let mut topics = Topics::new();
    for pattern in ["a/b", "a/+", "+/b", "#", "a/b/#", "+/+/#"] {
        assert_eq!(topics.subscribe(pattern.as_bytes(), 7), Ok(true));
        assert_eq!(
            topics.subscribe(pattern.as_bytes(), 7),
            Ok(false),
            "that is not new"
        );
    }
    topics.subscribe(b"a/b", 3).expect("a topic");
    for _ in 0..3 {
        assert_eq!(matching(&mut topics, "a/b"), [3, 7]);
    }
    assert_eq!(matching(&mut topics, "c"), [7]);
    assert_eq!(topics.count(b"a/b"), 2);
    assert_eq!(topics.count(b"a/+"), 1);
    assert_eq!(topics.count(b"c"), 0);
    assert_eq!(topics.subscriptions(7).count(), 6);
    assert!(topics.is_subscribed(b"a/b", 3));
    assert!(!topics.is_subscribed(b"a/+", 3));
}

#[test]
fn who_has_left_gets_nothing_and_the_others_still_do() {
    let mut topics = Topics::new();
    for subscriber in 0..100 {
        topics.subscribe(b"news", subscriber).expect("a topic");
        topics
            .subscribe(format!("only/{subscriber}").as_bytes(), subscriber)
            .expect("a topic");
        topics.subscribe(b"news/#", subscriber).expect("a pattern");
    }
    for subscriber in (0..100).step_by(2) {
        topics.unsubscribe_all(subscriber);
        topics.unsubscribe_all(subscriber);
    }
    for subscriber in (1..100).step_by(4) {
        assert!(topics.unsubscribe(b"news", subscriber));
        assert!(!topics.unsubscribe(b"news", subscriber));
    }
    assert_eq!(topics.count(b"news"), 25);
    assert_eq!(topics.count(b"news/#"), 50);
    let odd: Vec<u32> = (1..100).step_by(2).collect();
    assert_eq!(matching(&mut topics, "news"), odd);
    assert_eq!(matching(&mut topics, "only/8"), []);
    assert_eq!(matching(&mut topics, "only/9"), [9]);
    for subscriber in 0..200 {
        topics.unsubscribe_all(subscriber);
    }
    assert!(topics.is_empty());
    assert_eq!(matching(&mut topics, "news"), []);
}

#[test]
fn the_deepest_pattern_is_a_pattern_as_any_other() {
    let mut topics = Topics::new();
    let pattern = format!("{}#", "+/".repeat(32_767));
    let topic = "/".repeat(65_535);
    topics.subscribe(pattern.as_bytes(), 1).expect("a pattern");
    assert_eq!(matching(&mut topics, &topic), [1]);
    assert_eq!(matching(&mut topics, &topic[..32_766]), [1]);
    assert_eq!(matching(&mut topics, &topic[..32_765]), []);
    topics.unsubscribe_all(1);
    assert!(topics.is_empty());
}

/// One level at a time, as the standard says it.
fn naive(pattern: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in pattern.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(String, u32),
    Unsubscribe(String, u32),
    UnsubscribeAll(u32),
    Publish(String),
}

fn step() -> impl Strategy<Value = Step> {
    let pattern = prop_oneof![
        "(a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?",
        "(a|b)(/(a|b|)){0,3}",
        Just("#".into())
    ]
    .prop_filter("not empty", |pattern| !pattern.is_empty());
    let topic = "(a|b|)(/(a|b|)){0,4}".prop_filter("not empty", |topic| !topic.is_empty());
    prop_oneof![
        4 => (pattern.clone(), 0u32..6).prop_map(|(pattern, by)| Step::Subscribe(pattern, by)),
        2 => (pattern, 0u32..6).prop_map(|(pattern, by)| Step::Unsubscribe(pattern, by)),
        1 => (0u32..6).prop_map(Step::UnsubscribeAll),
        4 => topic.prop_map(Step::Publish),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_it_is_as_with_a_list_of_all_subscriptions(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let mut topics = Topics::new();
        let mut list = BTreeSet::new();
        for step in steps {
            match step {
                Step::Subscribe(pattern, by) => {
                    let is_new = topics.subscribe(pattern.as_bytes(), by);
                    prop_assert_eq!(is_new, Ok(list.insert((pattern, by))));
                }
                Step::Unsubscribe(pattern, by) => {
                    let was_there = topics.unsubscribe(pattern.as_bytes(), by);
                    prop_assert_eq!(was_there, list.remove(&(pattern, by)));
                }
                Step::UnsubscribeAll(by) => {
                    topics.unsubscribe_all(by);
                    list.retain(|&(_, of)| of != by);
                }
                Step::Publish(topic) => {
                    let expected: BTreeSet<u32> = list
                        .iter()
                        .filter(|(pattern, _)| naive(pattern, &topic))
                        .map(|&(_, by)| by)
                        .collect();
                    let expected: Vec<u32> = expected.into_iter().collect();
                    prop_assert_eq!(matching(&mut topics, &topic), expected, "{}", topic);
                }
            }
            prop_assert_eq!(topics.is_empty(), list.is_empty());
        }
    }
}
