//! An archive's seat at its cluster: what keeps the cluster, and the clients that read the archive's topic.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use futures_util::future::{BoxFuture, FutureExt};

use super::cluster::KafkaCluster;
use super::lane::Lane;
use crate::ledger::Checkpointed;
use crate::source::cluster::{Cluster, KafkaError, OffsetsAt, Reader, Topic};

/// A cluster, as one archive has it.
pub struct Seat {
    // Before the cluster: what reads ends first.
    lane: Arc<Lane>,
    cluster: Arc<KafkaCluster>,
    topic: String,
}

impl Seat {
    /// On a lane that the archive of this topic has entered.
    pub(super) fn new(cluster: Arc<KafkaCluster>, lane: Arc<Lane>, topic: &str) -> Self {
        Self {
            lane,
            cluster,
            topic: topic.into(),
        }
    }

    /// How often topics are to be looked at for new partitions.
    pub fn refresh(&self) -> Duration {
        self.cluster.refresh()
    }

    #[cfg(test)]
    pub(super) fn cluster(&self) -> &Arc<KafkaCluster> {
        &self.cluster
    }

    #[cfg(test)]
    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.lane.leave(&self.topic);
    }
}

impl Cluster for Seat {
    fn id(&self) -> BoxFuture<'_, Result<Option<String>, KafkaError>> {
        async move { self.cluster.identifying().await?.ask(()).await }.boxed()
    }

    fn describe(&self, topic: &str) -> BoxFuture<'_, Result<Topic, KafkaError>> {
        let topic = topic.to_owned();
        async move { self.cluster.describing().await?.ask(topic).await }.boxed()
    }

    fn offsets(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>> {
        let topic = topic.to_owned();
        async move {
            let listing = self.cluster.listing().await?;
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

    fn offsets_at(
        &self,
        topic: &str,
        partitions: Vec<Partition>,
        time_ms: i64,
    ) -> BoxFuture<'_, Result<OffsetsAt, KafkaError>> {
        let topic = topic.to_owned();
        async move { self.cluster.offsets_at(&topic, partitions, time_ms).await }.boxed()
    }

    fn reader(
        &self,
        topic: &str,
        from: &Positions,
    ) -> BoxFuture<'_, Result<Box<dyn Reader>, KafkaError>> {
        let (topic, from) = (topic.to_owned(), from.clone());
        async move {
            let mut reader = self.lane.reader(&self.cluster, &topic).await?;
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
            let finding = self.cluster.finding().await?;
            finding.ask(((topic, partition), next..end)).await
        }
        .boxed()
    }

    fn complaint(&self) -> Option<KafkaError> {
        self.cluster.health().complaint()
    }

    fn commit(&self, checkpoint: &Checkpointed) {
        if let Some(committer) = &self.cluster.committer {
            committer.commit(checkpoint);
        }
    }

    fn committed(&self) -> BoxFuture<'_, ()> {
        async move {
            if let Some(committer) = &self.cluster.committer {
                committer.committed().await;
            }
        }
        .boxed()
    }
}
