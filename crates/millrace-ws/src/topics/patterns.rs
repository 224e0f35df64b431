//! The patterns, in a trie of levels.

use std::collections::HashMap;
use std::mem;

use super::TopicNumber;
use super::name::levels;

/// Finds the patterns that a topic matches without looking at the others.
///
/// Patterns may have some 30,000 levels, so nothing here recurses: nodes are in one vector and refer to each other by
/// their place.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// The root is the first. Empty as long as there has been no pattern.
    nodes: Vec<Node>,
    /// Places of nodes to be used again.
    free: Vec<u32>,
    count: usize,
    /// The nodes that the levels so far lead to, and those that one more does; kept for their memory.
    here: Vec<u32>,
    next: Vec<u32>,
}

#[derive(Debug, Default)]
struct Node {
    parent: u32,
    /// The level that leads here from the parent.
    level: Box<[u8]>,
    /// By their level; `+` is one of them.
    children: HashMap<Box<[u8]>, u32>,
    /// The pattern that ends here.
    pattern: Option<TopicNumber>,
    /// The pattern that goes on with `#` and so ends.
    open: Option<TopicNumber>,
}

const ROOT: u32 = 0;

impl Patterns {
    pub(super) fn insert(&mut self, pattern: &[u8], number: TopicNumber) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        self.count += 1;
        let mut at = ROOT;
        for level in levels(pattern) {
            if level == b"#" {
                self.nodes[at as usize].open = Some(number);
                return;
            }
            at = match self.nodes[at as usize].children.get(level) {
                Some(&child) => child,
                None => self.add(at, level),
            };
        }
        self.nodes[at as usize].pattern = Some(number);
    }

    /// Removes a pattern that is here.
    pub(super) fn remove(&mut self, pattern: &[u8]) {
        self.count -= 1;
        let mut at = ROOT;
        for level in levels(pattern).filter(|&level| level != b"#") {
            at = self.nodes[at as usize].children[level];
        }
        let node = &mut self.nodes[at as usize];
        match pattern.ends_with(b"#") {
            true => node.open = None,
            false => node.pattern = None,
        }
        self.prune(at);
    }

    /// Adds the patterns that a topic matches to `found`, each once.
    pub(super) fn matching(&mut self, topic: &[u8], found: &mut Vec<TopicNumber>) {
        if self.count == 0 {
            return;
        }
        self.here.clear();
        self.here.push(ROOT);
        for level in levels(topic) {
            self.next.clear();
            for &at in &self.here {
                let node = &self.nodes[at as usize];
                found.extend(node.open);
                self.next.extend(node.children.get(level));
                self.next.extend(node.children.get(&b"+"[..]));
            }
            mem::swap(&mut self.here, &mut self.next);
            if self.here.is_empty() {
                return;
            }
        }
        // `#` stands for no level as well (MQTT 3.1.1 4.7.1.2).
        for &at in &self.here {
            let node = &self.nodes[at as usize];
            found.extend(node.pattern);
            found.extend(node.open);
        }
    }

    fn add(&mut self, parent: u32, level: &[u8]) -> u32 {
        let node = Node {
            parent,
            level: level.into(),
            ..Node::default()
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        let children = &mut self.nodes[parent as usize].children;
        children.insert(level.into(), place);
        place
    }

    /// Removes a node that leads to no pattern, and then its parent if that was its last child.
    fn prune(&mut self, mut at: u32) {
        while at != ROOT && self.nodes[at as usize].is_bare() {
            let node = mem::take(&mut self.nodes[at as usize]);
            self.free.push(at);
            let children = &mut self.nodes[node.parent as usize].children;
            children.remove(&node.level);
            at = node.parent;
        }
    }
}

impl Node {
    fn is_bare(&self) -> bool {
        self.children.is_empty() && self.pattern.is_none() && self.open.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::Patterns;

    #[test]
    fn nothing_is_left_of_patterns_that_are_gone() {
        let names: [&[u8]; 6] = [b"#", b"a/+/#", b"a/+", b"+/b/c", b"a/+/c", b"/+"];
        let mut patterns = Patterns::default();
        for round in 0..3 {
            for (number, name) in names.iter().enumerate() {
                patterns.insert(name, number as u32);
            }
            let order: Vec<_> = match round {
                0 => names.iter().collect(),
                _ => names.iter().rev().collect(),
            };
            for name in order {
                patterns.remove(name);
            }
            assert_eq!(patterns.free.len() + 1, patterns.nodes.len());
            assert!(patterns.nodes.iter().all(|node| node.is_bare()));
        }
        assert_eq!(patterns.nodes.len(), 9, "places are used again");
    }
}
