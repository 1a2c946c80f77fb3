//! Changes of a topic: new partitions, offsets that are gone, a topic that was created again.
//!
//! The order: the topic and its unreadable partitions are looked at, new partitions are started, then each unreadable
//! one goes on behind the gap that was found.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::checkpoint::Identity;
use archiver_format::gap::{Gap, GapReason};
use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};

use super::definition::{Archive, Failure, Interruption};
use super::topic_identity::other_cluster;
use super::unreadable::{Unreadable, UnreadablePartitions, Why};
use crate::observe::reason::Reason;
use crate::source::cluster::{Cluster, KafkaError, Topic, Trouble};

/// The result of a look at the topic.
pub(super) struct Finding {
    topic: Topic,
    /// The partitions that couldn't be read: where each stood, and how the brokers have it.
    lost: BTreeMap<Partition, (Position, PartitionState)>,
}

/// A partition that couldn't be read, as the brokers have it.
enum PartitionState {
    /// These offsets. From the second value on, where it is known, the log is not the one that was read.
    Offsets(Range<NextOffset>, Option<NextOffset>),
    /// A corrupt batch at these offsets, and what was said of it.
    Corrupt(Range<NextOffset>, String),
    /// A corrupt batch whose end nobody can tell.
    Stuck(KafkaError),
    /// It can be read where it stands.
    Readable,
}

/// The pause before another look when no broker answers, or when an answer has not helped.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at a topic, and at those of its partitions that couldn't be read. Asks until a broker answers that knows all
/// partitions which are known already; pauses first if `wait`.
pub(super) async fn look_at_topic(
    cluster: Arc<dyn Cluster>,
    name: String,
    known: Topic,
    lost: BTreeMap<Partition, Unreadable>,
    wait: bool,
) -> Result<Finding, KafkaError> {
    if wait {
        tokio::time::sleep(AGAIN).await;
    }
    loop {
        match look_once(&*cluster, &name, &known, &lost).await {
            Err(e)
                if matches!(
                    e.kind,
                    Trouble::Unreachable | Trouble::NotLetIn | Trouble::Changing | Trouble::Other
                ) =>
            {
                tokio::time::sleep(AGAIN).await;
            }
            done => return done,
        }
    }
}

/// Asks once for the topic, for the offsets of its partitions, and for the ends of corrupt batches.
async fn look_once(
    cluster: &dyn Cluster,
    name: &str,
    known: &Topic,
    lost: &BTreeMap<Partition, Unreadable>,
) -> Result<Finding, KafkaError> {
    let topic = cluster.describe(name).await?;
    if topic.is_behind(known) {
        return Err(KafkaError {
            kind: Trouble::Other,
            text: "the broker doesn't know of all partitions yet".into(),
        });
    }
    let lost = lost.iter().filter(|(p, _)| **p < topic.partitions);
    let lost = lost.collect::<BTreeMap<_, _>>();
    let not_there = |(&&p, lost): (&&Partition, &&Unreadable)| match lost.why {
        Why::NotThere(_) => Some(p),
        Why::Corrupt(_) => None,
    };
    let not_there = lost.iter().filter_map(not_there).collect::<Vec<_>>();
    let mut offsets = match not_there.is_empty() {
        true => BTreeMap::new(),
        false => cluster.offsets(name, not_there).await?,
    };
    let mut found = BTreeMap::new();
    for (&partition, Unreadable { at, why }) in lost {
        let state = match why {
            Why::NotThere(parted) => match offsets.remove(&partition) {
                Some(offsets) => PartitionState::Offsets(offsets, *parted),
                None => continue,
            },
            Why::Corrupt(why) => match cluster.corrupt(name, partition, at.next).await {
                Ok(Some(range)) => PartitionState::Corrupt(range, why.clone()),
                Ok(None) => PartitionState::Readable,
                Err(e) if e.is_corrupt() => PartitionState::Stuck(e),
                Err(e) => return Err(e),
            },
        };
        found.insert(partition, (*at, state));
    }
    Ok(Finding { topic, lost: found })
}

/// Partitions to be started again at other positions, and the gaps that this leaves.
#[derive(Default)]
pub(super) struct Restart {
    pub at: Positions,
    pub gaps: Vec<Gap>,
}

/// The partitions that are new since the topic was last looked at, to be read from their beginning. Fails if the topic
/// was created again, or if another cluster answers.
pub(super) fn new_partitions(
    archive: &Archive,
    identity: &Identity,
    known: &Topic,
    found: &Finding,
) -> Result<Positions, Interruption> {
    let topic = &found.topic;
    if let Some(elsewhere) = topic.of_another_cluster(identity.cluster_id.as_ref()) {
        return Err(other_cluster(&archive.cluster_name, identity, elsewhere));
    }
    if topic.is_another(known.id.as_ref()) || topic.partitions < known.partitions {
        return Err(recreated(archive));
    }
    let new = known.partitions..topic.partitions;
    if !new.is_empty() {
        tracing::info!(
            "archive {}: topic {} has new partitions {}–{}, read from their beginning",
            archive.config.name,
            archive.config.topic,
            new.start,
            new.end - 1,
        );
    }
    Ok(new
        .map(|partition| (partition, Position::default()))
        .collect())
}

