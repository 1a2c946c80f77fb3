//! Outstanding records: taken in this run, and not certain to be in the files, whichever attempt took them.

use std::collections::BTreeMap;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};

/// Records that an attempt took and no checkpoint counts. They are read again sooner or later; a stop is clean only if
/// there are none.
#[derive(Default)]
pub(super) struct Outstanding {
    /// The id of the topic that they are of.
    topic_id: Option<String>,
    /// Up to where each partition had been taken.
    up_to: BTreeMap<Partition, NextOffset>,
    /// An attempt could not make sure of its files, and none has opened them since.
    is_in_doubt: bool,
}

impl Outstanding {
    /// Are there none, and no doubt about the files?
    pub fn is_nothing(&self) -> bool {
        self.up_to.is_empty() && !self.is_in_doubt
    }

    /// Notes how far an attempt had taken each partition when it ended, and the checkpoint that was stored by then.
    pub fn settle(&mut self, taken: &Positions, stored: &Checkpoint) {
        if self.topic_id != stored.identity.topic_id {
            // Records of a topic that is gone can't be read again: they are in the list of gaps.
            self.up_to.clear();
            self.topic_id.clone_from(&stored.identity.topic_id);
        }
        for (partition, at) in taken.iter() {
            let up_to = self.up_to.entry(partition).or_default();
            *up_to = at.next.max(*up_to);
        }
        let has = &stored.progress.positions;
        let is_outstanding =
            |partition: &Partition, up_to: &mut NextOffset| *up_to > has.next(*partition);
        self.up_to.retain(is_outstanding);
    }

    /// Notes that a partition's log ends here now: records behind that can't be read again.
    pub fn limit(&mut self, partition: Partition, end: NextOffset) {
        if let Some(up_to) = self.up_to.get_mut(&partition) {
            *up_to = end.min(*up_to);
        }
    }

    /// Notes that the files may hold less than was thought.
    pub fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    /// Notes that the files were opened and fit the checkpoint.
    pub fn trust(&mut self) {
        self.is_in_doubt = false;
    }
}
