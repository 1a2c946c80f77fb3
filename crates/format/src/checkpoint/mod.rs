//! The checkpoint: how far an archive has come, as it stands in `checkpoint.json`.
//!
//! The file is one line, `{"format":3,"checksum":"xxh3:…","checkpoint":{…}}`; the checksum is XXH3-64 of the bytes of
//! the inner object as they stand there. A checkpoint is accepted only if writing it again gives the same bytes, so
//! each change of its fields is a new [`Format`]. A checkpoint of an older format is taken up, and the next one is
//! stored in the newest format. A newer format is refused by its number.

mod v1;
mod v2;

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::compression::Algorithm;
use crate::contents::Contents;
use crate::mark::{Mark, checksum};
use crate::position::Positions;
use crate::segment::{Route, SegmentFile};

/// The versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// One data file; next offsets and leader epochs as two maps.
    V1,
    /// One map of positions, and a list of gaps.
    V2,
    /// Numbered segments, and a manifest.
    V3,
}

impl Format {
    /// The one that is written.
    pub const NEWEST: Self = Self::V3;

    /// The number that stands in the file.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// The format of a number that stands in a file.
    fn of(number: u32) -> Result<Self, Unusable> {
        match number {
            0 => Err(Unusable::Damaged("there is no format 0")),
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            3 => Ok(Self::V3),
            newer => Err(Unusable::Newer(newer)),
        }
    }
}

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The archive that it belongs to; no other one may be taken up at it.
    pub identity: Identity,
    /// How far it has come.
    pub progress: Progress,
    /// How far it had come when the brokers last confirmed that the topic was still the same one. `None` if that was at
    /// `progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Progress>,
}

/// The archive, the topic and the cluster that a checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The archive's name.
    pub archive: String,
    /// The file, or the template of its segments' paths, as configured when this was stored.
    pub file: String,
    /// What a line of the open segments is: `raw` is the value alone.
    pub format: String,
    /// How the open segments are compressed.
    pub compression: Algorithm,
    /// The topic's name.
    pub topic: String,
    /// The topic's id; `None` while the topic doesn't exist, or when the brokers don't tell.
    pub topic_id: Option<String>,
    /// The cluster's id, if the brokers tell.
    pub cluster_id: Option<String>,
}

/// How far an archive has come: where to read on, and the files that hold everything before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where to read on in each partition.
    pub positions: Positions,
    /// How many records archiver has written, in all segments.
    pub records: u64,
    /// How many bytes its sealed segments have together.
    pub sealed_bytes: u64,
    /// The number of the next segment.
    pub next_sequence: u64,
    /// The open segments, and where each ends.
    pub segments: Vec<Segment>,
    /// Sealed segments whose files may still have the names that they had while they grew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unnamed: Vec<Unnamed>,
    /// Segments that the manifest has as deleted, whose files may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<SegmentFile>,
    /// The end of the list that holds gaps and sealed segments.
    pub list: List,
}

/// The end of the list that holds gaps and sealed segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// `manifest.ndjson`.
    Manifest(Mark),
    /// `gaps.ndjson` of a program that had no manifest; it is to be taken up.
    Gaps(Mark),
}

/// A sealed segment whose file may still have the name that it had while it grew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unnamed {
    /// Its file.
    pub file: SegmentFile,
    /// Its end, by which it is known again, also if it was brought back from a copy.
    pub mark: Mark,
}

/// An open segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its file; an empty segment is known by its id alone.
    pub file: SegmentFile,
    /// Does its name have the ending of a growing file, until it is sealed?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_growing: bool,
    /// Which records go into it.
    #[serde(default, skip_serializing_if = "Route::is_all")]
    pub route: Route,
    /// When it was created, in milliseconds since 1970.
    pub opened: i64,
    /// When something was written to it last, in milliseconds since 1970.
    pub written: i64,
    /// Its end.
    pub mark: Mark,
    /// The end of its index; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Mark>,
    /// What it holds.
    pub contents: Contents,
}

impl Progress {
    /// How many bytes its segments have together.
    pub fn bytes(&self) -> u64 {
        let lengths = self.segments.iter().map(|segment| segment.mark.length);
        lengths.fold(self.sealed_bytes, u64::saturating_add)
    }

    /// Can an archive have come so far? Kafka has no partitions and no offsets below zero.
    fn is_possible(&self) -> bool {
        let mut positions = self.positions.iter();
        let mut segments = self.segments.iter();
        positions.all(|(partition, at)| partition >= 0 && at.next.get() >= 0)
            && i64::try_from(self.records).is_ok()
            && segments.all(|segment| segment.file.sequence < self.next_sequence)
    }
}

/// Why the bytes of a checkpoint can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// They are not those that were stored.
    #[error("{0}")]
    Damaged(&'static str),
    /// A newer program stored them, in this format.
    #[error("format {0}")]
    Newer(u32),
}

/// The file around the checkpoint itself, whose bytes the checksum covers.
#[derive(Serialize, Deserialize)]
struct Envelope {
    format: u32,
    checksum: String,
    checkpoint: Box<RawValue>,
}

/// The bytes of a checkpoint in the newest format.
pub fn encode(checkpoint: &Checkpoint) -> io::Result<Vec<u8>> {
    seal(Format::NEWEST, checkpoint)
}

/// Reads a checkpoint from its bytes, in any format that is known here.
pub fn decode(bytes: &[u8]) -> Result<Checkpoint, Unusable> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    if bytes.is_empty() {
        return Err(Unusable::Damaged("it is empty"));
    }
    let version = serde_json::from_slice::<Version>(bytes).map_err(not_ours)?;
    let checkpoint = match Format::of(version.format)? {
        Format::V1 => unseal::<v1::Checkpoint>(Format::V1, bytes)?.take_up(),
        Format::V2 => unseal::<v2::Checkpoint>(Format::V2, bytes)?.take_up(),
        Format::V3 => unseal::<Checkpoint>(Format::V3, bytes)?,
    };
    let Checkpoint {
        progress, verified, ..
    } = &checkpoint;
    if !verified.iter().chain([progress]).all(Progress::is_possible) {
        return Err(Unusable::Damaged("it holds a number that can't be"));
    }
    Ok(checkpoint)
}

/// The bytes of a checkpoint in this format.
fn seal(format: Format, checkpoint: &impl Serialize) -> io::Result<Vec<u8>> {
    envelope(format, serde_json::value::to_raw_value(checkpoint)?)
}

/// The bytes of a file around a checkpoint that is JSON already.
pub(crate) fn envelope(format: Format, checkpoint: Box<RawValue>) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Envelope {
        format: format.number(),
        checksum: checksum(checkpoint.get().as_bytes()),
        checkpoint,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a checkpoint of this format, if it is byte for byte what would be written.
fn unseal<C: Serialize + DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<C, Unusable> {
    let envelope = serde_json::from_slice::<Envelope>(bytes).map_err(not_ours)?;
    let inner = envelope.checkpoint.get();
    if envelope.checksum != checksum(inner.as_bytes()) {
        return Err(Unusable::Damaged("its checksum doesn't match"));
    }
    let checkpoint = serde_json::from_str::<C>(inner).map_err(not_ours)?;
    // This finds spaces, another order of keys, and keys that stand there twice.
    match seal(format, &checkpoint) {
        Ok(written) if written == bytes => Ok(checkpoint),
        _ => Err(Unusable::Damaged(NOT_OURS)),
    }
}

const NOT_OURS: &str = "it is not what archiver writes";

fn not_ours(_: serde_json::Error) -> Unusable {
    Unusable::Damaged(NOT_OURS)
}

#[cfg(test)]
pub(crate) mod tests;
