//! What is known of a record.

use archiver_format::record::{Header, TimestampKind};

/// A record, as much of it as is known.
#[derive(Debug, Default)]
pub struct Row<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition and the offset.
    pub place: Option<(i32, i64)>,
    /// The timestamp, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// By whose clock that is.
    pub timestamp_type: Option<TimestampKind>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The headers, if they are known.
    pub headers: Option<&'a [Header<'a>]>,
}
