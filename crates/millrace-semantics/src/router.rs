//! Which route a request takes: a tree with one level per path segment.
//!
//! Written here rather than taken from matchit, which allocates while it looks when literal text
//! and a parameter are alternatives or there are more than three parameters. It also refuses
//! `/:id` beside `/*path`, and stops at the first route of a path even when that has not the method.

use std::fmt;

use crate::grammar::find_slash;
use crate::method::{Allow, Method, MethodSet, Methods, Wanted};
use crate::pattern::{Pattern, Segment};

/// Routes by method and path pattern. A pattern is a path of
///
/// - literal text, which may be written readably (`/café`, `/a b`) or percent-encoded;
/// - `:name`, which stands for one segment that is not empty. Literal text may be on either side of
///   it within the segment (`/:name.json`, `/v:major`), but only one parameter;
/// - `*name` as the last segment, which stands for all that is left, slashes included. It may be
///   empty: `/files/*path` takes `/files/`, though not `/files`.
///
/// Names are ASCII letters, digits and underscores.
///
/// Segment by segment from the left, literal text comes before a parameter with literal text (more
/// of it first), that before a bare parameter, that before `*name`. When the preferred branch leads
/// to no route for the method, the next one is tried, so a request is only refused when no route at
/// all takes it. No branch is looked at twice: the worst case is a visit to every node of the tree.
#[derive(Clone, Debug)]
pub struct Router<T> {
    options: RouterOptions,
    methods: Methods,
    nodes: Vec<Node>,
    routes: Vec<Route<T>>,
}

/// How a [`Router`] compares.
#[derive(Clone, Copy, Debug, Default)]
pub struct RouterOptions {
    /// Whether `/a` and `/a/` are the same, in patterns and in requests. `/files/*path` then also
    /// takes `/files`. Default: false.
    pub ignore_trailing_slash: bool,
}

/// What [`Router::find`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'r, T> {
    /// The route's value. A HEAD request without a route of its own has found GET's.
    Found(&'r T),
    /// No route has such a path: 404.
    NotFound,
    /// There are routes with such a path, but for other methods: 405 with `Allow`.
    MethodNotAllowed(Allow<'r>),
    /// An OPTIONS request that no route answers, `OPTIONS *` included: a success with `Allow`.
    Options(Allow<'r>),
}

/// Where a parameter is within the path given to [`Router::find`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of its first byte.
    pub start: u32,
    /// Index behind its last byte.
    pub end: u32,
}

/// A found route's parameters, in the order of its pattern. Meant to be reused: finding a route
/// allocates only while this grows to the longest parameter list so far.
#[derive(Clone, Debug, Default)]
pub struct Spans(Vec<Span>);

/// Why a route was not added. The router is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// The method or the pattern is none.
    Invalid {
        /// What is wrong with it, as the end of a sentence.
        reason: String,
    },
    /// The method has a route that takes exactly the same paths.
    Conflict {
        /// The pattern of that route.
        with: String,
    },
}

impl<T> Router<T> {
    /// A router without routes.
    pub fn new(options: RouterOptions) -> Self {
        Router {
            options,
            methods: Methods::default(),
            nodes: vec![Node::default()],
            routes: Vec::new(),
        }
    }

