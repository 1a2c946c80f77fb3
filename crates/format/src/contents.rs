//! Contents: what a segment holds of each partition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{LeaderEpoch, Partition, Record};

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
    pub partitions: BTreeMap<Partition, Span>,
}

/// The records of one partition in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The offset of the first record.
    pub first: i64,
    /// The offset of the last record.
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Span {
    /// The span of one record.
    #[inline]
    pub fn of(record: &Record<'_>) -> Self {
        let ms = record.timestamp_ms();
        Self {
            first: record.offset,
            last: record.offset,
            records: 1,
            earliest: ms,
            latest: ms,
            epoch: record.epoch,
        }
    }

    /// Counts the next record of the same partition.
    #[inline]
    pub fn count(&mut self, record: &Record<'_>) {
        self.add(&Self::of(record));
    }

    /// Adds what comes after it in the same partition.
    #[inline]
    pub fn add(&mut self, next: &Self) {
        self.last = next.last;
        self.records += next.records;
        // `None` is less than any value, and not an earlier time.
        self.earliest = match (self.earliest, next.earliest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.latest = self.latest.max(next.latest);
        self.epoch = next.epoch;
    }
}

impl Contents {
    /// Adds what was appended.
    pub fn add(&mut self, lines: u64, plain_bytes: u64, spans: &[(Partition, Span)]) {
        self.records += lines;
        self.plain_bytes += plain_bytes;
        for (partition, span) in spans {
            self.partitions
                .entry(*partition)
                .and_modify(|before| before.add(span))
                .or_insert(*span);
        }
    }

    /// The latest timestamp of all its records, in milliseconds since 1970; `None` if none has one.
    pub fn latest(&self) -> Option<i64> {
        self.partitions.values().filter_map(|span| span.latest).max()
    }

    /// The earliest timestamp of all its records, in milliseconds since 1970; `None` if none has one.
    pub fn earliest(&self) -> Option<i64> {
        let spans = self.partitions.values();
        spans.filter_map(|span| span.earliest).min()
    }
}
