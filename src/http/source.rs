//! What answers are made of.

use std::sync::Arc;

use crate::config::{self, Checked};
use crate::observe::snapshot::{Detail, Snapshot};

/// Tells what the process does now.
pub type Looks = Box<dyn Fn(Detail) -> Snapshot + Send + Sync>;
/// Tells what an archive is by the configuration, if there is one of this name.
pub type Finds = Box<dyn Fn(&str) -> Option<Checked<config::Archive>> + Send + Sync>;

/// Tells what a reload of the configuration would do, as JSON. Reads files, and so may take a while.
pub type Foresees = Arc<dyn Fn() -> String + Send + Sync>;

/// All that the server gets of the process: ways to look at it.
pub struct Source {
    /// The process now.
    pub snapshot: Looks,
    /// One archive.
    pub archive: Finds,
    /// What a reload would do.
    pub reload: Foresees,
}
