//! The router's tree: a node for each beginning of a pattern, and the search through it.

use crate::Span;
use crate::grammar::find_slash;
use crate::method::Wanted;
use crate::pattern::Segment;

/// All patterns' segments, with numbers of routes where patterns end.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The first is the root.
    nodes: Vec<Node>,
}

/// Routes of one pattern: method code and number. Rarely more than three, so a scan is fastest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(Vec<(u8, u32)>);

impl Tree {
    /// The routes of the pattern with these segments.
    pub(crate) fn ends_of(&mut self, segments: &[Segment]) -> &mut Ends {
        let mut at = 0;
        for segment in segments {
            let next = self.nodes.len() as u32;
            let node = &mut self.nodes[at];
            let child = match segment {
                Segment::Rest => return &mut self.nodes[at].rest,
                Segment::Literal(text) => node.literal_or_insert(text, next),
                Segment::Parameter { prefix, suffix } if prefix.is_empty() && suffix.is_empty() => {
                    *node.parameter.get_or_insert(next)
                }
                Segment::Parameter { prefix, suffix } => {
                    node.affixed_or_insert(prefix, suffix, next)
                }
            };
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child as usize;
        }
        &mut self.nodes[at].here
    }

    /// Shows `choose` the routes that take `path`, which begins with a slash, in the order of
    /// preference until it takes one. `spans` then has the parameters, and else what it had.
    pub(crate) fn search(
        &self,
        path: &[u8],
        ignore_trailing_slash: bool,
        spans: &mut Vec<Span>,
        choose: &mut impl FnMut(&Ends) -> Option<u32>,
    ) -> Option<u32> {
        let trimmed = match path {
            [b'/'] => path,
            [trimmed @ .., b'/'] if ignore_trailing_slash => trimmed,
            _ => path,
        };
        let search = Search {
            nodes: &self.nodes,
            path: trimmed,
            full_length: path.len(),
            ignore_trailing_slash,
        };
        search.visit(0, Some(1), spans, choose)
    }
}

impl Default for Tree {
    fn default() -> Self {
        Tree {
            nodes: vec![Node::default()],
        }
    }
}

impl Ends {
    /// The route for a method code.
    pub(crate) fn of(&self, wanted: u8) -> Option<u32> {
        let found = self.0.iter().find(|&&(code, _)| code == wanted);
        found.map(|&(_, route)| route)
    }

    /// The route for the first of these codes that has one.
    pub(crate) fn wanted(&self, wanted: Wanted) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        wanted.iter().find_map(|&code| self.of(code))
    }

    pub(crate) fn codes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|&(code, _)| code)
    }

    pub(crate) fn push(&mut self, code: u8, route: u32) {
        self.0.push((code, route));
    }
}

/// What may follow the segments that lead here.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Sorted, for a binary search.
    literals: Vec<Literal>,
    /// The ones with the most literal text first.
    affixed: Vec<Affixed>,
    parameter: Option<u32>,
    /// The routes that end here.
    here: Ends,
    /// The routes that take whatever follows.
    rest: Ends,
}

#[derive(Clone, Debug)]
struct Literal {
    /// The text's hash, so that all comparisons but one are of integers.
    key: u64,
    text: Box<[u8]>,
    node: u32,
}

#[derive(Clone, Debug)]
struct Affixed {
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
    node: u32,
}

impl Node {
    fn literal(&self, segment: &[u8]) -> Option<u32> {
        let index = self.literal_index(segment).ok()?;
        Some(self.literals[index].node)
    }

    fn literal_or_insert(&mut self, text: &[u8], node: u32) -> u32 {
        match self.literal_index(text) {
            Ok(index) => self.literals[index].node,
            Err(index) => {
                let literal = Literal {
                    key: key_of(text),
                    text: text.into(),
                    node,
                };
                self.literals.insert(index, literal);
                node
            }
        }
    }

    fn literal_index(&self, text: &[u8]) -> Result<usize, usize> {
        let key = key_of(text);
        self.literals.binary_search_by(|literal| {
            literal
                .key
                .cmp(&key)
                .then_with(|| (*literal.text).cmp(text))
        })
    }

