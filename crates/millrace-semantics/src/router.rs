//! Which route a request takes: a tree with one level per path segment.
//!
//! Written here rather than taken from matchit, which allocates while it looks when literal text
//! and a parameter are alternatives or there are more than three parameters. It also refuses
//! `/:id` beside `/*path`, and stops at the first route of a path even when that has not the method.

use std::fmt;

use crate::method::{Allow, Method, MethodSet, Methods};
use crate::pattern::Pattern;
use crate::tree::{Ends, Tree};

/// Routes by method and path pattern. A pattern is a path of
///
/// - literal text, which may be written readably (`/café`, `/a b`) or percent-encoded;
/// - `:name`, which stands for one segment that is not empty. Literal text may be on either side of
///   it within the segment (`/:name.json`, `/v:major`), but only one parameter;
/// - `*name` as the last segment, which stands for all that is left, slashes included. It may be
///   empty: `/files/*path` takes `/files/`, though not `/files`.
///
/// Names are ASCII letters, digits and underscores, and begin with none of the digits.
///
/// Segment by segment from the left, literal text comes before a parameter with literal text (more
/// of it first), that before a bare parameter, that before `*name`. When the preferred branch leads
/// to no route for the method, the next one is tried, so a request is only refused when no route at
/// all takes it. No branch is looked at twice: the worst case is a visit to every node of the tree.
#[derive(Clone, Debug)]
pub struct Router<T> {
    options: RouterOptions,
    methods: Methods,
    tree: Tree,
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
            tree: Tree::default(),
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

        let ends = self.tree.ends_of(&parsed.segments);
        if let Some(route) = ends.of(code) {
            return Err(RouteError::Conflict {
                with: self.routes[route as usize].pattern.to_string(),
            });
        }
        ends.push(code, self.routes.len() as u32);
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
        let (tree, ignore_trailing_slash) = (&self.tree, self.options.ignore_trailing_slash);

        let mut route_of = |ends: &Ends| ends.wanted(wanted);
        if let Some(route) = tree.search(path, ignore_trailing_slash, &mut params.0, &mut route_of)
        {
            return Match::Found(&self.routes[route as usize].value);
        }
        let mut allowed = MethodSet::default();
        let mut collect = |ends: &Ends| {
            ends.codes().for_each(|code| allowed.insert(code));
            None
        };
        tree.search(path, ignore_trailing_slash, &mut params.0, &mut collect);
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
