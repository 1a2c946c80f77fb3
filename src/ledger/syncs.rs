//! Syncs of a file that a writer and a checkpoint in the making share.
//!
//! The system tells of a failed sync once, and may have thrown away what was not written: a later sync of the same file
//! finds nothing wrong (<https://wiki.postgresql.org/wiki/Fsync_Errors>). So what one has met, the other must know.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a sync has failed. Clones know the same.
#[derive(Clone, Default)]
pub struct Syncs(Arc<Mutex<bool>>);

impl Syncs {
    /// Syncs. May block.
    pub fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        // Held meanwhile, so that nobody is told that all is well by a check that comes between the failure and its note.
        let mut has_failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = sync();
        *has_failed |= synced.is_err();
        synced
    }

    /// Fails if a sync has failed before. Waits for one that is going on.
    pub fn check(&self) -> io::Result<()> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            true => Err(io::Error::other("a sync of the manifest failed before")),
            false => Ok(()),
        }
    }
}
