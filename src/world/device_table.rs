//! The devices that are in use: the threads of each, the syncs of its files, its share of the memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::Budgets;
use super::executor::{Executor, Pace};
use super::fs::Fs;
use super::grouped_syncs::Syncs;

/// Stands for a device that can't be found out.
pub(super) const UNKNOWN: u64 = 0;

/// A device in use; clones are the same one.
#[derive(Clone)]
pub(super) struct Device {
    /// Its number.
    pub id: u64,
    /// Its threads.
    pub executor: Executor,
    /// The syncs of its files.
    pub syncs: Syncs,
}

/// All devices in use.
pub(super) struct Known {
    fs: Arc<dyn Fs>,
    /// If set, work is done by tasks at this pace, and not by threads.
    pace: Option<Pace>,
    devices: Mutex<HashMap<u64, Device>>,
    /// Only those have one to which batches are written.
    pub budgets: Budgets,
}

impl Known {
    /// None yet. Batches on their way may hold `memory` bytes.
    pub fn new(fs: Arc<dyn Fs>, memory: u64, pace: Option<Pace>) -> Self {
        Self {
            fs,
            pace,
            devices: Mutex::default(),
            budgets: Budgets::new(memory),
        }
    }

    /// The device of this number, in use from now on. Fails if there can't be the threads for it. Must be called within
    /// a tokio runtime.
    pub fn get(&self, id: u64) -> io::Result<Device> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let device = match devices.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let executor = match &self.pace {
                    Some(pace) => Executor::tasks(Arc::clone(pace)),
                    None => Executor::threads("disk", threads())?,
                };
                let syncs = Syncs::new(Arc::clone(&self.fs), executor.clone());
                new.insert(Device {
                    id,
                    executor,
                    syncs,
                })
            }
        };
        Ok(device.clone())
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.len()
    }
}

/// One that syncs and one that writes meanwhile are enough for a device that answers fast, as what takes a processor is
/// done elsewhere ([`super::executor::Cores`]). One that answers slowly, as over a network, can do several things at once:
/// for that there are more where there are cores to begin them.
fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.clamp(2, 4)
}
