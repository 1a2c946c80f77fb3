//! What there is of many topics, in as few requests as there can be, however many partitions they have.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use archiver_format::record::{NextOffset, Partition};

use crate::source::cluster::{KafkaError, Topic};
use crate::source::kafka::Scanner;

/// What there is of a topic.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub topic: String,
    /// What the cluster says of it.
    pub described: Result<Topic, KafkaError>,
    /// The offsets that each partition holds, in their order.
    pub held: Vec<Result<Range<NextOffset>, KafkaError>>,
    /// The timestamp of the first record of a partition that has the earliest, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// The latest timestamp, the same.
    pub newest_ms: Option<i64>,
    /// How many records came each second while it was looked at.
    pub records_per_s: Option<f64>,
}

impl Surveyed {
    fn new(topic: String, described: Result<Topic, KafkaError>) -> Self {
        Self {
            topic,
            described,
            held: Vec::new(),
            oldest_ms: None,
            newest_ms: None,
            records_per_s: None,
        }
    }

    /// How many partitions it has, if that is known.
    pub fn partitions(&self) -> i32 {
        self.described.as_ref().map_or(0, |topic| topic.partitions)
    }

    /// How many records there are at most; nothing if a partition couldn't be asked.
    pub fn records(&self) -> Option<u64> {
        let held = self.held.iter().map(|held| held.as_ref().ok().map(length));
        self.described.as_ref().ok().and_then(|_| held.sum())
    }

    /// What couldn't be asked, and why.
    pub fn errors(&self) -> Vec<String> {
        let whole = self.described.as_ref().err().map(ToString::to_string);
        let held = (0..).zip(&self.held);
        let parts = held.filter_map(|(partition, held): (Partition, _)| {
            let error = held.as_ref().err()?;
            Some(format!("partition {partition}: {error}"))
        });
        whole.into_iter().chain(parts).collect()
    }
}

/// Looks at these topics: twice at their ends, with so much time in between.
pub(super) async fn survey(
    scanner: &Scanner,
    names: Vec<String>,
    moment: Duration,
) -> Result<Vec<Surveyed>, KafkaError> {
    let described = scanner.describe_all(&names).await?;
    let (mut topics, mut places, mut asked) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (name, described) in names.into_iter().zip(described) {
        let topic = Surveyed::new(name.clone(), described);
        asked.extend((0..topic.partitions()).map(|partition| (name.clone(), partition)));
        places.insert(name, topics.len());
        topics.push(topic);
    }
    let begun = Instant::now();
    let mut filled = Vec::new();
    for (of, held) in asked.iter().zip(scanner.offsets_of(&asked).await?) {
        let topic = &mut topics[places[&of.0]];
        let records = held.as_ref().map_or(0, length);
        topic.held.push(held);
        if records > 0 {
            filled.push(of.clone());
        }
    }
    let (oldest, newest) = tokio::join!(scanner.oldest(filled.clone()), scanner.newest(filled));
    for ((name, _), ms) in oldest? {
        let topic = &mut topics[places[&name]];
        topic.oldest_ms = Some(topic.oldest_ms.map_or(ms, |oldest| oldest.min(ms)));
    }
    for ((name, _), ms) in newest? {
        let topic = &mut topics[places[&name]];
        topic.newest_ms = topic.newest_ms.max(Some(ms));
    }
    if moment > Duration::ZERO {
        tokio::time::sleep(moment.saturating_sub(begun.elapsed())).await;
        let passed = begun.elapsed().as_secs_f64();
        for ((name, partition), after) in asked.iter().zip(scanner.offsets_of(&asked).await?) {
            let topic = &mut topics[places[name]];
            let before = usize::try_from(*partition).ok();
            let before = before.and_then(|partition| topic.held.get(partition));
            if let (Some(Ok(before)), Ok(after)) = (before, after) {
                let came = length(&(before.end..after.end)) as f64 / passed;
                topic.records_per_s = Some(topic.records_per_s.unwrap_or(0.0) + came);
            }
        }
    }
    Ok(topics)
}

/// How many offsets these are.
fn length(held: &Range<NextOffset>) -> u64 {
    let offsets = held.end.get().saturating_sub(held.start.get());
    u64::try_from(offsets).unwrap_or(0)
}
