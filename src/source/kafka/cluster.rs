//! One cluster: how its clients are made, and the one that asks it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archiver_format::record::Partition;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::blocking::{blocking, end_aside};
use super::commit::Committer;
use super::health::Health;
use super::limits::{Limits, Shares};
use super::native::{Client, Listed, Place};
use super::questions::{Asked, Found, Held, Id, Named, Suspect, TIMEOUT, identify, list, name};
use super::{ca_store, corrupt_range, describe_topics};
use crate::config;
use crate::source::cluster::{KafkaError, OffsetsAt, Topic, Trouble};
use crate::world::coalesced_requests::Batch;

/// How often topics are looked at for new partitions, unless configured otherwise.
pub(super) const REFRESH: Duration = Duration::from_secs(30);
/// More connections than this to one cluster were never faster.
const CONNECTIONS_MOST: usize = 4;

/// A cluster, for as long as an archive has a seat at it, or its topics are listed.
pub(super) struct KafkaCluster {
    pub config: config::Checked<config::Cluster>,
    properties: Arc<BTreeMap<String, String>>,
    pub shares: Arc<Shares>,
    health: Arc<Health>,
    /// Asks the questions. Not one of those that read: a broker answers one request of a connection after the
    /// other, and a fetch may wait half a second for records.
    asker: OnceCell<Arc<Client>>,
    brokers: OnceCell<usize>,
    identifying: OnceCell<Batch<(), Id>>,
    describing: OnceCell<Batch<String, Result<Topic, KafkaError>>>,
    naming: OnceCell<Batch<(), Named>>,
    listing: OnceCell<Batch<Asked, Held>>,
    finding: OnceCell<Batch<Suspect, Found>>,
    pub committer: Option<Committer>,
    /// Ended with it.
    tasks: Mutex<JoinSet<()>>,
}

