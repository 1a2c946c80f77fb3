//! Next offsets for the cluster's commit group: what lag monitors read. The truth stays in the checkpoints.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use archiver_format::record::{NextOffset, Partition};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::blocking::{blocking, end_aside};
use crate::ledger::Checkpointed;
use crate::world::coalesced_requests::Batch;

type Offsets = HashMap<(String, Partition), NextOffset>;

/// Commits what has been checkpointed, the newest of it, one request at a time.
pub(super) struct Committer {
    waiting: Arc<Mutex<Offsets>>,
    wakes: Batch<(), ()>,
}

/// The client that commits, once there is something to commit.
#[derive(Default)]
struct Committing(Mutex<Option<BaseConsumer>>);

impl Drop for Committing {
    fn drop(&mut self) {
        end_aside(lock(&self.0).take());
    }
}

impl Committer {
    /// Contacts nobody until there is something to commit. Must be called within a tokio runtime.
    pub fn new(cluster: &str, group: &str, mut properties: BTreeMap<String, String>) -> Self {
        properties.insert("group.id".into(), group.into());
        let waiting = Arc::<Mutex<Offsets>>::default();
        let offsets = Arc::clone(&waiting);
        let consumer = Arc::new(Committing::default());
        let about = Arc::<str>::from(format!("cluster {cluster}: committing to group {group}"));
        let properties = Arc::new(properties);
        let wakes = Batch::new(move |wakes: Vec<()>| {
            let (offsets, consumer) = (Arc::clone(&offsets), Arc::clone(&consumer));
            let (about, properties) = (Arc::clone(&about), Arc::clone(&properties));
            let failed = Arc::clone(&about);
            let committing = blocking(move || {
                let newest = std::mem::take(&mut *lock(&offsets));
                if let Err(e) = commit(&mut lock(&consumer.0), &properties, &newest) {
                    tracing::warn!("{about}: {e}; trying again with the next checkpoint");
                    // Another one logs in anew: this one's token may have expired.
                    end_aside(lock(&consumer.0).take());
                    let mut offsets = lock(&offsets);
                    for (partition, next) in newest {
                        offsets.entry(partition).or_insert(next);
                    }
                }
            });
            async move {
                if let Err(e) = committing.await {
                    tracing::warn!("{failed}: {e}; trying again with the next checkpoint");
                }
                wakes
            }
        });
        Self { waiting, wakes }
    }

    pub fn commit(&self, checkpoint: &Checkpointed) {
        let checkpoint = checkpoint.checkpoint();
        let mut waiting = lock(&self.waiting);
        for (partition, at) in checkpoint.progress.positions.iter() {
            waiting.insert((checkpoint.identity.topic.clone(), partition), at.next);
        }
        drop(waiting);
        drop(self.wakes.ask(()));
    }

    /// Waits until what was committed has been confirmed, or has failed.
    pub async fn committed(&self) {
        // Answered after whatever is being committed now.
        self.wakes.ask(()).await;
    }
}

fn commit(
    consumer: &mut Option<BaseConsumer>,
    properties: &BTreeMap<String, String>,
    offsets: &Offsets,
) -> Result<(), rdkafka::error::KafkaError> {
    if offsets.is_empty() {
        return Ok(());
    }
    let consumer = match consumer {
        Some(consumer) => consumer,
        none => {
            let mut config = ClientConfig::new();
            for (name, value) in properties {
                config.set(name, value);
            }
            none.insert(config.create()?)
        }
    };
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for ((topic, partition), next) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(next.get()))?;
    }
    consumer.commit(&list, CommitMode::Sync)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::source::kafka::tests::mock;

    #[test]
    fn what_is_committed_is_the_offset_to_read_next() {
        let mock = mock(&["t"], 10);
        let properties = [
            ("bootstrap.servers", mock.bootstrap_servers()),
            ("group.id", "g".into()),
        ];
        let properties = properties
            .map(|(key, value)| (key.to_owned(), value))
            .into();
        let offsets = [0, 1, 2].map(|partition| {
            (
                ("t".to_owned(), partition),
                NextOffset::new(10 - i64::from(partition)),
            )
        });
        let mut consumer = None;
        commit(&mut consumer, &properties, &offsets.into()).expect("committed");
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range("t", 0, 2);
        let consumer = consumer.expect("a consumer");
        let committed = consumer.committed_offsets(asked, Duration::from_secs(120));
        let committed = committed.expect("an answer");
        let committed = committed
            .elements()
            .iter()
            .map(|of| of.offset())
            .collect::<Vec<_>>();
        assert_eq!(committed, [10, 9, 8].map(Offset::Offset), "committed");
    }
}
