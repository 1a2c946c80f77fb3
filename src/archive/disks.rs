//! The disks of an archive, and which blocking work is done where.
//!
//! Work on the data is done on the disk of the data, work on the state alone on the disk of the state. Work on both
//! (opening, checking that both are still there, listing a gap, quarantine) is done on the disk of the data: so a state
//! disk that hangs may hold threads of the data disk.

use std::io;

use super::definition::{Archive, Failure};
use crate::observe::reason::Reason;
use crate::world::budget::Budget;
use crate::world::disk::Disk;

/// The disks of one archive.
#[derive(Clone)]
pub(in crate::archive) struct Disks {
    /// The disk of the data file.
    pub data: Disk,
    /// The disk of the state directory, most often the same one.
    pub state: Disk,
    /// The memory for batches on their way to the data file.
    pub budget: Budget,
}

impl Archive {
    /// Finds out which disks the archive uses. Fails if the system gives no threads for them.
    pub(in crate::archive) async fn disks(&self) -> io::Result<Disks> {
        let devices = &self.environment.devices;
        let data = devices.at(&self.config.file).await?;
        let state = devices.at(&self.config.state).await?;
        Ok(Disks {
            budget: data.budget(),
            // One disk has one name in messages: that of the data file.
            state: if state.is_same(&data) {
                data.clone()
            } else {
                state
            },
            data,
        })
    }

    /// Why nothing may be written to the disk of the data, if that is to leave its last space to others.
    pub(in crate::archive) fn lacks_space(&self, disks: &Disks) -> Result<(), Failure> {
        let space = disks.data.space();
        if !space.is_low() {
            return Ok(());
        }
        Err(Failure::retry(Reason::DiskLow {
            path: self.config.file.clone(),
            floor_bytes: space.floor_bytes(),
        }))
    }
}
