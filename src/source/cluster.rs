//! What an archive needs of a Kafka cluster: the seam between archiving and Kafka.
//!
//! [`crate::kafka`] is the real form; a test may pass in another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition, Record};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use crate::ledger::Checkpointed;

/// A Kafka cluster.
pub trait Cluster: Send + Sync {
    /// The cluster's id; `None` when its brokers don't tell (Kafka before 0.10.1).
    fn id(&self) -> BoxFuture<'_, Result<Option<String>, KafkaError>>;

    /// What the cluster says of a topic now; calls made at the same time share a request.
    fn describe(&self, topic: &str) -> BoxFuture<'_, Result<Topic, KafkaError>>;

    /// The offsets that each of these partitions holds: from its log's start up to what a new reader may see.
    fn offsets(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>>;

    /// The first record with this timestamp (in milliseconds since 1970) or a later one in each of these partitions;
    /// `None` where there is none.
    fn offsets_at(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
        time_ms: i64,
    ) -> BoxFuture<'_, Result<OffsetsAt, KafkaError>>;

    /// A reader of this topic, started at these offsets; there must be no other of whoever this was given to.
    fn reader(
        &self,
        topic: &str,
        from: &Positions,
    ) -> BoxFuture<'_, Result<Box<dyn Reader>, KafkaError>>;

    /// Reads again where a batch was corrupt, and says which offsets it takes from there on; `None` if it can be read
    /// now.
    fn corrupt(
        &self,
        topic: &str,
        partition: Partition,
        next: NextOffset,
    ) -> BoxFuture<'_, Result<Option<Range<NextOffset>>, KafkaError>>;

    /// What the clients that read have complained of lately, if anything: corrupt is what they can't make sense of.
    fn complaint(&self) -> Option<KafkaError> {
        None
    }

    /// Tells the cluster's commit group, if there is one, where a stored checkpoint stands. Never waits.
    fn commit(&self, checkpoint: &Checkpointed);

    /// Waits until what was committed has reached the cluster or can't.
    fn committed(&self) -> BoxFuture<'_, ()>;
}

/// The first offset of each partition from a time on, where there is one.
pub type OffsetsAt = BTreeMap<Partition, Option<NextOffset>>;

/// How a cluster is, as far as its clients know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its name in the configuration.
    pub name: String,
    /// Why none of it answers, if that is so.
    pub trouble: Option<String>,
    /// The brokers that are known.
    pub brokers: Vec<BrokerCondition>,
}

/// How a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerCondition {
    /// `host:port/number`.
    pub name: String,
    /// Can it be reached?
    pub is_up: bool,
    /// For how long it has held back answers so far, as too much was asked.
    pub throttled: Duration,
}

/// Says which topics a cluster has.
pub trait Topics: Send + Sync {
    /// All topics that this user may see; calls made at the same time share a request. A broker that was cut off may
    /// leave out a new one for a while, or name one that is gone.
    fn list(&self) -> BoxFuture<'_, Result<TopicList, KafkaError>>;

    /// The ids of these topics, if the brokers tell them; only of those that exist.
    fn ids(
        &self,
        topics: Vec<String>,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Option<String>>, KafkaError>>;
}

/// The topics of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicList {
    /// Their names, in any order.
    pub names: Vec<String>,
    /// The id of the cluster that says so; `None` when its brokers don't tell.
    pub cluster_id: Option<String>,
}

/// What a cluster says of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Differs when a topic was deleted and created again; `None` before Kafka 2.8.
    pub id: Option<String>,
    /// How many partitions there are, numbered from 0.
    pub partitions: i32,
    /// The id of the cluster that says so; `None` when its brokers don't tell.
    pub cluster_id: Option<String>,
}

impl Topic {
    /// Was the topic of this id created again since? Some brokers tell no ids.
    pub fn is_another(&self, known: Option<&String>) -> bool {
        matches!((known, &self.id), (Some(before), Some(now)) if before != now)
    }

    /// Does another cluster than this one say so? The id of that one, then.
    pub fn of_another_cluster(&self, known: Option<&String>) -> Option<&String> {
        let now = self.cluster_id.as_ref();
        now.filter(|now| known.is_some_and(|before| before != *now))
    }

    /// Is this what was known of the same topic before it got more partitions? No topic loses any.
    pub fn is_behind(&self, known: &Topic) -> bool {
        self.id.is_some() && self.id == known.id && self.partitions < known.partitions
    }
}

/// Reads some partitions of one topic. Dropping it stops the reading, which may block for a moment.
pub trait Reader: Send {
    /// Starts reading partitions that are not being read.
    fn start(&mut self, from: &Positions) -> Result<(), KafkaError>;

    /// Stops reading these partitions; nothing of them is delivered any more. May block for a moment.
    fn stop(&mut self, partitions: &[Partition]);

    /// Is signalled when records arrive where none were, and when [`Reader::is_pressed`]. An edge: take until
    /// nothing is left.
    fn arrived(&self) -> Arc<Notify>;

    /// Hands up to `most` of what has arrived to `each`, and says how many those were. Never waits.
    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize;

    /// How many records have arrived and were not taken yet.
    fn waiting(&self) -> usize;

    /// Does what has arrived keep others from receiving anything? Then it must be taken soon, or let go of by
    /// [`Reader::stop`].
    fn is_pressed(&self) -> bool;
}

/// What a [`Reader`] delivers.
#[derive(Debug)]
pub enum Fetched<'a> {
    /// A record.
    Record(Record<'a>),
    /// A partition can't be read at present. Unless it is corrupt, nothing is left out by what is delivered next.
    Failed(Partition, KafkaError),
    /// A partition has nothing more before this offset at present. Told only to whoever wants to know it.
    End(Partition, NextOffset),
}

/// Why Kafka didn't do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct KafkaError {
    /// What kind of trouble it is.
    pub kind: Trouble,
    /// What Kafka or the client said, on one line.
    pub text: String,
}

impl KafkaError {
    /// Is what Kafka holds damaged?
    pub fn is_corrupt(&self) -> bool {
        matches!(self.kind, Trouble::Corrupt(_))
    }
}

/// Kinds of trouble, as far as archiver acts on them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such topic or partition (any more).
    Missing,
    /// The cluster doesn't let this user read it.
    Denied,
    /// No broker answers.
    Unreachable,
    /// A broker and this client don't trust each other: TLS or the login fails.
    NotLetIn,
    /// The brokers are changing who answers: the leader of a partition, or a coordinator. It passes by itself.
    Changing,
    /// The offset asked for is not in the log.
    OutOfRange,
    /// The log holds something else than was read of it before a place, from an offset on: Kafka has lost records. It
    /// may be said late, when the partition is being read elsewhere.
    Truncated {
        /// Up to where it had been read.
        at: Position,
        /// From where on it is another one.
        from: NextOffset,
    },
    /// What Kafka holds can't be read as it was written, from this offset on, where that is known. What is delivered
    /// of the partition after this may leave something out.
    Corrupt(Option<NextOffset>),
    /// Anything else.
    Other,
}
