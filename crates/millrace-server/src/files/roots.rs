//! Directories that files are opened beneath, kept open for a moment.
//!
//! Opening the root anew for each file costs a tenth of what a small answer costs. Kept for ever, it would go on showing
//! a directory that was replaced by another: that is how new versions of a site are put in place.

#[cfg(target_os = "linux")]
use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How long a root stays open without another look, in milliseconds.
#[cfg(target_os = "linux")]
const KEPT_MS: u64 = 1000;

/// Roots kept at a time.
#[cfg(target_os = "linux")]
const MOST: usize = 16;

/// The roots that an I/O thread has open.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    #[cfg(target_os = "linux")]
    list: Vec<Root>,
}

#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Root {
    path: PathBuf,
    descriptor: Arc<OwnedFd>,
    opened: u64,
}

impl Roots {
    /// Closes all of them.
    pub(crate) fn clear(&mut self) {
        #[cfg(target_os = "linux")]
        self.list.clear();
    }

    /// The root at `path`, as of not long ago.
    #[cfg(target_os = "linux")]
    pub(super) fn get(
        &mut self,
        path: &Path,
        now: u64,
    ) -> Result<Arc<OwnedFd>, super::open::Failure> {
        use super::open::Failure;
        let known = self.list.iter().find(|root| {
            root.opened + KEPT_MS > now
                && root.path.as_os_str().as_encoded_bytes() == path.as_os_str().as_encoded_bytes()
        });
        if let Some(root) = known {
            return Ok(root.descriptor.clone());
        }
        self.list.retain(|root| root.opened + KEPT_MS > now);
        let Some(descriptor) = super::beneath::open_root(path, false)? else {
            return Err(Failure::Wait);
        };
        if self.list.len() < MOST {
            self.list.push(Root {
                path: path.to_owned(),
                descriptor: descriptor.clone(),
                opened: now,
            });
        }
        Ok(descriptor)
    }
}
