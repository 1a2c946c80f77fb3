//! The devices that are in use: the threads of each, the syncs of its files, its share of the memory.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::budget::Budgets;
use super::executor::{Executor, Pace};
use super::fs::{Fs, directory};
use super::grouped_syncs::Syncs;
use super::space::Space;
use super::timings::DiskTimings;

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
    /// What all took long for.
    pub timings: Arc<DiskTimings>,
    /// The space on those to which data is written.
    spaces: Mutex<BTreeMap<u64, Space>>,
    /// How many bytes are to be left free on each for others.
    pub floor_bytes: AtomicU64,
}

impl Known {
    /// None yet. Batches on their way may hold `memory` bytes.
    pub fn new(fs: Arc<dyn Fs>, memory: u64, pace: Option<Pace>) -> Self {
        Self {
            fs,
            pace,
            devices: Mutex::default(),
            budgets: Budgets::new(memory),
            timings: Arc::default(),
            spaces: Mutex::default(),
            floor_bytes: AtomicU64::new(0),
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
                let syncs = Syncs::new(
                    Arc::clone(&self.fs),
                    executor.clone(),
                    Arc::clone(&self.timings),
                );
                new.insert(Device {
                    id,
                    executor,
                    syncs,
                })
            }
        };
        Ok(device.clone())
    }

    /// The space on a device to which data is written, under this path.
    pub fn space(&self, id: u64, path: &Arc<Path>) -> Space {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let floor_bytes = self.floor_bytes.load(Ordering::Relaxed);
        let space = spaces.entry(id);
        let space = space.or_insert_with(|| Space::new(Arc::clone(path), floor_bytes));
        space.clone()
    }

    /// Each of them that is known.
    pub fn spaces(&self) -> BTreeMap<u64, Space> {
        let spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.clone()
    }

    /// Looks how much space is free on a device, which may take for ever.
    pub async fn look_at(&self, id: u64, space: Space) {
        let Ok(device) = self.get(id) else { return };
        let (fs, path) = (Arc::clone(&self.fs), Arc::clone(space.path()));
        let free = device.executor.run(move || {
            // The directory may be yet to be created.
            let mut there = path.ancestors().skip(1).map(directory);
            there.find_map(|path| fs.free_bytes(path).ok())
        });
        if let Some(free_bytes) = free.await {
            space.note(Instant::now(), free_bytes);
        }
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
