//! An archive that is ready to run, the environment that it shares with the others, and why an attempt at it fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use archiver_format::checkpoint::Progress;
use archiver_format::record::Partition;

use super::window::Window;
use crate::config;
use crate::observe::reason::Reason;
use crate::observe::status::Status;
use crate::source::cluster::{Cluster, KafkaError, Trouble};
use crate::world::broadcast::Broadcast;
use crate::world::clock::{Clock, Ticks};
use crate::world::commands::Commands;
use crate::world::devices::Devices;
use crate::world::executor::Cores;

/// Everything that all archives share: devices, cores, clocks, and the limits of the whole process.
#[derive(Clone)]
pub struct Environment {
    /// The file system and its devices.
    pub devices: Devices,
    /// The threads for work that takes a processor and no device.
    pub cores: Cores,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The shared timers.
    pub ticks: Ticks,
    /// How long a clean stop may go on taking records that have already arrived.
    pub drain: Duration,
    /// The memory that all records together may take, in bytes.
    pub memory_bytes: u64,
    /// The size in bytes of the last record that was reported as too large: only one of twice that size is reported
    /// again.
    pub said_too_large: Arc<AtomicU64>,
    /// Wishes that all segments are sealed.
    pub seals: Broadcast,
    /// Commands that sealed segments are handed over to.
    pub commands: Commands,
}

/// An archive, ready to run.
pub struct Archive {
    /// Its configuration.
    pub config: config::Checked<config::Archive>,
    /// Its cluster. Dropping this gives up the archive's place there.
    pub cluster: Arc<dyn Cluster>,
    /// The cluster's name in messages.
    pub cluster_name: String,
    /// How often to look for new partitions of the topic.
    pub refresh: Duration,
    /// The part of the topic that it takes, if not all that comes from its start on.
    pub window: Option<Arc<Window>>,
    /// Where others see its state and its counts.
    pub status: Arc<Status>,
    /// The environment that it shares with the others.
    pub environment: Environment,
}

/// Why an attempt failed.
pub(super) enum Failure {
    /// The cause can heal by itself: another attempt follows after a pause.
    Retry(Box<Reason>),
    /// It can't: somebody must do something and start archiver again.
    Never(Box<Reason>),
}

/// Why reading ended, other than by a stop that was asked for.
pub(super) enum Interruption {
    /// The files may hold less than was thought: nothing since the last checkpoint counts.
    Distrust(Box<Reason>),
    /// The files are good; something else is in the way.
    Failure(Failure),
}

impl Failure {
    /// Another attempt follows after a pause.
    pub fn retry(why: Reason) -> Self {
        Self::Retry(Box::new(why))
    }

    /// Somebody must do something.
    pub fn never(why: Reason) -> Self {
        Self::Never(Box::new(why))
    }
}

impl Interruption {
    /// The archive goes back to the last checkpoint.
    pub fn distrust(why: Reason) -> Self {
        Self::Distrust(Box::new(why))
    }
}

impl From<Interruption> for Failure {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Distrust(why) => Self::Retry(why),
            Interruption::Failure(failure) => failure,
        }
    }
}

impl From<Failure> for Interruption {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The memory that a record may take, in multiples of its size: in a broker's answer, beside the next record there, in
/// its batch, compressed, and once more until the allocator gives it back.
const COPIES: u64 = 5;

impl Archive {
    /// Shows how far its files have come.
    pub(super) fn stands_at(&self, progress: &Progress) {
        self.status.stands_at(progress.records, progress.bytes());
    }

    pub(super) fn file(&self) -> &Path {
        &self.config.file
    }

    /// The system gives no thread for its work.
    pub(super) fn lacks_threads(&self, source: io::Error) -> Failure {
        let file = self.config.file.clone();
        Failure::retry(Reason::NoThread { file, source })
    }

    /// An error of Kafka's, as a reason to wait.
    pub(super) fn kafka(&self, doing: &str, error: &KafkaError) -> Failure {
        let (topic, cluster) = (self.config.topic.clone(), self.cluster_name.clone());
        let (doing, error) = (doing.to_owned(), error.clone());
        Failure::retry(match error.kind {
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

    /// Warns of a record that takes more memory than is allowed. It is not refused: it is in memory already, and
    /// without it the archive could not go on. Another warning follows for a record of twice the size.
    pub(super) fn say_if_too_large(&self, partition: Partition, offset: i64, size: usize) {
        let (size, allowed) = (size as u64, self.environment.memory_bytes);
        let needed = size.saturating_mul(COPIES);
        let said = &self.environment.said_too_large;
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
