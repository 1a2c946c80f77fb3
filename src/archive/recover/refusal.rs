//! What it means for an archive that a file can't be used.

use std::io;

use archiver_format::checkpoint::{Progress, Segment};

use crate::archive::archive::{Archive, Stop};
use crate::ledger::Checkpointed;
use crate::ledger::append_file::Refused;
use crate::ledger::lock::LockError;
use crate::observe::reason::Reason;

impl Archive {
    /// The file that the archive has been writing.
    pub(in crate::archive) fn segment<'p>(
        &self,
        progress: &'p Progress,
    ) -> Result<&'p Segment, Stop> {
        progress.segment().map_err(|source| {
            let state = self.config.state.clone();
            Stop::Never(Reason::Segments { state, source })
        })
    }

    pub(in crate::archive) fn not_stored(&self, source: io::Error) -> Stop {
        let file = self.file().display();
        not_stored(format!("storing the checkpoint for {file}"), source)
    }

    /// What a file that can't be used means for the archive.
    pub(in crate::archive) fn refused(
        &self,
        e: Refused,
        checkpointed: Option<&Checkpointed>,
    ) -> Stop {
        match e {
            Refused::Io { .. } => Stop::Retry(Reason::Opening(e)),
            Refused::Locked(e) => stop_for_lock(e),
            Refused::Owned { .. } => Stop::Never(Reason::Owned(e)),
            Refused::Foreign { .. } => {
                let file = self.file().display().to_string();
                let written_to = checkpointed.map(|stored| &stored.checkpoint().identity.file);
                Stop::Never(Reason::Foreign {
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

pub(super) fn not_stored(doing: String, source: io::Error) -> Stop {
    Stop::Retry(Reason::Disk { doing, source })
}

pub(super) fn stop_for_lock(e: LockError) -> Stop {
    match e {
        LockError::Taken { .. } | LockError::TakenUnseen { .. } | LockError::NotOwn { .. } => {
            Stop::Never(e.into())
        }
        LockError::Closing { .. } | LockError::Io { .. } => Stop::Retry(e.into()),
    }
}
