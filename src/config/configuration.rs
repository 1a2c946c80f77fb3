//! What a configuration is once it is checked.

use std::time::Duration;

use super::built::{Archive, Checked, Cluster};
use super::http::Http;
use super::pattern_topics::Pattern;

/// A configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// The deadline of a clean stop.
    pub shutdown_timeout: Duration,
    /// The memory that queues, fetches and batches may take in all, in bytes.
    pub memory_bytes: u64,
    /// How many bytes each disk keeps free for others; 0 is none.
    pub disk_free_bytes: u64,
    /// Where requests are answered, if anywhere.
    pub http: Option<Http>,
    /// The clusters that archives name, each once.
    pub clusters: Vec<Checked<Cluster>>,
    /// The archives of one topic each, with distinct names and files. At least one, or a pattern.
    pub archives: Vec<Checked<Archive>>,
    /// Patterns, each of which has an archive for each topic that it takes.
    pub patterns: Vec<Checked<Pattern>>,
}

#[cfg(test)]
impl Config {
    /// One without archives, to be filled.
    pub(crate) fn for_tests() -> Self {
        Self {
            shutdown_timeout: Duration::from_secs(60),
            memory_bytes: 256 << 20,
            disk_free_bytes: 0,
            http: None,
            clusters: Vec::new(),
            archives: Vec::new(),
            patterns: Vec::new(),
        }
    }
}
