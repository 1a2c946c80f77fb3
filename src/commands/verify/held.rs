//! A partition as Kafka has it.

use archiver_format::record::Partition;
use serde::Serialize;

/// Behind so many offsets that nobody asks for a partition is read anew instead of on.
pub const FAR: i64 = 20_000;

/// A partition as Kafka has it, and how far the archive is, in JSON.
#[derive(Debug, Serialize)]
pub struct Held {
    /// Which one.
    pub partition: Partition,
    /// The first offset of its log.
    pub start: i64,
    /// The offset behind the last that a consumer sees.
    pub end: i64,
    /// The offset that the archive reads next.
    pub next: i64,
}
