//! Which topics a cluster has, as a pattern asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use super::cluster::KafkaCluster;
use crate::source::cluster::{KafkaError, TopicList, Topics, Trouble};

/// A cluster, as a pattern has it.
pub struct TopicLister(Arc<KafkaCluster>);

impl TopicLister {
    pub(super) fn new(cluster: Arc<KafkaCluster>) -> Self {
        Self(cluster)
    }

    /// How often topics are to be listed.
    pub fn refresh(&self) -> Duration {
        self.0.refresh()
    }
}

impl Topics for TopicLister {
    fn list(&self) -> BoxFuture<'_, Result<TopicList, KafkaError>> {
        async move { self.0.naming().await?.ask(()).await }.boxed()
    }

    fn ids(
        &self,
        topics: Vec<String>,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Option<String>>, KafkaError>> {
        async move {
            let describing = self.0.describing().await?;
            // All of them are asked for before the first answer is awaited.
            let asked = topics.into_iter().map(|topic| {
                let described = describing.ask(topic.clone());
                (topic, described)
            });
            let mut ids = BTreeMap::new();
            for (topic, described) in asked.collect::<Vec<_>>() {
                match described.await {
                    Ok(described) => ids.insert(topic, described.id),
                    Err(e) if e.kind == Trouble::Missing => None,
                    Err(e) => return Err(e),
                };
            }
            Ok(ids)
        }
        .boxed()
    }
}
