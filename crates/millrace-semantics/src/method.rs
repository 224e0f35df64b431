//! Methods as small numbers, and the `Allow` field made of them.

use std::fmt;

use crate::RouteError;
use crate::grammar::is_token;

/// Which requests a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method<'a> {
    /// Those of all methods.
    Any,
    /// Those of this method. Methods are compared exactly: `get` is not GET (RFC 9110 9.1).
    Named(&'a str),
}

impl<'a> From<&'a str> for Method<'a> {
    fn from(name: &'a str) -> Self {
        match name {
            "*" => Method::Any,
            _ => Method::Named(name),
        }
    }
}

/// The methods that a path has routes for, with HEAD where there is GET, and OPTIONS. Its text form
/// is the value of the `Allow` field (RFC 9110 10.2.1).
#[derive(Clone, Copy)]
pub struct Allow<'r> {
    methods: &'r Methods,
    set: MethodSet,
}

impl<'r> Allow<'r> {
    /// The methods' names.
    pub fn iter(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        let Allow { methods, set } = *self;
        let others = methods.others.iter().map(|name| &**name);
        let names = KNOWN.into_iter().chain(others).zip(0..);
        names.filter_map(move |(name, code)| set.contains(code).then_some(name))
    }

    /// Appends the field's value, such as `GET, HEAD, OPTIONS`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(name.as_bytes());
        }
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(index, name)| {
            formatter.write_str(if index > 0 { ", " } else { "" })?;
            formatter.write_str(name)
        })
    }
}

impl fmt::Debug for Allow<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Allow({self})")
    }
}

impl PartialEq for Allow<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Allow<'_> {}

/// The numbers of methods: first those below, then others as they were met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods {
    others: Vec<Box<str>>,
    /// Those that there is any route for.
    used: MethodSet,
}

/// In the order in which `Allow` lists them.
const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const GET: u8 = 0;
const HEAD: u8 = 1;
const OPTIONS: u8 = 6;
const ANY: u8 = 63;

/// The method codes that answer a request, the preferred one first.
pub(crate) type Wanted = &'static [u8];

impl Methods {
    /// The code of a method that gets a route.
    pub(crate) fn intern(&mut self, method: Method<'_>) -> Result<u8, RouteError> {
        let code = match method {
            Method::Any => ANY,
            Method::Named(name) => match self.code(name.as_bytes()) {
                Some(code) => code,
                None => self.add_other(name)?,
            },
        };
        self.used.insert(code);
        Ok(code)
    }

    /// Which routes answer a request with this method: its own, GET's for HEAD (RFC 9110 9.3.2),
    /// and those for all methods.
    pub(crate) fn wanted(&self, method: &[u8]) -> Wanted {
        match self.code(method) {
            Some(HEAD) => &[HEAD, GET, ANY],
            Some(code) => OWN_OR_ANY[code as usize].as_slice(),
            None => &[ANY],
        }
    }

    pub(crate) fn allow(&self, mut set: MethodSet) -> Allow<'_> {
        if set.contains(ANY) {
            (0..KNOWN.len() as u8).for_each(|code| set.insert(code));
        }
        if set.contains(GET) {
            set.insert(HEAD);
        }
        set.insert(OPTIONS);
        Allow { methods: self, set }
    }

    /// What the server as a whole allows, for `OPTIONS *` (RFC 9110 9.3.7).
    pub(crate) fn allow_all(&self) -> Allow<'_> {
        self.allow(self.used)
    }

    fn code(&self, method: &[u8]) -> Option<u8> {
        let code = match method {
            b"GET" => GET,
            b"HEAD" => HEAD,
            b"POST" => 2,
            b"PUT" => 3,
            b"PATCH" => 4,
            b"DELETE" => 5,
            b"OPTIONS" => OPTIONS,
            _ => {
                let index = self
                    .others
                    .iter()
                    .position(|name| name.as_bytes() == method)?;
                (KNOWN.len() + index) as u8
            }
        };
        Some(code)
    }

    fn add_other(&mut self, name: &str) -> Result<u8, RouteError> {
        if !is_token(name.as_bytes()) {
            return Err(RouteError::Invalid {
                reason: format!("{name:?} is no method name"),
            });
        }
        let code = (KNOWN.len() + self.others.len()) as u8;
        if code == ANY {
            return Err(RouteError::Invalid {
                reason: "there are routes for too many different methods".to_owned(),
            });
        }
        self.others.push(name.into());
        Ok(code)
    }
}

static OWN_OR_ANY: [[u8; 2]; ANY as usize] = {
    let mut table = [[0, ANY]; ANY as usize];
    let mut code = 0;
    while code < ANY {
        table[code as usize][0] = code;
        code += 1;
    }
    table
};

/// A set of method codes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MethodSet(u64);

impl MethodSet {
    pub(crate) fn insert(&mut self, code: u8) {
        self.0 |= 1 << code;
    }

    pub(crate) fn contains(self, code: u8) -> bool {
        self.0 & 1 << code != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
