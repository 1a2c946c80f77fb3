//! Refusals of the ledger as failures of the archive: which can heal, and which can't.

use std::io;

use crate::archive::definition::{Archive, Failure};
use crate::ledger::Checkpointed;
use crate::ledger::append_file::Refused;
use crate::ledger::lock::LockError;
use crate::observe::reason::Reason;

impl Archive {
    /// The checkpoint can't be stored, for the moment.
    pub(in crate::archive) fn not_stored(&self, source: io::Error) -> Failure {
        let file = self.file().display();
        not_stored(format!("storing the checkpoint for {file}"), source)
    }

    /// A file that can't be used; `checkpointed` is the checkpoint that it was held against, if there is one.
    pub(in crate::archive) fn refused(
        &self,
        e: Refused,
        checkpointed: Option<&Checkpointed>,
    ) -> Failure {
        match e {
            Refused::Io { .. } => Failure::retry(Reason::Opening(e)),
            Refused::Locked(e) => lock_failure(e),
            Refused::Owned { .. } => Failure::never(Reason::Owned(e)),
            Refused::Foreign { .. } => {
                let file = self.file().display().to_string();
                let written_to = checkpointed.map(|stored| &stored.checkpoint().identity.file);
                Failure::never(Reason::Foreign {
                    refused: e,
                    moved: written_to
                        .filter(|&written_to| *written_to != file)
                        .cloned(),
                    state: self.config.state.clone(),
                })
            }
        }
    }
}

/// Something can't be stored, for the moment.
pub(super) fn not_stored(doing: String, source: io::Error) -> Failure {
    Failure::retry(Reason::Disk { doing, source })
}

/// A lock that is another process's stops the archive; one that this process is closing is waited for.
pub(super) fn lock_failure(e: LockError) -> Failure {
    match e {
        LockError::Taken { .. } | LockError::TakenUnseen { .. } | LockError::NotOwn { .. } => {
            Failure::never(e.into())
        }
        LockError::Closing { .. } | LockError::Io { .. } => Failure::retry(e.into()),
    }
}
