//! All that Kafka still holds of an archive, compared line by line.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Context;
use archiver_format::digest::Digest;
use archiver_format::line::Encoder;
use archiver_format::read::Selection;
use archiver_format::record::{Partition, Record};
use archiver_format::verify::{Comparable, Report};
use serde::Serialize;

use super::held::{FAR, Held};
use crate::config::Archive;
use crate::source::kafka::Scan;

/// So many lines are compared at once, of as many segments as they are in: to begin reading a partition takes longer than
/// to read thousands of records. Each takes 48 bytes of memory.
const LINES_MOST: usize = 400_000;
/// So many that differ are listed.
const DIFFERING_MOST: usize = 1_000;

/// What came of comparing an archive with what Kafka still holds, in JSON.
#[derive(Debug, Default, Serialize)]
pub struct Compared {
    /// Lines that are what Kafka holds, byte for byte.
    pub equal: u64,
    /// Lines that are something else.
    pub differing: u64,
    /// The first of these.
    pub first: Vec<Differing>,
    /// Lines whose records Kafka doesn't hold any more.
    pub gone: u64,
    /// Lines that can't be compared: of a log that was replaced, without an index, or written in another format.
    pub skipped: u64,
}

/// A line that isn't what Kafka holds.
#[derive(Debug, Serialize)]
pub struct Differing {
    /// The segment.
    pub file: String,
    /// The partition of its record.
    pub partition: Partition,
    /// The offset of its record.
    pub offset: i64,
}

/// The lines of some blocks, by their partitions.
type Lines = BTreeMap<Partition, Vec<Line>>;

/// A line of the archive.
#[derive(Clone, Copy)]
struct Line {
    offset: i64,
    digest: Digest,
    /// The number of its segment.
    segment: usize,
}

/// Compares the segments of an archive with its topic.
pub fn compare(
    scan: &mut Scan,
    archive: &Archive,
    report: &Report,
    held: &[Held],
) -> anyhow::Result<Compared> {
    let starts = held.iter().map(|held| (held.partition, held.start));
    let mut comparison = Comparison {
        scan,
        encoder: Encoder::new(archive.format, &archive.topic),
        segments: &report.comparable,
        starts: starts.collect(),
        lines: Lines::new(),
        count: 0,
        compared: Compared::default(),
    };
    for (number, of) in report.comparable.iter().enumerate() {
        if of.segment.format == archive.format_name() {
            comparison.segment(number, of)?;
        } else {
            comparison.compared.skipped += of.segment.contents().records;
        }
    }
    comparison.all()?;
    Ok(comparison.compared)
}

struct Comparison<'a> {
    scan: &'a mut Scan,
    encoder: Encoder,
    segments: &'a [Comparable],
    starts: BTreeMap<Partition, i64>,
    /// What is to be compared next, and how many that are.
    lines: Lines,
    count: usize,
    compared: Compared,
}

impl Comparison<'_> {
    fn segment(&mut self, number: usize, of: &Comparable) -> anyhow::Result<()> {
        let opened = of.segment.open(of.segment.bytes(), &Selection::default());
        // What is wrong with it was said.
        let Ok(mut reader) = opened else {
            return Ok(());
        };
        while let Ok(Some(block)) = reader.advance() {
            for line in block.iter() {
                let of_now = line
                    .origin
                    .filter(|at| of.partitions.contains(&at.partition));
                let Some(origin) = of_now else {
                    self.compared.skipped += 1;
                    continue;
                };
                let of_partition = self.lines.entry(origin.partition).or_default();
                of_partition.push(Line {
                    offset: origin.offset,
                    digest: Digest::of(line.bytes),
                    segment: number,
                });
                self.count += 1;
            }
            if self.count >= LINES_MOST {
                self.all()?;
            }
        }
        Ok(())
    }

    /// Compares what was read of the segments.
    fn all(&mut self) -> anyhow::Result<()> {
        self.count = 0;
        for (partition, mut lines) in std::mem::take(&mut self.lines) {
            lines.sort_unstable_by_key(|line| line.offset);
            let start = self.starts.get(&partition).copied().unwrap_or(i64::MAX);
            let first = lines.partition_point(|line| line.offset < start);
            self.compared.gone += first as u64;
            let read = self.partition(partition, &lines[first..]);
            read.with_context(|| format!("reading partition {partition} of the topic again"))?;
        }
        Ok(())
    }

    fn partition(&mut self, partition: Partition, lines: &[Line]) -> anyhow::Result<()> {
        let Self {
            scan,
            encoder,
            segments,
            compared,
            ..
        } = self;
        let (mut at, mut bytes) = (0, Vec::new());
        while let Some(begin) = lines.get(at) {
            let mut is_far = false;
            scan.read(partition, begin.offset, &mut |record| {
                let gone = lines[at..].partition_point(|line| line.offset < record.offset);
                compared.gone += gone as u64;
                at += gone;
                match lines.get(at) {
                    None => return ControlFlow::Break(()),
                    Some(line) if line.offset == record.offset => {
                        at += 1;
                        match encoded(encoder, record, &mut bytes) {
                            Some(found) if found == line.digest => compared.equal += 1,
                            Some(_) => compared.differ(&segments[line.segment], partition, line),
                            None => compared.skipped += 1,
                        }
                    }
                    Some(line) if line.offset - record.offset > FAR => {
                        is_far = true;
                        return ControlFlow::Break(());
                    }
                    Some(_) => {}
                }
                match at < lines.len() {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            if !is_far {
                break;
            }
        }
        compared.gone += (lines.len() - at) as u64;
        Ok(())
    }
}

/// The digest of a record's line; `None` if it has none.
pub fn encoded(encoder: &mut Encoder, record: &Record<'_>, line: &mut Vec<u8>) -> Option<Digest> {
    line.clear();
    encoder.encode(record, line).ok()?;
    Some(Digest::of(line.strip_suffix(b"\n")?))
}

impl Compared {
    fn differ(&mut self, of: &Comparable, partition: Partition, line: &Line) {
        self.differing += 1;
        if self.first.len() < DIFFERING_MOST {
            self.first.push(Differing {
                file: of.segment.path_now().display().to_string(),
                partition,
                offset: line.offset,
            });
        }
    }
}
