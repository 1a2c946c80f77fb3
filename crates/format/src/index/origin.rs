//! Origins: where a line comes from in Kafka.

use crate::record::Partition;

/// Where a line comes from: the record that it was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The partition of the record.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
    /// Its timestamp in milliseconds since 1970; `None` if it has none.
    pub timestamp_ms: Option<i64>,
}

/// The timestamp of records that have none, within the index.
pub(super) const NO_TIMESTAMP: i64 = i64::MIN;

/// The earliest time that is told from none; 146 million years before 1970.
const EARLIEST: i64 = i64::MIN / 2;

/// A timestamp as the index has it. What can't be a time is none.
#[inline]
pub(super) fn stored(timestamp_ms: Option<i64>) -> i64 {
    match timestamp_ms {
        Some(time) if time >= EARLIEST => time,
        _ => NO_TIMESTAMP,
    }
}

/// The timestamp that is stored like this.
#[inline]
pub(super) fn known(stored: i64) -> Option<i64> {
    (stored != NO_TIMESTAMP).then_some(stored)
}
