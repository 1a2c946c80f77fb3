//! Where a topic begins to be watched.

use std::collections::BTreeMap;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};

use crate::source::cluster::{Cluster, KafkaError};

/// A place in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// What comes from now on.
    Latest,
    /// All that Kafka holds.
    Earliest,
    /// The first record with this timestamp or a later one, in milliseconds since 1970.
    Time(i64),
}

impl Begin {
    /// The same in these partitions of a topic.
    pub async fn positions(
        self,
        cluster: &dyn Cluster,
        topic: &str,
        partitions: Vec<Partition>,
    ) -> Result<Positions, KafkaError> {
        // Before the ends are asked for: what comes in between is behind them, or found.
        let found = match self {
            Self::Time(ms) => cluster.offsets_at(topic, partitions.clone(), ms).await?,
            Self::Latest | Self::Earliest => BTreeMap::new(),
        };
        let held = cluster.offsets(topic, partitions).await?.into_iter();
        let begins = held.map(|(partition, held)| {
            let next: NextOffset = match self {
                Self::Earliest => held.start,
                Self::Latest => held.end,
                Self::Time(_) => {
                    let first = found.get(&partition).copied().flatten();
                    first.map_or(held.end, |first| first.max(held.start).min(held.end))
                }
            };
            (partition, next.into())
        });
        Ok(begins.collect())
    }
}
