//! What stands in a window in which there is nothing.

use serde::Deserialize;

/// What a row for an empty window has. Its count is zero in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Zero.
    Zero,
    /// Null.
    Null,
}
