//! The decisions between a file and the answer that it becomes: which part of it, with which fields, or why not.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use millrace_http1::{http_date, reason_phrase};
use millrace_semantics::{
    Coding, Conditions, Multipart, PathRules, Precondition, Ranges, Validators, content_range,
    content_type, evaluate, file_etag, file_path, select, unsatisfied_range,
};

use super::find::{Found, Search};
use super::open::{Failure, Opener, State, read_now};
use super::roots::Roots;
use super::wanted::{Place, Wanted};
use super::{FileRange, list};
use crate::routes::FileEtag;

/// Parts up to this size, in bytes, are read at once and written together with their head, and the file is closed right
/// away: a tenth to a quarter more requests a second than with `sendfile` behind the head. At 64 KiB it is a seventh fewer.
const SMALL_BYTES: u64 = 32 * 1024;

/// An answer that is ready to be encoded. An I/O thread makes all of its own in the same memory.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(super) status: u16,
    pub(super) fields: Vec<u8>,
    pub(super) body: Body,
    memory: Vec<u8>,
    filled: usize,
    /// The answer is about the file and not made of it.
    explains: bool,
    /// There is no file, for this reason.
    pub(super) trouble: Option<i32>,
}

/// The content of an answer.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// In the draft's memory.
    #[default]
    Memory,
    /// A part of a file.
    File(FileRange),
    /// Several parts of a file.
    Parts(Multipart, FileRange),
}

/// The answer has to be drafted by a thread that may wait.
#[derive(Debug)]
pub(crate) struct MustWait;

/// A file, as far as its answer depends on it.
struct Subject<'a> {
    file: Arc<File>,
    /// Where it begins: a part of a file can be sent as if it were a file.
    start: u64,
    state: State,
    coding: Coding,
    name: &'a [u8],
    may_wait: bool,
}

impl Draft {
    /// Drafts the answer on an I/O thread.
    pub(crate) fn try_make(
        &mut self,
        wanted: &Wanted,
        roots: &mut Roots,
        now: u64,
    ) -> Result<(), MustWait> {
        self.make(wanted, |root| Opener::hasty(root, roots, now))
    }

    /// Drafts the answer on a worker.
    pub(crate) fn make_patiently(wanted: &Wanted) -> Draft {
        let mut draft = Draft::default();
        if draft.make(wanted, |root| Opener::patient(root)).is_err() {
            draft.fail(&Failure::of(io::ErrorKind::WouldBlock));
        }
        draft
    }

    /// What is in memory.
    pub(super) fn content(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    /// Whether it is an answer made of a file and not one that says why there is none.
    pub(super) fn is_of_file(&self) -> bool {
        !self.explains
    }

    fn make(
        &mut self,
        wanted: &Wanted,
        opener: impl for<'p> FnOnce(Option<&'p Path>) -> Result<Opener<'p>, Failure>,
    ) -> Result<(), MustWait> {
        self.clear(200);
        match self.try_to(wanted, opener) {
            Ok(()) => Ok(()),
            Err(Failure::Wait) => Err(MustWait),
            Err(failure) => {
                self.fail(&failure);
                Ok(())
            }
        }
    }

