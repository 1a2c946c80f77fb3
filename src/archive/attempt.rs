//! One attempt: opens everything where it was left, reads until something ends that, and leaves the files to the next.

use std::time::Duration;

use tokio::time::timeout;

use super::archive::{Archive, Fault, Stop};
use super::outstanding::Outstanding;
use super::reading::Reading;
use super::recover::{Opened, Owned};
use crate::world::shutdown::Shutdown;

/// How long a clean stop waits for the commit group's coordinator.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// What stays from one attempt to the next.
#[derive(Default)]
pub(super) struct Attempts {
    /// What this process has of the archive.
    owned: Option<Owned>,
    /// What was taken and is not there for certain.
    pub outstanding: Outstanding,
}

impl Attempts {
    /// Reads until something ends it, or a stop was asked for.
    pub async fn attempt(
        &mut self,
        archive: &Archive,
        shutdown: &mut Shutdown,
    ) -> Result<(), Stop> {
        let mut asked = shutdown.clone();
        let open = async {
            let disks = archive.disks().await;
            let disks = disks.map_err(|e| archive.lacks_threads(e))?;
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

    async fn read(
        &mut self,
        archive: &Archive,
        opened: Opened,
        shutdown: &mut Shutdown,
    ) -> Result<(), Stop> {
        let mut reading = Reading::begin(archive, opened, &mut self.outstanding).await?;
        let ended = reading.run(shutdown).await;
        let ended = match ended {
            Ok(()) => reading.drain().await,
            Err(fault) => Err(fault),
        };
        let is_stop = ended.is_ok();
        let ended = reading.end(ended).await;
        match ended {
            Ok(()) => {
                // Only what watches the group would miss it, until the next run.
                let _ = timeout(COMMIT_PATIENCE, archive.cluster.committed()).await;
                Ok(())
            }
            Err(fault) => {
                if is_stop || matches!(fault, Fault::Distrust(_)) {
                    self.outstanding.doubt();
                }
                Err(fault.into())
            }
        }
    }
}
