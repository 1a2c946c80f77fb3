//! Syncs of one device: those asked for at the same time are made together, and one after the other, by the device's
//! own threads.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::coalesced_requests::Batch;
use super::executor::Executor;
use super::fs::{File, Fs};
use super::timings::DiskTimings;

/// Has files synced; clones are the same one.
#[derive(Clone)]
pub(super) struct Syncs(Batch<Arc<dyn File>, io::Result<()>>);

impl Syncs {
    /// Made by these threads. Must be called within a tokio runtime.
    pub fn new(fs: Arc<dyn Fs>, executor: Executor, timings: Arc<DiskTimings>) -> Self {
        Self(Batch::new(move |files: Vec<Arc<dyn File>>| {
            let (fs, executor) = (Arc::clone(&fs), executor.clone());
            let timings = Arc::clone(&timings);
            let sync = move || {
                let begun = Instant::now();
                let synced = fs.sync(&files);
                timings.syncs.count(begun.elapsed());
                synced
            };
            async move { executor.run(sync).await }
        }))
    }

    /// Asks for a file of this device to be synced, now; the result can be awaited later.
    pub fn ask(&self, file: Arc<dyn File>) -> impl Future<Output = io::Result<()>> + Send + use<> {
        self.0.ask(file)
    }
}
