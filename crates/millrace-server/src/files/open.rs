//! Opening files, beneath a root where there is one, and without waiting for a disk where the kernel can tell.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

#[cfg(target_os = "linux")]
use super::beneath;
use super::roots::Roots;
use super::{read_at, shrunk};

/// What a path leads to.
pub(super) enum Node {
    /// A regular file.
    File(File, State),
    /// A directory.
    Directory(Directory),
}

/// A directory, to be listed.
pub(super) struct Directory(#[cfg(unix)] File, #[cfg(not(unix))] std::path::PathBuf);

/// What a file is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// Bytes.
    pub(super) length: u64,
    /// Nanoseconds since 1970 of its last modification; 0 when it was before.
    pub(super) modified: u64,
}

/// Why there is no file.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may be there, but finding out would keep this thread waiting.
    Wait,
    /// The system's word.
    Error(io::Error),
}

/// How files are opened for one request.
pub(super) struct Opener<'a> {
    root: Option<&'a Path>,
    #[cfg(target_os = "linux")]
    descriptor: Option<std::sync::Arc<std::os::fd::OwnedFd>>,
    may_wait: bool,
}

impl<'a> Opener<'a> {
    /// For a thread that must not wait; `roots` are the directories it has open.
    pub(super) fn hasty(
        root: Option<&'a Path>,
        roots: &mut Roots,
        now: u64,
    ) -> Result<Self, Failure> {
        #[cfg(target_os = "linux")]
        return Ok(Opener {
            root,
            descriptor: match root {
                Some(root) => Some(roots.get(root, now)?),
                None => None,
            },
            may_wait: false,
        });
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (root, roots, now);
            Err(Failure::Wait)
        }
    }

    /// For a thread that has time.
    pub(super) fn patient(root: Option<&'a Path>) -> Result<Self, Failure> {
        Ok(Opener {
            root,
            #[cfg(target_os = "linux")]
            descriptor: match root {
                Some(root) => beneath::open_root(root, true)?,
                None => None,
            },
            may_wait: true,
        })
    }

    /// Whether waiting is allowed.
    pub(super) fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Opens what is at `path`: beneath the root, from which it does not lead away, or anywhere without one.
    pub(super) fn open(&self, path: &[u8]) -> Result<Node, Failure> {
        let path = if path.is_empty() { b"." } else { path };
        #[cfg(target_os = "linux")]
        if self.root.is_none() || self.descriptor.is_some() {
            let opened = beneath::open(self.descriptor.as_deref(), path, self.may_wait);
            match opened {
                Err(Failure::Error(error)) if beneath::is_missing(&error) => {}
                opened => return node(opened?),
            }
        }
        if !self.may_wait {
            return Err(Failure::Wait);
        }
        open_checked(self.root, system_path(path)?)
    }
}

impl Failure {
    /// A failure that has a number on this system only where this system is Unix.
    pub(super) fn of(kind: io::ErrorKind) -> Self {
        #[cfg(unix)]
        let error = {
            use rustix::io::Errno;
            io::Error::from(match kind {
                io::ErrorKind::NotFound => Errno::NOENT,
                io::ErrorKind::IsADirectory => Errno::ISDIR,
                _ => Errno::INVAL,
            })
        };
        #[cfg(not(unix))]
        let error = io::Error::from(kind);
        Failure::Error(error)
    }

    /// What the program is told.
    pub(super) fn number(&self) -> i32 {
        match self {
            Failure::Error(error) => error.raw_os_error().unwrap_or_default(),
            Failure::Wait => 0,
        }
    }

    /// Whether a directory is what was found.
    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Failure::Error(error) if error.kind() == io::ErrorKind::IsADirectory)
    }

    /// The status of an answer that says so.
    pub(super) fn status(&self) -> u16 {
        let Failure::Error(error) = self else {
            return 500;
        };
        #[cfg(unix)]
        if let Some(errno) = rustix::io::Errno::from_io_error(error) {
            use rustix::io::Errno;
            return match errno {
                Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::NAMETOOLONG => 404,
                Errno::LOOP | Errno::INVAL | Errno::XDEV | Errno::NXIO | Errno::NODEV => 404,
                Errno::ACCESS | Errno::PERM => 403,
                Errno::MFILE | Errno::NFILE => 503,
                _ => 500,
            };
        }
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => 404,
            io::ErrorKind::PermissionDenied => 403,
            _ => 500,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Error(error)
    }
}

impl State {
    pub(super) fn of(file: &File) -> io::Result<Option<State>> {
        let metadata = file.metadata()?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
        Ok(metadata.is_file().then(|| State {
            length: metadata.len(),
            modified: modified.map_or(0, |since| {
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            }),
        }))
    }
}

