//! A Kafka cluster in memory, with everything that happens to one.

mod log;
mod reader;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use futures_util::future::{BoxFuture, FutureExt};

pub use log::{Life, Log, Offset, Topic, Written};

use super::disk::{Mutation, SimFs};
use super::random::Random;
use crate::ledger::Checkpointed;
use crate::source::cluster::{
    self, Cluster, KafkaError, OffsetsAt, Reader, TopicList, Topics, Trouble,
};
use reader::{Queue, SimReader};

/// The simulated cluster, as somebody has it; clones are the same one.
#[derive(Clone)]
pub struct SimCluster {
    /// The archive that it was given to.
    archive: Option<String>,
    kafka: Arc<Mutex<Kafka>>,
    random: Random,
    fs: SimFs,
}

/// What is in the cluster, and how it behaves.
#[derive(Default)]
pub struct Kafka {
    /// The topics.
    pub topics: BTreeMap<String, Topic>,
    /// Those of another cluster, while that one answers at the address.
    pub elsewhere: Option<BTreeMap<String, Topic>>,
    /// No broker answers.
    pub unreachable: bool,
    /// Each question is given up in the end, and not before.
    pub hangs: bool,
    /// The user may not read.
    pub denied: bool,
    /// Topics are described as they were created, by a broker that doesn't know of partitions since.
    pub is_behind: bool,
    /// One answer in so many is an error of another kind, and some never come.
    pub errors_once_in: usize,
    /// One in so many looks finds that others wait for what a reader has received; 0 is none.
    pub pressed_once_in: usize,
    /// Readers get nothing, though questions are answered.
    pub holds_back: bool,
    /// Questions so far.
    pub asked: u64,
    /// What had arrived and was dropped so far, to be read again.
    pub dropped: Arc<AtomicU64>,
    /// What was committed last, for each archive.
    pub committed: BTreeMap<String, Checkpoint>,
    /// The checkpoint's path of each archive that is watched.
    pub checkpoints: BTreeMap<String, PathBuf>,
    /// The checkpoint as it was when an archive first read.
    pub first: BTreeMap<String, Vec<u8>>,
    /// The path of the first listing of the pattern that each archive is of.
    pub listings: BTreeMap<String, PathBuf>,
    /// Each of these as it was when the first archive of its pattern read for the first time.
    pub listed: BTreeMap<PathBuf, Vec<u8>>,
    queues: Vec<Weak<Mutex<Queue>>>,
}

impl SimCluster {
    /// A cluster without topics. Where an archive first reads from is looked up in `fs`.
    pub fn new(random: Random, fs: SimFs) -> Self {
        Self {
            archive: None,
            kafka: Arc::default(),
            random,
            fs,
        }
    }

    /// The same cluster, as this archive has it.
    pub fn of(&self, archive: &str) -> Self {
        Self {
            archive: Some(archive.into()),
            ..self.clone()
        }
    }

    /// What is in it. Must not be held over a call of anything here.
    pub fn kafka(&self) -> MutexGuard<'_, Kafka> {
        self.kafka.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the readers receive some of what is there.
    pub fn deliver(&self) {
        let mut kafka = self.kafka();
        let queues = std::mem::take(&mut kafka.queues);
        let queues = queues.into_iter().filter(|queue| {
            let queue = queue.upgrade();
            if let Some(queue) = &queue {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.fetch(&kafka, &self.random);
            }
            queue.is_some()
        });
        let queues = queues.collect();
        kafka.queues = queues;
    }

    /// Up to where the readers of a topic have received its partitions.
    pub fn received(&self, topic: &str) -> BTreeMap<Partition, Offset> {
        let kafka = self.kafka();
        let queues = kafka.queues.iter().filter_map(Weak::upgrade);
        let mut received = BTreeMap::new();
        for queue in queues {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            received.extend(queue.received(topic));
        }
        received
    }

    fn shown_id(&self, kafka: &Kafka) -> String {
        match self.fs.mutation() {
            Some(Mutation::NoClusterId) => "simulated".into(),
            _ => kafka.id().into(),
        }
    }

