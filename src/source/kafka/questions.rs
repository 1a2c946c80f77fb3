//! Questions to a cluster: its id, its topics, and which offsets its partitions hold. What it says of topics is in
//! [`super::describe_topics`], where a corrupt batch ends in [`super::corrupt_range`].

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use archiver_format::record::{NextOffset, Partition};

use super::health::Health;
use super::native::{Client, Place};
use crate::source::cluster::{KafkaError, TopicList, Trouble};

/// How long to wait for a broker's answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before seeing whether the cluster is known to be in trouble.
const GLANCE: Duration = Duration::from_millis(500);

/// A cluster's id; none if it has none.
pub(super) type Id = Result<Option<String>, KafkaError>;
/// All topics.
pub(super) type Named = Result<TopicList, KafkaError>;
/// A partition of a topic.
pub(super) type Asked = (String, Partition);
/// The offsets that a partition holds.
pub(super) type Held = Result<Range<NextOffset>, KafkaError>;
/// A partition, and the offsets in which a corrupt batch is.
pub(super) type Suspect = (Asked, Range<NextOffset>);
/// The offsets of the corrupt batch.
pub(super) type Found = Result<Option<Range<NextOffset>>, KafkaError>;

/// The id of the cluster. Blocks.
pub(super) fn identify(asker: &Client, health: &Health) -> Id {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        if let Some(id) = asker.cluster_id(GLANCE) {
            return Ok(Some(id));
        }
        // Known to be unreachable: whoever asks should say so, and ask again later.
        if let Some(trouble) = health.known_trouble() {
            return Err(trouble);
        }
    }
    // Nobody answered, or who did doesn't know.
    match asker.brokers(GLANCE) {
        Ok(_) => Ok(None),
        Err(e) => Err(health.explain(e)),
    }
}

/// All topics. Blocks.
pub(super) fn name(asker: &Client, health: &Health) -> Named {
    let names = asker.topics(TIMEOUT).map_err(|e| health.explain(e))?;
    // Known from the answer.
    let cluster_id = asker.cluster_id(Duration::ZERO);
    Ok(TopicList { names, cluster_id })
}

/// What each of these partitions holds, in this order. Blocks.
pub(super) fn list(
    asker: &Client,
    health: &Health,
    asked: &[Asked],
    committed_only: bool,
) -> Vec<Held> {
    let mut distinct = asked.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let ask = |place| {
        let listed = asker.list_offsets(&distinct, place, committed_only, TIMEOUT);
        listed.map(|listed| listed.into_iter().collect::<HashMap<_, _>>())
    };
    let both = ask(Place::Start).and_then(|starts| Ok((starts, ask(Place::End)?)));
    let (starts, ends) = match both {
        Ok(both) => both,
        Err(e) => {
            if e.kind == Trouble::Unreachable {
                health.doubt();
            }
            let e = health.explain(e);
            return asked.iter().map(|_| Err(e.clone())).collect();
        }
    };
    let held = |partition| {
        let start = starts.get(partition).cloned().unwrap_or_else(no_answer)?;
        let end = ends.get(partition).cloned().unwrap_or_else(no_answer)?;
        Ok(start.offset..end.offset)
    };
    let held = asked.iter().map(held).collect::<Vec<_>>();
    let is_silent = |held: &Held| matches!(held, Err(e) if e.kind == Trouble::Unreachable);
    if !held.is_empty() && held.iter().all(is_silent) {
        health.doubt();
    }
    held
}

/// An answer to several questions has none to this one.
pub(super) fn no_answer<T>() -> Result<T, KafkaError> {
    Err(KafkaError {
        kind: Trouble::Other,
        text: "the answer left it out".into(),
    })
}
