//! Archives by pattern: topics are listed again and again, and each that a pattern takes has an archive from then on.
//!
//! A topic that is created while the pattern is known is archived from its first record, also if archiver or its machine
//! was down meanwhile. The topics that were there before begin as `start` says. Which those were is stored before the
//! first archive is started, and never changes: whatever isn't among them is new. An archive with a checkpoint goes on
//! from there in any case.
//!
//! Each pattern has a task of its own, and leaves topics to archives of one topic and to earlier patterns by the
//! configuration alone: so nobody waits for anybody.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::first_listing::FirstListing;

use super::listed::Stopped;
use super::platform::{OwnFs, OwnTopics};
use super::{Refused, Supervisor};
use tokio::sync::oneshot;

use crate::config::{self, Checked, Found, Pattern};
use crate::ledger::lock::Lock;
use crate::ledger::{FirstListingStore, ListingError};
use crate::source::cluster::{KafkaError, TopicList, Topics};
use crate::world::devices::Devices;

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How many topics one line of the log names, at most.
const NAMED_MOST: usize = 10;

/// A pattern that looks for topics.
struct Discovery {
    supervisor: Supervisor,
    pattern: Checked<Pattern>,
    topics: Arc<dyn Topics>,
    devices: Devices,
    /// Held while it looks.
    lock: Option<Lock>,
    /// The topics that were there at first, once that is stored.
    first: Option<FirstListing>,
    /// Topics that have an archive, or can't have one.
    known: HashSet<String>,
    /// Has it listed topics in this run of the process?
    has_listed: bool,
    /// Has it listed topics, or said why it can't?
    has_decided: bool,
    /// By which the supervisor knows it.
    number: u64,
    /// What was said last of a trouble that lasts.
    said: Option<String>,
}

/// Why no archives were started.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("listing the topics of {cluster}: {source}")]
    Kafka { cluster: String, source: KafkaError },
    /// Topics of another cluster are not those that were meant.
    #[error("{cluster} is cluster {found} now, not {expected}; none of its topics are taken up")]
    OtherCluster {
        cluster: String,
        expected: String,
        found: String,
    },
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error("starting a thread for its state: {0}; raise the limit of processes (ulimit -u)")]
    NoThread(std::io::Error),
}

impl Failure {
    fn can_heal(&self) -> bool {
        match self {
            Self::Listing(e) => e.can_heal(),
            Self::Kafka { .. } | Self::OtherCluster { .. } | Self::NoThread(_) => true,
        }
    }
}

impl Supervisor {
    /// Starts an archive for each topic that a pattern takes, those that are created later included, until a stop of the
    /// process or a reload without it. Must be called within a tokio runtime.
    pub fn discover(&self, pattern: Checked<Pattern>) {
        self.discover_beside(pattern, HashSet::new());
    }

    /// The same where topics have archives already.
    pub(super) fn discover_beside(&self, pattern: Checked<Pattern>, known: HashSet<String>) {
        let (stopper, mut stop) = self.0.shutdown.child();
        let (hush, quiet) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let stopped = Stopped::new(quiet, released);
        let number = self.listed().discovers(pattern.clone(), stopper, stopped);
        let OwnTopics { topics, refresh } = self.0.platform.topics(pattern.cluster());
        let OwnFs { fs, .. } = self.0.platform.fs(pattern.file_mode());
        let (devices, mut idle) = self.0.environment.devices.with_fs(fs);
        let mut discovery = Discovery {
            supervisor: self.clone(),
            pattern,
            topics,
            devices,
            lock: None,
            first: None,
            known,
            has_listed: false,
            has_decided: false,
            number,
            said: None,
        };
        tokio::spawn(async move {
            let supervisor = discovery.supervisor.clone();
            let by_itself = tokio::select! {
                biased;
                () = stop.requested() => false,
                () = discovery.run(refresh) => true,
            };
            // Who awaits these takes up another configuration; often nobody does.
            let _ = hush.send(());
            let lock = discovery.lock.take();
            discovery.decide();
            drop(discovery);
            // Another process must not have the state while something is under way here.
            tokio::spawn(async move {
                idle.wait().await;
                drop(lock);
                let _ = release.send(());
            });
            supervisor.listed().discovers_no_more(number, by_itself);
            supervisor.0.changed.notify_waiters();
        });
    }
}

impl Discovery {
    /// Looks again and again, until somebody has to do something.
    async fn run(&mut self, refresh: Duration) {
        let mut tick = self.supervisor.0.environment.ticks.every(refresh);
        loop {
            match self.look().await {
                Ok(()) => {
                    self.said = None;
                    self.decide();
                    tick.next().await;
                }
                Err(e) if e.can_heal() => {
                    self.say(&e);
                    self.decide();
                    tokio::time::sleep(AGAIN).await;
                }
                Err(e) => {
                    tracing::error!(
                        "{}: stopped: {e}; then reload or start archiver again",
                        self.described()
                    );
                    return;
                }
            }
        }
    }

    /// Whoever waits for the start need not wait for this pattern any more.
    fn decide(&mut self) {
        if !std::mem::replace(&mut self.has_decided, true) {
            self.supervisor.listed().has_decided(self.number);
        }
    }

