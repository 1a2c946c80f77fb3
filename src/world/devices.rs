//! Which device a path is on: before that is known, nothing can be done there. Each device has its own threads and its
//! own share of the memory, so that one that hangs keeps nobody else waiting.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;

use super::device_finder::Finder;
use super::device_table::{Known, UNKNOWN};
use super::disk::Disk;
use super::executor::Pace;
use super::fs::{Fs, Unanswered};
use super::idle::{Idle, User};
use super::space::{self, Space};
use super::timings::DiskTimings;

/// A file system and its devices; clones use the same ones.
#[derive(Clone)]
pub struct Devices {
    fs: Arc<dyn Fs>,
    known: Arc<Known>,
    /// Without it, all is on one device.
    finder: Option<Arc<Finder>>,
    /// Work that waits for a thread.
    jobs: Unanswered,
    /// See [`Devices::with_fs`].
    user: Option<User>,
}

impl Devices {
    /// Those of this file system. Batches on their way to them may hold `memory` bytes.
    pub fn new(fs: Arc<dyn Fs>, memory: u64) -> Self {
        Self {
            known: Arc::new(Known::new(Arc::clone(&fs), memory, None)),
            fs,
            finder: Some(Arc::new(Finder::new())),
            jobs: Unanswered::default(),
            user: None,
        }
    }

    /// Has the work done by tasks, see [`super::executor::Executor::tasks`]. All paths are on one of so many devices, each
    /// of which has its own `memory` bytes.
    pub fn in_tasks(fs: Arc<dyn Fs>, memory: u64, pace: Pace, devices: u64) -> Self {
        let known = Known::new(Arc::clone(&fs), memory * devices, Some(pace));
        for id in 0..devices {
            known.budgets.of(UNKNOWN + id);
        }
        Self {
            fs,
            known: Arc::new(known),
            finder: None,
            jobs: Unanswered::default(),
            user: None,
        }
    }

    /// The same devices for another face of the same file system, with its own notes of what waits and of what is under
    /// way.
    pub fn with_fs(&self, fs: Arc<dyn Fs>) -> (Self, Idle) {
        let (user, idle) = User::new();
        let devices = Self {
            fs,
            jobs: Unanswered::default(),
            user: Some(user),
            ..self.clone()
        };
        (devices, idle)
    }

    /// Each is to keep so much free for others. To be said before any is in use.
    pub fn keep_free(&self, bytes: u64) {
        self.known.floor_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The space on those to which data is written.
    pub fn spaces(&self) -> Vec<Space> {
        self.known.spaces().into_values().collect()
    }

    /// Looks for ever how much space there is on those to which data is written. One that hangs keeps no other waiting.
    pub async fn watch_spaces(self) {
        let mut looks = BTreeMap::<u64, JoinHandle<()>>::new();
        loop {
            for (id, space) in self.known.spaces() {
                if looks.get(&id).is_none_or(JoinHandle::is_finished) {
                    let known = Arc::clone(&self.known);
                    let look = tokio::spawn(async move { known.look_at(id, space).await });
                    looks.insert(id, look);
                }
            }
            tokio::time::sleep(space::LOOK).await;
        }
    }

    /// What they took long for.
    pub fn timings(&self) -> &DiskTimings {
        &self.known.timings
    }

    /// Work that waits for a thread.
    pub fn jobs(&self) -> &Unanswered {
        &self.jobs
    }

    /// The disk that this path is on, or will be. Fails if there can't be the threads for it. Must be called within a
    /// tokio runtime.
    pub async fn at(&self, path: &Path) -> io::Result<Disk> {
        let path = Arc::<Path>::from(path);
        let asked = self.jobs.ask(&path);
        let found = match &self.finder {
            Some(finder) => finder.find(Arc::clone(&self.fs), Arc::clone(&path)).await?,
            None => None,
        };
        drop(asked);
        let device = self.known.get(found.unwrap_or(UNKNOWN))?;
        let (fs, known) = (Arc::clone(&self.fs), Arc::clone(&self.known));
        let (jobs, user) = (self.jobs.clone(), self.user.clone());
        Ok(Disk::new(fs, device, known, path, jobs, user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fs::real::RealFs;

    #[tokio::test]
    async fn a_relative_path_is_on_the_device_of_the_current_directory() {
        let devices = Devices::new(Arc::new(RealFs::default()), 1 << 20);
        for path in [
            "not there yet",
            "not/there/yet",
            "./src",
            "src/world/devices.rs",
        ] {
            devices.at(Path::new(path)).await.expect("threads");
        }
        assert_eq!(devices.known.len(), 1);
    }
}
