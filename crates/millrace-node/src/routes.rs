//! The routes that a server listens with.

use millrace_server::{
    FileEtag, FilesRoute, FixedAnswer, NewRoute, RouteError, RouteTarget, RouteTimeouts,
};
use napi::bindgen_prelude::Uint8Array;
use napi::{Error, Result, Status};
use napi_derive::napi;

/// Routes, usable before and while servers listen with them.
#[napi]
pub struct RouteTable(millrace_server::RouteTable);

/// How a table compares paths.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct RouteTableOptions {
    /// `/a` and `/a/` are the same.
    pub ignore_trailing_slash: bool,
}

/// A route; what is left out is as the server has it.
#[napi(object, object_to_js = false)]
pub struct NativeRoute {
    /// `*` for any.
    pub methods: Vec<String>,
    pub pattern: String,
    /// 0 a handler, 1 a fixed answer, 2 files, 3 WebSockets.
    pub kind: u32,
    pub body_bytes: Option<f64>,
    pub handler_timeout: Option<f64>,
    pub body_timeout: Option<f64>,
    pub min_body_rate: Option<f64>,
    pub write_timeout: Option<f64>,
    pub fixed: Option<NativeFixed>,
    pub files: Option<NativeFiles>,
}

/// An answer that the core gives by itself. It is copied.
#[napi(object, object_to_js = false)]
pub struct NativeFixed {
    pub status: u16,
    /// Empty for the usual one.
    pub reason: String,
    /// Ready lines, of Latin-1 characters, without `etag`, `last-modified` and what the core adds to each answer.
    pub fields: String,
    pub body: Uint8Array,
    /// With its quotes.
    pub etag: Option<String>,
    /// Seconds since 1970.
    pub last_modified: Option<f64>,
    /// The body is also kept in the codings of the server.
    pub compress: bool,
}

/// A directory whose files the core serves by itself.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct NativeFiles {
    /// An absolute path.
    pub root: String,
    pub index: Vec<String>,
    pub dot_files: bool,
    pub list: bool,
    pub precompressed: bool,
    /// 0 none, 1 weak, 2 strong.
    pub etag: u32,
    pub last_modified: bool,
    pub ranges: bool,
    /// Ready lines, of Latin-1 characters.
    pub fields: String,
    pub fallback: Option<String>,
    /// Which of the pattern's parameters is the path; -1 for none.
    pub parameter: i32,
}

#[napi]
impl RouteTable {
    /// A table without routes.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: RouteTableOptions) -> Self {
        RouteTable(millrace_server::RouteTable::new(
            options.ignore_trailing_slash,
        ))
    }

    /// Adds a route and returns its number; requests find it once it is published. Throws an error whose message begins
    /// with `ERR_ROUTE_CONFLICT: ` or `ERR_ROUTE_INVALID: `, and then has changed nothing.
    #[napi(catch_unwind)]
    pub fn add(&self, route: NativeRoute) -> Result<u32> {
        let route = route.into_route()?;
        self.0.add(route).map_err(|error| route_error(&error))
    }

    /// Has requests that come from now on find the routes added so far.
    #[napi(catch_unwind)]
    pub fn publish(&self) {
        self.0.publish();
    }

    /// Replaces a route's fixed answer for the requests that come from now on.
    #[napi(catch_unwind)]
    pub fn replace_fixed(&self, number: u32, fixed: NativeFixed) -> Result<()> {
        let replaced = self.0.replace_fixed(number, fixed.into());
        replaced.map_err(|error| route_error(&error))
    }

    pub(crate) fn shared(&self) -> millrace_server::RouteTable {
        self.0.clone()
    }
}

impl NativeRoute {
    fn into_route(self) -> Result<NewRoute> {
        let target = match (self.kind, self.fixed, self.files) {
            (0, None, None) => RouteTarget::Handler,
            (1, Some(fixed), None) => RouteTarget::Fixed(fixed.into()),
            (2, None, Some(files)) => RouteTarget::Files(files.into()),
            (3, None, None) => RouteTarget::WebSocket,
            _ => {
                return Err(Error::new(
                    Status::InvalidArg,
                    "a route has what its kind says and nothing else",
                ));
            }
        };
        // JavaScript says `Infinity` for no limit; the conversion saturates.
        let whole = |value: Option<f64>| value.map(|value| value as u64);
        Ok(NewRoute {
            methods: self.methods,
            pattern: self.pattern,
            target,
            body_bytes: whole(self.body_bytes),
            timeouts: RouteTimeouts {
                handler: whole(self.handler_timeout),
                body: whole(self.body_timeout),
                body_rate: whole(self.min_body_rate),
                write: whole(self.write_timeout),
            },
        })
    }
}

impl From<NativeFixed> for FixedAnswer {
    fn from(fixed: NativeFixed) -> Self {
        FixedAnswer {
            status: fixed.status,
            reason: latin1(&fixed.reason),
            fields: latin1(&fixed.fields),
            body: fixed.body.to_vec().into(),
            etag: fixed.etag.as_deref().map(latin1),
            modified: fixed.last_modified.map(|seconds| seconds as u64),
            compress: fixed.compress,
        }
    }
}

impl From<NativeFiles> for FilesRoute {
    fn from(files: NativeFiles) -> Self {
        FilesRoute {
            root: files.root.into(),
            index: files.index,
            dot_files: files.dot_files,
            list: files.list,
            precompressed: files.precompressed,
            etag: match files.etag {
                0 => FileEtag::None,
                1 => FileEtag::Weak,
                _ => FileEtag::Strong,
            },
            last_modified: files.last_modified,
            ranges: files.ranges,
            fields: latin1(&files.fields),
            fallback: files.fallback,
            parameter: usize::try_from(files.parameter).ok(),
        }
    }
}

fn route_error(error: &RouteError) -> Error {
    let code = match error {
        RouteError::Conflict { .. } => "ERR_ROUTE_CONFLICT",
        RouteError::Invalid { .. } => "ERR_ROUTE_INVALID",
    };
    Error::new(Status::GenericFailure, format!("{code}: {error}"))
}

/// One byte for each character; the facade has seen to it that there are no others.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(character).unwrap_or(b'?'))
        .collect()
}
