//! What is played back, and where it comes from.

use archiver_format::record::Partition;

/// A record that is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// When it happened, in nanoseconds since 1970: by this it is due. What is sent as its timestamp is the same in
    /// milliseconds, rounded down.
    pub time_ns: i128,
    /// The partition that it was in, if it was in one.
    pub partition: Option<Partition>,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in their order: names, and values that may be null.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Records in an order that never changes: however often it is read, the n-th record is the same one. So how far it was
/// sent is a number.
pub trait Input: Send {
    /// The topic that its records were in, or are meant for, before anything is mapped.
    fn topic(&self) -> &str;

    /// How many partitions that topic had, if it is known.
    fn partitions(&self) -> Option<i32>;

    /// The id of that topic, if it is known.
    fn topic_id(&self) -> Option<String> {
        None
    }

    /// The next record; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// If it can't be read, or says no time.
    fn next(&mut self) -> Result<Option<Outgoing>, InputError>;

    /// How many rows were left out until now, as they could not be used.
    fn skipped(&self) -> u64 {
        0
    }

    /// How many rows were given as they stand until now, as they could not be used otherwise.
    fn sent_raw(&self) -> u64 {
        0
    }

    /// What it is read as, and where its times come from, in words.
    fn description(&self) -> String {
        String::new()
    }

    /// What there is of it, if more may come: whoever opens it later with this gets the same records.
    fn extent(&self) -> Option<String> {
        None
    }
}

/// Why an input can't be read on: one line that says where, what is wrong, and what can be done.
#[derive(Debug, thiserror::Error)]
#[error("{}", shown(.0))]
pub struct InputError(pub String);

/// Text that may hold a part of an input, without anything that a terminal acts on.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}
