//! What a request may ask for.

use std::time::Duration;

/// What a request may ask for, and cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// SQL from outside is answered.
    pub allows_sql: bool,
    /// So long a question may take to be answered, from when it has its turn.
    pub timeout: Duration,
    /// So many rows an answer has at most.
    pub rows: usize,
}
