//! The checkpoint: how far an archive has come, as it stands in `checkpoint.json`.
//!
//! The file is one line, `{"format":2,"checksum":"xxh3:…","checkpoint":{…}}`; the checksum is XXH3-64 of the bytes of
//! the inner object as they stand there. A checkpoint is accepted only if writing it again gives the same bytes, so
//! each change of its fields is a new [`Format`]. A checkpoint of an older format is taken up, and the next one is
//! stored in the newest format. A newer format is refused by its number.

mod v1;

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::compression::Algorithm;
use crate::mark::{FileId, Mark, checksum};
use crate::position::Positions;

/// The versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// One data file; next offsets and leader epochs as two maps.
    V1,
    /// One map of positions, and a list of segments.
    V2,
}

impl Format {
    /// The one that is written.
    pub const NEWEST: Self = Self::V2;

    /// The number that stands in the file.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The format of a number that stands in a file.
    fn of(number: u32) -> Result<Self, Unusable> {
        match number {
            0 => Err(Unusable::Damaged("there is no format 0")),
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
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
    /// The file as configured when this was stored.
    pub file: String,
    /// How the file is compressed.
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
    /// How many records archiver has written.
    pub records: u64,
    /// The open segments, and where each ends.
    pub segments: Vec<Segment>,
    /// The end of the list of gaps.
    pub gaps: Mark,
}

/// An open segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Which file it is, to know it again while it is empty.
    pub id: FileId,
    /// Its end.
    pub mark: Mark,
}

impl Progress {
    /// The only open segment; an error if there are more, or none.
    pub fn segment(&self) -> Result<&Segment, NotOne> {
        match &self.segments[..] {
            [segment] => Ok(segment),
            other => Err(NotOne(other.len())),
        }
    }

    /// How many bytes its segments have together.
    pub fn bytes(&self) -> u64 {
        let lengths = self.segments.iter().map(|segment| segment.mark.length);
        lengths.fold(0, u64::saturating_add)
    }

    /// Can an archive have come so far? Kafka has no partitions and no offsets below zero.
    fn is_possible(&self) -> bool {
        let mut positions = self.positions.iter();
        positions.all(|(partition, at)| partition >= 0 && at.next.get() >= 0)
            && i64::try_from(self.records).is_ok()
    }
}

/// The number of open segments in a checkpoint, which is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has {0} open segments, where one is expected")]
pub struct NotOne(pub usize);

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
        Format::V2 => unseal::<Checkpoint>(Format::V2, bytes)?,
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
mod tests;
