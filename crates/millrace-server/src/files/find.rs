//! Which file it is: the one that was named, its compressed neighbour, the index of a directory, or the fallback.

use std::borrow::Cow;
use std::fs::File;
use std::io;

use millrace_semantics::{AcceptEncoding, Coding};

use super::open::{Directory, Failure, Kind, Node, Opener, State};

/// Codings that neighbours may have, the one that saves most first.
const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

/// What there is at a path.
pub(super) enum Found<'a> {
    /// A file.
    File(Opened<'a>),
    /// A directory that was named without the slash at its end.
    NamedWithoutSlash,
    /// A directory without an index file.
    Directory(Directory),
}

/// A file that was found.
pub(super) struct Opened<'a> {
    pub(super) file: File,
    pub(super) state: State,
    /// How it is compressed.
    pub(super) coding: Coding,
    /// What its content is called when it is not compressed.
    pub(super) name: Cow<'a, [u8]>,
}

/// Where to look.
pub(super) struct Search<'a> {
    pub(super) opener: Opener<'a>,
    /// What the client accepts, where compressed neighbours are looked for.
    pub(super) accept: Option<&'a AcceptEncoding>,
    pub(super) index: &'a [String],
    pub(super) list: bool,
    pub(super) fallback: Option<&'a str>,
}

impl<'a> Search<'a> {
    /// Looks for the file at `path`, which was named as a directory or not.
    pub(super) fn find(&self, path: &'a [u8], directory: bool) -> Result<Found<'a>, Failure> {
        let found = if directory {
            self.index(path)
        } else {
            self.file_or_directory(path)
        };
        match (found, self.fallback) {
            (Err(failure @ Failure::Error(_)), Some(fallback)) if failure.status() == 404 => {
                Ok(Found::File(self.file(fallback.as_bytes().into())?))
            }
            (found, _) => found,
        }
    }

    /// Whether a name in the directory at `path` stands for a directory; `None` when there is nothing that is served, as
    /// behind a link that leads nowhere, or out of the root.
    pub(super) fn is_directory(&self, path: &[u8], name: &[u8], kind: Kind) -> Option<bool> {
        match kind {
            Kind::File => Some(false),
            Kind::Directory => Some(true),
            Kind::Unknown => {
                let opened = match path {
                    b"" => self.opener.open(name),
                    _ => self.opener.open(&[path, name].join(&b'/')),
                };
                Some(matches!(opened.ok()?, Node::Directory(_)))
            }
        }
    }

    fn file_or_directory(&self, path: &'a [u8]) -> Result<Found<'a>, Failure> {
        if path.is_empty() && self.serves_directories() {
            return Ok(Found::NamedWithoutSlash);
        }
        match self.file(path.into()) {
            Ok(file) => Ok(Found::File(file)),
            Err(failure) if failure.is_directory() && self.serves_directories() => {
                Ok(Found::NamedWithoutSlash)
            }
            Err(failure) => Err(failure),
        }
    }

    fn index(&self, path: &[u8]) -> Result<Found<'a>, Failure> {
        for name in self.index {
            let file = match path {
                b"" => Cow::Borrowed(name.as_bytes()),
                _ => [path, name.as_bytes()].join(&b'/').into(),
            };
            match self.file(file) {
                Ok(file) => return Ok(Found::File(file)),
                Err(failure) if failure.status() == 404 => {}
                Err(failure) => return Err(failure),
            }
        }
        if !self.list {
            return Err(Failure::of(io::ErrorKind::NotFound));
        }
        // Reading a directory may wait whatever the kernel has of its name.
        if !self.opener.may_wait() {
            return Err(Failure::Wait);
        }
        match self.opener.open(path)? {
            Node::Directory(directory) => Ok(Found::Directory(directory)),
            Node::File(..) => Err(Failure::of(io::ErrorKind::NotFound)),
        }
    }

    fn file(&self, name: Cow<'a, [u8]>) -> Result<Opened<'a>, Failure> {
        if let Some(accept) = self.accept
            && let Some((file, state, coding)) = self.neighbour(&name, accept)?
        {
            return Ok(Opened {
                file,
                state,
                coding,
                name,
            });
        }
        match self.opener.open(&name)? {
            Node::File(file, state) => Ok(Opened {
                file,
                state,
                coding: Coding::Identity,
                name,
            }),
            Node::Directory(_) => Err(Failure::of(io::ErrorKind::IsADirectory)),
        }
    }

    /// The neighbour that the client likes best of those that are there.
    fn neighbour(
        &self,
        name: &[u8],
        accept: &AcceptEncoding,
    ) -> Result<Option<(File, State, Coding)>, Failure> {
        let mut left = CODINGS.to_vec();
        loop {
            let coding = accept.prefer(&left);
            if coding == Coding::Identity {
                return Ok(None);
            }
            match self
                .opener
                .open(&[name, coding.suffix().as_bytes()].concat())
            {
                Ok(Node::File(file, state)) => return Ok(Some((file, state, coding))),
                Err(Failure::Wait) => return Err(Failure::Wait),
                // A neighbour that cannot be had is none.
                Ok(Node::Directory(_)) | Err(Failure::Error(_)) => {}
            }
            left.retain(|&other| other != coding);
        }
    }

    fn serves_directories(&self) -> bool {
        !self.index.is_empty() || self.list
    }
}