impl KafkaCluster {
    /// Contacts nobody yet. Must be called within a tokio runtime.
    pub fn new(config: &config::Checked<config::Cluster>, shares: Arc<Shares>) -> Self {
        let mut properties = defaults();
        properties.extend(ca_store::property());
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
            identifying: OnceCell::new(),
            describing: OnceCell::new(),
            naming: OnceCell::new(),
            listing: OnceCell::new(),
            finding: OnceCell::new(),
            committer,
            tasks: Mutex::default(),
        }
    }

    /// What its clients have said of it.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How often topics are to be looked at for new partitions.
    pub fn refresh(&self) -> Duration {
        let configured = self.properties.get("topic.metadata.refresh.interval.ms");
        configured
            .and_then(|ms| ms.parse().ok())
            .filter(|&ms: &u64| ms > 0)
            .map_or(REFRESH, Duration::from_millis)
    }

    /// How many clients read each topic.
    pub fn connections(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let chosen = self.config.connections.map(usize::from);
        chosen.unwrap_or(cores.min(CONNECTIONS_MOST))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    /// The client that asks; it is made when it is first needed.
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
    pub async fn brokers(&self) -> Result<usize, KafkaError> {
        let ask = async || {
            let known = self.told(|asker| asker.addresses(TIMEOUT)).await?;
            let names = known.iter();
            let names = names.map(|at| format!("{}:{}/{}", at.host, at.port, at.id));
            self.health.knows(names);
            Ok(known.len())
        };
        self.brokers.get_or_try_init(ask).await.copied()
    }

    /// Makes a client that knows these topics: reading one whose leaders are not known waits half a second.
    pub async fn client(
        &self,
        topics: &[String],
        more: Vec<(&'static str, u64)>,
    ) -> Result<Arc<Client>, KafkaError> {
        let more = more.into_iter();
        let more = more.map(|(name, value)| (name, value.to_string()));
        self.client_with(topics, more.collect()).await
    }

    /// The same with properties of any kind.
    pub async fn client_with(
        &self,
        topics: &[String],
        more: Vec<(&'static str, String)>,
    ) -> Result<Arc<Client>, KafkaError> {
        let (properties, health) = (Arc::clone(&self.properties), Arc::clone(&self.health));
        let topics = topics.to_vec();
        let made = blocking(move || {
            let more = more.iter().map(|(k, v)| (*k, v.as_str()));
            let properties = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            let client = Client::new(properties.chain(more), Box::new(health))?;
            if !topics.is_empty() {
                describe_topics::know(&client, &topics);
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

    pub async fn identifying(&self) -> Result<&Batch<(), Id>, KafkaError> {
        let make = || {
            self.asking(|asker, health, asked: Vec<()>| vec![identify(asker, health); asked.len()])
        };
        self.identifying.get_or_try_init(make).await
    }

    /// Describes topics, many in one request.
    pub async fn describing(
        &self,
    ) -> Result<&Batch<String, Result<Topic, KafkaError>>, KafkaError> {
        let make = || {
            self.asking(|asker, health, topics| describe_topics::describe(asker, health, &topics))
        };
        self.describing.get_or_try_init(make).await
    }

    /// Names all topics.
    pub async fn naming(&self) -> Result<&Batch<(), Named>, KafkaError> {
        let make =
            || self.asking(|asker, health, asked: Vec<()>| vec![name(asker, health); asked.len()]);
        self.naming.get_or_try_init(make).await
    }

    /// Finds corrupt batches, one after the other: the client that asks can read a partition only once.
    pub async fn finding(&self) -> Result<&Batch<Suspect, Found>, KafkaError> {
        let make = || self.asking(corrupt_range::find);
        self.finding.get_or_try_init(make).await
    }

    /// The first record with this timestamp (in milliseconds since 1970) or a later one in each of these partitions of a
    /// topic, a thousand in one request to each leader; `None` where there is none.
    pub async fn offsets_at(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
        time_ms: i64,
    ) -> Result<OffsetsAt, KafkaError> {
        let asked = partitions.into_iter().map(|of| (topic.to_owned(), of));
        let listed = self.listed(asked.collect(), Place::Time(time_ms)).await?;
        let found = listed.into_iter().map(|((_, partition), listed)| {
            let offset = listed?.offset;
            Ok((partition, (offset.get() >= 0).then_some(offset)))
        });
        found.collect()
    }

    /// What the client that asks is told, which may block; with what is known of the reason if it fails.
    pub async fn told<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Client) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let asker = Arc::clone(self.asker().await?);
        let told = blocking(move || ask(&asker)).await?;
        told.map_err(|e| self.health.explain(e))
    }

    /// What is at a place in each of these partitions' logs.
    pub async fn listed(
        &self,
        partitions: Vec<Asked>,
        place: Place,
    ) -> Result<Vec<(Asked, Result<Listed, KafkaError>)>, KafkaError> {
        self.told(move |asker| asker.list_offsets(&partitions, place, true, TIMEOUT))
            .await
    }

    /// The ends of these partitions' logs, behind records that readers may not see yet.
    pub async fn log_ends(
        &self,
        partitions: Vec<Asked>,
    ) -> Result<Vec<(Asked, Result<Listed, KafkaError>)>, KafkaError> {
        self.told(move |asker| asker.list_offsets(&partitions, Place::End, false, TIMEOUT))
            .await
    }

    /// Asks for partitions' offsets, many in one request.
    pub async fn listing(&self) -> Result<&Batch<Asked, Held>, KafkaError> {
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
pub(super) const COMMON: [(&str, &str); 6] = [
    ("client.id", "archiver"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    // Else a second connection waits 50 ms for no reason.
    ("enable.sparse.connections", "false"),
    ("allow.auto.create.topics", "false"),
];

/// What those have that read, unless configured otherwise.
fn defaults() -> BTreeMap<String, String> {
    let reading = [
        ("isolation.level", "read_committed"),
        // A corrupt batch must not get into a file.
        ("check.crcs", "true"),
        // An offset that is gone is told, never skipped.
        ("auto.offset.reset", "error"),
        // Behind the last record of a log there may be offsets without one, for which nobody should wait.
        ("enable.partition.eof", "true"),
        ("enable.auto.commit", "false"),
    ];
    let all = COMMON.into_iter().chain(reading);
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
