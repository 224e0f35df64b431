//! Which names topics and patterns have (MQTT 3.1.1 4.7.1 and 4.7.3).

/// Why a topic cannot be subscribed or published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// It has no character.
    Empty,
    /// It has more than 65,535 bytes.
    TooLong,
    /// It has a character U+0000.
    Nul,
    /// It has a `+` or `#` that is not a level of its own, or a `#` that is not the last level.
    MisplacedWildcard,
    /// It has a `+` or `#`, and is to be published to.
    PublishedWildcard,
}

impl TopicError {
    /// The same in words.
    pub fn reason(&self) -> &'static str {
        match self {
            TopicError::Empty => "a topic has at least one character",
            TopicError::TooLong => "a topic has at most 65,535 bytes",
            TopicError::Nul => "a topic has no character U+0000",
            TopicError::MisplacedWildcard => "+ and # are levels of their own, and # is the last",
            TopicError::PublishedWildcard => "what is published to has no + and no #",
        }
    }
}

/// Whether what is subscribed to is a pattern.
pub(super) fn check_subscribed(topic: &[u8]) -> Result<bool, TopicError> {
    check(topic)?;
    let mut is_pattern = false;
    let mut levels = levels(topic).peekable();
    while let Some(level) = levels.next() {
        let is_last = levels.peek().is_none();
        match level {
            b"+" => is_pattern = true,
            b"#" if is_last => is_pattern = true,
            _ if has_wildcard(level) => return Err(TopicError::MisplacedWildcard),
            _ => {}
        }
    }
    Ok(is_pattern)
}

pub(super) fn check_published(topic: &[u8]) -> Result<(), TopicError> {
    check(topic)?;
    match has_wildcard(topic) {
        true => Err(TopicError::PublishedWildcard),
        false => Ok(()),
    }
}

/// What is between the `/`, of which each may be empty.
pub(super) fn levels(topic: &[u8]) -> impl Iterator<Item = &[u8]> {
    topic.split(|&byte| byte == b'/')
}

fn check(topic: &[u8]) -> Result<(), TopicError> {
    match topic {
        [] => Err(TopicError::Empty),
        _ if topic.len() > 0xffff => Err(TopicError::TooLong),
        _ if topic.contains(&0) => Err(TopicError::Nul),
        _ => Ok(()),
    }
}

fn has_wildcard(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| matches!(byte, b'+' | b'#'))
}