    /// Lists the topics once, and starts an archive for each that is new.
    async fn look(&mut self) -> Result<(), Failure> {
        let store = self.store().await?;
        let listed = self.topics.list().await.map_err(|e| self.kafka(e))?;
        let new = self.new_topics(&listed);
        let first = match &self.first {
            Some(first) => first.clone(),
            None => {
                let first = self.first_listing(&store, &listed, &new).await?;
                self.first.insert(first).clone()
            }
        };
        if let (Some(expected), Some(found)) = (&first.cluster_id, &listed.cluster_id)
            && expected != found
        {
            return Err(Failure::OtherCluster {
                cluster: self.pattern.cluster().name.clone(),
                expected: expected.clone(),
                found: found.clone(),
            });
        }
        self.report(&new);
        self.start(&first, new);
        Ok(())
    }

    /// The pattern's state, which is locked at the first call.
    async fn store(&mut self) -> Result<FirstListingStore, Failure> {
        let dir = self.pattern.state();
        let disk = self.devices.at(dir.path()).await;
        let store = FirstListingStore::new(disk.map_err(Failure::NoThread)?, dir);
        if self.lock.is_none() {
            self.lock = Some(store.lock().await?);
        }
        Ok(store)
    }

    /// The topics that it takes and that have no archive yet.
    fn new_topics(&mut self, listed: &TopicList) -> Vec<String> {
        let mut new = Vec::new();
        for topic in &listed.names {
            if self.known.contains(topic) || !self.pattern.matches(topic) {
                continue;
            }
            match self.pattern.earlier(topic) {
                None => new.push(topic.clone()),
                Some(earlier) => {
                    tracing::warn!(
                        "{}: topic {topic} is matched by pattern {earlier}, too, which comes first and has it",
                        self.described()
                    );
                    self.known.insert(topic.clone());
                }
            }
        }
        new.sort_unstable();
        new
    }

    /// What is stored of the first listing; if nothing is, this is the first, and is stored now.
    async fn first_listing(
        &self,
        store: &FirstListingStore,
        listed: &TopicList,
        matching: &[String],
    ) -> Result<FirstListing, Failure> {
        if let Some(stored) = store.load().await? {
            return Ok(stored);
        }
        let topics = self.topics.ids(matching.to_vec()).await;
        let first = FirstListing {
            pattern: self.pattern.text().to_owned(),
            cluster_id: listed.cluster_id.clone(),
            topics: topics.map_err(|e| self.kafka(e))?,
        };
        store.save(&first).await?;
        Ok(first)
    }

    /// Starts the archives of these topics, together if nothing is in the way of any.
    fn start(&mut self, first: &FirstListing, topics: Vec<String>) {
        let mut archives: Vec<Checked<config::Archive>> = Vec::new();
        for topic in topics {
            self.known.insert(topic.clone());
            let found = match first.topics.get(&topic) {
                Some(id) => Found::AtFirst(id.clone()),
                None => Found::Later,
            };
            match self.pattern.archive(&topic, found) {
                Ok(archive) if self.supervisor.listed().knows(&archive.name) => {
                    self.refuse(
                        &topic,
                        &Refused::Name {
                            name: archive.name.clone(),
                        },
                    );
                }
                Ok(archive) => archives.push(archive),
                Err(unfit) => self.refuse(&topic, &unfit),
            }
        }
        if archives.is_empty() || self.supervisor.start_all(&archives).is_ok() {
            return;
        }
        for archive in archives {
            let topic = archive.topic.clone();
            if let Err(refused) = self.supervisor.start(archive) {
                self.refuse(&topic, &refused);
            }
        }
    }

    /// Says why a topic has no archive.
    fn refuse(&self, topic: &str, why: &dyn std::fmt::Display) {
        tracing::error!(
            "{}: topic {topic} is not archived: {why}; give it an [[archive]] of its own, or the pattern another name or \
             file",
            self.described()
        );
    }

    /// Says what was found.
    fn report(&mut self, topics: &[String]) {
        let (described, is_first) = (self.described(), !self.has_listed);
        self.has_listed = true;
        let mut names = topics[..topics.len().min(NAMED_MOST)].join(", ");
        if topics.len() > NAMED_MOST {
            names += &format!(" and {} others", topics.len() - NAMED_MOST);
        }
        match (topics.len(), is_first) {
            (0, true) => {
                tracing::info!("{described}: no topic matches yet; waiting for one to be created");
            }
            (0, false) => {}
            (count, true) => tracing::info!("{described}: {count} topics to archive: {names}"),
            (_, false) => {
                tracing::info!("{described}: new topics: {names}")
            }
        }
    }

    /// Says what is in the way, unless it is what was said last.
    fn say(&mut self, failure: &Failure) {
        let text = failure.to_string();
        if self.said.as_ref() != Some(&text) {
            tracing::warn!(
                "{}: waiting: {text}; new topics are not archived meanwhile",
                self.described()
            );
            self.said = Some(text);
        }
    }

    fn described(&self) -> String {
        format!(
            "pattern {} on {}",
            self.pattern.text(),
            self.pattern.cluster().name
        )
    }

    fn kafka(&self, source: KafkaError) -> Failure {
        Failure::Kafka {
            cluster: self.pattern.cluster().name.clone(),
            source,
        }
    }
}
