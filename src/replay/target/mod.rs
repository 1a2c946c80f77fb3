//! What is known of a topic that records are sent to, and what follows for them: whether they would arrive, and stay.
//!
//! Brokers refuse whole batches: what one of them would refuse, others go down with.

mod limits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::source::cluster::{KafkaError, Topic, Trouble};

/// What is wrong with a topic for the records that are to be sent to it: one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Some of them would not arrive, or not stay, or not as they are.
    Warning(String),
    /// None of them would, or there is nowhere to send them.
    Error(String),
}

/// How many of the records something is so of, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Share {
    /// Of none, or that isn't known.
    #[default]
    None,
    /// Of some.
    Some,
    /// Of all.
    All,
}

/// What is known of the records for one topic before they are sent. Timestamps are those that they would be sent with, in
/// milliseconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The earliest timestamp.
    pub oldest_ms: Option<i64>,
    /// The latest timestamp.
    pub newest_ms: Option<i64>,
    /// How many partitions there must be, where each goes to the one that it was in: one more than the highest.
    pub partitions: Option<i32>,
    /// How many have no key.
    pub keyless: Share,
    /// The bytes of the largest one: key, value and headers.
    pub largest_bytes: Option<u64>,
}

/// How they are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// With the timestamps that they have (`--timestamps keep`).
    pub keeps_timestamps: bool,
    /// Each to the partition that it was in (`--partition keep`).
    pub keeps_partitions: bool,
}

/// How a topic is configured, by key.
pub type Config = BTreeMap<String, String>;

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
