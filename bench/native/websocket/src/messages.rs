//! What is sent: a few messages in turn, their frames made once.

use std::ops::Range;

use crate::compress::compress;
use crate::frame::{BINARY, Expected, TEXT, first_byte, write_masked};
use crate::settings::{Kind, Settings};

/// All variants together stay in a cache of the second level.
const MEMORY: usize = 128 * 1024;
const MOST: usize = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// Of the kind a run is about; each number makes another.
    pub(crate) fn new(kind: Kind, bytes: usize, number: usize) -> Self {
        match kind {
            Kind::Binary => Message {
                opcode: BINARY,
                payload: (0..bytes).map(|at| (at * 31 + number * 17) as u8).collect(),
            },
            Kind::Text | Kind::Deflate => Message {
                opcode: TEXT,
                payload: text(bytes, number).into_bytes(),
            },
        }
    }

    /// The client's frame.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>, compressed: bool) {
        let first = first_byte(self.opcode, compressed);
        if compressed {
            write_masked(out, first, &compress(&self.payload));
        } else {
            write_masked(out, first, &self.payload);
        }
    }
}

/// The messages of a run in turn.
pub(crate) fn variants(settings: &Settings) -> Vec<Message> {
    let count = (MEMORY / settings.bytes).clamp(1, MOST);
    (0..count)
        .map(|number| Message::new(settings.kind, settings.bytes, number))
        .collect()
}

/// What comes back.
pub(crate) fn expected(settings: &Settings) -> Expected {
    let Message { opcode, .. } = Message::new(settings.kind, settings.bytes, 0);
    let compressed = settings.kind == Kind::Deflate;
    Expected::new(opcode, compressed, settings.bytes as u64)
}

/// Frames one after the other, so that as many as are in flight can go in one write from wherever the turn is.
pub(crate) struct Ring {
    pub(crate) bytes: Vec<u8>,
    /// Where each frame starts, and the end.
    starts: Vec<usize>,
    variants: usize,
    most: usize,
}

impl Ring {
    pub(crate) fn new(settings: &Settings) -> Self {
        let messages = variants(settings);
        let mut ring = Ring {
            bytes: Vec::new(),
            starts: Vec::new(),
            variants: messages.len(),
            most: settings.window,
        };
        for message in messages.iter().cycle().take(ring.variants + ring.most) {
            ring.starts.push(ring.bytes.len());
            message.write_to(&mut ring.bytes, settings.kind == Kind::Deflate);
        }
        ring.starts.push(ring.bytes.len());
        ring
    }

    /// Up to `count` messages from message `number` on: where their frames are, and how many they are.
    pub(crate) fn run(&self, number: usize, count: usize) -> (Range<usize>, usize) {
        let from = number % self.variants;
        let count = count.min(self.most);
        (self.starts[from]..self.starts[from + count], count)
    }
}

/// ASCII in the shape of what chats and feeds send: records that repeat their names and differ in their values.
fn text(bytes: usize, number: usize) -> String {
    let mut text = String::with_capacity(bytes + 128);
    let mut state = number as u32;
    while text.len() < bytes {
        // The generator of Numerical Recipes: values that do not compress.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!(
            "{{\"id\":{},\"user\":\"user-{}\",\"room\":\"lobby\",\"text\":\"message {:x}\"}},",
            state >> 8,
            state >> 24,
            state,
        ));
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Mode;

    #[test]
    fn messages_have_their_size_and_differ() {
        for kind in [Kind::Binary, Kind::Text, Kind::Deflate] {
            let settings = Settings {
                kind,
                bytes: 1024,
                ..Settings::new(Mode::Echo, 1)
            };
            let all = variants(&settings);
            assert_eq!(all.len(), MOST);
            for (at, one) in all.iter().enumerate() {
                assert_eq!(one.payload.len(), 1024);
                assert!(all[..at].iter().all(|other| other != one));
            }
        }
    }

    #[test]
    fn text_compresses_about_as_well_as_what_it_stands_for() {
        let packed = compress(&Message::new(Kind::Text, 1024, 3).payload);
        assert!((200..600).contains(&packed.len()), "{}", packed.len());
    }

    #[test]
    fn a_run_is_made_of_the_messages_whose_turn_it_is() {
        let settings = Settings {
            bytes: 32 * 1024,
            window: 3,
            ..Settings::new(Mode::Echo, 1)
        };
        let ring = Ring::new(&settings);
        let messages = variants(&settings);
        assert_eq!(messages.len(), 4);
        for number in 0..9 {
            let (range, count) = ring.run(number, 5);
            assert_eq!(count, 3);
            let mut frames = Vec::new();
            for at in number..number + count {
                messages[at % 4].write_to(&mut frames, false);
            }
            assert_eq!(ring.bytes[range], frames);
        }
    }
}
