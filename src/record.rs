//! Kafka's nouns: record, partition, next offset.

use std::collections::BTreeMap;

/// A partition of a topic, from 0.
pub type Partition = i32;

/// The offset to read next: the only meaning of an offset in this program.
pub type NextOffset = i64;

/// Where to read on in each partition.
pub type Positions = BTreeMap<Partition, NextOffset>;

/// How often a partition had been given a leader when a record was written. It tells apart what two logs held at the
/// same offset, when Kafka has lost records and written others in their place.
pub type LeaderEpoch = i32;

/// Where to read a partition on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The offset to read next.
    pub next: NextOffset,
    /// What the record before it was written in, if that is known.
    pub epoch: Option<LeaderEpoch>,
}

/// Where to read each partition on.
pub type Places = BTreeMap<Partition, Place>;

impl From<NextOffset> for Place {
    fn from(next: NextOffset) -> Self {
        Self { next, epoch: None }
    }
}

/// One record, borrowed from the batch that it came in.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The partition it is in.
    pub partition: Partition,
    /// Its own offset; the next offset is one more.
    pub offset: i64,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// What it was written in; `None` before Kafka 0.11.
    pub epoch: Option<LeaderEpoch>,
}
