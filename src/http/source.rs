//! What answers are made of.

use crate::config::{self, Checked};
use crate::observe::snapshot::{Detail, Snapshot};

/// Tells what the process does now.
pub type Looks = Box<dyn Fn(Detail) -> Snapshot + Send + Sync>;
/// Tells what an archive is by the configuration, if there is one of this name.
pub type Finds = Box<dyn Fn(&str) -> Option<Checked<config::Archive>> + Send + Sync>;

/// All that the server gets of the process: two ways to look at it.
pub struct Source {
    /// The process now.
    pub snapshot: Looks,
    /// One archive.
    pub archive: Finds,
}
