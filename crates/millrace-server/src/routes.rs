//! Routes, as JavaScript makes them and as I/O threads look requests up in them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use millrace_coding::Levels;
use millrace_semantics::{Codings, RouteError, Router, RouterOptions};

use crate::fixed::{Fixed, FixedAnswer};

/// Routes, shared by the JavaScript thread that adds them and the I/O threads that use them, before and while servers
/// listen with them. A clone is the same table.
#[derive(Clone, Debug)]
pub struct RouteTable(Arc<Shared>);

/// What a route is made from.
#[derive(Debug)]
pub struct NewRoute {
    /// The methods, `*` for all; at least one.
    pub methods: Vec<String>,
    /// The pattern, as [`Router`] has it.
    pub pattern: String,
    /// What answers its requests.
    pub target: RouteTarget,
    /// What a request's body may have in place of the server's limit, in bytes.
    pub body_bytes: Option<u64>,
    /// What holds in place of the server's timeouts.
    pub timeouts: RouteTimeouts,
}

/// What answers a route's requests.
#[derive(Debug)]
pub enum RouteTarget {
    /// JavaScript.
    Handler,
    /// The core, with the same answer each time.
    Fixed(FixedAnswer),
    /// The core, with files.
    Files(FilesRoute),
    /// JavaScript, when the request is the handshake of a WebSocket; else the core, which refuses it.
    WebSocket,
}

/// Timeouts of a route in milliseconds, 0 for ever. `None` is the server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// From a request to its answer's head.
    pub handler: Option<u64>,
    /// Without any byte of a body that is wanted.
    pub body: Option<u64>,
    /// The least average rate of a body, in bytes a second.
    pub body_rate: Option<u64>,
    /// Without any byte of an answer taken by the client.
    pub write: Option<u64>,
}

/// A directory whose files are served.
#[derive(Clone, Debug)]
pub struct FilesRoute {
    /// The directory, which no request leaves.
    pub root: PathBuf,
    /// Names of the files that are served for a directory, the first that is there.
    pub index: Vec<String>,
    /// Whether names that begin with a dot are served.
    pub dot_files: bool,
    /// Whether directories without an index file are listed.
    pub list: bool,
    /// Whether a compressed neighbour is sent in a file's stead to a client that accepts it.
    pub precompressed: bool,
    /// Which `ETag` answers have.
    pub etag: FileEtag,
    /// Whether answers have `Last-Modified`.
    pub last_modified: bool,
    /// Whether parts of files can be asked for.
    pub ranges: bool,
    /// Lines `name: value\r\n` of each answer with a file.
    pub fields: Vec<u8>,
    /// The file beneath the directory that is served when there is none.
    pub fallback: Option<String>,
    /// Which parameter of the route is the path beneath the directory. Without, all requests are for the directory.
    pub parameter: Option<usize>,
}

/// The entity tag of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEtag {
    /// None.
    None,
    /// One that only says that two files serve the same purpose.
    Weak,
    /// One that says that two files are equal.
    Strong,
}

/// A route that is in a table.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its number in records.
    pub(crate) number: u32,
    pub(crate) target: Target,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) timeouts: RouteTimeouts,
}

#[derive(Debug)]
pub(crate) enum Target {
    Handler,
    Fixed(Fixed),
    Files(Arc<FilesRoute>),
    WebSocket,
}

/// The routes of a moment.
pub(crate) type Published = Guard<Arc<Router<Arc<Route>>>>;

/// The most routes that records have numbers for.
const MOST_ROUTES: usize = (1 << 24) - 2;

#[derive(Debug)]
struct Shared {
    draft: Mutex<Draft>,
    published: ArcSwap<Router<Arc<Route>>>,
    /// Looked at for each read: a server without routes must not pay for routing.
    has_routes: AtomicBool,
}

#[derive(Debug)]
struct Draft {
    router: Router<Arc<Route>>,
    routes: Vec<Arc<Route>>,
    /// A server listens with it, and compresses fixed answers so.
    used: Option<(Codings, Levels)>,
}

impl RouteTable {
    /// A table without routes. `ignore_trailing_slash`: `/a` and `/a/` are the same.
    pub fn new(ignore_trailing_slash: bool) -> Self {
        let options = RouterOptions {
            ignore_trailing_slash,
        };
        RouteTable(Arc::new(Shared {
            draft: Mutex::new(Draft {
                router: Router::new(options),
                routes: Vec::new(),
                used: None,
            }),
            published: ArcSwap::from_pointee(Router::new(options)),
            has_routes: AtomicBool::new(false),
        }))
    }

