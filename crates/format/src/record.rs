//! Records, partitions and offsets, as Kafka has them. An offset is always the one to read next.

use std::borrow::Cow;
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

    /// The place so many offsets before this one, but not before the beginning.
    pub fn back(self, offsets: u64) -> Self {
        let offsets = i64::try_from(offsets).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(offsets).max(0))
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
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// The partition it is in.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The leader epoch that it was written in; `None` before Kafka 0.11.
    pub epoch: Option<LeaderEpoch>,
    /// When it was written; `None` before Kafka 0.10, or if its producer said no time.
    pub timestamp: Option<Timestamp>,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// Its headers, if it may have some.
    pub headers: Option<&'a dyn Headers>,
}

/// When a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Milliseconds since 1970, by whoever's clock it is.
    pub ms: i64,
    /// Whose clock it is.
    pub kind: TimestampKind,
}

/// Whose clock a timestamp is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampKind {
    /// The producer's, or whatever it said.
    Create,
    /// The broker's, when it appended the record to the log.
    Append,
}

/// Takes one header: its name, and its value, which may be null.
pub type EachHeader<'e> = dyn FnMut(&[u8], Option<&[u8]>) + 'e;

/// The headers of a record. Kafka's client unpacks them only when they are asked for, which costs more than all the rest
/// of a record.
pub trait Headers: fmt::Debug {
    /// Hands each to `each`, in their order. Names may be there several times.
    fn visit(&self, each: &mut EachHeader<'_>) -> Result<(), HeadersProblem>;
}

/// Why headers can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HeadersProblem(pub Box<str>);

/// A header by itself: its name, and its value, which may be null.
pub type Header<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

impl Headers for Vec<Header<'_>> {
    fn visit(&self, each: &mut EachHeader<'_>) -> Result<(), HeadersProblem> {
        for (name, value) in self {
            each(name, value.as_deref());
        }
        Ok(())
    }
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