/// The topic was created again: the next attempt lists the gaps and starts on the new one.
pub(super) fn recreated(archive: &Archive) -> Interruption {
    let topic = archive.config.topic.clone();
    Failure::retry(Reason::Recreated { topic }).into()
}

impl From<Positions> for Restart {
    /// Without leaving anything out.
    fn from(at: Positions) -> Self {
        Self {
            at,
            gaps: Vec::new(),
        }
    }
}

impl Finding {
    /// Where the partitions that couldn't be read go on. `positions` is where they stand now, `gaps` the path of the
    /// list.
    pub fn restart(
        self,
        archive: &Archive,
        unreadable: &mut UnreadablePartitions,
        positions: &Positions,
        gaps: &Path,
    ) -> (Topic, Restart) {
        let mut restart = Restart::default();
        for (partition, (looked_at, found)) in self.lost {
            let at = positions.get(partition).unwrap_or_default();
            if looked_at != at {
                // It has moved since, and is being read; if anything is in its way now, that is reported anew.
                continue;
            }
            if let PartitionState::Stuck(e) = found {
                let remedy =
                    "or delete the partition's records (kafka-delete-records.sh) up to behind it";
                unreadable.hold_up(archive, partition, at, &e, remedy);
                continue;
            }
            let (mut to, gap) = go_on(archive, &self.topic, gaps, partition, at, found);
            if to == at && unreadable.is_unmoved(partition) {
                to = without_epoch(archive, partition, at);
            }
            unreadable.goes_on(partition, to != at);
            restart.at.set(partition, to);
            restart.gaps.extend(gap);
        }
        (self.topic, restart)
    }
}

/// An offset that is refused again although the log holds it: the brokers may not know the leader epoch any more that was
/// read before it, as after a restore of older data. Without it they take the offset.
fn without_epoch(archive: &Archive, partition: Partition, at: Position) -> Position {
    if let Some(epoch) = at.epoch {
        tracing::warn!(
            "archive {}: partition {partition} of topic {} is refused at offset {}, which its log holds; going on without \
             leader epoch {epoch}, which the brokers may have lost: if the log was replaced, records may be missing",
            archive.config.name,
            archive.config.topic,
            at.next,
        );
    }
    at.next.into()
}

/// Where a partition that couldn't be read goes on, and the gap that this leaves.
fn go_on(
    archive: &Archive,
    topic: &Topic,
    gaps: &Path,
    partition: Partition,
    at: Position,
    found: PartitionState,
) -> (Position, Option<Gap>) {
    let next = at.next;
    // The rest of a shorter log was written in this epoch or an earlier one: with it, a further loss is noticed.
    // Records that were never read may be of later epochs, so partitions that go on behind a gap start without one.
    let back_to = |next| Position {
        next,
        epoch: at.epoch,
    };
    let (go_on, missing, reason, explanation) = match found {
        PartitionState::Offsets(log, _) if next < log.start => {
            // Nothing is missing of what isn't wanted.
            let window = archive.window.as_ref();
            let end = window.and_then(|window| window.to.as_ref()?.get(&partition).copied());
            let until = end.map_or(log.start, |end| end.min(log.start));
            let lost = until.since(next);
            let text = format!("Kafka deleted up to {lost} records before they were read");
            let to = log.start.into();
            (to, next..until, GapReason::Expired, text)
        }
        PartitionState::Offsets(log, Some(parted)) if parted < next => {
            // What came in their place up to the log's start was deleted unread, and what comes then may be of any epoch.
            let to = match parted < log.start {
                true => log.start.into(),
                false => back_to(parted),
            };
            let text = format!(
                "Kafka lost records that had been read, from {parted} up to {next}, and may hold others at their \
                 offsets; the archive keeps what was read, and goes on with the others"
            );
            (to, parted..next, GapReason::Truncated, text)
        }
        PartitionState::Offsets(log, _) if next > log.end => {
            let text = format!(
                "the log got shorter: it ends at {} but was read up to {next}; the archive holds what was read, \
                 and records written since to the same offsets may be missing",
                log.end
            );
            let to = back_to(log.end);
            (to, log.end..next, GapReason::Truncated, text)
        }
        PartitionState::Corrupt(range, why) if next < range.end => {
            let text =
                format!("Kafka holds them damaged ({why}), and corrupt = \"skip\" leaves them out");
            let missing = next.max(range.start)..range.end;
            (range.end.into(), missing, GapReason::Corrupt, text)
        }
        PartitionState::Offsets(..)
        | PartitionState::Corrupt(..)
        | PartitionState::Stuck(_)
        | PartitionState::Readable => {
            return (at, None);
        }
    };
    tracing::warn!(
        "archive {}: partition {partition} of topic {}: a gap from offset {} to {}: {explanation}; listed in {}",
        archive.config.name,
        archive.config.topic,
        missing.start,
        missing.end,
        gaps.display(),
    );
    let gap = Gap {
        noticed: archive.environment.clock.now(),
        topic_id: topic.id.clone(),
        partition,
        from: missing.start,
        to: Some(missing.end),
        reason,
        explanation,
    };
    (go_on, Some(gap))
}
