//! Spans: what some lines hold of one partition.

use crate::record::Partition;

/// What some lines hold of one partition. Offsets between its first and its last may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The partition.
    pub partition: Partition,
    /// The lowest offset; that of its first line, unless the log went back in between.
    pub first: i64,
    /// The highest offset.
    pub last: i64,
    /// How many lines.
    pub records: u64,
    /// The lowest and the highest timestamp; `None` if no record has one.
    pub times: Option<Times>,
}

/// The lowest and the highest timestamp of some records, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The lowest.
    pub lowest_ms: i64,
    /// The highest.
    pub highest_ms: i64,
}

impl Span {
    /// Takes up other lines of the same partition.
    pub fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.records = self.records.saturating_add(other.records);
        self.times = Times::joined(self.times, other.times);
    }
}

impl Times {
    /// The times of both; of one, where only one has any.
    pub fn joined(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(a), Some(b)) = (one, other) else {
            return one.or(other);
        };
        Some(Self {
            lowest_ms: a.lowest_ms.min(b.lowest_ms),
            highest_ms: a.highest_ms.max(b.highest_ms),
        })
    }
}

/// Joins spans to those of the lines before, one for each partition, in the order of the partitions.
pub fn join_all<'s>(spans: &mut Vec<Span>, more: impl IntoIterator<Item = &'s Span>) {
    for span in more {
        match spans.binary_search_by_key(&span.partition, |known| known.partition) {
            Ok(at) => spans[at].join(span),
            Err(at) => spans.insert(at, *span),
        }
    }
}
