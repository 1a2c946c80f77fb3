//! Apache Kafka through librdkafka: a few clients per cluster, a queue per archive.
//!
//! Nothing outside this folder sees a type of the client library.

mod commit;
mod corrupt;
mod describe;
mod errors;
mod feed;
mod health;
mod inbox;
mod limits;
mod native;
mod reader;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::OnceCell;

use crate::cluster::{Cluster, KafkaError, Reader, Topic, Trouble};
use crate::config;
use crate::ledger::Checkpointed;
use crate::world::requests::Batch;

use commit::Committer;
use feed::Feed;
use health::Health;
pub use limits::Limits;
use native::Client;
pub use native::exit;
use reader::KafkaReader;

/// How long to wait for a broker's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before seeing whether the cluster is known to be in trouble.
const GLANCE: Duration = Duration::from_millis(500);
/// How often topics are looked at for new partitions, unless configured otherwise.
const REFRESH: Duration = Duration::from_secs(30);
/// How many topics are described in one request, at most.
const DESCRIBE_MOST: usize = 2_000;

type Asked = (String, Partition);
type Id = Result<Option<String>, KafkaError>;
type Held = Result<Range<NextOffset>, KafkaError>;
/// A partition, and the offsets in which a corrupt batch is.
type Suspect = (Asked, Range<NextOffset>);
type Found = Result<Option<Range<NextOffset>>, KafkaError>;

/// A cluster, read by a few clients that are made when they are needed.
pub struct KafkaCluster {
    name: String,
    properties: Arc<BTreeMap<String, String>>,
    limits: Limits,
    health: Arc<Health>,
    /// The topics that are read, to ask for them together.
    topics: Arc<[String]>,
    /// Asks the questions. Not one of those that read: a broker answers one request of a connection after the
    /// other, and a fetch may wait half a second for records.
    asker: OnceCell<Arc<Client>>,
    brokers: OnceCell<usize>,
    /// `connections` of them for each lane.
    readers: Vec<OnceCell<Arc<Feed>>>,
    identifying: OnceCell<Batch<(), Id>>,
    describing: OnceCell<Batch<String, Result<Topic, KafkaError>>>,
    listing: OnceCell<Batch<Asked, Held>>,
    finding: OnceCell<Batch<Suspect, Found>>,
    committer: Option<Committer>,
}

impl KafkaCluster {
    /// A cluster of which these topics are read, by at most `lanes` archives each. Contacts nobody yet. Must be
    /// called within a tokio runtime.
    pub fn new(
        config: &config::Checked<config::Cluster>,
        topics: Vec<String>,
        lanes: usize,
        limits: Limits,
    ) -> Self {
        let mut properties = defaults();
        properties.extend(config.properties.clone());
        properties.insert("bootstrap.servers".into(), config.bootstrap.clone());
        let committer = config
            .commit_group
            .as_ref()
            .map(|group| Committer::new(&config.name, group, properties.clone()));
        let readers = lanes.max(1) * limits.connections;
        Self {
            name: config.name.clone(),
            properties: Arc::new(properties),
            health: Arc::new(Health::new(&config.name)),
            topics: topics.into(),
            asker: OnceCell::new(),
            brokers: OnceCell::new(),
            readers: (0..readers).map(|_| OnceCell::new()).collect(),
            limits,
            identifying: OnceCell::new(),
            describing: OnceCell::new(),
            listing: OnceCell::new(),
            finding: OnceCell::new(),
            committer,
        }
    }

    /// How often topics are to be looked at for new partitions.
    pub fn refresh(&self) -> Duration {
        let configured = self.properties.get("topic.metadata.refresh.interval.ms");
        configured
            .and_then(|ms| ms.parse().ok())
            .filter(|&ms: &u64| ms > 0)
            .map_or(REFRESH, Duration::from_millis)
    }

    /// Connects the clients that read, while other things are being found out.
    pub async fn connect(&self) {
        // What goes wrong is said to the archive that needs the client, and tried again.
        let readers = (0..self.readers.len()).map(|index| self.reading(index));
        futures_util::future::join_all(readers).await;
    }

    async fn asker(&self) -> Result<&Arc<Client>, KafkaError> {
        let make = async || {
            // It reads only to find out where a corrupt batch ends, one offset after the other.
            let mut properties = self.limits.properties(1);
            properties.push(("fetch.error.backoff.ms", 10));
            let asker = self.client(&[], properties).await?;
            self.health.watch(&asker);
            Ok(asker)
        };
        self.asker.get_or_try_init(make).await
    }

