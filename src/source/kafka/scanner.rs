//! Reading a part of a partition once more, from an offset to another one: for whoever compares.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition, Record};
use tokio::sync::Notify;

use super::cluster::KafkaCluster;
use super::limits::{Limits, Shares};
use super::native;
use crate::config::{self, Checked};
use crate::source::cluster::{Fetched, KafkaError, OffsetsAt, Topic, Trouble};
use crate::world::shutdown::Shutdown;

/// How long it may take until something more arrives.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for it at once.
const GLANCE: Duration = Duration::from_millis(100);
/// How often an offset may be refused that the log holds; see [`super::corrupt_range`].
const REFUSED_MOST: usize = 20;

/// A cluster, for whoever reads parts of its topics again.
pub struct Scanner {
    pub(super) cluster: Arc<KafkaCluster>,
    shares: Arc<Shares>,
    /// How long questions are asked again.
    patience: Duration,
    /// Has anybody answered? Who has not may be nobody.
    has_answered: AtomicBool,
}

/// For how long questions are asked again, unless said otherwise, and how long after an answer that will be another soon.
const SOME_PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(250);

impl Scanner {
    /// For a process that may hold `memory` bytes. Contacts nobody. Must be called within a tokio runtime.
    pub fn new(config: &Checked<config::Cluster>, memory: u64) -> Self {
        let shares = Arc::new(Shares::new(memory));
        Self {
            cluster: Arc::new(KafkaCluster::new(config, Arc::clone(&shares))),
            shares,
            patience: SOME_PATIENCE,
            has_answered: AtomicBool::default(),
        }
    }

