//! Format 1: one data file, and next offsets and leader epochs as two maps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::v2::{self, Identity, Segment};
use crate::mark::{FileId, Mark};
use crate::position::Position;
use crate::record::{LeaderEpoch, NextOffset, Partition};

#[derive(Serialize, Deserialize)]
pub(super) struct Checkpoint {
    identity: Identity,
    progress: Progress,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Progress>,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    next_offsets: BTreeMap<Partition, NextOffset>,
    leader_epochs: BTreeMap<Partition, LeaderEpoch>,
    records: u64,
    data: Mark,
    id: FileId,
    gaps: Mark,
}

impl Checkpoint {
    /// The same checkpoint in the newest format.
    pub fn take_up(self) -> super::Checkpoint {
        let newer = v2::Checkpoint {
            identity: self.identity,
            progress: self.progress.take_up(),
            verified: self.verified.map(Progress::take_up),
        };
        newer.take_up()
    }
}

impl Progress {
    fn take_up(self) -> v2::Progress {
        let position = |(partition, next)| {
            let epoch = self.leader_epochs.get(&partition).copied();
            (partition, Position { next, epoch })
        };
        v2::Progress {
            positions: self.next_offsets.into_iter().map(position).collect(),
            records: self.records,
            segments: vec![Segment {
                id: self.id,
                mark: self.data,
            }],
            gaps: self.gaps,
        }
    }
}