    /// How many answer a client at the same time.
    async fn brokers(&self) -> Result<usize, KafkaError> {
        let ask = async || {
            let asker = Arc::clone(self.asker().await?);
            let known = blocking(move || asker.brokers(TIMEOUT)).await?;
            known
                .map(|brokers| brokers.len())
                .map_err(|e| self.health.explain(e))
        };
        self.brokers.get_or_try_init(ask).await.copied()
    }

    async fn reading(&self, index: usize) -> Result<&Arc<Feed>, KafkaError> {
        let make = async || {
            let limits = self.limits.properties(self.brokers().await?);
            let client = self.client(&self.topics, limits).await?;
            Ok(Feed::new(client, self.limits.window.clone()))
        };
        self.readers[index].get_or_try_init(make).await
    }

    /// Makes a client that knows these topics: reading one whose leaders are not known waits half a second.
    async fn client(
        &self,
        topics: &[String],
        more: Vec<(&'static str, u64)>,
    ) -> Result<Arc<Client>, KafkaError> {
        let (properties, health) = (Arc::clone(&self.properties), Arc::clone(&self.health));
        let topics = topics.to_vec();
        let made = blocking(move || {
            let more = more
                .iter()
                .map(|(k, v)| (*k, v.to_string()))
                .collect::<Vec<_>>();
            let more = more.iter().map(|(k, v)| (*k, v.as_str()));
            let properties = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            let client = Client::new(properties.chain(more), Box::new(health))?;
            // Without an answer the client finds the leaders by itself, later.
            if !topics.is_empty()
                && let Some(&broker) = client.brokers(TIMEOUT).unwrap_or_default().first()
            {
                for part in topics.chunks(DESCRIBE_MOST) {
                    let _ = client.describe(broker, part, TIMEOUT);
                }
            }
            Ok(client)
        });
        let client = made.await?.map_err(|text: String| KafkaError {
            kind: Trouble::Other,
            text: format!("making a client for {}: {text}", self.name),
        })?;
        let polled = Arc::clone(&client);
        tokio::spawn(async move {
            loop {
                polled.poll();
                polled.woken().await;
            }
        });
        Ok(client)
    }

    /// Questions of one kind, asked together and answered by `answer`, which may block.
    async fn asking<K, V>(
        &self,
        answer: impl Fn(&Arc<Client>, &Health, Vec<K>) -> Vec<Result<V, KafkaError>>
        + Copy
        + Send
        + 'static,
    ) -> Result<Batch<K, Result<V, KafkaError>>, KafkaError>
    where
        K: Send + 'static,
        V: Clone + Send + 'static,
    {
        let asker = Arc::clone(self.asker().await?);
        let health = Arc::clone(&self.health);
        Ok(Batch::new(move |asked: Vec<K>| {
            let (asker, health, questions) = (Arc::clone(&asker), Arc::clone(&health), asked.len());
            let answers = blocking(move || answer(&asker, &health, asked));
            async move { answers.await.unwrap_or_else(|e| vec![Err(e); questions]) }
        }))
    }

    async fn identifying(&self) -> Result<&Batch<(), Id>, KafkaError> {
        let make = || {
            self.asking(|asker, health, asked: Vec<()>| vec![identify(asker, health); asked.len()])
        };
        self.identifying.get_or_try_init(make).await
    }

    async fn describing(&self) -> Result<&Batch<String, Result<Topic, KafkaError>>, KafkaError> {
        let make =
            || self.asking(|asker, health, topics| describe::describe(asker, health, &topics));
        self.describing.get_or_try_init(make).await
    }

    /// Finds corrupt batches, one after the other: the client that asks can read a partition only once.
    async fn finding(&self) -> Result<&Batch<Suspect, Found>, KafkaError> {
        let make = || self.asking(corrupt::find);
        self.finding.get_or_try_init(make).await
    }

    async fn listing(&self) -> Result<&Batch<Asked, Held>, KafkaError> {
        let uncommitted =
            self.properties.get("isolation.level").map(String::as_str) == Some("read_uncommitted");
        let make =
            || self.asking(move |asker, health, asked| list(asker, health, &asked, !uncommitted));
        self.listing.get_or_try_init(make).await
    }
}

impl Cluster for KafkaCluster {
    fn id(&self) -> BoxFuture<'_, Result<Option<String>, KafkaError>> {
        async move { self.identifying().await?.ask(()).await }.boxed()
    }

