//! Parts of open files, which are read when their turn to be written has come and not before.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use millrace_batch::outbound::Payload;
use millrace_http1::Piece;
use slab::Slab;

use crate::answer::Pieces;
use crate::lane::Chunk;

/// A part of an open file. The file is closed when nobody has a part of it any more.
#[derive(Clone, Debug)]
pub struct FileRange {
    file: Arc<File>,
    start: u64,
    end: u64,
}

/// The parts of files in a connection's output, by the keys that stand for them there.
#[derive(Debug, Default)]
pub(crate) struct Files(Slab<FileRange>);

impl FileRange {
    /// A part of `file`.
    pub fn new(file: Arc<File>, range: Range<u64>) -> Self {
        FileRange {
            file,
            start: range.start,
            end: range.end.max(range.start),
        }
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.end - self.start
    }

    /// A part of it.
    pub(super) fn part(&self, range: &Range<u64>) -> FileRange {
        FileRange::new(
            self.file.clone(),
            self.start + range.start..self.start + range.end,
        )
    }

    pub(super) fn shared(&self) -> Arc<File> {
        self.file.clone()
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Reads the first bytes, one at least, and takes them off.
    pub(crate) fn take_some(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.length()).unwrap_or(usize::MAX);
        let most = most.min(memory.len());
        let count = read_at(&self.file, &mut memory[..most], self.start)?;
        if count == 0 && most > 0 {
            return Err(shrunk());
        }
        self.start += count as u64;
        Ok(count)
    }
}

impl Files {
    /// A payload as a piece of an answer's body.
    pub(crate) fn piece<'a>(&mut self, payload: Payload<'a>, pieces: Pieces<'_>) -> Piece<'a> {
        let index = match payload {
            Payload::Inline(bytes) => return Piece::Slice(bytes),
            Payload::Large(index) => index,
        };
        match pieces.get(index) {
            Some(Chunk::Bytes(bytes) | Chunk::Lent(bytes)) => Piece::Held(bytes),
            Some(Chunk::File(range)) => self.hold(range),
            // The two sides disagree; nothing is the harmless reading.
            None => Piece::Slice(&[]),
        }
    }

    /// Keeps a part of a file until the output says that it is needed no more.
    pub(crate) fn hold(&mut self, range: FileRange) -> Piece<'static> {
        Piece::Elsewhere {
            length: range.length(),
            key: self.0.insert(range) as u32,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, key: u32) -> Option<&FileRange> {
        self.0.get(key as usize)
    }

    pub(crate) fn release(&mut self, key: u32) {
        self.0.try_remove(key as usize);
    }
}

/// Reads at a position, as often as the system interrupts it. 0 is the end of the file.
pub(crate) fn read_at(file: &File, memory: &mut [u8], position: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, memory, position);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, memory, position);
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What a file has become that ends before the length it had.
pub(crate) fn shrunk() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::IO.into();
    #[cfg(not(unix))]
    io::ErrorKind::UnexpectedEof.into()
}