    /// Waits for an answer, which may be that there is none.
    async fn answer<T>(
        &self,
        topic: Option<&str>,
        answer: impl FnOnce(&mut Kafka) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let mut delay = self.random.pick(&[0, 0, 1, 5, 20, 200]);
        let once_in = self.kafka().errors_once_in;
        let never = self.random.once_in(20 * once_in) || self.kafka().hangs;
        if never {
            // The request is given up in the end.
            delay = 60_000;
        }
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let mut kafka = self.kafka();
        kafka.asked += 1;
        let failed = self.random.once_in(kafka.errors_once_in);
        let answer = match () {
            () if kafka.unreachable || never => Err(error(Trouble::Unreachable)),
            () if failed => Err(error(Trouble::Other)),
            () if topic.is_some() && kafka.denied => Err(error(Trouble::Denied)),
            () => answer(&mut kafka),
        };
        drop(kafka);
        self.fs.note(|| {
            let error = answer.as_ref().err();
            format!("  answer about {topic:?}: {:?}", error.map(|e| e.kind))
        });
        answer
    }
}

fn error(kind: Trouble) -> KafkaError {
    KafkaError {
        kind,
        text: format!("simulated: {kind:?}"),
    }
}

impl Kafka {
    /// How many records were ever written.
    pub fn written(&self) -> u64 {
        let lives = self.topics.values().flat_map(|topic| &topic.lives);
        let logs = lives.flat_map(|life| &life.partitions);
        logs.map(|log| log.all.len() as u64).sum()
    }

    /// The partitions of a topic as it is now.
    pub fn logs(&mut self, topic: &str) -> &mut [Log] {
        let life = self.topics.get_mut(topic).and_then(Topic::now_mut);
        life.map_or(&mut [], |life| &mut life.partitions)
    }

    /// The topics of the cluster that answers now.
    pub fn answering(&self) -> &BTreeMap<String, Topic> {
        self.elsewhere.as_ref().unwrap_or(&self.topics)
    }

    /// The id of the cluster that answers now.
    pub fn id(&self) -> &'static str {
        match self.elsewhere {
            None => "simulated",
            Some(_) => "elsewhere",
        }
    }

    fn now(&self, topic: &str) -> Result<&Life, KafkaError> {
        let topic = self.answering().get(topic).and_then(Topic::now);
        topic.ok_or_else(|| error(Trouble::Missing))
    }
}

