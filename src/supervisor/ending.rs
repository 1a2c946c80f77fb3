//! The end of an archive that was started, to be awaited, and the reasons why one isn't started.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::archive::End;

/// The end of an archive, which may be awaited by many; clones are the same end.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<Happens>);

#[derive(Debug, Default)]
struct Happens {
    end: OnceLock<End>,
    happened: Notify,
}

/// Why an archive was not started.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// One of this name runs.
    #[error("starting archive {name}: one of that name is running; stop it first")]
    Name {
        /// The name.
        name: String,
    },
    /// Another one has this file.
    #[error(
        "starting archive {name}: {} is the file of archive {owner}, which is running; stop that one first, or choose \
         another file",
        file.display()
    )]
    File {
        /// The archive that was to be started.
        name: String,
        /// Its data file.
        file: PathBuf,
        /// The archive that has it.
        owner: String,
    },
}

impl Ending {
    /// Waits until the archive has ended. May be dropped and called again.
    pub async fn wait(&self) -> End {
        // Made before looking, so that nothing is missed in between.
        let happened = self.0.happened.notified();
        if let Some(end) = self.0.end.get() {
            return *end;
        }
        happened.await;
        match self.0.end.get() {
            Some(end) => *end,
            // It is notified only after it is set.
            None => std::future::pending().await,
        }
    }

    pub(super) fn set(&self, end: End) {
        // There is only one.
        let _ = self.0.end.set(end);
        self.0.happened.notify_waiters();
    }
}