    fn try_to(
        &mut self,
        wanted: &Wanted,
        opener: impl for<'p> FnOnce(Option<&'p Path>) -> Result<Opener<'p>, Failure>,
    ) -> Result<(), Failure> {
        let conditions = wanted.conditions();
        if let Place::Open(range) = &wanted.place {
            let state = State::of(range.file())?;
            let state = state.ok_or_else(|| Failure::of(io::ErrorKind::InvalidInput))?;
            let subject = Subject {
                file: range.shared(),
                start: range.start(),
                state: State {
                    length: range.length(),
                    ..state
                },
                coding: Coding::Identity,
                name: b"",
                may_wait: true,
            };
            return self.answer(wanted, &conditions, subject);
        }
        let opener = opener(wanted.root()?)?;
        let may_wait = opener.may_wait();
        let accept = wanted
            .rules
            .precompressed
            .then_some(&conditions.accept_encoding);
        let (index, list, fallback) = match &wanted.place {
            Place::Route { route, .. } => (&route.index[..], route.list, route.fallback.as_deref()),
            _ => (&[][..], false, None),
        };
        let search = Search {
            opener,
            accept,
            index,
            list,
            fallback,
        };
        let path;
        let (name, directory) = match &wanted.place {
            Place::Route { path: encoded, .. } => {
                let rules = PathRules::native(wanted.rules.dot_files);
                path =
                    file_path(encoded, rules).map_err(|_| Failure::of(io::ErrorKind::NotFound))?;
                // The directory itself may be named without a slash where routes do not care.
                let directory = path.directory && (!path.relative.is_empty() || wanted.has_slash());
                (&path.relative[..], directory)
            }
            _ => (wanted.path()?, false),
        };
        match search.find(name, directory)? {
            Found::File(opened) => {
                let subject = Subject {
                    file: Arc::new(opened.file),
                    start: 0,
                    state: opened.state,
                    coding: opened.coding,
                    name: &opened.name,
                    may_wait,
                };
                self.answer(wanted, &conditions, subject)
            }
            Found::NamedWithoutSlash => {
                self.redirect(wanted);
                Ok(())
            }
            Found::Directory(directory) => {
                let names: Vec<_> = directory
                    .names(list::MOST)?
                    .into_iter()
                    .filter_map(|(entry, kind)| {
                        let is_directory = search.is_directory(name, &entry, kind)?;
                        Some((entry, is_directory))
                    })
                    .collect();
                let rules = PathRules::native(wanted.rules.dot_files);
                let page = list::page(&names, name.is_empty(), rules);
                self.line("Content-Type", b"text/html; charset=utf-8");
                self.fill(page.as_bytes());
                Ok(())
            }
        }
    }

    /// The answer for a file that is there.
    fn answer(
        &mut self,
        wanted: &Wanted,
        conditions: &Conditions<'_>,
        subject: Subject<'_>,
    ) -> Result<(), Failure> {
        let State { length, modified } = subject.state;
        let by_itself = wanted.status == 0;
        let etag = etag(wanted, &subject).filter(|_| by_itself);
        let given_etag = wanted.given("etag");
        // A date in the future is none yet (RFC 9110 8.8.2.1).
        let modified = (modified / 1_000_000_000).min(wanted.now);
        let dates = by_itself && wanted.rules.last_modified;
        let modified = (dates && wanted.given("last-modified").is_none()).then_some(modified);
        let validators = Validators {
            etag: given_etag.or(etag.as_deref()),
            modified,
        };

        let mut ranges = Ranges::Whole;
        if by_itself {
            match evaluate(conditions, true, true, &validators, wanted.now) {
                Precondition::Proceed => {}
                Precondition::NotModified => self.status = 304,
                Precondition::Failed => {
                    self.explain(412);
                    return Ok(());
                }
            }
            // With HEAD a range means nothing (RFC 9110 14.2).
            if self.status != 304 && wanted.rules.ranges && wanted.takes_content {
                ranges = select(conditions, &validators, length);
                // A multipart has no place for the coding of its parts (RFC 9110 14.6); a range may be ignored (14.2).
                let coded = subject.coding != Coding::Identity;
                if matches!(ranges, Ranges::Several(_))
                    && (coded || wanted.given("content-encoding").is_some())
                {
                    ranges = Ranges::Whole;
                }
            }
        } else {
            self.status = wanted.status;
        }
        if ranges == Ranges::Unsatisfiable {
            self.explain(416);
            self.line("Content-Range", unsatisfied_range(length).as_bytes());
            return Ok(());
        }

        if let Some(modified) = modified {
            self.line("Last-Modified", &http_date(modified));
        }
        if let (None, Some(etag)) = (given_etag, &etag) {
            self.line("ETag", etag);
        }
        if wanted.rules.precompressed {
            self.line("Vary", b"Accept-Encoding");
        }
        if self.status == 304 {
            self.append_without_content_fields(wanted.fields());
            return Ok(());
        }
        if by_itself && wanted.rules.ranges {
            self.line("Accept-Ranges", b"bytes");
        }
        if subject.coding != Coding::Identity {
            self.line("Content-Encoding", subject.coding.name().as_bytes());
        }
        let given_type = wanted.given("content-type");
        let guessed;
        let media_type = match given_type {
            Some(given) => given,
            None => {
                guessed = content_type(subject.name);
                guessed.as_bytes()
            }
        };
        match ranges {
            Ranges::Several(ranges) => {
                self.status = 206;
                let part_type = String::from_utf8_lossy(media_type);
                let multipart = Multipart::new(random(), &part_type, ranges, length);
                self.line("Content-Type", multipart.content_type().as_bytes());
                self.append_without_content_fields(wanted.fields());
                let whole = subject.start..subject.start + length;
                self.body = Body::Parts(multipart, FileRange::new(subject.file, whole));
                return Ok(());
            }
            Ranges::One(range) => {
                self.status = 206;
                self.line("Content-Range", content_range(&range, length).as_bytes());
                self.take(wanted, subject, range)?;
            }
            _ => self.take(wanted, subject, 0..length)?,
        }
        if given_type.is_none() {
            self.line("Content-Type", media_type);
        }
        self.fields.extend_from_slice(wanted.fields());
        Ok(())
    }

    /// Takes a part of the file as the content.
    fn take(
        &mut self,
        wanted: &Wanted,
        subject: Subject<'_>,
        range: Range<u64>,
    ) -> Result<(), Failure> {
        let range = subject.start + range.start..subject.start + range.end;
        let length = range.end - range.start;
        if length > SMALL_BYTES || !wanted.takes_content {
            self.body = Body::File(FileRange::new(subject.file, range));
            return Ok(());
        }
        let length = length as usize;
        if self.memory.len() < length {
            self.memory.resize(length, 0);
        }
        let memory = &mut self.memory[..length];
        read_now(&subject.file, memory, range.start, subject.may_wait)?;
        self.filled = length;
        Ok(())
    }

    /// Sends the client to the same name with a slash, so that links in what it gets lead to beneath it. The last name is
    /// enough, and cannot be taken for another host.
    fn redirect(&mut self, wanted: &Wanted) {
        self.explain(301);
        if let Place::Route { target, .. } = &wanted.place {
            let end = target.iter().position(|&byte| byte == b'?');
            let (path, query) = target.split_at(end.unwrap_or(target.len()));
            let slash = path.iter().rposition(|&byte| byte == b'/');
            let name = &path[slash.map_or(0, |slash| slash + 1)..];
            self.line("Location", &[b"./", name, b"/", query].concat());
        }
    }

    fn fail(&mut self, failure: &Failure) {
        self.explain(failure.status());
        self.trouble = Some(failure.number());
    }

    /// Makes it an answer that says its own status in words.
    fn explain(&mut self, status: u16) {
        self.clear(status);
        self.explains = true;
        self.line("Content-Type", b"text/plain; charset=utf-8");
        let text = [reason_phrase(status), "\n"].concat();
        self.fill(text.as_bytes());
    }

    fn fill(&mut self, content: &[u8]) {
        self.memory.clear();
        self.memory.extend_from_slice(content);
        self.filled = content.len();
    }

    fn clear(&mut self, status: u16) {
        self.status = status;
        self.fields.clear();
        self.body = Body::Memory;
        self.filled = 0;
        self.explains = false;
        self.trouble = None;
    }

    fn line(&mut self, name: &str, value: &[u8]) {
        self.fields.extend_from_slice(name.as_bytes());
        self.fields.extend_from_slice(b": ");
        self.fields.extend_from_slice(value);
        self.fields.extend_from_slice(b"\r\n");
    }

    /// The lines that are not about the content, which is not there, or is another one.
    fn append_without_content_fields(&mut self, fields: &[u8]) {
        for line in fields.split_inclusive(|&byte| byte == b'\n') {
            let is = |name: &str| {
                line.get(..name.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            };
            if !is("content-type:") && !is("content-encoding:") && !is("content-range:") {
                self.fields.extend_from_slice(line);
            }
        }
    }
}

/// The file's tag. Compressed neighbours have others, as their content has (RFC 9110 8.8.3.3).
fn etag(wanted: &Wanted, subject: &Subject<'_>) -> Option<Vec<u8>> {
    let State { length, modified } = subject.state;
    let is_weak = match wanted.rules.etag {
        FileEtag::None => return None,
        FileEtag::Weak => true,
        FileEtag::Strong => false,
    };
    let mut tag = file_etag(modified, length, is_weak).to_vec();
    if subject.coding != Coding::Identity {
        tag.pop();
        tag.push(b'-');
        tag.extend_from_slice(subject.coding.name().as_bytes());
        tag.push(b'"');
    }
    Some(tag)
}

/// What nobody can guess: the keys of the standard library's hash tables.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}
