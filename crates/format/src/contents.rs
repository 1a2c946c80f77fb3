//! Contents: what a segment holds of each partition.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::index::{self, Lines};
use crate::position::Step;
use crate::record::{LeaderEpoch, Partition};

/// What is known of a segment's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How many records it holds, a line each.
    pub records: u64,
    /// How many bytes its lines have without compression.
    pub plain_bytes: u64,
    /// So many bytes at the beginning of the file are not counted in any other number here: they were there before
    /// archiver counted them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted_bytes: u64,
    /// What it holds of each partition.
    #[serde(deserialize_with = "by_partition")]
    pub partitions: BTreeMap<Partition, Span>,
}

/// The records of one partition in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The lowest offset.
    pub first: i64,
    /// The highest offset.
    pub last: i64,
    /// How many records.
    pub records: u64,
    /// The earliest timestamp of a record, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<i64>,
    /// The latest timestamp of a record, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<i64>,
    /// The leader epoch of the last record, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<LeaderEpoch>,
}

/// Reads a map whose keys are numbers, which serde takes for text within an object that says what it is.
fn by_partition<'de, D>(from: D) -> Result<BTreeMap<Partition, Span>, D::Error>
where
    D: Deserializer<'de>,
{
    let spans = BTreeMap::<String, Span>::deserialize(from)?;
    let spans = spans.into_iter().map(|(partition, span)| {
        let partition = partition.parse().map_err(D::Error::custom)?;
        Ok((partition, span))
    });
    spans.collect()
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<&index::Span> for Span {
    fn from(span: &index::Span) -> Self {
        Self {
            first: span.first,
            last: span.last,
            records: span.records,
            earliest: span.times.map(|times| times.lowest_ms),
            latest: span.times.map(|times| times.highest_ms),
            epoch: None,
        }
    }
}

impl Span {
    /// The same as an index has it.
    pub fn of_partition(&self, partition: Partition) -> index::Span {
        let times = self.earliest.zip(self.latest);
        index::Span {
            partition,
            first: self.first,
            last: self.last,
            records: self.records,
            times: times.map(|(lowest_ms, highest_ms)| index::Times {
                lowest_ms,
                highest_ms,
            }),
        }
    }

    /// Adds what comes after it in the same partition.
    fn add(&mut self, next: &Self) {
        self.first = self.first.min(next.first);
        self.last = self.last.max(next.last);
        self.records += next.records;
        // `None` is less than any value, and not an earlier time.
        self.earliest = match (self.earliest, next.earliest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.latest = self.latest.max(next.latest);
        self.epoch = next.epoch.or(self.epoch);
    }
}

impl Contents {
    /// Adds lines that were appended, which have so many bytes without compression. These steps were made with them: they
    /// know the leader epochs.
    pub fn add(&mut self, lines: &Lines, plain_bytes: u64, steps: &[Step]) {
        self.records += lines.len();
        self.plain_bytes += plain_bytes;
        for span in &lines.summary() {
            let mut of_partition = steps.iter().rev();
            let step = of_partition.find(|step| step.partition == span.partition);
            let next = Span {
                epoch: step.and_then(|step| step.to.epoch),
                ..Span::from(span)
            };
            self.partitions
                .entry(span.partition)
                .and_modify(|before| before.add(&next))
                .or_insert(next);
        }
    }

    /// The latest timestamp of all its records, in milliseconds since 1970; `None` if none has one.
    pub fn latest(&self) -> Option<i64> {
        self.partitions
            .values()
            .filter_map(|span| span.latest)
            .max()
    }

    /// The earliest timestamp of all its records, in milliseconds since 1970; `None` if none has one.
    pub fn earliest(&self) -> Option<i64> {
        let spans = self.partitions.values();
        spans.filter_map(|span| span.earliest).min()
    }
}
