//! Kafka's nouns: record, partition, next offset.

use std::collections::BTreeMap;

/// A partition of a topic, from 0.
pub type Partition = i32;

/// The offset to read next: the only meaning of an offset in this program.
pub type NextOffset = i64;

/// Where to read on in each partition.
pub type Positions = BTreeMap<Partition, NextOffset>;

/// One record, borrowed from the batch that it came in.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The partition it is in.
    pub partition: Partition,
    /// Its own offset; the next offset is one more.
    pub offset: i64,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}
