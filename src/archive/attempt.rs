//! One attempt: opens everything at the last checkpoint, reads until a stop or a failure, and leaves the files to the
//! next attempt.

use std::time::Duration;

use tokio::time::timeout;

use super::definition::{Archive, Failure, Interruption};
use super::handover::HandOver;
use super::outstanding::Outstanding;
use super::reading::Reading;
use super::recover::{Opened, Owned};
use crate::world::shutdown::Shutdown;

/// How long a clean stop waits for the commit group's coordinator.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// The attempts at one archive, and the state that each inherits from the one before.
pub(super) struct Attempts {
    /// The archive's lock, once this process has it.
    owned: Option<Owned>,
    /// Records that were taken and are not certain to be in the files.
    pub outstanding: Outstanding,
    /// What is sealed is handed over, whatever becomes of an attempt.
    pub handover: HandOver,
}

/// The locks of an archive that has ended. They are to be kept until nothing is under way any more that it had begun on
/// its disks: what is done late must not be done to another process's files.
#[must_use]
pub struct Remains {
    _owned: Option<Owned>,
}

impl Attempts {
    /// None was made yet.
    pub fn new(handover: HandOver) -> Self {
        Self {
            owned: None,
            outstanding: Outstanding::default(),
            handover,
        }
    }

    /// What is left when the last one has ended.
    pub fn remains(self) -> Remains {
        Remains { _owned: self.owned }
    }

    /// Opens the archive and reads until a stop is asked for or something fails.
    pub async fn attempt(
        &mut self,
        archive: &Archive,
        shutdown: &mut Shutdown,
    ) -> Result<(), Failure> {
        let mut asked = shutdown.clone();
        let open = async {
            let disks = archive.disks().await;
            let disks = disks.map_err(|e| archive.lacks_threads(e))?;
            archive.lacks_space(&disks)?;
            archive.open(disks, &mut self.owned).await
        };
        let opened = tokio::select! {
            biased;
            () = asked.requested() => return Ok(()),
            opened = open => opened?,
        };
        self.outstanding.trust();
        self.read(archive, opened, shutdown).await
    }

    /// Reads an archive that was opened, and settles its files, whatever ended the reading.
    async fn read(
        &mut self,
        archive: &Archive,
        opened: Opened,
        shutdown: &mut Shutdown,
    ) -> Result<(), Failure> {
        let mut asked = shutdown.clone();
        // Nothing is taken yet, so a stop need not wait for brokers that have gone silent.
        let mut reading = tokio::select! {
            biased;
            () = asked.requested() => return Ok(()),
            begun = Reading::begin(archive, opened, &mut self.outstanding, &self.handover) => begun?,
        };
        let ended = reading.run(shutdown).await;
        let ended = match ended {
            Ok(()) => reading.drain().await,
            Err(interruption) => Err(interruption),
        };
        let is_stop = ended.is_ok();
        let ended = reading.end(ended).await;
        match ended {
            Ok(()) => {
                // A commit that is missing costs nothing: only a monitor of the group sees it, until the next run.
                let _ = timeout(COMMIT_PATIENCE, archive.cluster.committed()).await;
                Ok(())
            }
            Err(interruption) => {
                if is_stop || matches!(interruption, Interruption::Distrust(_)) {
                    self.outstanding.doubt();
                }
                Err(interruption.into())
            }
        }
    }
}
