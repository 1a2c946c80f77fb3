//! One archive: from its topic into its file, for as long as the process lives.

mod backoff;
mod durable;
mod failed;
mod kept;
mod mend;
mod open;
mod owed;
mod own;
mod reading;
mod room;
mod settle;
mod unverified;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::clock::{Clock, Ticks};
use crate::cluster::{Cluster, KafkaError, Trouble};
use crate::config;
use crate::disk::Disk;
use crate::segment::writer::Progress;
use crate::shutdown::Shutdown;
use crate::status::{State, Status};
use backoff::Backoff;
use open::Owned;
use owed::Owed;

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

/// How an archive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Archive {
    /// Archives until asked to stop, or until it can never go on. What can heal is tried again.
    pub async fn run(mut self, mut shutdown: Shutdown) -> End {
        let (mut owned, mut owed) = (None, Owed::default());
        let mut backoff = Backoff::new();
        loop {
            self.status.begins();
            let began = tokio::time::Instant::now();
            let attempt = self.attempt(&mut owned, &mut owed, &mut shutdown).await;
            match attempt {
                Ok(()) => return self.end(&owed),
                Err(Stop::Never(why)) => {
                    self.status.set(State::Stopped(why));
                    return End::Never;
                }
                Err(Stop::Retry(why)) => self.status.set(State::Waiting(why)),
            }
            let pause = backoff.after(began.elapsed());
            tokio::select! {
                biased;
                () = shutdown.requested() => return self.end(&owed),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// It was asked to stop.
    fn end(&self, owed: &Owed) -> End {
        if owed.is_nothing() {
            self.status.set(State::Done);
            return End::Clean;
        }
        let why = match self.status.state() {
            State::Waiting(why) => why,
            _ => "what had been taken before is not all there again yet".into(),
        };
        tracing::error!(
            "archive {}: {why}; what is not in the file will be read again at the next start",
            self.config.name
        );
        self.status.set(State::Unfinished);
        End::Unfinished
    }

    /// One attempt: open everything where it was left, then read until something ends it, or a stop was asked for.
    async fn attempt(
        &mut self,
        owned: &mut Option<Owned>,
        owed: &mut Owed,
        shutdown: &mut Shutdown,
    ) -> Result<(), Stop> {
        let mut asked = shutdown.clone();
        let open = async {
            let disk = self.world.disk.at(&self.config.file).await;
            self.world.disk = disk.map_err(|e| self.lacks_threads(&e))?;
            self.open(owned).await
        };
        let opened = tokio::select! {
            biased;
            () = asked.requested() => return Ok(()),
            opened = open => opened?,
        };
        owed.trust();
        reading::read(self, opened, owed, shutdown).await
    }

    /// Counts what is in its file.
    fn stands_at(&self, progress: &Progress) {
        self.status
            .stands_at(progress.records, progress.data.length);
    }

    fn file(&self) -> &Path {
        &self.config.file
    }

    fn lacks_threads(&self, e: &io::Error) -> Stop {
        let file = self.file().display();
        Stop::Retry(format!(
            "starting a thread for {file}: {e}; raise the limit of processes (ulimit -u)"
        ))
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
