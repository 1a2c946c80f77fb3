//! What the cluster says of topics. Every broker answers this from what it has been told itself, and one that was cut
//! off or asleep says for a moment what was true before: that a topic still is the one that has been deleted. So two of
//! them are asked, and believed when they agree.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::health::Health;
use super::native::Client;
use super::questions::{TIMEOUT, no_answer};
use crate::source::cluster::{KafkaError, Topic, Trouble};

type Described = Result<Topic, KafkaError>;

/// How many topics are described in one request, at most.
const DESCRIBE_MOST: usize = 2_000;

/// Has a client know who leads the partitions of these topics: reading one whose leaders are not known waits half a
/// second. Without an answer it finds out by itself, later.
pub(super) fn know(client: &Client, topics: &[String]) {
    if let Some(&broker) = client.brokers(TIMEOUT).unwrap_or_default().first() {
        for part in topics.chunks(DESCRIBE_MOST) {
            let _ = client.describe(broker, part, TIMEOUT);
        }
    }
}

/// How long to wait for the second broker: when it doesn't answer, the first one is believed.
const SECOND: Duration = Duration::from_secs(2);

/// Each of these topics, in this order. Blocks.
pub(super) fn describe(asker: &Arc<Client>, health: &Health, topics: &[String]) -> Vec<Described> {
    let mut distinct = topics.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let mut described = HashMap::new();
    for part in distinct.chunks(DESCRIBE_MOST) {
        match describe_part(asker, part) {
            Ok(found) => described.extend(found),
            Err(e) => {
                let e = health.explain(e);
                described.extend(part.iter().map(|topic| (topic.clone(), Err(e.clone()))));
            }
        }
    }
    topics
        .iter()
        .map(|topic| described.get(topic).cloned().unwrap_or_else(no_answer))
        .collect()
}

/// Describes topics as two brokers do, in turn: one alone may not know yet that a topic was created again.
fn describe_part(
    asker: &Client,
    topics: &[String],
) -> Result<HashMap<String, Described>, KafkaError> {
    // librdkafka would ask the controller, which may be away while others answer.
    let brokers = asker.brokers(TIMEOUT)?;
    let (&first, others) = brokers.split_first().ok_or_else(|| KafkaError {
        kind: Trouble::Unreachable,
        text: "no broker is known".into(),
    })?;
    let described = asker.describe(first, topics, TIMEOUT)?;
    let mut described = described.into_iter().collect::<HashMap<_, _>>();
    if let Some(&second) = others.get(turn() % others.len().max(1))
        && let Ok(again) = asker.describe(second, topics, SECOND)
    {
        for (topic, second) in again {
            if let Some(first) = described.remove(&topic) {
                described.insert(topic, agreed(first, second));
            }
        }
    }
    // Known from the answer.
    let cluster_id = asker.cluster_id(Duration::ZERO);
    for topic in described.values_mut().flatten() {
        topic.cluster_id.clone_from(&cluster_id);
    }
    Ok(described)
}

/// Another one each time.
fn turn() -> usize {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    TURN.fetch_add(1, Ordering::Relaxed)
}

/// What two brokers say of a topic, if it is the same.
fn agreed(first: Described, second: Described) -> Described {
    let differ = |what: &str| {
        Err(KafkaError {
            kind: Trouble::Changing,
            text: format!("the brokers don't agree yet {what}"),
        })
    };
    match (first, second) {
        (Ok(first), Ok(second)) if first.id != second.id => {
            differ("which topic of that name there is")
        }
        (Ok(first), Ok(second)) => Ok(Topic {
            partitions: first.partitions.max(second.partitions),
            ..first
        }),
        (Ok(_), Err(e)) | (Err(e), Ok(_)) if e.kind == Trouble::Missing => {
            differ("whether the topic exists")
        }
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(id: &str, partitions: i32) -> Described {
        Ok(Topic {
            id: Some(id.into()),
            partitions,
            cluster_id: None,
        })
    }

    fn error(kind: Trouble) -> Described {
        let text = String::new();
        Err(KafkaError { kind, text })
    }

    fn kind(described: Described) -> Option<Trouble> {
        described.err().map(|e| e.kind)
    }

    #[test]
    fn a_broker_that_still_knows_the_old_topic_is_not_believed() {
        let (old, new) = (|| topic("old", 1), || topic("new", 1));
        assert_eq!(kind(agreed(old(), new())), Some(Trouble::Changing));
        assert_eq!(kind(agreed(new(), old())), Some(Trouble::Changing));
        let gone = || error(Trouble::Missing);
        assert_eq!(kind(agreed(old(), gone())), Some(Trouble::Changing));
        assert_eq!(kind(agreed(gone(), old())), Some(Trouble::Changing));
        assert_eq!(kind(agreed(gone(), gone())), Some(Trouble::Missing));
    }

    #[test]
    fn partitions_that_one_broker_knows_are_there() {
        let described = agreed(topic("same", 1), topic("same", 3)).map(|topic| topic.partitions);
        assert_eq!(described.ok(), Some(3));
    }

    #[test]
    fn a_second_broker_in_trouble_changes_nothing() {
        let described = agreed(topic("same", 1), error(Trouble::Unreachable));
        assert_eq!(kind(described), None);
        assert_eq!(
            kind(agreed(error(Trouble::Denied), topic("same", 1))),
            Some(Trouble::Denied)
        );
    }
}
