//! What answers are made of.

use crate::config::{self, Checked};
use crate::observe::snapshot::{Detail, Snapshot};

/// All that the server gets of the process: two ways to look at it.
pub struct Source {
    /// What the process does now.
    pub snapshot: Box<dyn Fn(Detail) -> Snapshot + Send + Sync>,
    /// What an archive is by the configuration, if there is one of this name.
    pub archive: Box<dyn Fn(&str) -> Option<Checked<config::Archive>> + Send + Sync>,
}
