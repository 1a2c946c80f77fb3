//! Format 2: one data file in a list of segments, and a list of gaps.

use serde::{Deserialize, Serialize};

use super::List;
use crate::compression::Algorithm;
use crate::contents::Contents;
use crate::mark::{FileId, Mark};
use crate::position::Positions;
use crate::segment::{Route, SegmentFile};

#[derive(Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub identity: Identity,
    pub progress: Progress,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Progress>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Identity {
    archive: String,
    file: String,
    compression: Algorithm,
    topic: String,
    topic_id: Option<String>,
    cluster_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Progress {
    pub positions: Positions,
    pub records: u64,
    pub segments: Vec<Segment>,
    pub gaps: Mark,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Segment {
    pub id: FileId,
    pub mark: Mark,
}

impl Checkpoint {
    /// The same checkpoint in the newest format.
    pub fn take_up(self) -> super::Checkpoint {
        super::Checkpoint {
            identity: super::Identity {
                archive: self.identity.archive,
                file: self.identity.file,
                format: "raw".into(),
                compression: self.identity.compression,
                topic: self.identity.topic,
                topic_id: self.identity.topic_id,
                cluster_id: self.identity.cluster_id,
            },
            progress: self.progress.take_up(),
            verified: self.verified.map(Progress::take_up),
        }
    }
}

impl Progress {
    fn take_up(self) -> super::Progress {
        super::Progress {
            positions: self.positions,
            records: self.records,
            sealed_bytes: 0,
            next_sequence: self.segments.len() as u64,
            segments: (0..)
                .zip(self.segments)
                .map(|(sequence, segment)| segment.take_up(sequence))
                .collect(),
            unnamed: Vec::new(),
            deleted: Vec::new(),
            list: List::Gaps(self.gaps),
        }
    }
}

impl Segment {
    fn take_up(self, sequence: u64) -> super::Segment {
        super::Segment {
            file: SegmentFile {
                sequence,
                name: None,
                id: self.id,
            },
            is_growing: false,
            route: Route::default(),
            opened: 0,
            written: 0,
            contents: Contents {
                uncounted_bytes: self.mark.length,
                ..Contents::default()
            },
            mark: self.mark,
            index: None,
        }
    }
}
