//! The result of recovery: everything that the loop needs, and the part that outlives an attempt.

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;

use crate::archive::disks::Disks;
use crate::ledger::lock::Lock;
use crate::ledger::{Checkpointed, Store};
use crate::segment::pipeline::Pipeline;
use crate::source::cluster::Topic;

/// An archive that is open at its last checkpoint: everything that reading needs.
pub(in crate::archive) struct Opened {
    pub disks: Disks,
    pub store: Store,
    pub identity: Identity,
    pub topic: Topic,
    pub pipeline: Pipeline,
    /// Where to start each partition of the topic.
    pub from: Positions,
    /// The checkpoint that it was opened at.
    pub checkpointed: Checkpointed,
}

/// This process's hold on an archive, over all attempts.
pub(in crate::archive) struct Owned {
    pub(super) _lock: Lock,
    /// There was a checkpoint. If it is gone later, a first start would go on behind records that no checkpoint counts.
    pub(super) has_begun: bool,
}
