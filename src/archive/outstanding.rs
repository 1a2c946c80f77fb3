//! What an archive has taken in this run and doesn't have for certain, whatever became of the attempts that took it.

use std::collections::BTreeMap;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};

/// Records that an attempt took and no checkpoint counts. They are read again, sooner or later.
#[derive(Default)]
pub(super) struct Outstanding {
    /// The topic that they are of.
    topic_id: Option<String>,
    /// Up to where each partition had been taken.
    up_to: BTreeMap<Partition, NextOffset>,
    /// An attempt could not see to it that the files are what was thought, and none has opened them since.
    is_in_doubt: bool,
}

impl Outstanding {
    /// Is there nothing?
    pub fn is_nothing(&self) -> bool {
        self.up_to.is_empty() && !self.is_in_doubt
    }

    /// Takes note of how far an attempt had taken each partition at its end, and of what is stored then.
    pub fn settle(&mut self, taken: &Positions, stored: &Checkpoint) {
        if self.topic_id != stored.identity.topic_id {
            // Nobody can read again what was of a topic that is gone: it is in the list of gaps.
            self.up_to.clear();
            self.topic_id.clone_from(&stored.identity.topic_id);
        }
        for (partition, at) in taken.iter() {
            let up_to = self.up_to.entry(partition).or_default();
            *up_to = at.next.max(*up_to);
        }
        let has = &stored.progress.positions;
        let is_owed = |partition: &Partition, up_to: &mut NextOffset| *up_to > has.next(*partition);
        self.up_to.retain(is_owed);
    }

    /// A partition's log ends here now: what had been taken behind that can't be read again.
    pub fn limit(&mut self, partition: Partition, end: NextOffset) {
        if let Some(up_to) = self.up_to.get_mut(&partition) {
            *up_to = end.min(*up_to);
        }
    }

    /// The files may hold less than was thought.
    pub fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    /// The files were opened, and are what the checkpoint says.
    pub fn trust(&mut self) {
        self.is_in_doubt = false;
    }
}