    fn affixed_or_insert(&mut self, prefix: &[u8], suffix: &[u8], node: u32) -> u32 {
        let same = |other: &&Affixed| *other.prefix == *prefix && *other.suffix == *suffix;
        if let Some(affixed) = self.affixed.iter().find(same) {
            return affixed.node;
        }
        let length = prefix.len() + suffix.len();
        // Of equal lengths the longer prefix is first, as it is further left.
        let index = self.affixed.partition_point(|other| {
            let other_length = other.prefix.len() + other.suffix.len();
            (other_length, other.prefix.len()) >= (length, prefix.len())
        });
        let affixed = Affixed {
            prefix: prefix.into(),
            suffix: suffix.into(),
            node,
        };
        self.affixed.insert(index, affixed);
        node
    }
}

impl Affixed {
    /// Where the parameter is in `segment`, which must leave at least one byte for it.
    fn matches(&self, segment: &[u8]) -> Option<(usize, usize)> {
        let end = segment.len().checked_sub(self.suffix.len())?;
        let fits = self.prefix.len() < end
            && segment.starts_with(&self.prefix)
            && segment.ends_with(&self.suffix);
        fits.then_some((self.prefix.len(), end))
    }
}

/// A path on its way through the tree.
struct Search<'s> {
    nodes: &'s [Node],
    /// The path as it is matched, without the trailing slash that is ignored.
    path: &'s [u8],
    /// Length of the path with it; a `*name` keeps the slash.
    full_length: usize,
    ignore_trailing_slash: bool,
}

impl Search<'_> {
    /// Visits what takes the segments from `start` on, `None` after the last of them, until
    /// `choose` takes a route. Recurses once per segment, never deeper than the longest pattern.
    fn visit(
        &self,
        node: u32,
        start: Option<usize>,
        spans: &mut Vec<Span>,
        choose: &mut impl FnMut(&Ends) -> Option<u32>,
    ) -> Option<u32> {
        let node = &self.nodes[node as usize];
        let Some(start) = start else {
            let route = choose(&node.here);
            if route.is_none() && self.ignore_trailing_slash {
                let start = self.full_length.min(self.path.len() + 1);
                return self.rest(node, start, spans, choose);
            }
            return route;
        };
        let end = find_slash(self.path, start);
        let next = (end < self.path.len()).then_some(end + 1);
        let segment = &self.path[start..end];

        if let Some(child) = node.literal(segment) {
            let route = self.visit(child, next, spans, choose);
            if route.is_some() {
                return route;
            }
        }
        if !segment.is_empty() {
            for affixed in &node.affixed {
                let Some((from, to)) = affixed.matches(segment) else {
                    continue;
                };
                spans.push(span(start + from, start + to));
                let route = self.visit(affixed.node, next, spans, choose);
                if route.is_some() {
                    return route;
                }
                spans.pop();
            }
            if let Some(child) = node.parameter {
                spans.push(span(start, end));
                let route = self.visit(child, next, spans, choose);
                if route.is_some() {
                    return route;
                }
                spans.pop();
            }
        }
        self.rest(node, start, spans, choose)
    }

    fn rest(
        &self,
        node: &Node,
        start: usize,
        spans: &mut Vec<Span>,
        choose: &mut impl FnMut(&Ends) -> Option<u32>,
    ) -> Option<u32> {
        let route = choose(&node.rest)?;
        spans.push(span(start, self.full_length));
        Some(route)
    }
}

fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        end: end as u32,
    }
}

/// A hash of `text`. What is looked up is the client's, what is stored is not: nobody can make
/// stored texts collide, and a collision costs one comparison.
fn key_of(text: &[u8]) -> u64 {
    let mix = |key: u64, word: u64| {
        let product = u128::from(key ^ word) * 0x9e37_79b9_7f4a_7c15;
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = text.as_chunks();
    let key = words.iter().fold(text.len() as u64, |key, &word| {
        mix(key, u64::from_le_bytes(word))
    });
    let last = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(key, last)
}
