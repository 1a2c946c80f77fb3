//! The file system for asynchronous tasks: blocking work goes to other threads, and syncs asked for at
//! the same time are made together.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use crate::batch::Batch;
use crate::fs::{File, Fs};

/// Files to sync, and what came of it.
type Group = Batch<Arc<dyn File>, io::Result<()>>;

/// Waited for before and after each piece of blocking work, see [`Disk::in_tasks`].
pub type Pace = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A file system and the threads to use it from.
#[derive(Clone)]
pub struct Disk {
    fs: Arc<dyn Fs>,
    /// If set, blocking work is done by tasks at this pace, and not by threads.
    pace: Option<Pace>,
    /// One group for each device, so that a slow one doesn't keep the others waiting.
    groups: Arc<Mutex<HashMap<u64, Group>>>,
}

impl Disk {
    /// Must be used within a tokio runtime.
    pub fn new(fs: Arc<dyn Fs>) -> Self {
        Self {
            fs,
            pace: None,
            groups: Arc::default(),
        }
    }

    /// Has the work done by tasks of a runtime with one thread: everything then happens in an order that can be
    /// repeated. As with threads, work that was begun goes on when nobody waits for it any more.
    pub fn in_tasks(fs: Arc<dyn Fs>, pace: Pace) -> Self {
        Self {
            pace: Some(pace),
            ..Self::new(fs)
        }
    }

    /// The same threads and syncs for another face of the same file system.
    pub fn with_fs(&self, fs: Arc<dyn Fs>) -> Self {
        Self { fs, ..self.clone() }
    }

    /// Runs something that may block.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Fs) -> T + Send + 'static,
    ) -> T {
        let fs = Arc::clone(&self.fs);
        let running = match &self.pace {
            None => tokio::task::spawn_blocking(move || job(&*fs)),
            Some(pace) => {
                let (before, after) = (pace(), Arc::clone(pace));
                tokio::spawn(async move {
                    before.await;
                    let done = job(&*fs);
                    after().await;
                    done
                })
            }
        };
        match running.await {
            Ok(done) => done,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            // The runtime is going away, and the task that waits here with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Makes what was written to these files durable, together with whatever else waits for the same device.
    pub async fn sync(&self, files: impl IntoIterator<Item = Arc<dyn File>>) -> io::Result<()> {
        let waiting = files
            .into_iter()
            .map(|file| self.group(file.device()).ask(file))
            .collect::<Vec<_>>();
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

    fn group(&self, device: u64) -> Group {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(device).or_insert_with(|| {
            let disk = Disk {
                groups: Arc::default(),
                ..self.clone()
            };
            Batch::new(move |files: Vec<Arc<dyn File>>| {
                let disk = disk.clone();
                async move { disk.run(move |fs| fs.sync(&files)).await }
            })
        });
        group.clone()
    }
}
