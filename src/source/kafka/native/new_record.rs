//! A record on its way to the brokers.

use archiver_format::record::Partition;

/// A record that is to be sent. What is `None` is null, which is something else than empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRecord<'a> {
    /// Which partition it goes to; without one the client's partitioner chooses by the key.
    pub partition: Option<Partition>,
    /// Its timestamp in milliseconds since 1970; the time at which it is sent if there is none.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers, names and values of any bytes, in their order.
    pub headers: &'a [(Vec<u8>, Option<Vec<u8>>)],
}