/// What a name in a directory stands for, as far as the directory itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, or something of which this file system does not tell without being asked for it.
    Unknown,
}

impl Directory {
    /// The names in it, but for pipes, sockets and devices, which nobody is served.
    pub(super) fn names(self, most: usize) -> io::Result<Vec<(Vec<u8>, Kind)>> {
        let mut names = Vec::new();
        #[cfg(unix)]
        for entry in rustix::fs::Dir::new(self.0)? {
            use rustix::fs::FileType;
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let kind = match entry.file_type() {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Directory,
                FileType::Symlink | FileType::Unknown => Kind::Unknown,
                _ => continue,
            };
            if name != b"." && name != b".." && names.len() < most {
                names.push((name.to_vec(), kind));
            }
        }
        #[cfg(not(unix))]
        for entry in std::fs::read_dir(self.0)?.take(most) {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = match entry.file_type()? {
                kind if kind.is_dir() => Kind::Directory,
                kind if kind.is_file() => Kind::File,
                _ => Kind::Unknown,
            };
            names.push((name.into_bytes(), kind));
        }
        names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    }
}

/// Reads as many bytes as `memory` has, all of them or none.
pub(super) fn read_now(
    file: &File,
    memory: &mut [u8],
    position: u64,
    may_wait: bool,
) -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    if !may_wait && beneath::read_cached(file, memory, position)? {
        return Ok(());
    }
    let _ = may_wait;
    let mut done = 0;
    while done < memory.len() {
        match read_at(file, &mut memory[done..], position + done as u64)? {
            0 => return Err(Failure::Error(shrunk())),
            count => done += count,
        }
    }
    Ok(())
}

/// A path of bytes as the system takes it.
pub(super) fn system_path(path: &[u8]) -> Result<&Path, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Path::new(std::ffi::OsStr::from_bytes(path)))
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(path) {
        Ok(path) => Ok(Path::new(path)),
        Err(_) => Err(Failure::of(io::ErrorKind::NotFound)),
    }
}

/// Where the kernel has no way to keep a path beneath a root, both are resolved and compared. Somebody who can change
/// the directory at the right moment can still lead the path away; who can do that can as well copy the file there.
fn open_checked(root: Option<&Path>, path: &Path) -> Result<Node, Failure> {
    let path = match root {
        None => path.to_owned(),
        Some(root) => {
            let root = root.canonicalize()?;
            let path = root.join(path).canonicalize()?;
            if !path.starts_with(&root) {
                return Err(Failure::of(io::ErrorKind::NotFound));
            }
            path
        }
    };
    #[cfg(not(unix))]
    if path.is_dir() {
        return Ok(Node::Directory(Directory(path)));
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, harmless_flags());
    node(options.open(&path)?)
}

/// With which to open what may turn out to be anything: a pipe or a terminal.
#[cfg(unix)]
fn harmless_flags() -> i32 {
    use rustix::fs::OFlags;
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32
}

fn node(file: File) -> Result<Node, Failure> {
    if let Some(state) = State::of(&file)? {
        return Ok(Node::File(file, state));
    }
    #[cfg(unix)]
    if file.metadata()?.is_dir() {
        return Ok(Node::Directory(Directory(file)));
    }
    Err(Failure::of(io::ErrorKind::InvalidInput))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The status of the answer that there would be without `openat2`.
    fn status(root: &Path, path: &str) -> u16 {
        match open_checked(Some(root), Path::new(path)) {
            Ok(Node::File(..)) => 200,
            Ok(Node::Directory(_)) => 301,
            Err(failure) => failure.status(),
        }
    }

    #[test]
    fn nothing_leads_out_of_a_root_where_the_kernel_does_not_see_to_it() {
        let base = std::env::temp_dir().join(format!("millrace-open-{}", std::process::id()));
        let root = base.join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir_all(base.join("root-of-another")).unwrap();
        fs::write(base.join("root-of-another/secret"), "").unwrap();
        fs::write(base.join("secret"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("../file", root.join("sub/inside")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        for (path, expected) in [
            ("file", 200),
            ("sub/inside", 200),
            ("sub/../file", 200),
            ("sub", 301),
            (".", 301),
            ("out", 404),
            ("../secret", 404),
            ("../root-of-another/secret", 404),
            ("/etc/passwd", 404),
            ("file/x", 404),
            ("loop", 404),
            ("none", 404),
        ] {
            assert_eq!(status(&root, path), expected, "{path}");
        }
        assert_eq!(status(Path::new("/dev"), "tty"), 404);
        fs::remove_dir_all(&base).unwrap();
    }
}
