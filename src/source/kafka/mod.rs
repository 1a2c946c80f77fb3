//! Apache Kafka through librdkafka: a few clients per cluster, a queue per archive.
//!
//! Nothing outside this folder sees a type of the client library.

mod clusters;
mod commit;
mod corrupt;
mod describe;
mod errors;
mod feed;
mod health;
mod inbox;
mod lane;
mod limits;
mod native;
mod reader;
mod seat;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use archiver_format::record::{NextOffset, Partition};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::config;
use crate::source::cluster::{KafkaError, Topic, Trouble};
use crate::world::requests::Batch;

pub use clusters::KafkaClusters;
use commit::Committer;
use health::Health;
use lane::Lane;
use limits::{Limits, Shares};
use native::Client;
pub use native::exit;
pub use seat::Seat;

/// How long to wait for a broker's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before seeing whether the cluster is known to be in trouble.
const GLANCE: Duration = Duration::from_millis(500);
/// How often topics are looked at for new partitions, unless configured otherwise.
const REFRESH: Duration = Duration::from_secs(30);
/// More connections than this to one cluster were never faster.
const CONNECTIONS_MOST: usize = 4;

type Asked = (String, Partition);
type Id = Result<Option<String>, KafkaError>;
type Held = Result<Range<NextOffset>, KafkaError>;
/// A partition, and the offsets in which a corrupt batch is.
type Suspect = (Asked, Range<NextOffset>);
type Found = Result<Option<Range<NextOffset>>, KafkaError>;

/// A cluster, read by a few clients that are made when they are needed, and end with the last [`Seat`] at it.
struct KafkaCluster {
    config: config::Checked<config::Cluster>,
    properties: Arc<BTreeMap<String, String>>,
    shares: Arc<Shares>,
    health: Arc<Health>,
    /// Asks the questions. Not one of those that read: a broker answers one request of a connection after the
    /// other, and a fetch may wait half a second for records.
    asker: OnceCell<Arc<Client>>,
    brokers: OnceCell<usize>,
    /// The clients that read.
    lanes: Mutex<Vec<Weak<Lane>>>,
    identifying: OnceCell<Batch<(), Id>>,
    describing: OnceCell<Batch<String, Result<Topic, KafkaError>>>,
    listing: OnceCell<Batch<Asked, Held>>,
    finding: OnceCell<Batch<Suspect, Found>>,
    committer: Option<Committer>,
    /// Ended with it.
    tasks: Mutex<JoinSet<()>>,
}

impl KafkaCluster {
    /// Contacts nobody yet. Must be called within a tokio runtime.
    fn new(config: &config::Checked<config::Cluster>, shares: Arc<Shares>) -> Self {
        let mut properties = defaults();
        properties.extend(config.properties.clone());
        properties.insert("bootstrap.servers".into(), config.bootstrap.clone());
        let committer = config
            .commit_group
            .as_ref()
            .map(|group| Committer::new(&config.name, group, properties.clone()));
        Self {
            config: config.clone(),
            properties: Arc::new(properties),
            shares,
            health: Arc::new(Health::new(&config.name)),
            asker: OnceCell::new(),
            brokers: OnceCell::new(),
            lanes: Mutex::default(),
            identifying: OnceCell::new(),
            describing: OnceCell::new(),
            listing: OnceCell::new(),
            finding: OnceCell::new(),
            committer,
            tasks: Mutex::default(),
        }
    }

    /// How often topics are to be looked at for new partitions.
    fn refresh(&self) -> Duration {
        let configured = self.properties.get("topic.metadata.refresh.interval.ms");
        configured
            .and_then(|ms| ms.parse().ok())
            .filter(|&ms: &u64| ms > 0)
            .map_or(REFRESH, Duration::from_millis)
    }

    /// How many clients read each topic.
    fn connections(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let chosen = self.config.connections.map(usize::from);
        chosen.unwrap_or(cores.min(CONNECTIONS_MOST))
    }

    /// The first lane on which this topic is not read; one more archive of it is on it then.
    fn lane(&self, topic: &str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|lane| lane.strong_count() > 0);
        let mut there = lanes.iter().filter_map(Weak::upgrade);
        if let Some(lane) = there.find(|lane| lane.enter(topic)) {
            return lane;
        }
        let made = Arc::new(Lane::new(self.connections(), Arc::clone(&self.shares)));
        made.enter(topic);
        lanes.push(Arc::downgrade(&made));
        made
    }

    /// Connects the clients of new lanes, while other things are being found out; those of all lanes when the memory was
    /// divided anew.
    fn connect(self: &Arc<Self>, all: bool) {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for of in lanes.iter() {
            if of.upgrade().is_some_and(|lane| lane.is_new() || all) {
                tokio::spawn(Lane::connect(of.clone(), Arc::downgrade(self)));
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    async fn asker(&self) -> Result<&Arc<Client>, KafkaError> {
        let make = async || {
            // It reads only to find out where a corrupt batch ends, one offset after the other.
            let limits = Limits::new(self.shares.memory, self.shares.among());
            let mut properties = limits.properties(1);
            properties.push(("fetch.error.backoff.ms", 10));
            let asker = self.client(&[], properties).await?;
            self.spawn(self.health.watch(&asker));
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
            if !topics.is_empty() {
                describe::know(&client, &topics);
            }
            Ok(client)
        });
        let client = made.await?.map_err(|text: String| KafkaError {
            kind: Trouble::Other,
            text: format!("making a client for {}: {text}", self.config.name),
        })?;
        tokio::spawn(client.keep_polling());
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
        let asker = Arc::downgrade(self.asker().await?);
        let health = Arc::clone(&self.health);
        Ok(Batch::new(move |asked: Vec<K>| {
            let (asker, health, questions) = (asker.clone(), Arc::clone(&health), asked.len());
            let answers = blocking(move || {
                // Without it the cluster is gone, and with it whoever asked.
                asker.upgrade().map(|asker| answer(&asker, &health, asked))
            });
            async move {
                match answers.await {
                    Ok(Some(answers)) => answers,
                    Ok(None) => Vec::new(),
                    Err(e) => vec![Err(e); questions],
                }
            }
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

impl Drop for KafkaCluster {
    fn drop(&mut self) {
        end_aside(self.asker.take());
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

/// Drops clients on a thread of its own, as a client takes a moment to end; here if there can't be one.
fn end_aside<T: Send + 'static>(clients: T) {
    let thread = std::thread::Builder::new().name("kafka-ends".into());
    let _ = thread.spawn(move || drop(clients));
}

#[cfg(test)]
mod tests;
