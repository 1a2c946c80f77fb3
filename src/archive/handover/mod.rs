//! Handing sealed segments over to the command of `on_seal`: one after the other, in the order of their lines in the
//! manifest, each at least once.
//!
//! The order: a verified checkpoint counts the segment as sealed → it has its final name → its command, again and again
//! until that succeeds → how far it is, stored → the next one. It goes on over all attempts at the archive, and ends
//! before the archive's lock is given up. Nothing waits for it but a stop, for half of its time.

mod facts;
mod latest;
mod task;

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::definition::Archive;
use super::disks::Disks;
use crate::ledger::Checkpointed;
use crate::world::shutdown::{Shutdown, Stopper};
use latest::{Counted, Latest};
use task::Task;

/// The handing over of an archive's segments; nothing if it has no command for them.
#[derive(Default)]
pub(super) struct HandOver(Option<Running>);

struct Running {
    latest: Arc<Latest>,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl HandOver {
    /// Begins once the archive says what it counts.
    pub fn begin(archive: &Archive, shutdown: &Shutdown) -> Self {
        let Some(on_seal) = archive.config.on_seal.clone() else {
            return Self(None);
        };
        let latest = Arc::<Latest>::default();
        let (stopper, stop) = shutdown.child();
        let task = Task::new(archive, on_seal, Arc::clone(&latest), stop);
        Self(Some(Running {
            latest,
            stopper,
            task: tokio::spawn(task.run()),
        }))
    }

    /// Follows a checkpoint. What is not verified doesn't count, as the archive may have to go back.
    pub fn counts(&self, stored: &Checkpointed, disks: &Disks) {
        if let Some(Running { latest, .. }) = &self.0
            && !stored.is_unverified()
        {
            latest.set(Counted::new(stored, disks));
        }
    }

    /// Follows segments that have got their names.
    pub fn named(&self) {
        if let Some(Running { latest, .. }) = &self.0 {
            latest.touch();
        }
    }

    /// Ends it; what was not handed over is so after the next start.
    pub async fn end(&mut self) {
        if let Some(Running { stopper, task, .. }) = self.0.take() {
            stopper.stop();
            // A panic of it is in the log.
            let _ = task.await;
        }
    }
}
