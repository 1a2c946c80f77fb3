//! What to do when the topic is not as it was: new partitions, offsets that are gone, a topic created again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Stop;
use super::reading::{Fault, Reading};
use crate::cluster::{Cluster, KafkaError, Topic, Trouble};
use crate::gaps::{Gap, GapReason};
use crate::record::{NextOffset, Partition, Positions};

/// What a look at the topic has shown.
pub(super) struct Finding {
    topic: Topic,
    /// What the partitions hold whose offset was not in the log.
    lost: BTreeMap<Partition, Range<NextOffset>>,
}

/// How long to wait before looking again when no broker answers, or when an answer has not helped.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at a topic, and at what these of its partitions hold, until somebody answers; after a while if `wait`.
pub(super) async fn look_at_topic(
    cluster: Arc<dyn Cluster>,
    name: String,
    lost: BTreeSet<Partition>,
    wait: bool,
) -> Result<Finding, KafkaError> {
    if wait {
        tokio::time::sleep(AGAIN).await;
    }
    loop {
        match look_once(&*cluster, &name, &lost).await {
            Err(e) if matches!(e.kind, Trouble::Unreachable | Trouble::Other) => {
                tokio::time::sleep(AGAIN).await;
            }
            done => return done,
        }
    }
}

async fn look_once(
    cluster: &dyn Cluster,
    name: &str,
    lost: &BTreeSet<Partition>,
) -> Result<Finding, KafkaError> {
    let topic = cluster.describe(name).await?;
    let still_there = lost.iter().copied().filter(|&p| p < topic.partitions);
    let still_there = still_there.collect::<Vec<_>>();
    let lost = match still_there.is_empty() {
        true => BTreeMap::new(),
        false => cluster.offsets(name, still_there).await?,
    };
    Ok(Finding { topic, lost })
}

impl Reading<'_> {
    pub(super) fn mend(&mut self, found: Result<Finding, KafkaError>) -> Result<(), Fault> {
        let Finding { topic, lost } = found.map_err(|e| self.archive.kafka("asking for", &e))?;
        let other_id = matches!((&self.topic.id, &topic.id), (Some(a), Some(b)) if a != b);
        if other_id || topic.partitions < self.topic.partitions {
            return Err(self.recreated());
        }
        if topic.partitions > self.topic.partitions {
            let new = self.topic.partitions..topic.partitions;
            tracing::info!(
                "archive {}: topic {} has new partitions {}–{}, read from their beginning",
                self.archive.config.name,
                self.archive.config.topic,
                new.start,
                new.end - 1,
            );
            let beginnings = new.map(|partition| (partition, 0)).collect();
            self.restart(&beginnings, Vec::new())?;
        }
        self.topic = topic;
        let mut at = Positions::new();
        let mut gaps = Vec::new();
        for (partition, held) in lost {
            let next = self.next(partition);
            let (go_on, gap) = self.place(partition, next, &held);
            match go_on == next {
                true => self.unmoved.insert(partition),
                false => self.unmoved.remove(&partition),
            };
            at.insert(partition, go_on);
            gaps.extend(gap);
        }
        if at.is_empty() {
            Ok(())
        } else {
            self.restart(&at, gaps)
        }
    }

    /// Where a partition goes on whose next offset was not in the log, and what that leaves out.
    fn place(
        &self,
        partition: Partition,
        next: NextOffset,
        held: &Range<NextOffset>,
    ) -> (NextOffset, Option<Gap>) {
        let (go_on, from, to, reason, explanation) = if next < held.start {
            let lost = held.start - next;
            let text = format!("Kafka deleted up to {lost} records before they were read");
            (held.start, next, held.start, GapReason::Expired, text)
        } else if next > held.end {
            let text = format!(
                "the log got shorter: it ends at {} but was read up to {next}; the archive holds what was read, and \
                 records written since to the same offsets may be missing",
                held.end
            );
            (held.end, held.end, next, GapReason::Truncated, text)
        } else {
            return (next, None);
        };
        tracing::warn!(
            "archive {}: partition {partition} of topic {}: a gap from offset {from} to {to}: {explanation}; listed in {}",
            self.archive.config.name,
            self.archive.config.topic,
            self.store.path("gaps.ndjson").display(),
        );
        let gap = Gap {
            noticed: self.archive.world.clock.now(),
            topic_id: self.topic.id.clone(),
            partition,
            from,
            to: Some(to),
            reason,
            explanation,
        };
        (go_on, Some(gap))
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}
