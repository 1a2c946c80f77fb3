//! What a simulated process runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk::SimFs;
use super::kafka::SimCluster;
use crate::config::{self, Checked};
use crate::supervisor::{OwnCluster, OwnFs, Platform};
use crate::world::clock::Clock;
use crate::world::fs::Unanswered;
use crate::world::open_files::Needs;

/// A process's file system, and the cluster.
pub struct SimPlatform {
    /// The file system, as the process sees it.
    pub fs: SimFs,
    /// The cluster.
    pub cluster: SimCluster,
}

/// Counts the milliseconds since the run began.
pub struct SimClock(pub Arc<AtomicU64>);

impl Clock for SimClock {
    fn now(&self) -> String {
        format!("second {}", self.0.load(Ordering::Relaxed) / 1000)
    }
}

impl Platform for SimPlatform {
    fn fs(&self, _: &config::Archive) -> OwnFs {
        OwnFs {
            fs: Arc::new(self.fs.clone()),
            calls: Unanswered::default(),
        }
    }

    fn clusters(&self, archives: &[Checked<config::Archive>]) -> Vec<OwnCluster> {
        let own = |archive: &Checked<config::Archive>| OwnCluster {
            cluster: Arc::new(self.cluster.of(&archive.name)),
            refresh: Duration::from_secs(10),
        };
        archives.iter().map(own).collect()
    }

    fn allow_files(&self, _: Needs) {}
}
