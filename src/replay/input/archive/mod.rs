//! Archives: what a checkpoint counts of one when it is opened, as one sequence of records.
//!
//! Within each partition the records come in the order of their offsets, and across partitions by their timestamps: where
//! the files don't have them like that, each partition is read by itself (see `merge`). What was written before the topic was created again comes first: its
//! offsets say nothing about those that came later.
//!
//! A raw line is a value; partition and timestamp come from the index, and there is neither a key nor headers. A tombstone
//! was an empty line there, and is an empty value. An envelope has everything.

mod ahead;
mod extent;
mod lanes;
mod merge;
mod open;
mod part;
mod stream;

use std::collections::{BTreeSet, VecDeque};

use archiver_format::archive::{Archive, Segment};
use archiver_format::gap::Gap;
use archiver_format::read::Selection;

use self::extent::Extent;
use self::merge::Merge;
use self::part::Part;
use super::rows::{Row, Rows};
use super::wanted::Wanted;
use crate::catalog::Chosen;

/// So many partitions are read at once, each by itself, at most: each takes an open file and some memory.
const PARTITIONS_MOST: usize = 32;

/// Reads an archive.
pub(super) struct ArchiveRows {
    description: String,
    /// Those of the topic before it was created again come first.
    topics: VecDeque<Vec<Part>>,
    gaps: Vec<Gap>,
    selection: Selection,
    merge: Option<Merge>,
    partitions: Option<i32>,
    topic_id: Option<String>,
    extent: Extent,
}

impl ArchiveRows {
    /// Opens an archive, or one segment of it, and says which topic it is of.
    pub fn open(chosen: &Chosen, wanted: &Wanted) -> Result<(Self, String), String> {
        let archive = chosen.load().map_err(|error| error.to_string())?;
        let mut archive = archive.ok_or("it has not begun: there is nothing in it yet")?;
        let extent = wanted.extent.as_deref().map(str::parse::<Extent>);
        let extent = extent.transpose()?;
        let next_sequence = extent.as_ref().map(|extent| extent.next_sequence);
        let is_meant = |segment: &&Segment| {
            let sequence = segment.file.sequence;
            chosen.segment.is_none_or(|only| only == sequence)
                && next_sequence.is_none_or(|next| sequence < next)
        };
        let mut parts = Vec::new();
        for segment in archive.segments.iter().filter(is_meant) {
            let bytes = extent.as_ref().and_then(|extent| extent.bytes_of(segment));
            let bytes = bytes.unwrap_or(segment.bytes());
            parts.push(Part::new(segment.clone(), bytes)?);
        }
        let records = parts.iter().map(Part::records).sum();
        let extent = match extent {
            Some(extent) if extent.records == records => extent,
            Some(extent) => return Err(extent.differs(records)),
            None => Extent::of(&archive, &parts, records),
        };
        archive.gaps.truncate(extent.gaps);
        let selection = Selection {
            since_ms: wanted.since_ms,
            until_ms: wanted.until_ms,
            ..Selection::default()
        };
        parts.retain(|part| {
            let mut spans = part.spans.values();
            // Of what was scanned times are unknown.
            spans.any(|span| span.times.is_none() || selection.may_hold_of(span))
        });
        let parts = in_order(parts, &selection)?;
        let topic = archive.checkpoint.identity.topic.clone();
        let positions = &archive.checkpoint.progress.positions;
        let rows = Self {
            description: format!(
                "{records} records of the topic {topic}, format {}",
                archive.checkpoint.identity.format
            ),
            topics: by_topic(parts, &archive),
            selection,
            merge: None,
            partitions: positions.partitions().next_back().map(|last| last + 1),
            topic_id: archive.checkpoint.identity.topic_id,
            extent,
            gaps: archive.gaps,
        };
        Ok((rows, topic))
    }
}

/// Parts whose partitions take turns by time, or each partition by itself.
fn in_order(parts: Vec<Part>, selection: &Selection) -> Result<Vec<Part>, String> {
    let partitions = parts.iter().flat_map(|part| part.spans.keys());
    if partitions.collect::<BTreeSet<_>>().len() > PARTITIONS_MOST {
        return Ok(parts);
    }
    for part in &parts {
        if !part.is_in_order(selection)? {
            return Ok(parts.into_iter().flat_map(Part::by_partition).collect());
        }
    }
    Ok(parts)
}

/// Parts by how often the topic had been created again.
fn by_topic(parts: Vec<Part>, archive: &Archive) -> VecDeque<Vec<Part>> {
    let mut topics = VecDeque::from([Vec::new()]);
    let mut later = archive.recreated.iter().peekable();
    for part in parts {
        while later
            .next_if(|first| **first <= part.segment.file.sequence)
            .is_some()
        {
            topics.push_back(Vec::new());
        }
        if let Some(topic) = topics.back_mut() {
            topic.push(part);
        }
    }
    topics
}

impl Rows for ArchiveRows {
    fn next(&mut self) -> Result<Row, String> {
        loop {
            if let Some(merge) = &mut self.merge {
                match merge.next()? {
                    Row::End => self.merge = None,
                    row => return Ok(row),
                }
            }
            let Some(parts) = self.topics.pop_front() else {
                return Ok(Row::End);
            };
            let selection = self.selection.clone();
            self.merge = Some(Merge::new(parts, &self.gaps, selection)?);
        }
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn partitions(&self) -> Option<i32> {
        self.partitions
    }

    fn topic_id(&self) -> Option<String> {
        self.topic_id.clone()
    }

    fn extent(&self) -> Option<String> {
        Some(self.extent.to_string())
    }
}

#[cfg(test)]
#[path = "../tests/archives.rs"]
mod tests;
