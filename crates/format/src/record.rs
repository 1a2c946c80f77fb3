//! Records, partitions and offsets, as Kafka has them. An offset is always the one to read next.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A partition of a topic, from 0.
pub type Partition = i32;

/// How often a partition had been given a leader when a record was written (KIP-101). It tells two records at the same
/// offset apart, when Kafka has lost one and written the other in its place.
pub type LeaderEpoch = i32;

/// The offset to read next: the only meaning that an offset has in a checkpoint, a gap or a commit.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NextOffset(i64);

impl NextOffset {
    /// The beginning of a log from which nothing was deleted.
    pub const ZERO: Self = Self(0);

    /// The record at this offset is the next one to read. Kafka's offsets are never below zero, which is not checked
    /// here.
    pub const fn new(offset: i64) -> Self {
        Self(offset)
    }

    /// The offset, as Kafka wants it in a fetch or a commit.
    #[inline]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// How many offsets lie between an earlier one and this one; below zero if that is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for NextOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The offsets that a partition holds, or lacks.
pub type Offsets = Range<NextOffset>;

/// One record, borrowed from the batch that it came in.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The partition it is in.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// When it was made, as Kafka has it.
    pub timestamp: Option<Timestamp>,
    /// The leader epoch that it was written in; `None` before Kafka 0.11.
    pub epoch: Option<LeaderEpoch>,
}

/// A record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Milliseconds since 1970.
    pub ms: i64,
    /// Who made it.
    pub kind: TimestampKind,
}

/// Who made a record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// The producer, when it made the record.
    Create,
    /// The broker, when it appended the record.
    Append,
}

impl Record<'_> {
    /// The offset behind this record: the only place where one is added to an offset.
    #[inline]
    pub const fn next(&self) -> NextOffset {
        NextOffset(self.offset + 1)
    }

    /// Its timestamp in milliseconds since 1970.
    #[inline]
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp.map(|timestamp| timestamp.ms)
    }
}
