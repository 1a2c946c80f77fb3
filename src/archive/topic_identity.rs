//! The identity of a topic: is it still the one that was read? Kafka's client goes on at the old offset when a topic is
//! deleted and created again.

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;

use super::definition::Interruption;
use crate::observe::reason::Reason;
use crate::source::cluster::{Cluster, KafkaError, Topic, Trouble};

/// Was the topic created again?
pub(super) enum Recreated {
    /// No; or it was deleted, and nothing is there in its place.
    No,
    /// Yes, but nothing of the new topic can have been read yet.
    AfterReading,
    /// Yes, and the new topic already holds offsets that may have been read in the old one's place.
    PerhapsRead,
    /// Another cluster answers, of this id.
    Elsewhere(String),
}

/// Another cluster answers at the address. Nothing since the last checkpoint is trusted, even if the right one is back
/// before the next checkpoint.
pub(super) fn other_cluster(name: &str, identity: &Identity, found: &str) -> Interruption {
    let expected = identity.cluster_id.as_deref().unwrap_or("unknown");
    Interruption::distrust(Reason::ClusterChanged {
        cluster: name.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}

/// Was the topic created again, and if so, may records of the new one be among those `read` since `checkpointed`?
pub(super) async fn is_recreated(
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

/// May any record that was read since a checkpoint be of the topic that has the name now?
async fn perhaps_read(
    cluster: &dyn Cluster,
    identity: &Identity,
    now: &Topic,
    checkpointed: &Positions,
    read: &Positions,
) -> Result<bool, KafkaError> {
    let all = (0..now.partitions).collect();
    let offsets = cluster.offsets(&identity.topic, all).await?;
    // Once records of the new topic are read, reading has come no further than the new topic's end: a partition that
    // has been read further holds only records of the old one.
    Ok(offsets.iter().any(|(partition, log)| {
        let (from, to) = (checkpointed.next(*partition), read.next(*partition));
        // `to` may be less than was checkpointed: the log was found shorter, perhaps as it is the new topic's, and was
        // read from its end on.
        from != to && to <= log.end
    }))
}
