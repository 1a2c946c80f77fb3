//! What there is of each topic, in as few requests as there can be, however many partitions they have.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use archiver_format::record::Partition;

use crate::source::cluster::KafkaError;
use crate::source::kafka::Scanner;

/// What there is of a topic.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub topic: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many records there are at most, in the partitions that could be asked.
    pub records: u64,
    /// The timestamp of the first record of a partition that has the earliest, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// The latest timestamp, the same.
    pub newest_ms: Option<i64>,
    /// How many records came each second while it was looked at.
    pub records_per_s: Option<f64>,
    /// What couldn't be asked, and why.
    pub errors: Vec<String>,
}

impl Surveyed {
    /// Could all of it be asked?
    pub fn is_whole(&self) -> bool {
        self.errors.is_empty()
    }

    fn add_error(&mut self, partition: Partition, error: &KafkaError) {
        self.errors.push(format!("partition {partition}: {error}"));
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
        let (partitions, errors) = match described {
            Ok(described) => (described.partitions, Vec::new()),
            Err(e) => (0, vec![e.to_string()]),
        };
        asked.extend((0..partitions).map(|partition| (name.clone(), partition)));
        places.insert(name.clone(), topics.len());
        topics.push(Surveyed {
            topic: name,
            partitions,
            records: 0,
            oldest_ms: None,
            newest_ms: None,
            records_per_s: None,
            errors,
        });
    }
    let begun = Instant::now();
    let held = scanner.offsets_of(&asked).await?;
    let mut filled = Vec::new();
    for (of, held) in asked.iter().zip(&held) {
        let topic = &mut topics[places[&of.0]];
        match held {
            Ok(held) => {
                let records = held.end.get().saturating_sub(held.start.get());
                topic.records += u64::try_from(records).unwrap_or(0);
                if records > 0 {
                    filled.push(of.clone());
                }
            }
            Err(e) => topic.add_error(of.1, e),
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
        let later = scanner.offsets_of(&asked).await?;
        for ((of, before), after) in asked.iter().zip(held).zip(later) {
            if let (Ok(before), Ok(after)) = (before, after) {
                let came = after.end.get().saturating_sub(before.end.get()).max(0);
                let rate = &mut topics[places[&of.0]].records_per_s;
                *rate = Some(rate.unwrap_or(0.0) + came as f64 / passed);
            }
        }
    }
    Ok(topics)
}
