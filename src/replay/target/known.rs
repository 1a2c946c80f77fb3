//! What is known before anything is sent, and what is said of it.

use std::collections::BTreeMap;

/// What is wrong with a topic for the records that are to be sent to it: one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Some of them would not arrive, or not stay, or not as they are.
    Warning(String),
    /// None of them would, or there is nowhere to send them.
    Error(String),
}

/// How many of the records something is so of, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Share {
    /// Of none, or that isn't known.
    #[default]
    None,
    /// Of some.
    Some,
    /// Of all.
    All,
}

/// What is known of the records for one topic before they are sent. Timestamps are those that they would be sent with, in
/// milliseconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The earliest timestamp.
    pub oldest_ms: Option<i64>,
    /// The latest timestamp.
    pub newest_ms: Option<i64>,
    /// How many partitions there must be, where each goes to the one that it was in: one more than the highest.
    pub partitions: Option<i32>,
    /// How many have no key.
    pub keyless: Share,
    /// The ids of the topics that they were in, where these are known.
    pub topic_ids: Vec<String>,
    /// The bytes of the largest one: key, value and headers.
    pub largest_bytes: Option<u64>,
}

/// How they are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// With the timestamps that they have (`--timestamps keep`).
    pub keeps_timestamps: bool,
    /// Each to the partition that it was in (`--partition keep`).
    pub keeps_partitions: bool,
}

/// How a topic is configured, by key.
pub type Config = BTreeMap<String, String>;
