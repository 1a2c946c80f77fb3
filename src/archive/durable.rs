//! From what is written to a stored checkpoint, provided that it is what the checkpoint says it is.

use std::sync::Arc;
use std::time::Duration;

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;
use tokio::time::sleep;

use super::reading::{Fault, Reading};
use crate::cluster::{Cluster, KafkaError, Topic, Trouble};
use crate::ledger::{Checkpointed, Durable, Written};
use crate::reason::Reason;
use crate::world::disk::Disk;

/// What came of making something durable.
pub(super) enum Outcome {
    /// It is stored. If `true`, the topic was created again since the records were read.
    Stored(Box<Checkpointed>, bool),
    /// The brokers can't tell now whether the topic is still the one that was read.
    Postponed(KafkaError),
    /// The topic was created again, and what was read may be of either. It is durable, and the next attempt goes back.
    Unsure,
}

/// How long to wait for the brokers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Without their answer there is no checkpoint, and it is waited for unless there is a hurry.
    Endless,
    /// Nor without one in a moment: the next attempt can as well go back to the last checkpoint.
    Short,
    /// It is the last checkpoint before a stop that was asked for: without an answer in a moment, the topic is taken
    /// to be the same, until the next start can ask.
    Trusting,
}

/// A moment.
const SHORT: Duration = Duration::from_secs(1);

/// Makes what was written durable and stores it as this archive's checkpoint.
///
/// Kafka's client goes on at the old offset when a topic is deleted and created again, so before anything
/// counts as archived it is made sure that it was read from the topic that the checkpoint names, in its cluster.
pub(super) fn checkpoint(
    reading: &Reading<'_>,
    written: Written,
    patience: Patience,
) -> impl Future<Output = Result<Outcome, Fault>> + Send + use<> {
    let (store, identity) = (reading.store.clone(), reading.identity.clone());
    let stored = reading.checkpointed.checkpoint();
    // Else the brokers have stopped telling ids, and what is stored may be of another topic.
    let is_of_topic = stored.identity.topic_id == identity.topic_id;
    let before = is_of_topic.then(|| stored.progress.clone());
    let read = written.progress().positions.clone();
    let (cluster, disk) = (
        Arc::clone(&reading.archive.cluster),
        reading.disks.data.clone(),
    );
    let file = reading.archive.config.file.clone();
    let cluster_name = reading.archive.cluster_name.clone();
    let hurry = Arc::clone(&reading.hurry);
    async move {
        let none = Positions::default();
        let from = before.as_ref().map_or(&none, |before| &before.positions);
        let too_long = async {
            match patience {
                Patience::Endless => hurry.notified().await,
                Patience::Short | Patience::Trusting => sleep(SHORT).await,
            }
        };
        let recreated = tokio::select! {
            biased;
            recreated = is_recreated(&*cluster, &identity, from, &read) => recreated,
            () = too_long => Err(KafkaError {
                kind: Trouble::Unreachable,
                text: "no answer".into(),
            }),
        };
        let (recreated, verified) = match recreated {
            Ok(Recreated::No) => (false, None),
            Ok(Recreated::AfterReading) => (true, None),
            Ok(Recreated::Elsewhere(found)) => {
                return Err(other_cluster(&cluster_name, &identity, &found));
            }
            Ok(Recreated::PerhapsRead) => {
                let _ = sync(written, &disk).await?;
                return Ok(Outcome::Unsure);
            }
            Err(e) if patience == Patience::Trusting => match before {
                Some(before) => (false, Some(before)),
                None => {
                    let topic = identity.topic;
                    return Err(Fault::Distrust(Reason::TopicUnsure { topic, error: e }));
                }
            },
            Err(e) => return Ok(Outcome::Postponed(e)),
        };
        let durable = sync(written, &disk).await?;
        let stored = store.save(identity, durable, verified).await;
        match stored {
            Ok(checkpointed) => Ok(Outcome::Stored(Box::new(checkpointed), recreated)),
            Err(source) => Err(Fault::Distrust(Reason::Storing { file, source })),
        }
    }
}

pub(super) async fn sync(written: Written, disk: &Disk) -> Result<Durable, Fault> {
    let synced = written.sync(disk).await;
    synced.map_err(|e| Fault::Distrust(Reason::Syncing(e)))
}

enum Recreated {
    No,
    /// Yes, but nothing of the new topic can have been read yet.
    AfterReading,
    /// Yes, and the new topic already holds offsets that may have been read in the old one's place.
    PerhapsRead,
    /// It is the topic of the cluster of this id, which is another one.
    Elsewhere(String),
}

/// Another cluster answers at the address. Nothing since the last checkpoint is trusted, also if the right one is back
/// before the next.
pub(super) fn other_cluster(name: &str, identity: &Identity, found: &str) -> Fault {
    let expected = identity.cluster_id.as_deref().unwrap_or("unknown");
    Fault::Distrust(Reason::ClusterChanged {
        cluster: name.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}

async fn is_recreated(
    cluster: &dyn Cluster,
    identity: &Identity,
    checkpointed: &Positions,
    read: &Positions,
) -> Result<Recreated, KafkaError> {
    let now: Topic = match cluster.describe(&identity.topic).await {
        Ok(now) => now,
        // Deleted, and nothing new is there.
        Err(e) if e.kind == Trouble::Missing => return Ok(Recreated::No),
        Err(e) => return Err(e),
    };
    if let Some(found) = now.of_another_cluster(identity.cluster_id.as_ref()) {
        return Ok(Recreated::Elsewhere(found.clone()));
    }
    if !now.is_another(identity.topic_id.as_ref()) {
        return Ok(Recreated::No);
    }
    Ok(
        match perhaps_read(cluster, identity, &now, checkpointed, read).await? {
            true => Recreated::PerhapsRead,
            false => Recreated::AfterReading,
        },
    )
}

/// May any of what was read of a topic since a checkpoint be of the one that has its name now?
pub(super) async fn perhaps_read(
    cluster: &dyn Cluster,
    identity: &Identity,
    now: &Topic,
    checkpointed: &Positions,
    read: &Positions,
) -> Result<bool, KafkaError> {
    let all = (0..now.partitions).collect();
    let held = cluster.offsets(&identity.topic, all).await?;
    // Once records of the new topic are read, what is read ends no later than the new topic does: a partition that
    // has been read further holds only records of the old one.
    Ok(held.iter().any(|(partition, held)| {
        let (from, to) = (checkpointed.next(*partition), read.next(*partition));
        // Less than was checkpointed: its log was found shorter, perhaps the new topic's, and read from its end on.
        from != to && to <= held.end
    }))
}
