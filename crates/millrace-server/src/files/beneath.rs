//! Linux's way to open a path that must not leave a directory: `openat2`, which also says when it would have to wait.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::open::Failure;

/// A directory that is being renamed makes the kernel give up on a path in it; so often it is asked again.
const ATTEMPTS: usize = 16;

/// The kernel has no `openat2` (before 5.6), or a sandbox forbids it.
static MISSING: AtomicBool = AtomicBool::new(false);

/// Opens `path` for reading, beneath `root` when there is one. What turns out to be a pipe or a terminal does no harm.
pub(super) fn open(root: Option<&OwnedFd>, path: &[u8], may_wait: bool) -> Result<File, Failure> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = match root {
        // A path that the program gave may lead anywhere.
        None => call(CWD, path, flags, ResolveFlags::empty(), may_wait),
        Some(root) => {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            call(root, path, flags, resolve, may_wait)
        }
    };
    opened.map(File::from)
}

/// Opens a root, or returns `None` where paths cannot be opened beneath it.
pub(super) fn open_root(root: &Path, may_wait: bool) -> Result<Option<Arc<OwnedFd>>, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match call(CWD, root, flags, ResolveFlags::empty(), may_wait) {
        Ok(root) => Ok(Some(Arc::new(root))),
        Err(Failure::Error(error)) if is_missing(&error) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether a failure means that there is no `openat2`.
pub(super) fn is_missing(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOSYS.raw_os_error())
}

/// Reads all of `memory` when the content is in the system's memory. `false` where nobody can tell.
pub(super) fn read_cached(file: &File, memory: &mut [u8], position: u64) -> Result<bool, Failure> {
    if memory.is_empty() {
        return Ok(true);
    }
    let length = memory.len();
    let flags = ReadWriteFlags::NOWAIT;
    loop {
        return match preadv2(file, &mut [IoSliceMut::new(memory)], position, flags) {
            Ok(count) if count == length => Ok(true),
            Ok(_) | Err(Errno::AGAIN) => Err(Failure::Wait),
            Err(Errno::INTR) => continue,
            // Not every file system, and no kernel before 4.14.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
            Err(errno) => Err(Failure::Error(errno.into())),
        };
    }
}

fn call(
    directory: impl std::os::fd::AsFd,
    path: impl rustix::path::Arg + Copy,
    flags: OFlags,
    mut resolve: ResolveFlags,
    may_wait: bool,
) -> Result<OwnedFd, Failure> {
    if MISSING.load(Ordering::Relaxed) {
        return Err(Failure::Error(Errno::NOSYS.into()));
    }
    resolve.set(ResolveFlags::CACHED, !may_wait);
    let mut attempts = ATTEMPTS;
    loop {
        match openat2(&directory, path, flags, Mode::empty(), resolve) {
            Ok(file) => return Ok(file),
            Err(Errno::INTR) => {}
            // INVAL: the kernel does not know what CACHED is (before 5.12).
            Err(Errno::AGAIN | Errno::INVAL) if !may_wait => return Err(Failure::Wait),
            Err(Errno::AGAIN) if attempts > 1 => attempts -= 1,
            Err(errno @ (Errno::NOSYS | Errno::PERM))
                if errno == Errno::NOSYS || is_forbidden() =>
            {
                MISSING.store(true, Ordering::Relaxed);
                return Err(Failure::Error(Errno::NOSYS.into()));
            }
            Err(errno) => return Err(Failure::Error(errno.into())),
        }
    }
}

/// Whether the call itself is not permitted: anybody may open the current directory without any right.
fn is_forbidden() -> bool {
    let opened = openat2(
        CWD,
        c".",
        OFlags::PATH,
        Mode::empty(),
        ResolveFlags::empty(),
    );
    matches!(opened, Err(Errno::PERM))
}
