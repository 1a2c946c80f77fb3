//! The records of a topic that may be the lines of a segment.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::bail;
use archiver_format::archive::{Archive, Segment};
use archiver_format::contents::Span;
use archiver_format::line::{Encoder, Format, Newline};
use archiver_format::read::Selection;
use archiver_format::rebuild::{Candidate, Matching, Records, Unknown};
use archiver_format::record::{NextOffset, Partition, Record};

use super::broker::{Broker, failed};
use super::deep::encoded;
use crate::config::Archive as Configured;
use crate::source::kafka::Scan;

/// So many records are read at once, of all partitions together; each takes 48 bytes of memory.
const RECORDS_MOST: usize = 400_000;

/// Reads the records that a segment may hold again.
pub struct OfTopic {
    scan: Scan,
    encoder: Encoder,
    line: Vec<u8>,
    /// How many are read at once.
    at_once: usize,
    partitions: BTreeMap<Partition, Wanted>,
}

/// What is wanted of a partition.
struct Wanted {
    /// What the manifest says of the segment.
    span: Span,
    /// Where to read on.
    next: i64,
    /// Offsets between that are in other segments, in their order.
    elsewhere: Vec<i64>,
}

impl Broker {
    /// Holds the lines of a segment against what Kafka holds of its topic.
    pub fn matching(
        &mut self,
        archive: &Archive,
        segment: &Segment,
        each: impl FnOnce(&mut Matching<OfTopic>) -> Result<u64, Unknown>,
    ) -> anyhow::Result<u64> {
        let identity = &archive.checkpoint.identity;
        let configured = self.source.archive(&archive.state, identity)?;
        let runtime = self.runtime.handle().clone();
        let _within = runtime.enter();
        let found = self.describe(&configured);
        let found = found.map_err(|e| failed(&configured, e))?;
        if found.is_another(identity.topic_id.as_ref()) {
            bail!(
                "topic {} was created again, and Kafka has other records now",
                identity.topic
            );
        }
        let partitions = segment.contents().partitions.clone();
        let held = self.offsets(&configured, partitions.keys().copied())?;
        let mut wanted = BTreeMap::new();
        for (partition, span) in partitions {
            let start = held
                .get(&partition)
                .map_or(i64::MAX, |held| held.start.get());
            if start > span.first {
                let first = span.first;
                bail!(
                    "Kafka holds partition {partition} from offset {start} on, and the segment begins at {first}"
                );
            }
            let elsewhere = elsewhere(archive, segment, partition, &span);
            let next = span.first;
            wanted.insert(
                partition,
                Wanted {
                    span,
                    next,
                    elsewhere,
                },
            );
        }
        let records = OfTopic {
            scan: self.scan(&configured)?,
            encoder: Encoder::new(format(&configured), &configured.topic),
            line: Vec::new(),
            at_once: (RECORDS_MOST / wanted.len().max(1)).max(1_000),
            partitions: wanted,
        };
        Ok(each(&mut Matching::new(records, segment.contents()))?)
    }
}

/// How values were written, as far as that is known.
fn format(archive: &Configured) -> Format {
    match archive.format {
        raw @ Format::Raw(_) => raw,
        Format::Json(_) => Format::Raw(Newline::Space),
    }
}

/// The offsets of a partition within a segment's span that other segments hold, as far as their indexes say.
fn elsewhere(archive: &Archive, segment: &Segment, partition: Partition, span: &Span) -> Vec<i64> {
    let mut offsets = Vec::new();
    let selection = Selection {
        partition: Some(partition),
        offsets: Some(NextOffset::new(span.first)..NextOffset::new(span.last.saturating_add(1))),
        ..Selection::default()
    };
    let others = archive.segments.iter();
    let others = others.filter(|other| other.file.sequence != segment.file.sequence);
    for other in others.filter(|other| other.may_hold(&selection)) {
        // What can't be read there is told apart by its time, or not at all.
        let Ok(mut reader) = other.open(other.bytes(), &selection) else {
            continue;
        };
        while let Ok(Some(block)) = reader.advance() {
            let origins = block.iter().filter_map(|line| line.origin);
            offsets.extend(origins.map(|origin| origin.offset));
        }
    }
    offsets.sort_unstable();
    offsets
}

impl Wanted {
    /// May a record of this partition be in the segment?
    fn may_be(&self, record: &Record<'_>) -> bool {
        let is_of_its_time = match (record.timestamp_ms(), self.span.earliest, self.span.latest) {
            (Some(time), Some(earliest), Some(latest)) => (earliest..=latest).contains(&time),
            (Some(_), _, _) => false,
            (None, _, _) => true,
        };
        is_of_its_time && self.elsewhere.binary_search(&record.offset).is_err()
    }
}

impl Records for OfTopic {
    fn more(&mut self, partition: Partition) -> Result<Vec<Candidate>, Unknown> {
        let mut found = Vec::new();
        let Some(wanted) = self.partitions.get_mut(&partition) else {
            return Ok(found);
        };
        if wanted.next > wanted.span.last {
            return Ok(found);
        }
        let (at_once, encoder, line) = (self.at_once, &mut self.encoder, &mut self.line);
        let (from, mut is_at_end) = (wanted.next, true);
        let read = self.scan.read(partition, from, &mut |record| {
            if record.offset > wanted.span.last {
                return ControlFlow::Break(());
            }
            wanted.next = record.offset + 1;
            if wanted.may_be(record)
                && let Some(digest) = encoded(encoder, record, line)
            {
                found.push(Candidate {
                    offset: record.offset,
                    timestamp_ms: record.timestamp_ms(),
                    digest,
                });
            }
            match found.len() < at_once && record.offset < wanted.span.last {
                true => ControlFlow::Continue(()),
                false => {
                    is_at_end = false;
                    ControlFlow::Break(())
                }
            }
        });
        if is_at_end {
            wanted.next = i64::MAX;
        }
        match read {
            Ok(()) => Ok(found),
            Err(e) => Err(Unknown::Kafka(format!(
                "reading partition {partition} of the topic again: {e}"
            ))),
        }
    }
}
