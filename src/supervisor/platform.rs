//! The platform that archives run on: this machine and real clusters, or simulated ones.

use std::sync::Arc;
use std::time::Duration;

use crate::archive::Environment;
use crate::config::{self, Checked, Config};
use crate::source::cluster::{Cluster, Condition, Topics};
use crate::source::kafka::KafkaClusters;
use crate::world::broadcast::Broadcast;
use crate::world::clock::{RealClock, Ticks};
use crate::world::commands::Commands;
use crate::world::commands::real::RealPrograms;
use crate::world::devices::Devices;
use crate::world::executor::Cores;
use crate::world::fs::real::{FileMode, RealFs};
use crate::world::fs::{Fs, Unanswered};
use crate::world::memory::resident_bytes;
use crate::world::open_files::{Needs, OpenFiles};

/// The share of the memory limit that batches may hold.
const BATCHES_PART: u64 = 6;

/// Gives each archive its own file system and cluster, beside the [`Environment`] that all share.
pub trait Platform: Send + Sync {
    /// The file system, as one archive or pattern uses it; what it creates has this mode.
    fn fs(&self, mode: Option<FileMode>) -> OwnFs;

    /// The cluster of each of these archives, which is its until it is dropped. Called within a tokio runtime.
    fn clusters(&self, archives: &[Checked<config::Archive>]) -> Vec<OwnCluster>;

    /// Lists the topics of a cluster. Called within a tokio runtime.
    fn topics(&self, cluster: &Checked<config::Cluster>) -> OwnTopics;

    /// How each cluster in use is.
    fn conditions(&self) -> Vec<Condition> {
        Vec::new()
    }

    /// How much memory the process has, in bytes.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// Raises the limit of open files to what archives need.
    fn allow_files(&self, needs: Needs);
}

/// A file system, as one archive or pattern uses it.
pub struct OwnFs {
    /// The file system.
    pub fs: Arc<dyn Fs>,
    /// Its calls that have not returned.
    pub calls: Unanswered,
}

/// A cluster, and one archive's place there.
pub struct OwnCluster {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// How often a topic is looked at for new partitions.
    pub refresh: Duration,
}

/// The topics of a cluster, as one pattern lists them.
pub struct OwnTopics {
    /// The cluster's topics.
    pub topics: Arc<dyn Topics>,
    /// How often they are listed.
    pub refresh: Duration,
}

/// This machine, and the clusters that it reaches.
pub(super) struct Machine {
    fs: RealFs,
    clusters: KafkaClusters,
    open_files: OpenFiles,
}

/// The environment and the platform of this machine.
pub(super) fn machine(config: &Config, seals: Broadcast) -> (Environment, Machine) {
    let fs = RealFs::default();
    let devices = Devices::new(Arc::new(fs.clone()), config.memory_bytes / BATCHES_PART);
    devices.keep_free(config.disk_free_bytes);
    let environment = Environment {
        devices,
        cores: Cores::default(),
        clock: Arc::new(RealClock),
        ticks: Ticks::default(),
        seals,
        drain: config.shutdown_timeout / 2,
        memory_bytes: config.memory_bytes,
        said_too_large: Arc::default(),
        commands: Commands::new(Arc::new(RealPrograms)),
    };
    let machine = Machine {
        fs,
        clusters: KafkaClusters::new(config.memory_bytes),
        open_files: OpenFiles::default(),
    };
    (environment, machine)
}

impl Platform for Machine {
    fn fs(&self, mode: Option<FileMode>) -> OwnFs {
        let fs = self.fs.with_mode(mode);
        OwnFs {
            calls: fs.calls().clone(),
            fs: Arc::new(fs),
        }
    }

    fn clusters(&self, archives: &[Checked<config::Archive>]) -> Vec<OwnCluster> {
        let seats = self.clusters.seats(archives).into_iter();
        seats
            .map(|seat| OwnCluster {
                refresh: seat.refresh(),
                cluster: Arc::new(seat),
            })
            .collect()
    }

    fn topics(&self, cluster: &Checked<config::Cluster>) -> OwnTopics {
        let lister = self.clusters.topics(cluster);
        OwnTopics {
            refresh: lister.refresh(),
            topics: Arc::new(lister),
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        self.clusters.conditions()
    }

    fn memory(&self) -> Option<u64> {
        resident_bytes()
    }

    fn allow_files(&self, needs: Needs) {
        self.open_files.allow(needs);
    }
}