    /// The same, which asks for so long while the brokers are changing who answers, or are away that were there.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// An answer, or why there is none: asked for again while that is about to be another.
    async fn answer<T>(
        &self,
        ask: impl AsyncFn() -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let (began, mut has_said) = (Instant::now(), false);
        loop {
            let e = match ask().await {
                Ok(answer) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(e) => e,
            };
            if !self.passes(&e) || began.elapsed() + AGAIN > self.patience {
                return Err(e);
            }
            if !std::mem::replace(&mut has_said, true) {
                tracing::warn!(
                    "asking {}: {e}; asking again for {} s",
                    self.cluster.config.name,
                    self.patience.as_secs()
                );
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Is this about to be over?
    fn passes(&self, e: &KafkaError) -> bool {
        match e.kind {
            Trouble::Changing => true,
            Trouble::Unreachable => self.has_answered.load(Ordering::Relaxed),
            _ => false,
        }
    }

    /// Answers of which each may be an error: asked for again while one of them is about to be another.
    pub(super) async fn answers<T>(
        &self,
        ask: impl AsyncFn() -> Result<Vec<Result<T, KafkaError>>, KafkaError>,
    ) -> Result<Vec<Result<T, KafkaError>>, KafkaError> {
        let began = Instant::now();
        loop {
            let answers = self.answer(&ask).await?;
            let passes =
                |answer: &Result<T, KafkaError>| answer.as_ref().is_err_and(|e| self.passes(e));
            if !answers.iter().any(passes) || began.elapsed() + AGAIN > self.patience {
                return Ok(answers);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The cluster's id, if it has one.
    pub async fn id(&self) -> Result<Option<String>, KafkaError> {
        self.cluster.identifying().await?.ask(()).await
    }

    /// What the cluster says of a topic now.
    pub async fn describe(&self, topic: &str) -> Result<Topic, KafkaError> {
        self.answer(async || self.cluster.describing().await?.ask(topic.to_owned()).await)
            .await
    }

    /// The offsets that each of these partitions holds: from its log's start up to what a new reader may see.
    pub async fn offsets(
        &self,
        topic: &str,
        partitions: impl Iterator<Item = Partition>,
    ) -> Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError> {
        let partitions = partitions.collect::<Vec<_>>();
        let ask = async || {
            let listing = self.cluster.listing().await?;
            let asked = partitions.iter().map(|partition| {
                let held = listing.ask((topic.to_owned(), *partition));
                (*partition, held)
            });
            let mut offsets = BTreeMap::new();
            for (partition, held) in asked.collect::<Vec<_>>() {
                offsets.insert(partition, held.await?);
            }
            Ok(offsets)
        };
        self.answer(ask).await
    }

    /// The ends of these partitions' logs, behind records of transactions that are open.
    pub async fn log_ends(
        &self,
        topic: &str,
        partitions: impl Iterator<Item = Partition>,
    ) -> Result<BTreeMap<Partition, NextOffset>, KafkaError> {
        let asked = partitions.map(|partition| (topic.to_owned(), partition));
        let asked = asked.collect::<Vec<_>>();
        let ask = async || {
            let listed = self.cluster.log_ends(asked.clone()).await?.into_iter();
            let ends = listed.map(|((_, partition), listed)| Ok((partition, listed?.offset)));
            ends.collect()
        };
        self.answer(ask).await
    }

    /// The first record with this timestamp (in milliseconds since 1970) or a later one in each of these partitions of a
    /// topic; `None` where there is none.
    pub async fn offsets_at(
        &self,
        topic: &str,
        partitions: impl Iterator<Item = Partition>,
        time_ms: i64,
    ) -> Result<OffsetsAt, KafkaError> {
        let partitions = partitions.collect::<Vec<_>>();
        let ask = async || {
            let partitions = partitions.clone();
            self.cluster.offsets_at(topic, partitions, time_ms).await
        };
        self.answer(ask).await
    }

    /// All topics that this user may see.
    pub async fn topics(&self) -> Result<Vec<String>, KafkaError> {
        Ok(self.cluster.naming().await?.ask(()).await?.names)
    }

    /// Makes ready to read a topic.
    pub async fn scan(&self, topic: &str) -> Result<Scan, KafkaError> {
        let limits = Limits::new(self.shares.memory, self.shares.among());
        let properties = limits.properties(1).into_iter();
        let properties = properties.map(|(name, value)| (name, value.to_string()));
        let more = [
            ("enable.partition.eof", "true".to_owned()),
            // The next partition is read when the broker has answered what was asked of the one before.
            ("fetch.wait.max.ms", "10".to_owned()),
        ];
        let properties = properties.chain(more).collect();
        let topics = [topic.to_owned()];
        let client = self.cluster.client_with(&topics, properties).await?;
        let queue = native::Queue::new(client, Arc::new(Notify::new()));
        let topic = native::Topic::new(Arc::clone(&queue), topic)?;
        Ok(Scan {
            topic,
            queue,
            stop: None,
        })
    }
}

/// A topic that is read again, one partition after the other.
pub struct Scan {
    // Before the queue that it feeds.
    topic: native::Topic,
    queue: Arc<native::Queue>,
    stop: Option<Shutdown>,
}

impl Scan {
    /// The same, which reads no further once a stop was asked for, although no record comes.
    pub fn until(self, stop: &Shutdown) -> Self {
        Self {
            stop: Some(stop.clone()),
            ..self
        }
    }

    /// Hands the records of a partition from an offset on to `each`, in their order, until that has enough, there are no
    /// more at present, or a stop is asked for. Blocks.
    ///
    /// # Errors
    ///
    /// If they can't be read: also when the log doesn't hold that offset.
    pub fn read(
        &mut self,
        partition: Partition,
        from: i64,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), KafkaError> {
        let start = Positions::from([(partition, NextOffset::new(from).into())]);
        self.topic.start(&start)?;
        let read = self.read_started(&start, (partition, from), each);
        self.topic.stop(partition);
        read
    }

    fn read_started(
        &mut self,
        start: &Positions,
        (partition, from): (Partition, i64),
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), KafkaError> {
        let (mut last, mut moved, mut refused) = (from - 1, Instant::now(), 0);
        loop {
            if self.stop.as_ref().is_some_and(Shutdown::is_requested) {
                return Ok(());
            }
            let mut runs = self.queue.take();
            if runs.is_empty() {
                runs = self.queue.take_one(GLANCE);
            }
            let mut trouble = None;
            for run in &mut runs {
                while run.len() > 0 && trouble.is_none() {
                    run.take(&mut |fetched| match fetched {
                        Fetched::Record(record)
                            if record.partition == partition && record.offset > last =>
                        {
                            (last, moved) = (record.offset, Instant::now());
                            trouble = each(&record).is_break().then_some(Ok(()));
                        }
                        Fetched::Failed(of, e) if of == partition => trouble = Some(Err(e)),
                        Fetched::End(of, _) if of == partition => trouble = Some(Ok(())),
                        _ => {}
                    });
                }
            }
            match trouble {
                Some(Ok(())) => return Ok(()),
                Some(Err(e)) => match e.kind {
                    // The client tries again.
                    Trouble::Unreachable
                    | Trouble::NotLetIn
                    | Trouble::Changing
                    | Trouble::Other
                        if moved.elapsed() < PATIENCE => {}
                    // It may be about a start before this one.
                    Trouble::OutOfRange if last < from && refused < REFUSED_MOST => {
                        refused += 1;
                        self.topic.stop(partition);
                        self.topic.start(start)?;
                    }
                    _ => return Err(e),
                },
                None if moved.elapsed() > PATIENCE => {
                    return Err(KafkaError {
                        kind: Trouble::Unreachable,
                        text: format!("nothing has arrived for {} s", PATIENCE.as_secs()),
                    });
                }
                None => {}
            }
        }
    }
}
