//! What recovery hands to the loop, and what stays with the process.

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;

use crate::archive::disks::Disks;
use crate::ledger::lock::Lock;
use crate::ledger::{Checkpointed, Store};
use crate::segment::pipeline::Pipeline;
use crate::source::cluster::Topic;

/// Everything that reading needs, as it was left.
pub(in crate::archive) struct Opened {
    pub disks: Disks,
    pub store: Store,
    pub identity: Identity,
    pub topic: Topic,
    pub pipeline: Pipeline,
    /// Where to start each partition of the topic.
    pub from: Positions,
    /// What the checkpoint says, for telling a shorter log from a topic that was created again.
    pub checkpointed: Checkpointed,
}

/// What this process has of an archive, over all attempts.
pub(in crate::archive) struct Owned {
    pub(super) _lock: Lock,
    /// There was a checkpoint: another first start would take the place of what is in the file.
    pub(super) has_begun: bool,
}
