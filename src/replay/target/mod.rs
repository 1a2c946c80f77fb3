//! What is known of a topic that records are sent to, and what follows for them: whether they would arrive, and stay.
//!
//! Brokers refuse whole batches: what one of them would refuse, others go down with.

mod known;
mod limits;
#[cfg(test)]
mod tests;

pub use known::{Config, Manner, Records, Share, Verdict};

use crate::source::cluster::{KafkaError, Topic, Trouble};

/// What is wrong with the topic of this name, as the cluster describes it; nothing if it is as it should be. What is
/// `None` could not be asked for.
pub fn verdicts(
    name: &str,
    described: &Result<Topic, KafkaError>,
    config: Option<&Config>,
    records: &Records,
    manner: Manner,
    now_ms: i64,
) -> Vec<Verdict> {
    let topic = match described {
        Ok(topic) => topic,
        Err(e) => return vec![Verdict::Error(absent(name, e))],
    };
    let mut found = Vec::new();
    found.extend(same(name, topic, records));
    found.extend(partitions(name, topic, records).filter(|_| manner.keeps_partitions));
    if let Some(config) = config {
        found.extend(limits::verdicts(name, config, records, manner, now_ms));
    }
    found
}

/// The bytes that a batch for this topic may have: a broker refuses one that is larger than `max.message.bytes`, however
/// small its records are.
pub fn batch_bytes(config: &Config) -> Option<u32> {
    let most = limits::number(config, "max.message.bytes")?;
    u32::try_from(most).ok()
}

fn absent(name: &str, e: &KafkaError) -> String {
    match e.kind {
        Trouble::Missing => {
            format!("topic {name} doesn't exist; --create-topics makes it")
        }
        _ => format!("asking about topic {name}: {e}"),
    }
}

/// They would go back to where they come from.
fn same(name: &str, topic: &Topic, records: &Records) -> Option<Verdict> {
    let id = topic.id.as_ref()?;
    records.topic_ids.contains(id).then(|| {
        Verdict::Warning(format!(
            "topic {name} is the very topic that these records were archived from: whoever reads it gets them once more, \
             and so does an archive of it; name another one with -t or --topic-map"
        ))
    })
}

fn partitions(name: &str, topic: &Topic, records: &Records) -> impl Iterator<Item = Verdict> {
    let needed = records.partitions.filter(|&of| of > topic.partitions);
    let said = needed.map(|needed| {
        let (has, highest) = (topic.partitions, needed - 1);
        Verdict::Error(format!(
            "topic {name} has {has} partitions, and there are records of partition {highest}, which --partition keep \
             sends to a partition of that number; add partitions up to {needed}, or use --partition key or spread"
        ))
    });
    said.into_iter()
}