    /// Adds a route and returns its number. Requests find it once it is [published](RouteTable::publish). When it fails
    /// nothing has changed.
    pub fn add(&self, new: NewRoute) -> Result<u32, RouteError> {
        let mut draft = self.lock();
        let number = draft.routes.len();
        if number >= MOST_ROUTES {
            return Err(invalid("there are too many routes"));
        }
        if new.methods.is_empty() {
            return Err(invalid("a route has a method"));
        }
        let route = Arc::new(Route {
            number: number as u32,
            target: match new.target {
                RouteTarget::Handler => Target::Handler,
                RouteTarget::Fixed(answer) => Target::Fixed(Fixed::new(answer)),
                RouteTarget::Files(files) => Target::Files(Arc::new(files)),
                RouteTarget::WebSocket => Target::WebSocket,
            },
            body_bytes: new.body_bytes,
            timeouts: new.timeouts,
        });
        match &*new.methods {
            [method] => draft.router.add(&**method, &new.pattern, route.clone())?,
            methods => {
                let mut router = draft.router.clone();
                for method in methods {
                    router.add(&**method, &new.pattern, route.clone())?;
                }
                draft.router = router;
            }
        }
        draft.routes.push(route.clone());
        if let Some((codings, levels)) = draft.used
            && let Target::Fixed(fixed) = &route.target
        {
            fixed.compress(codings, levels);
        }
        Ok(number as u32)
    }

    /// Replaces a route's fixed answer: requests that come later get the new one.
    pub fn replace_fixed(&self, number: u32, answer: FixedAnswer) -> Result<(), RouteError> {
        let draft = self.lock();
        let route = draft.routes.get(number as usize);
        let Some(Target::Fixed(fixed)) = route.map(|route| &route.target) else {
            return Err(invalid("there is no fixed answer of this number"));
        };
        fixed.replace(answer);
        if let Some((codings, levels)) = draft.used {
            fixed.compress(codings, levels);
        }
        Ok(())
    }

    /// Has requests that come from now on find the routes added so far. Apart from adding because it costs a copy of all
    /// routes, which a program that adds many at a time must not pay for each. Does nothing before a server listens.
    pub fn publish(&self) {
        let draft = self.lock();
        if draft.used.is_some() {
            self.store(&draft);
        }
    }

    /// Begins to be used by a server.
    pub(crate) fn begin_use(&self, codings: Codings, levels: Levels) {
        let mut draft = self.lock();
        if draft.used.is_some() {
            return;
        }
        draft.used = Some((codings, levels));
        self.store(&draft);
        for route in &draft.routes {
            if let Target::Fixed(fixed) = &route.target {
                fixed.compress(codings, levels);
            }
        }
    }

    /// The routes of this moment, when there are any.
    pub(crate) fn published(&self) -> Option<Published> {
        let has_routes = self.0.has_routes.load(Ordering::Acquire);
        has_routes.then(|| self.0.published.load())
    }

    fn store(&self, draft: &Draft) {
        self.0.published.store(Arc::new(draft.router.clone()));
        let has_routes = !draft.routes.is_empty();
        self.0.has_routes.store(has_routes, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Draft> {
        self.0.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(reason: &str) -> RouteError {
    RouteError::Invalid {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler(methods: &[&str], pattern: &str) -> NewRoute {
        NewRoute {
            methods: methods.iter().map(|&method| method.into()).collect(),
            pattern: pattern.into(),
            target: RouteTarget::Handler,
            body_bytes: None,
            timeouts: RouteTimeouts::default(),
        }
    }

    #[test]
    fn a_route_that_conflicts_for_one_of_its_methods_is_not_added_for_any() {
        let table = RouteTable::new(false);
        assert_eq!(table.add(handler(&["POST"], "/a")), Ok(0));
        let refused = table.add(handler(&["GET", "POST"], "/a"));
        assert_eq!(refused, Err(RouteError::Conflict { with: "/a".into() }));
        assert_eq!(table.add(handler(&["GET"], "/a")), Ok(1));
    }

    #[test]
    fn routes_are_seen_once_a_server_uses_them() {
        let table = RouteTable::new(false);
        table.add(handler(&["GET"], "/a")).unwrap();
        assert!(table.published().is_none());
        table.begin_use(Codings::NONE, Levels::default());
        assert!(table.published().is_some());
    }

    #[test]
    fn a_route_that_comes_later_is_seen_once_it_is_published() {
        let is_seen = |table: &RouteTable| {
            let path = b"/later";
            let found = table.published().map(|router| {
                let found = router.find(b"GET", path, &mut Default::default());
                matches!(found, millrace_semantics::Match::Found(_))
            });
            found.unwrap_or(false)
        };
        let table = RouteTable::new(false);
        table.publish();
        table.begin_use(Codings::NONE, Levels::default());
        table.add(handler(&["GET"], "/later")).unwrap();
        assert!(!is_seen(&table));
        table.publish();
        assert!(is_seen(&table));
    }

    #[test]
    fn only_a_fixed_answer_can_be_replaced() {
        let table = RouteTable::new(false);
        table.add(handler(&["GET"], "/a")).unwrap();
        for number in [0, 1] {
            let answer = FixedAnswer::default();
            assert!(matches!(
                table.replace_fixed(number, answer),
                Err(RouteError::Invalid { .. })
            ));
        }
    }
}
