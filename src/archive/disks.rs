//! Where an archive's blocking work is done: what touches its data on the disk of the data, what touches its state alone
//! on that of the state. What touches both (opening, looking whether both are still there, listing a gap, keeping what
//! is cut off) is done on the disk of the data: so while that of the state hangs, it may hold threads of the other.

use std::io;

use super::archive::Archive;
use crate::world::budget::Budget;
use crate::world::disk::Disk;

/// The disks of one archive.
#[derive(Clone)]
pub(in crate::archive) struct Disks {
    /// That of the data file.
    pub data: Disk,
    /// That of the state directory, most often the same one.
    pub state: Disk,
    /// The memory for chunks on their way to the data file.
    pub budget: Budget,
}

impl Archive {
    /// Finds out which disks they are. Fails if there can't be the threads for them.
    pub(in crate::archive) async fn disks(&self) -> io::Result<Disks> {
        let devices = &self.world.devices;
        let data = devices.at(&self.config.file).await?;
        let state = devices.at(&self.config.state).await?;
        Ok(Disks {
            budget: data.budget(),
            // Known by the name of the data file, as long as it makes no difference.
            state: if state.is_same(&data) {
                data.clone()
            } else {
                state
            },
            data,
        })
    }
}