impl Cluster for SimCluster {
    fn id(&self) -> BoxFuture<'_, Result<Option<String>, KafkaError>> {
        self.answer(None, |kafka| Ok(Some(self.shown_id(kafka))))
            .boxed()
    }

    fn describe(&self, topic: &str) -> BoxFuture<'_, Result<cluster::Topic, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let describe = |kafka: &mut Kafka| {
                let life = kafka.now(&topic)?;
                let first = kafka.answering()[&topic].lives.first();
                let shown = match self.fs.mutation() {
                    Some(Mutation::NoTopicId) => first.unwrap_or(life),
                    _ => life,
                };
                let partitions = match kafka.is_behind {
                    true => life.created_with,
                    false => life.partitions.len(),
                };
                Ok(cluster::Topic {
                    id: Some(shown.id.clone()),
                    partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                    cluster_id: Some(self.shown_id(kafka)),
                })
            };
            self.answer(Some(&topic), describe).await
        }
        .boxed()
    }

    fn offsets(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let list = |kafka: &mut Kafka| {
                let life = kafka.now(&topic)?;
                let mut logs = partitions.iter().filter_map(|&p| life.partition(p));
                if logs.any(|log| log.leaderless) {
                    return Err(error(Trouble::Other));
                }
                let held = |p| {
                    life.partition(p)
                        .map(Log::held)
                        .map(|held| (p, offsets(held)))
                };
                let held = partitions.into_iter().map(held);
                held.collect::<Option<_>>()
                    .ok_or_else(|| error(Trouble::Missing))
            };
            self.answer(Some(&topic), list).await
        }
        .boxed()
    }

    fn offsets_at(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
        time_ms: i64,
    ) -> BoxFuture<'_, Result<OffsetsAt, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let search = |kafka: &mut Kafka| {
                let life = kafka.now(&topic)?;
                let found = partitions.into_iter().map(|p| {
                    let log = life.partition(p).ok_or_else(|| error(Trouble::Missing))?;
                    match log.leaderless {
                        true => Err(error(Trouble::Other)),
                        false => Ok((p, log.first_at(time_ms).map(NextOffset::new))),
                    }
                });
                found.collect()
            };
            self.answer(Some(&topic), search).await
        }
        .boxed()
    }

    fn reader(
        &self,
        topic: &str,
        from: &Positions,
    ) -> BoxFuture<'_, Result<Box<dyn Reader>, KafkaError>> {
        let (topic, from) = (topic.to_owned(), from.clone());
        async move {
            let make = |kafka: &mut Kafka| {
                if let Some(archive) = &self.archive
                    && let Some(path) = kafka.checkpoints.get(archive)
                    && !kafka.first.contains_key(archive)
                {
                    let first = self.fs.peek(path).unwrap_or_default();
                    kafka.first.insert(archive.clone(), first);
                    if let Some(path) = kafka.listings.get(archive).cloned() {
                        let listed = || self.fs.peek(&path).unwrap_or_default();
                        kafka.listed.entry(path.clone()).or_insert_with(listed);
                    }
                }
                let mutation = self.fs.mutation();
                let mut reader = SimReader::new(&topic, kafka, self.random.clone(), mutation);
                kafka.queues.push(reader.queue());
                reader.start(&from)?;
                Ok(Box::new(reader) as Box<dyn Reader>)
            };
            self.answer(None, make).await
        }
        .boxed()
    }

    fn corrupt(
        &self,
        topic: &str,
        partition: Partition,
        next: NextOffset,
    ) -> BoxFuture<'_, Result<Option<Range<NextOffset>>, KafkaError>> {
        let (topic, next) = (topic.to_owned(), next.get());
        let one_more = i64::from(self.fs.mutation() == Some(Mutation::LongCorrupt));
        async move {
            let read = |kafka: &mut Kafka| {
                let log = kafka.now(&topic)?.partition(partition);
                let log = log.ok_or_else(|| error(Trouble::Missing))?;
                match log.corrupt_from(next) {
                    _ if log.leaderless => Err(error(Trouble::Other)),
                    _ if next < log.start || next > log.end() => Err(error(Trouble::OutOfRange)),
                    Some(batch) => Ok(Some(offsets(batch.start.max(next)..batch.end + one_more))),
                    None => Ok(None),
                }
            };
            self.answer(Some(&topic), read).await
        }
        .boxed()
    }

    fn commit(&self, checkpoint: &Checkpointed) {
        let checkpoint = checkpoint.checkpoint().clone();
        let archive = checkpoint.identity.archive.clone();
        self.fs
            .note(|| format!("  {archive} commits {:?}", checkpoint.progress));
        self.kafka().committed.insert(archive, checkpoint);
    }

    fn committed(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

impl Topics for SimCluster {
    fn list(&self) -> BoxFuture<'_, Result<TopicList, KafkaError>> {
        let list = |kafka: &mut Kafka| {
            let topics = kafka.answering().iter();
            // Others may not be seen.
            let topics = topics.filter(|(_, topic)| topic.exists && !kafka.denied);
            Ok(TopicList {
                names: topics.map(|(name, _)| name.clone()).collect(),
                cluster_id: Some(self.shown_id(kafka)),
            })
        };
        self.answer(None, list).boxed()
    }

    fn ids(
        &self,
        topics: Vec<String>,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Option<String>>, KafkaError>> {
        async move {
            let ids = |kafka: &mut Kafka| {
                let id = |topic: String| Some((kafka.now(&topic).ok()?.id.clone(), topic));
                let ids = topics.into_iter().filter_map(id);
                Ok(ids.map(|(id, topic)| (topic, Some(id))).collect())
            };
            self.answer(Some("those listed"), ids).await
        }
        .boxed()
    }
}

/// The same offsets, as an archive counts.
fn offsets(held: Range<Offset>) -> Range<NextOffset> {
    NextOffset::new(held.start)..NextOffset::new(held.end)
}
