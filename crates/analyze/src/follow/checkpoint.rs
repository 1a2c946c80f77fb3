//! The checkpoint: what an analysis that is followed has emitted, as it stands in `checkpoint.json`.
//!
//! The file is one line, `{"format":1,"checksum":"xxh3:…","checkpoint":{…}}`, as an archive's is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use archiver_format::mark::{Mark, checksum};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::meaning::Meaning;
use super::partitions::Partitions;
use super::source::Origin;
use super::waiting::Waiting;
use crate::definition::closed_windows::Frontier;
use crate::table::columns::Kind;

/// The format that is written.
const FORMAT: u32 = 1;

/// What was emitted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What is measured. Another definition doesn't go on with it.
    pub meaning: Meaning,
    /// Which archive it was.
    pub origin: Origin,
    /// The fields of its values, and what each holds: as they were found at first.
    pub fields: Vec<(Vec<String>, Kind)>,
    /// Only records with this timestamp or a later one count, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Segments with a lower number were looked at and don't grow any more.
    pub next_segment: u64,
    /// Segments with records of windows that are open.
    #[serde(default)]
    pub open_segments: BTreeSet<u64>,
    /// How far its partitions were looked at.
    pub partitions: Partitions,
    /// Windows up to this time are closed, in milliseconds since 1970.
    pub watermark_ms: Option<i64>,
    /// Sessions: each record of an open one is at this time or later.
    pub floor_ms: Option<i64>,
    /// The number of the file with closed windows that later looks need, if there is one.
    pub closed: Option<u64>,
    /// How many rows, alerts, late records and such without a time there were.
    pub counts: Counts,
    /// Up to where files hold rows that count, by their paths.
    pub files: BTreeMap<String, Mark>,
    /// Alerts that weren't delivered yet, by their receivers.
    pub outboxes: BTreeMap<String, Waiting>,
}

/// How much there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of windows.
    pub rows: u64,
    /// Anomalous ones.
    pub anomalies: u64,
    /// Records that came when a window of theirs was closed.
    pub late: u64,
    /// Records without a time that can be read.
    #[serde(default)]
    pub untimed: u64,
}

impl Checkpoint {
    /// One that has emitted nothing yet.
    pub fn new(
        meaning: Meaning,
        origin: Origin,
        fields: Vec<(Vec<String>, Kind)>,
        since_ms: Option<i64>,
    ) -> Self {
        Self {
            meaning,
            origin,
            fields,
            since_ms,
            next_segment: 0,
            open_segments: BTreeSet::new(),
            partitions: Partitions::default(),
            watermark_ms: None,
            floor_ms: None,
            closed: None,
            counts: Counts::default(),
            files: BTreeMap::new(),
            outboxes: BTreeMap::new(),
        }
    }

    /// What is closed by now.
    pub fn frontier(&self) -> Frontier {
        Frontier {
            watermark: self.watermark_ms,
            floor: self.floor_ms,
            has_before: self.closed.is_some(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: u32,
    checksum: String,
    checkpoint: Box<RawValue>,
}

/// The bytes of a checkpoint.
///
/// # Errors
///
/// None that is known of.
pub fn encode(checkpoint: &Checkpoint) -> anyhow::Result<Vec<u8>> {
    let checkpoint = serde_json::value::to_raw_value(checkpoint)?;
    let mut bytes = serde_json::to_vec(&Envelope {
        format: FORMAT,
        checksum: checksum(checkpoint.get().as_bytes()),
        checkpoint,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a checkpoint from its bytes.
///
/// # Errors
///
/// If they aren't those of a checkpoint, or of a newer program's.
pub fn decode(bytes: &[u8]) -> anyhow::Result<Checkpoint> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    const NOT_OURS: &str =
        "it is damaged: put it back from a copy, or begin anew with another --state";
    let Version { format } = serde_json::from_slice(bytes).context(NOT_OURS)?;
    if format > FORMAT {
        bail!("it has format {format}, and this program knows up to {FORMAT}: use the newer one");
    }
    let envelope = serde_json::from_slice::<Envelope>(bytes).context(NOT_OURS)?;
    let inner = envelope.checkpoint.get();
    if envelope.checksum != checksum(inner.as_bytes()) {
        bail!(NOT_OURS);
    }
    serde_json::from_str(inner).context(NOT_OURS)
}
