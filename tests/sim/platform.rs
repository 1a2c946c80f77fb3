//! What a simulated process runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::disk::SimFs;
use super::kafka::SimCluster;
use crate::config::{self, Checked};
use crate::supervisor::{OwnCluster, OwnFs, OwnTopics, Platform};
use crate::world::clock::Clock;
use crate::world::fs::Unanswered;
use crate::world::fs::real::FileMode;
use crate::world::open_files::Needs;

/// A process's file system, and the cluster.
pub struct SimPlatform {
    /// The file system, as the process sees it.
    pub fs: SimFs,
    /// The cluster.
    pub cluster: SimCluster,
}

/// When each run begins, in milliseconds since 1970: as the first records do.
pub const BEGIN_MS: i64 = 1_764_000_000_000;

/// Counts the milliseconds since the run began.
pub struct SimClock {
    /// How many had passed when the process began.
    before: u64,
    began: Instant,
}

impl SimClock {
    /// The clock of a process that begins now, so long after the run began.
    pub fn new(before: &AtomicU64) -> Self {
        Self {
            before: before.load(Ordering::Relaxed),
            began: Instant::now(),
        }
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let elapsed = self.began.elapsed().as_millis();
        BEGIN_MS + self.before.cast_signed() + i64::try_from(elapsed).unwrap_or(i64::MAX)
    }
}

impl Platform for SimPlatform {
    fn fs(&self, _: Option<FileMode>) -> OwnFs {
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

    fn topics(&self, _: &Checked<config::Cluster>) -> OwnTopics {
        OwnTopics {
            topics: Arc::new(self.cluster.clone()),
            refresh: Duration::from_secs(1),
        }
    }

    fn allow_files(&self, _: Needs) {}
}
