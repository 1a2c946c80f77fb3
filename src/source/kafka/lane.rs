//! The clients that read a cluster's topics. A client reads a topic once: a second archive of the same topic is on
//! another lane.
//!
//! What a client may hold is fixed when it is made. When the memory is divided anew, the clients of a lane end, others
//! are made in their place, and who reads through them reads on where the last record was that they had handed out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::Mutex as AsyncMutex;

use super::blocking::{blocking, end_aside};
use super::cluster::KafkaCluster;
use super::feed::Feed;
use super::limits::{Limits, Share, Shares};
use super::reader::{KafkaReader, Reads};
use crate::source::cluster::KafkaError;

/// How long after clients could not be made it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// As many clients as the cluster has connections, and who reads through them.
pub(super) struct Lane {
    /// Of which an archive is on this lane.
    topics: Mutex<BTreeSet<String>>,
    readers: Mutex<Vec<Weak<Reads>>>,
    /// None until they are needed. Locked while they are being made.
    clients: AsyncMutex<Vec<Arc<Feed>>>,
    connections: usize,
    shares: Arc<Shares>,
    is_new: AtomicBool,
}

impl Lane {
    /// Without clients.
    pub fn new(connections: usize, shares: Arc<Shares>) -> Self {
        shares.join(connections);
        Self {
            topics: Mutex::default(),
            readers: Mutex::default(),
            clients: AsyncMutex::default(),
            connections,
            shares,
            is_new: AtomicBool::new(true),
        }
    }

    /// Takes in an archive of this topic, unless there is one.
    pub fn enter(&self, topic: &str) -> bool {
        locked(&self.topics).insert(topic.into())
    }

    /// Is this the first time that it is asked?
    pub fn is_new(&self) -> bool {
        self.is_new.swap(false, Ordering::Relaxed)
    }

    /// The archive of this topic has ended.
    pub fn leave(&self, topic: &str) {
        locked(&self.topics).remove(topic);
        if let Ok(clients) = self.clients.try_lock() {
            clients.iter().for_each(|feed| feed.forget_of(topic));
        }
    }

    /// A reader of this topic that reads nothing yet.
    pub async fn reader(
        &self,
        cluster: &KafkaCluster,
        topic: &str,
    ) -> Result<KafkaReader, KafkaError> {
        let mut clients = self.clients.lock().await;
        if clients.is_empty() {
            self.make(cluster, &mut clients).await?;
        }
        let feeds = clients.clone();
        let reader = KafkaReader::new(topic, feeds.clone(), &self.shares.window);
        self.add(reader.reads());
        drop(clients);
        join_all(feeds.iter().map(|feed| feed.introduce(topic))).await;
        Ok(reader)
    }

    /// Takes note of a reader, whose partitions are started again when the clients are made anew.
    fn add(&self, reads: &Arc<Reads>) {
        let mut readers = locked(&self.readers);
        if readers.len() == readers.capacity() {
            readers.retain(|reads| reads.strong_count() > 0);
        }
        readers.push(Arc::downgrade(reads));
    }

    /// Makes its clients if there are none, and makes them anew if what they may hold is not their share any more. What
    /// goes wrong is said to the archive that needs one; archives that read must not be kept waiting by it.
    pub async fn connect(lane: Weak<Self>, cluster: Weak<KafkaCluster>) {
        let mut was_said = false;
        while let (Some(lane), Some(cluster)) = (lane.upgrade(), cluster.upgrade()) {
            let mut clients = lane.clients.lock().await;
            let among = lane.shares.among();
            let fit = |feed: &Arc<Feed>| feed.share().among() == among;
            if !clients.is_empty() && clients.iter().all(fit) {
                return;
            }
            lane.let_go(&mut clients).await;
            let made = lane.make(&cluster, &mut clients).await;
            let Err(e) = made else { return };
            if lane.reading().is_empty() {
                return;
            }
            if !std::mem::replace(&mut was_said, true) {
                tracing::warn!(
                    "cluster {}: making clients anew: {e}; nothing is read through them until that succeeds; trying again",
                    cluster.config.name
                );
            }
            drop(clients);
            drop((lane, cluster));
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn reading(&self) -> Vec<Arc<Reads>> {
        let readers = locked(&self.readers);
        readers.iter().filter_map(Weak::upgrade).collect()
    }

    /// Has nobody read through its clients any more, and ends them.
    async fn let_go(&self, clients: &mut Vec<Arc<Feed>>) {
        let (ended, readers) = (std::mem::take(clients), self.reading());
        if ended.is_empty() {
            return;
        }
        tracing::debug!(
            "making {} clients anew, as others came or went",
            ended.len()
        );
        let ending = move || {
            readers.iter().for_each(|reads| reads.suspend());
            drop(ended);
        };
        if blocking(ending).await.is_err() {
            // Without a thread for it they end where the job was dropped, and those that read read on from there.
            self.reading().iter().for_each(|reads| reads.suspend());
        }
    }

    /// Makes the clients, and has those read on through them that did before.
    async fn make(
        &self,
        cluster: &KafkaCluster,
        clients: &mut Vec<Arc<Feed>>,
    ) -> Result<(), KafkaError> {
        let brokers = cluster.brokers().await?;
        let topics = locked(&self.topics).iter().cloned().collect::<Vec<_>>();
        let one = async |share: Share, topics: Vec<String>| {
            let limits = Limits::new(self.shares.memory, share.among());
            let client = cluster.client(&topics, limits.properties(brokers)).await?;
            Ok(Feed::new(client, self.shares.window.clone(), share, topics))
        };
        let connections = u32::try_from(self.connections).unwrap_or(u32::MAX);
        let shares = self.shares.take(connections).await.into_iter();
        let made = shares.map(|share| one(share, topics.clone()));
        *clients = try_join_all(made).await?;
        for reads in self.reading() {
            reads.resume(clients);
        }
        Ok(())
    }

    /// Among how many the memory was divided for each of its clients.
    #[cfg(test)]
    pub async fn divisions(&self) -> Vec<u32> {
        let clients = self.clients.lock().await;
        clients.iter().map(|feed| feed.share().among()).collect()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shares.leave(self.connections);
        end_aside(std::mem::take(self.clients.get_mut()));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