    fn describe(&self, topic: &str) -> BoxFuture<'_, Result<Topic, KafkaError>> {
        let topic = topic.to_owned();
        async move { self.describing().await?.ask(topic).await }.boxed()
    }

    fn offsets(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let listing = self.listing().await?;
            let asked = partitions
                .into_iter()
                .map(|partition| (partition, listing.ask((topic.clone(), partition))))
                .collect::<Vec<_>>();
            let mut offsets = BTreeMap::new();
            for (partition, held) in asked {
                offsets.insert(partition, held.await?);
            }
            Ok(offsets)
        }
        .boxed()
    }

    fn reader(
        &self,
        topic: &str,
        lane: usize,
        from: &Positions,
    ) -> BoxFuture<'_, Result<Box<dyn Reader>, KafkaError>> {
        let (topic, from) = (topic.to_owned(), from.clone());
        async move {
            let connections = self.limits.connections;
            let first = (lane * connections) % self.readers.len();
            let made = (first..first + connections).map(|index| self.reading(index));
            let feeds = futures_util::future::try_join_all(made).await?;
            let feeds = feeds.into_iter().cloned().collect();
            let mut reader = KafkaReader::new(&topic, feeds, &self.limits.window);
            reader.start(&from)?;
            Ok(Box::new(reader) as Box<dyn Reader>)
        }
        .boxed()
    }

    fn corrupt(
        &self,
        topic: &str,
        partition: Partition,
        next: NextOffset,
    ) -> BoxFuture<'_, Result<Option<Range<NextOffset>>, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let held = self.offsets(&topic, vec![partition]).await?;
            let end = held.get(&partition).map_or(next, |held| held.end);
            let finding = self.finding().await?;
            finding.ask(((topic, partition), next..end)).await
        }
        .boxed()
    }

    fn commit(&self, checkpoint: &Checkpointed) {
        if let Some(committer) = &self.committer {
            committer.commit(checkpoint);
        }
    }

    fn committed(&self) -> BoxFuture<'_, ()> {
        async move {
            if let Some(committer) = &self.committer {
                committer.committed().await;
            }
        }
        .boxed()
    }
}

/// What every client has unless configured otherwise.
fn defaults() -> BTreeMap<String, String> {
    [
        ("client.id", "archiver"),
        ("isolation.level", "read_committed"),
        // A corrupt batch must not get into a file.
        ("check.crcs", "true"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        ("socket.keepalive.enable", "true"),
        ("reconnect.backoff.max.ms", "2000"),
        // An offset that is gone is told, never skipped.
        ("auto.offset.reset", "error"),
        // Else a second connection waits 50 ms for no reason.
        ("enable.sparse.connections", "false"),
        ("enable.partition.eof", "false"),
        ("enable.auto.commit", "false"),
        ("allow.auto.create.topics", "false"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn identify(asker: &Client, health: &Health) -> Id {
    let deadline = std::time::Instant::now() + TIMEOUT;
    while std::time::Instant::now() < deadline {
        if let Some(id) = asker.cluster_id(GLANCE) {
            return Ok(Some(id));
        }
        // Known to be unreachable: whoever asks should say so, and ask again later.
        if let Some(trouble) = health.known_trouble() {
            return Err(trouble);
        }
    }
    // Nobody answered, or who did doesn't know.
    match asker.brokers(GLANCE) {
        Ok(_) => Ok(None),
        Err(e) => Err(health.explain(e)),
    }
}

fn list(asker: &Client, health: &Health, asked: &[Asked], committed_only: bool) -> Vec<Held> {
    let mut distinct = asked.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let ask = |end| {
        let listed = asker.list_offsets(&distinct, end, committed_only, TIMEOUT);
        listed.map(|listed| listed.into_iter().collect::<HashMap<_, _>>())
    };
    let both = ask(false).and_then(|starts| Ok((starts, ask(true)?)));
    let (starts, ends) = match both {
        Ok(both) => both,
        Err(e) => {
            let e = health.explain(e);
            return asked.iter().map(|_| Err(e.clone())).collect();
        }
    };
    let held = |partition| {
        let start = starts.get(partition).cloned().unwrap_or_else(no_answer)?;
        let end = ends.get(partition).cloned().unwrap_or_else(no_answer)?;
        Ok(start..end)
    };
    asked.iter().map(held).collect()
}

fn no_answer<T>() -> Result<T, KafkaError> {
    Err(KafkaError {
        kind: Trouble::Other,
        text: "the answer left it out".into(),
    })
}

/// Runs what may block on a thread of its own: a cluster that doesn't answer must not hold up those that the
/// disks are written by. There is at most one of each kind for each cluster.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, KafkaError> {
    let failed = |text| KafkaError {
        kind: Trouble::Other,
        text,
    };
    let (done, when_done) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("kafka-asks".into());
    thread.spawn(move || drop(done.send(job()))).map_err(|e| {
        failed(format!(
            "starting a thread: {e}; raise the limit of processes (ulimit -u)"
        ))
    })?;
    // It has said where.
    when_done
        .await
        .map_err(|_| failed("a fault in the program".into()))
}

#[cfg(test)]
mod tests;
