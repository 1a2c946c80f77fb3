//! A producer: sends records to topics of one cluster, and says of each what became of it.
//!
//! Idempotent unless told otherwise: what it sends is in the topic once, and in each partition in the order in which it
//! was sent. It works in whose thread it is called: reports are handed out, and what brokers complain of is noticed, by
//! [`Producer::delivered`], [`Producer::wait`], [`Producer::flush`] and [`Producer::commit`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use archiver_format::record::Partition;
use tokio::task::JoinHandle;

use super::blocking::blocking;
use super::health::Health;
use super::native::{self, GroupOffset, NewRecord, NotSent, Target, TransactionError, Undelivered};
use super::producer_settings::ProducerSettings;
use crate::config::{self, Checked};
use crate::source::cluster::{KafkaError, Trouble};

/// A producer. Dropping it gives up what has not been delivered.
pub struct Producer {
    native: native::Producer,
    health: Arc<Health>,
    watch: JoinHandle<()>,
}

impl Producer {
    /// Contacts nobody that is waited for. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the properties don't fit together, or there is no thread for a broker.
    pub async fn new(
        cluster: &Checked<config::Cluster>,
        settings: &ProducerSettings,
    ) -> Result<Self, KafkaError> {
        let health = Arc::new(Health::new(&cluster.name));
        let (properties, events) = (settings.properties(cluster), Arc::clone(&health));
        let made = blocking(move || {
            let properties = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            native::Producer::new(properties, Box::new(events))
        });
        let native = made.await?.map_err(|text| KafkaError {
            kind: Trouble::Other,
            text: format!("making a producer for {}: {text}", cluster.name),
        })?;
        let watch = tokio::spawn(health.watch(native.client()));
        Ok(Self {
            native,
            health,
            watch,
        })
    }

    /// A topic to send to. Contacts nobody.
    ///
    /// # Errors
    ///
    /// If a topic can't be called so.
    pub fn target(&self, name: &str) -> Result<Target, KafkaError> {
        self.native.target(name)
    }

    /// Makes sure that nothing has to be found out before the first record of these topics can go: asks for their
    /// partitions' leaders, and then each of these brokers for something, by the connection that records go by. Blocks up
    /// to `timeout`, and a moment more.
    ///
    /// # Errors
    ///
    /// If one of the topics doesn't exist, or one of the brokers doesn't answer.
    pub fn ready(&self, targets: &[&Target], timeout: Duration) -> Result<(), KafkaError> {
        let deadline = Instant::now() + timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut leaders = Vec::new();
        for target in targets {
            leaders.extend(self.leaders(target, deadline)?);
        }
        leaders.sort_unstable();
        leaders.dedup();
        let names = targets.iter().map(|target| target.name());
        let names = names.collect::<Vec<_>>();
        for broker in leaders {
            let client = self.native.client();
            let answered = client.describe(broker, &names, left());
            answered.map_err(|e| self.health.explain(e))?;
        }
        self.native.client().poll();
        Ok(())
    }

