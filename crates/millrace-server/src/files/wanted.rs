//! What is asked of a file, by a record or by a route.

use std::io;
use std::path::Path;
use std::sync::Arc;

use millrace_batch::layout::file_option;
use millrace_batch::outbound::{self, Action};
use millrace_semantics::Conditions;

use super::FileRange;
use super::open::{Failure, system_path};
use crate::connection::FileRequest;
use crate::routes::{FileEtag, FilesRoute};

/// An answer with a file that is to be made. It owns what it speaks of, so that a worker can make it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(super) place: Place,
    /// The status; 0 is the one that conditions and ranges lead to.
    pub(super) status: u16,
    pub(super) reason: Vec<u8>,
    /// Lines of the answer that its route does not give.
    pub(super) own_fields: Vec<u8>,
    pub(super) close: bool,
    pub(super) has_date: bool,
    pub(super) rules: Rules,
    /// Lines of the request that conditions, ranges and codings depend on.
    pub(super) conditions: Vec<u8>,
    /// The request is answered with content: it is not HEAD.
    pub(super) takes_content: bool,
    /// Seconds since 1970.
    pub(super) now: u64,
    /// The write is to be reported, or why there is none.
    pub(super) notify: Option<u32>,
    /// A file that cannot be had leaves the exchange unanswered.
    pub(super) leave_open: bool,
}

#[derive(Debug)]
pub(super) enum Place {
    /// Open already.
    Open(FileRange),
    /// The system's path, beneath a root when that is not empty.
    Path { path: Vec<u8>, root: Vec<u8> },
    /// What a request names beneath the directory of a route: percent-encoded. `target` is all of it, with the query.
    Route {
        route: Arc<FilesRoute>,
        path: Vec<u8>,
        target: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) etag: FileEtag,
    pub(super) last_modified: bool,
    pub(super) ranges: bool,
    pub(super) precompressed: bool,
    pub(super) dot_files: bool,
}

impl Wanted {
    /// What a FILE record asks for; `open` is the file that it speaks of, when it is open already.
    pub(crate) fn of_record(
        action: &Action<'_>,
        open: Option<FileRange>,
        takes_content: bool,
        now: u64,
    ) -> Option<Self> {
        let Action::File {
            head,
            file,
            conditions,
            options,
            notify,
        } = *action
        else {
            return None;
        };
        let has = |option: u32| options & option != 0;
        let place = match file {
            outbound::File::Open(_) => Place::Open(open?),
            outbound::File::Path { path, root } => Place::Path {
                path: path.to_vec(),
                root: root.to_vec(),
            },
        };
        let etag = match (has(file_option::NO_ETAG), has(file_option::WEAK_ETAG)) {
            (true, _) => FileEtag::None,
            (_, true) => FileEtag::Weak,
            _ => FileEtag::Strong,
        };
        Some(Wanted {
            place,
            status: head.status,
            reason: head.reason.to_vec(),
            own_fields: head.fields.to_vec(),
            close: head.close,
            has_date: head.has_date,
            rules: Rules {
                etag,
                last_modified: !has(file_option::NO_LAST_MODIFIED),
                ranges: !has(file_option::NO_RANGES),
                precompressed: has(file_option::PRECOMPRESSED),
                dot_files: has(file_option::DOT_FILES),
            },
            conditions: conditions.to_vec(),
            takes_content,
            now,
            notify,
            leave_open: has(file_option::LEAVE_OPEN),
        })
    }

    /// What a request for a route asks for.
    pub(crate) fn of_route(request: FileRequest, now: u64) -> Self {
        let FileRequest {
            route,
            is_head,
            path,
            target,
            conditions,
        } = request;
        Wanted {
            status: 0,
            reason: Vec::new(),
            own_fields: Vec::new(),
            close: false,
            has_date: false,
            rules: Rules {
                etag: route.etag,
                last_modified: route.last_modified,
                ranges: route.ranges,
                precompressed: route.precompressed,
                dot_files: route.dot_files,
            },
            place: Place::Route {
                route,
                path,
                target,
            },
            conditions,
            takes_content: !is_head,
            now,
            notify: None,
            leave_open: false,
        }
    }

    /// The directory that the file must be beneath.
    pub(super) fn root(&self) -> Result<Option<&Path>, Failure> {
        match &self.place {
            Place::Route { route, .. } => Ok(Some(&route.root)),
            Place::Path { root, .. } if !root.is_empty() => system_path(root).map(Some),
            _ => Ok(None),
        }
    }

    /// The path that a record names. Beneath a root it begins there, with a slash or without, and hidden names are
    /// refused unless they are allowed; it may have `..`, which leads no further up than the root.
    pub(super) fn path(&self) -> Result<&[u8], Failure> {
        let Place::Path { path, root } = &self.place else {
            return Err(Failure::of(io::ErrorKind::NotFound));
        };
        if root.is_empty() {
            return Ok(path);
        }
        let names = path.split(|&byte| byte == b'/' || cfg!(windows) && byte == b'\\');
        let mut hidden =
            names.filter(|name| name.starts_with(b".") && *name != b"." && *name != b"..");
        if hidden.next().is_some() && !self.rules.dot_files {
            return Err(Failure::of(io::ErrorKind::NotFound));
        }
        let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
        Ok(&path[slashes..])
    }

    /// Whether the request's path ends with a slash, or what it names is no part of its path.
    pub(super) fn has_slash(&self) -> bool {
        match &self.place {
            Place::Route { route, target, .. } => {
                let mut parts = target.split(|&byte| byte == b'?');
                route.parameter.is_none() || parts.next().is_none_or(|path| path.ends_with(b"/"))
            }
            _ => false,
        }
    }

    /// Whether JavaScript has not heard of the request.
    pub(super) fn is_of_route(&self) -> bool {
        matches!(self.place, Place::Route { .. })
    }

    /// Lines that each answer with the file has.
    pub(super) fn fields(&self) -> &[u8] {
        match &self.place {
            Place::Route { route, .. } => &route.fields,
            _ => &self.own_fields,
        }
    }

    pub(super) fn conditions(&self) -> Conditions<'_> {
        Conditions::from_fields(lines(&self.conditions))
    }

    /// The value of the answer's own line of this name (in lower case).
    pub(super) fn given(&self, name: &str) -> Option<&[u8]> {
        lines(self.fields())
            .find(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// The names and values of lines `name: value\r\n`.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}