    /// Adds a route. `"*"` is the method of a route that takes all methods for which there is no
    /// route of the same pattern.
    pub fn add<'m>(
        &mut self,
        method: impl Into<Method<'m>>,
        pattern: &str,
        value: T,
    ) -> Result<(), RouteError> {
        let method = method.into();
        let mut parsed = Pattern::parse(pattern)?;
        if self.options.ignore_trailing_slash {
            parsed.trim_trailing_slash();
        }
        let code = self.methods.intern(method)?;

        let (node, rest) = self.node_of(&parsed);
        let node = &mut self.nodes[node];
        let ends = if rest { &mut node.rest } else { &mut node.here };
        if let Some(route) = ends.of(code) {
            return Err(RouteError::Conflict {
                with: self.routes[route as usize].pattern.to_string(),
            });
        }
        ends.0.push((code, self.routes.len() as u32));
        self.routes.push(Route {
            pattern: pattern.into(),
            value,
        });
        Ok(())
    }

    /// The route of a request. `path` is its target's path without the query, in the form that
    /// [`normalise`](crate::normalise) gives; an empty one, as absolute targets may have, counts as
    /// `/`. `params` is overwritten with the parameters of the found route and is empty otherwise.
    pub fn find<'r>(&'r self, method: &[u8], path: &[u8], params: &mut Spans) -> Match<'r, T> {
        params.0.clear();
        let wanted = self.methods.wanted(method);
        let path = match path {
            // RFC 9112 3.2.4: OPTIONS of an absolute target without a path is `OPTIONS *`.
            b"*" | b"" if method == b"OPTIONS" => {
                return Match::Options(self.methods.allow_all());
            }
            b"" => b"/",
            [b'/', ..] => path,
            _ => return Match::NotFound,
        };
        let search = Search::new(self, path);

        let mut route_of = |ends: &Ends| ends.wanted(wanted);
        if let Some(route) = search.visit(0, Some(1), &mut params.0, &mut route_of) {
            return Match::Found(&self.routes[route as usize].value);
        }
        let mut allowed = MethodSet::default();
        let mut collect = |ends: &Ends| {
            ends.0.iter().for_each(|&(code, _)| allowed.insert(code));
            None
        };
        search.visit(0, Some(1), &mut params.0, &mut collect);
        if allowed.is_empty() {
            return Match::NotFound;
        }
        let allow = self.methods.allow(allowed);
        if method == b"OPTIONS" {
            Match::Options(allow)
        } else {
            Match::MethodNotAllowed(allow)
        }
    }

    /// The node at which `pattern` ends, made if need be, and whether it ends in a `*name`.
    fn node_of(&mut self, pattern: &Pattern<'_>) -> (usize, bool) {
        let mut at = 0;
        for segment in &pattern.segments {
            let next = self.nodes.len() as u32;
            let node = &mut self.nodes[at];
            let child = match segment {
                Segment::Rest => return (at, true),
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
        (at, false)
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Router::new(RouterOptions::default())
    }
}

impl Spans {
    /// The parameters, in the order of the pattern.
    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteError::Invalid { reason } => formatter.write_str(reason),
            RouteError::Conflict { with } => {
                write!(formatter, "the route {with} takes the same requests")
            }
        }
    }
}

impl std::error::Error for RouteError {}

#[derive(Clone, Debug)]
struct Route<T> {
    pattern: Box<str>,
    value: T,
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

/// Routes of one pattern: method code and index. Rarely more than three, so a scan is fastest.
#[derive(Clone, Debug, Default)]
struct Ends(Vec<(u8, u32)>);

impl Ends {
    fn of(&self, wanted: u8) -> Option<u32> {
        let found = self.0.iter().find(|&&(code, _)| code == wanted);
        found.map(|&(_, route)| route)
    }

    fn wanted(&self, wanted: Wanted) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        wanted.iter().find_map(|&code| self.of(code))
    }
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

impl<'s> Search<'s> {
    fn new<T>(router: &'s Router<T>, path: &'s [u8]) -> Self {
        let ignore_trailing_slash = router.options.ignore_trailing_slash;
        let trimmed = match path {
            [b'/'] => path,
            [trimmed @ .., b'/'] if ignore_trailing_slash => trimmed,
            _ => path,
        };
        Search {
            nodes: &router.nodes,
            path: trimmed,
            full_length: path.len(),
            ignore_trailing_slash,
        }
    }

    /// Visits what takes the segments from `start` on, `None` after the last of them, until
    /// `choose` takes a route. `spans` then has the parameters, and else what it had.
    ///
    /// Recurses once per segment, and never deeper than the longest pattern.
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
