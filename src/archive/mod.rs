//! One archive: from its topic into its file, for as long as the process lives.

mod durable;
mod failed;
mod kept;
mod mend;
mod open;
mod own;
mod reading;
mod room;
mod settle;
mod unverified;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Ticks};
use crate::cluster::{Cluster, KafkaError, Trouble};
use crate::config;
use crate::disk::Disk;
use crate::shutdown::Shutdown;
use crate::status::{State, Status};
use open::Owned;

pub use reading::CHUNK_BYTES;

/// What all archives share: the world around them.
#[derive(Clone)]
pub struct World {
    /// The file system.
    pub disk: Disk,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The shared timers.
    pub ticks: Ticks,
    /// How long a clean stop may go on taking what has already arrived.
    pub drain: Duration,
}

/// An archive, ready to run.
pub struct Archive {
    /// What was configured.
    pub config: config::Checked<config::Archive>,
    /// Its cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The name to call the cluster by.
    pub cluster_name: String,
    /// Tells the archives of one topic apart, from 0.
    pub lane: usize,
    /// How often the topic is looked at for new partitions.
    pub refresh: Duration,
    /// What it is doing.
    pub status: Arc<Status>,
    /// What is around it.
    pub world: World,
}

/// How an archive ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, and everything that it took is in the file and durable.
    Clean,
    /// It was asked to stop, and something that it took is not; it will be read from Kafka again.
    Unfinished,
    /// It can't go on without somebody doing something.
    Never,
}

/// Why an attempt at archiving ended, other than by being asked to.
enum Stop {
    /// What holds it up can heal by itself.
    Retry(String),
    /// It can't; somebody must do something.
    Never(String),
}

/// The first pause between attempts, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(8);
/// An attempt that lasted this long starts the pauses anew.
const RETRY_FORGET: Duration = Duration::from_secs(60);

impl Archive {
    /// Archives until asked to stop, or until it can never go on. What can heal is tried again.
    pub async fn run(mut self, mut shutdown: Shutdown) -> End {
        let mut owned = None;
        let mut pause = RETRY_FIRST;
        loop {
            self.status.set(match self.status.state() {
                waiting @ State::Waiting(_) => waiting,
                _ => State::Starting,
            });
            let began = tokio::time::Instant::now();
            let attempt = self.attempt(&mut owned, &mut shutdown).await;
            let why = match attempt {
                Ok(end) => {
                    self.status.set(State::Done);
                    return end;
                }
                Err(Stop::Never(why)) => {
                    self.status.set(State::Stopped(why));
                    return End::Never;
                }
                Err(Stop::Retry(why)) => why,
            };
            self.status.set(State::Waiting(why));
            if began.elapsed() > RETRY_FORGET {
                pause = RETRY_FIRST;
            }
            tokio::select! {
                biased;
                () = shutdown.requested() => return End::Clean,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RETRY_MOST);
        }
    }

    /// One attempt: open everything where it was left, then read until something ends it.
    async fn attempt(
        &mut self,
        owned: &mut Option<Owned>,
        shutdown: &mut Shutdown,
    ) -> Result<End, Stop> {
        let mut asked = shutdown.clone();
        let open = async {
            self.world.disk = self.world.disk.at(&self.config.file).await;
            self.open(owned).await
        };
        let opened = tokio::select! {
            biased;
            () = asked.requested() => return Ok(End::Clean),
            opened = open => opened?,
        };
        reading::read(self, opened, shutdown).await
    }

    fn file(&self) -> &Path {
        &self.config.file
    }

    /// What Kafka said, as a reason to wait.
    fn kafka(&self, doing: &str, e: &KafkaError) -> Stop {
        let topic = &self.config.topic;
        let cluster = &self.cluster_name;
        Stop::Retry(match e.kind {
            Trouble::Missing => {
                format!(
                    "topic {topic} doesn't exist on {cluster}; it will be read from its beginning when it is created"
                )
            }
            Trouble::Denied => format!(
                "{doing} topic {topic} on {cluster}: {e}; the user needs READ and DESCRIBE on the topic"
            ),
            _ => format!("{doing} topic {topic} on {cluster}: {e}"),
        })
    }
}
