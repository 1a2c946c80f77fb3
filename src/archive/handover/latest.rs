//! What an archive counts as sealed, as its loop tells those who hand it over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use archiver_format::checkpoint::{List, Unnamed};
use tokio::sync::Notify;

use crate::archive::disks::Disks;
use crate::ledger::Checkpointed;

/// Everything that the last verified checkpoint counts as sealed.
#[derive(Clone)]
pub(super) struct Counted {
    pub disks: Disks,
    /// So many bytes of the manifest count.
    pub length: u64,
    /// Segments that may not have their final names yet.
    pub unnamed: Vec<Unnamed>,
}

impl Counted {
    pub fn new(stored: &Checkpointed, disks: &Disks) -> Self {
        let progress = &stored.checkpoint().progress;
        Self {
            disks: disks.clone(),
            length: match &progress.list {
                List::Manifest(mark) => mark.length,
                List::Gaps(_) => 0,
            },
            unnamed: progress.unnamed.clone(),
        }
    }
}

/// The newest of these, to be waited for.
#[derive(Default)]
pub(super) struct Latest {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// How often it has changed, or something may be there that wasn't.
    version: u64,
    counted: Option<Counted>,
}

impl Latest {
    /// Takes a newer one.
    pub fn set(&self, counted: Counted) {
        let mut state = self.lock();
        state.version += 1;
        state.counted = Some(counted);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Has it looked at again, as segments have got their names.
    pub fn touch(&self) {
        self.lock().version += 1;
        self.changed.notify_waiters();
    }

    /// Waits for one that is newer than this version. May be dropped and called again.
    pub async fn newer(&self, than: u64) -> (u64, Counted) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let changed = self.changed.notified();
            let found = {
                let state = self.lock();
                let is_newer = state.version > than;
                let counted = state.counted.clone();
                counted.filter(|_| is_newer).map(|of| (state.version, of))
            };
            if let Some(found) = found {
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
