//! What an archive is made of, and why an attempt at it ends.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use archiver_format::checkpoint::Progress;
use archiver_format::record::Partition;

use crate::config;
use crate::observe::reason::Reason;
use crate::observe::status::Status;
use crate::source::cluster::{Cluster, KafkaError, Trouble};
use crate::world::clock::{Clock, Ticks};
use crate::world::devices::Devices;
use crate::world::executor::Cores;

/// What all archives share: the world around them.
#[derive(Clone)]
pub struct World {
    /// The file system and its devices.
    pub devices: Devices,
    /// The threads for what takes a processor and no device.
    pub cores: Cores,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The shared timers.
    pub ticks: Ticks,
    /// How long a clean stop may go on taking what has already arrived.
    pub drain: Duration,
    /// The memory that is allowed for records in all, in bytes.
    pub memory_bytes: u64,
    /// The size of the last record that was said to need more, in bytes.
    pub said_too_large: Arc<AtomicU64>,
}

/// An archive, ready to run.
pub struct Archive {
    /// What was configured.
    pub config: config::Checked<config::Archive>,
    /// Its cluster, as it was given to this archive.
    pub cluster: Arc<dyn Cluster>,
    /// The name to call the cluster by.
    pub cluster_name: String,
    /// How often the topic is looked at for new partitions.
    pub refresh: Duration,
    /// What it is doing.
    pub status: Arc<Status>,
    /// What is around it.
    pub world: World,
}

/// Why an attempt ended, other than by being asked to.
pub(super) enum Stop {
    /// What holds it up can heal by itself.
    Retry(Reason),
    /// It can't; somebody must do something.
    Never(Reason),
}

/// Why reading ended.
pub(super) enum Fault {
    /// The files hold less than was thought: go back to the last checkpoint.
    Distrust(Reason),
    /// What was written is good; something else is in the way.
    Stop(Stop),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Distrust(why) => Self::Retry(why),
            Fault::Stop(stop) => stop,
        }
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// How many times its size a record may take: in an answer of a broker, with the next one behind it, in its batch, and in
/// that compressed; and as long again until the allocator gives it back.
const COPIES: u64 = 5;

impl Archive {
    /// Counts what is in its file.
    pub(super) fn stands_at(&self, progress: &Progress) {
        self.status.stands_at(progress.records, progress.bytes());
    }

    pub(super) fn file(&self) -> &Path {
        &self.config.file
    }

    pub(super) fn lacks_threads(&self, source: io::Error) -> Stop {
        let file = self.config.file.clone();
        Stop::Retry(Reason::NoThread { file, source })
    }

    /// What Kafka said, as a reason to wait.
    pub(super) fn kafka(&self, doing: &str, error: &KafkaError) -> Stop {
        let (topic, cluster) = (self.config.topic.clone(), self.cluster_name.clone());
        let (doing, error) = (doing.to_owned(), error.clone());
        Stop::Retry(match error.kind {
            Trouble::Missing => Reason::NoTopic { topic, cluster },
            Trouble::Denied => Reason::Denied {
                doing,
                topic,
                cluster,
                error,
            },
            _ => Reason::Kafka {
                doing,
                topic,
                cluster,
                error,
            },
        })
    }

    /// Says of a record that it takes more memory than is allowed. It is in memory when that is seen, so that refusing it
    /// would bound nothing, and only keep the archive from going on. Said again of one that is twice as large.
    pub(super) fn say_if_too_large(&self, partition: Partition, offset: i64, size: usize) {
        let (size, allowed) = (size as u64, self.world.memory_bytes);
        let needed = size.saturating_mul(COPIES);
        let said = &self.world.said_too_large;
        let is_news = |said: u64| (size / 2 >= said).then_some(size);
        let (set, load) = (Ordering::Relaxed, Ordering::Relaxed);
        if needed <= allowed || said.fetch_update(set, load, is_news).is_err() {
            return;
        }
        tracing::warn!(
            "archive {}: the record at offset {offset} of partition {partition} has {:.1} MB and may take {COPIES} times \
             that while it is archived, more than memory = \"{}MiB\" allows; set memory to \"{}MiB\" or more if \
             the process is held to what it says",
            self.config.name,
            size as f64 / 1e6,
            allowed >> 20,
            needed.div_ceil(1 << 20),
        );
    }
}
