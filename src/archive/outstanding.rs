//! Outstanding records: taken in this run, and not certain to be in the files, whichever attempt took them.

use std::collections::BTreeMap;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};

/// Records that an attempt took and no checkpoint counts. They are read again sooner or later; a stop is clean only if
/// there are none.
#[derive(Default)]
pub(super) struct Outstanding {
    /// The id of the topic that they are of.
    topic_id: Option<String>,
    /// Up to where each partition had been taken: the highest offset, and the newest epoch.
    up_to: BTreeMap<Partition, Position>,
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
            up_to.next = at.next.max(up_to.next);
            up_to.epoch = at.epoch.max(up_to.epoch);
        }
        let is_outstanding = |partition: &Partition, up_to: &mut Position| {
            let has = stored.progress.positions.get(*partition);
            let has = has.unwrap_or_default();
            // Records of a log that got shorter are at offsets that were counted already, when it was another one.
            let is_newer = has.epoch.is_some() && up_to.epoch > has.epoch;
            up_to.next > has.next || is_newer
        };
        self.up_to.retain(is_outstanding);
    }

    /// Notes that a partition's log ends here now: records behind that can't be read again.
    pub fn limit(&mut self, partition: Partition, end: NextOffset) {
        if let Some(up_to) = self.up_to.get_mut(&partition) {
            up_to.next = end.min(up_to.next);
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

#[cfg(test)]
mod tests {
    use archiver_format::checkpoint::{Identity, List, Progress};
    use archiver_format::compression::Algorithm;
    use archiver_format::mark::Tail;

    use super::*;

    fn at(next: i64, epoch: i32) -> Positions {
        let position = Position {
            next: NextOffset::new(next),
            epoch: Some(epoch),
        };
        Positions::from([(0, position)])
    }

    fn stored(positions: Positions) -> Checkpoint {
        let identity = Identity {
            archive: "a".into(),
            file: "a".into(),
            format: "raw".into(),
            compression: Algorithm::None,
            topic: "t".into(),
            topic_id: None,
            cluster_id: None,
        };
        let progress = Progress {
            positions,
            records: 0,
            sealed_bytes: 0,
            next_sequence: 0,
            segments: Vec::new(),
            unnamed: Vec::new(),
            deleted: Vec::new(),
            list: List::Manifest(Tail::default().mark(0)),
        };
        let verified = None;
        Checkpoint {
            identity,
            progress,
            verified,
        }
    }

    #[test]
    fn what_was_taken_and_is_not_stored_is_outstanding_until_it_is() {
        let mut outstanding = Outstanding::default();
        for (taken, has, is_nothing) in [
            (at(48, 0), at(48, 0), true),
            (at(49, 0), at(48, 0), false),
            (at(40, 0), at(48, 0), false),
            (at(49, 0), at(49, 0), true),
            // The log got shorter, and was written on.
            (at(47, 1), at(49, 0), false),
            (at(47, 1), at(47, 1), true),
        ] {
            outstanding.settle(&taken, &stored(has.clone()));
            let found = outstanding.is_nothing();
            assert_eq!(found, is_nothing, "{taken:?} {has:?}");
        }
    }
}
