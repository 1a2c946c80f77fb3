//! One device as an archive uses it: blocking work goes to the device's threads, and each sync to those of the device
//! that its file is on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget::Budget;
use super::device_table::{Device, Known};
use super::fs::{File, Fs, Unanswered};
use super::idle::User;
use super::space::Space;
use super::timings::DiskTimings;

/// A file system on a device that is known. Only [`super::devices::Devices::at`] makes it.
#[derive(Clone)]
pub struct Disk {
    fs: Arc<dyn Fs>,
    device: Device,
    known: Arc<Known>,
    /// What it is used for.
    path: Arc<Path>,
    /// Work that waits for a thread.
    jobs: Unanswered,
    /// Whose it is, told of the end of all work.
    user: Option<User>,
}

impl Disk {
    pub(super) fn new(
        fs: Arc<dyn Fs>,
        device: Device,
        known: Arc<Known>,
        path: Arc<Path>,
        jobs: Unanswered,
        user: Option<User>,
    ) -> Self {
        Self {
            fs,
            device,
            known,
            path,
            jobs,
            user,
        }
    }

    /// Is this the device of that one, too?
    pub fn is_same(&self, other: &Self) -> bool {
        self.device.id == other.device.id
    }

    /// The memory for batches on their way to this device, which has a share of it from now on.
    pub fn budget(&self) -> Budget {
        self.known.budgets.of(self.device.id)
    }

    /// The space on this device, which is looked at from now on.
    pub fn space(&self) -> Space {
        self.known.space(self.device.id, &self.path)
    }

    /// What devices took long for.
    pub fn timings(&self) -> &Arc<DiskTimings> {
        &self.known.timings
    }

    /// Is there one device only that has a budget?
    pub fn has_only_budget(&self) -> bool {
        self.known.budgets.is_only()
    }

    /// Runs something that may block, on one of this device's threads. It is with them from the first poll on, and done
    /// also when nobody waits for it any more.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Fs) -> T + Send + 'static,
    ) -> T {
        let (fs, waits) = (Arc::clone(&self.fs), self.jobs.ask(&self.path));
        let user = self.user.clone();
        let job = move || {
            drop(waits);
            let done = job(&*fs);
            drop(user);
            done
        };
        self.device.executor.run(job).await
    }

    /// Makes what was written to these files durable, together with whatever else waits for the same device. They may be
    /// on another one than this disk.
    pub async fn sync(&self, files: impl IntoIterator<Item = Arc<dyn File>>) -> io::Result<()> {
        let _asked = self.jobs.ask(&self.path);
        let mut waiting = Vec::new();
        for file in files {
            waiting.push(self.known.get(file.device())?.syncs.ask(file));
        }
        for synced in waiting {
            synced.await?;
        }
        Ok(())
    }

    /// Makes the names in these directories durable.
    pub async fn sync_dirs(&self, dirs: Vec<PathBuf>) -> io::Result<()> {
        if dirs.is_empty() {
            return Ok(());
        }
        let open = move |fs: &dyn Fs| dirs.iter().map(|dir| fs.open_dir(dir)).collect();
        let handles: io::Result<Vec<_>> = self.run(open).await;
        self.sync(handles?).await
    }
}

#[cfg(test)]
mod tests;
