//! What a look at the topic means: new partitions, offsets that are gone, a topic created again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::checkpoint::Identity;
use archiver_format::gap::{Gap, GapReason};
use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};

use super::archive::{Archive, Fault, Stop};
use super::topic_identity::other_cluster;
use super::unreadable::{Unreadable, UnreadablePartitions, Why};
use crate::observe::reason::Reason;
use crate::source::cluster::{Cluster, KafkaError, Topic, Trouble};

/// What a look at the topic has shown.
pub(super) struct Finding {
    topic: Topic,
    /// What there is of the partitions that couldn't be read on where they were.
    lost: BTreeMap<Partition, (Position, There)>,
}

enum There {
    /// These offsets are held, and from the other one on the log is not what was read.
    Held(Range<NextOffset>, Option<NextOffset>),
    /// A corrupt batch that takes these offsets, and what was said of it.
    Corrupt(Range<NextOffset>, String),
    /// A corrupt batch, and nobody can say where it ends.
    Stuck(KafkaError),
    /// It can be read where it is.
    Readable,
}

/// How long to wait before looking again when no broker answers, or when an answer has not helped.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at a topic, and at what there is of these of its partitions, until somebody answers who knows at least what
/// is known of it; after a while if `wait`.
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
    let mut held = match not_there.is_empty() {
        true => BTreeMap::new(),
        false => cluster.offsets(name, not_there).await?,
    };
    let mut found = BTreeMap::new();
    for (&partition, Unreadable { at, why }) in lost {
        let there = match why {
            Why::NotThere(parted) => match held.remove(&partition) {
                Some(held) => There::Held(held, *parted),
                None => continue,
            },
            Why::Corrupt(why) => match cluster.corrupt(name, partition, at.next).await {
                Ok(Some(range)) => There::Corrupt(range, why.clone()),
                Ok(None) => There::Readable,
                Err(e) if e.is_corrupt() => There::Stuck(e),
                Err(e) => return Err(e),
            },
        };
        found.insert(partition, (*at, there));
    }
    Ok(Finding { topic, lost: found })
}

/// Partitions that are started again somewhere else, and what that leaves out.
#[derive(Default)]
pub(super) struct Restart {
    pub at: Positions,
    pub gaps: Vec<Gap>,
}

/// What is to be done about what was found. `known` is what was known of the topic before.
pub(super) fn follow(
    archive: &Archive,
    identity: &Identity,
    known: &Topic,
    found: &Finding,
) -> Result<Positions, Fault> {
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

/// The next attempt lists the gaps and starts on the new topic.
pub(super) fn recreated(archive: &Archive) -> Fault {
    let topic = archive.config.topic.clone();
    Stop::Retry(Reason::Recreated { topic }).into()
}

impl Finding {
    /// Where the partitions go on that couldn't be read; `positions` is where they are now, `gaps` where gaps are listed.
    pub fn restart(
        self,
        archive: &Archive,
        unreadable: &mut UnreadablePartitions,
        positions: &Positions,
        gaps: &Path,
    ) -> (Topic, Restart) {
        let mut restart = Restart::default();
        for (partition, (looked_at, there)) in self.lost {
            let at = positions.get(partition).unwrap_or_default();
            if looked_at != at {
                // It has been mended since, and is being read; whatever is in its way now will be said.
                continue;
            }
            if let There::Stuck(e) = there {
                let remedy =
                    "or delete the partition's records (kafka-delete-records.sh) up to behind it";
                unreadable.hold_up(archive, partition, at, &e, remedy);
                continue;
            }
            let (to, gap) = go_on(archive, &self.topic, gaps, partition, at, there);
            unreadable.goes_on(partition, to != at);
            restart.at.set(partition, to);
            restart.gaps.extend(gap);
        }
        (self.topic, restart)
    }
}

/// Where a partition goes on that couldn't be read where it is, and what that leaves out.
fn go_on(
    archive: &Archive,
    topic: &Topic,
    gaps: &Path,
    partition: Partition,
    at: Position,
    there: There,
) -> (Position, Option<Gap>) {
    let next = at.next;
    // What is left of a log that got shorter was written in no later epoch: with that, its becoming another one is noticed
    // again. In what was never read there may be later ones.
    let back_to = |next| Position {
        next,
        epoch: at.epoch,
    };
    let (go_on, missing, reason, explanation) = match there {
        There::Held(held, _) if next < held.start => {
            let lost = held.start.since(next);
            let text = format!("Kafka deleted up to {lost} records before they were read");
            let to = held.start.into();
            (to, next..held.start, GapReason::Expired, text)
        }
        There::Held(held, Some(parted)) if parted < next => {
            // What came before the log's start was the same, or was never seen.
            let parted = parted.max(held.start);
            let text = format!(
                "Kafka lost records that had been read, from {parted} up to {next}, and may hold others at their \
                 offsets; the archive keeps what was read, and goes on with the others"
            );
            let to = back_to(parted);
            (to, parted..next, GapReason::Truncated, text)
        }
        There::Held(held, _) if next > held.end => {
            let text = format!(
                "the log got shorter: it ends at {} but was read up to {next}; the archive holds what was read, \
                 and records written since to the same offsets may be missing",
                held.end
            );
            let to = back_to(held.end);
            (to, held.end..next, GapReason::Truncated, text)
        }
        There::Corrupt(range, why) if next < range.end => {
            let text =
                format!("Kafka holds them damaged ({why}), and corrupt = \"skip\" leaves them out");
            let missing = next.max(range.start)..range.end;
            (range.end.into(), missing, GapReason::Corrupt, text)
        }
        There::Held(..) | There::Corrupt(..) | There::Stuck(_) | There::Readable => {
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
        noticed: archive.world.clock.now(),
        topic_id: topic.id.clone(),
        partition,
        from: missing.start,
        to: Some(missing.end),
        reason,
        explanation,
    };
    (go_on, Some(gap))
}