    /// The leaders of a topic's partitions, once each has one: brokers tell of a topic that is new before that.
    fn leaders(&self, target: &Target, deadline: Instant) -> Result<Vec<i32>, KafkaError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let without = || KafkaError {
                kind: Trouble::Changing,
                text: "a partition has no leader".into(),
            };
            let known = target.leaders(left).and_then(|leaders| {
                let has_all = leaders.iter().all(|&leader| leader >= 0);
                has_all.then_some(leaders).ok_or_else(without)
            });
            match known {
                Err(e) if e.kind == Trouble::Changing && Instant::now() < deadline => {
                    std::thread::sleep(AGAIN);
                }
                known => {
                    return known.map_err(|e| {
                        let KafkaError { kind, text } = self.health.explain(e);
                        let text = format!("topic {}: {text}", target.name());
                        KafkaError { kind, text }
                    });
                }
            }
        }
    }

    /// Gives a copy of a record to the client, which reports with this tag what became of it. Never waits.
    ///
    /// # Errors
    ///
    /// If it was not taken; nothing is reported of it then.
    #[inline]
    pub fn send(&self, to: &Target, record: &NewRecord<'_>, tag: u64) -> Result<(), NotSent> {
        self.native.send(to, record, tag)
    }

    /// Hands what has been reported to `each`, tag and outcome, and says how much that was. In the order in which it was
    /// reported: that in which it was sent, within each partition. Never waits.
    pub fn delivered(&self, each: &mut dyn FnMut(u64, Result<(), Undelivered>)) -> usize {
        self.native.delivered(each)
    }

    /// Waits until there is something for [`Producer::delivered`], but no longer than this, in whole milliseconds; or
    /// until a broker has something to say.
    pub fn wait(&self, timeout: Duration) {
        self.native.wait(timeout);
    }

    /// How many records were sent and not reported on.
    pub fn outstanding(&self) -> usize {
        self.native.outstanding()
    }

    /// Sends all that waits for company, and waits for its reports, which [`Producer::delivered`] hands out afterwards,
    /// but no longer than this. How many are missing then.
    pub fn flush(&self, timeout: Duration) -> usize {
        self.native.flush(timeout)
    }

    /// Gives up all that has not been delivered: it is reported as purged, though some of it may arrive.
    pub fn purge(&self) {
        self.native.purge();
    }

    /// Why this producer can send nothing any more, if that is so: another one has taken its transactional id, say.
    pub fn fatal(&self) -> Option<KafkaError> {
        self.native.fatal()
    }

    /// Is that because the brokers take its transactional id for another one's: another producer has it now, or the
    /// transaction has lasted longer than `transaction.timeout.ms`?
    pub fn is_fenced(&self) -> bool {
        self.native.is_fenced()
    }

    /// How many records have arrived, of all that was sent.
    pub fn arrived(&self) -> u64 {
        self.native.arrived()
    }

    /// What keeps the brokers from answering, if anything does; the client goes on trying.
    pub fn trouble(&self) -> Option<KafkaError> {
        self.health.known_trouble()
    }
}

/// How long until it is asked again what will be another answer soon.
const AGAIN: Duration = Duration::from_millis(50);

/// Transactions, for one that was made with a transactional id. All of these block, up to the time that they are given.
impl Producer {
    /// Ends what another producer with the same transactional id has left open: that one sends nothing any more. To be
    /// called before all others, once.
    ///
    /// # Errors
    ///
    /// If it wasn't done; it may be tried [again](native::Remedy::Again).
    pub fn init_transactions(&self, timeout: Duration) -> Result<(), TransactionError> {
        self.explained(self.native.init_transactions(timeout))
    }

    /// Begins a transaction: what is sent from now on is in it.
    ///
    /// # Errors
    ///
    /// If another one is open, or none can be.
    pub fn begin(&self) -> Result<(), TransactionError> {
        self.native.begin()
    }

    /// Commits these offsets for a group, which must have no members, with the transaction that is open.
    ///
    /// # Errors
    ///
    /// If they were not taken, with what can be done.
    pub fn send_offsets(
        &self,
        group: &str,
        offsets: &[GroupOffset],
        timeout: Duration,
    ) -> Result<(), TransactionError> {
        self.explained(self.native.send_offsets(group, offsets, timeout))
    }

    /// Waits until all of the transaction was delivered, and ends it: whoever reads only what is committed sees all of it
    /// from then on. What was reported meanwhile is for [`Producer::delivered`].
    ///
    /// # Errors
    ///
    /// If it isn't committed, or isn't known to be, with what can be done. One that has lost a record must be aborted.
    pub fn commit(&self, timeout: Duration) -> Result<(), TransactionError> {
        self.explained(self.native.commit(timeout))
    }

    /// Takes back the transaction: nobody who reads only what is committed sees any of it, and its offsets are as if they
    /// had not been sent.
    ///
    /// # Errors
    ///
    /// If it wasn't done, with what can be done.
    pub fn abort(&self, timeout: Duration) -> Result<(), TransactionError> {
        self.explained(self.native.abort(timeout))
    }

    /// What a group has committed for these partitions, where it has; waits until no transaction is open that commits for
    /// it. Needs no transactional id.
    ///
    /// # Errors
    ///
    /// If that isn't told in time.
    pub fn committed(
        &self,
        group: &str,
        partitions: &[(String, Partition)],
        timeout: Duration,
    ) -> Result<Vec<GroupOffset>, KafkaError> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.native.client().committed(group, partitions, left) {
                Err(e) if e.kind == Trouble::Changing && Instant::now() < deadline => {
                    std::thread::sleep(AGAIN);
                }
                told => return told.map_err(|e| self.health.explain(e)),
            }
        }
    }

    fn explained(&self, done: Result<(), TransactionError>) -> Result<(), TransactionError> {
        done.map_err(|e| TransactionError {
            error: self.health.explain(e.error),
            ..e
        })
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
