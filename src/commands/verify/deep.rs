//! All that Kafka still holds of an archive, compared line by line.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Context;
use archiver_format::digest;
use archiver_format::line::Encoder;
use archiver_format::read::Selection;
use archiver_format::record::{Partition, Record};
use archiver_format::verify::{Comparable, Report};
use serde::Serialize;

use super::held::{FAR, Held};
use crate::config::Archive;
use crate::source::kafka::Scan;

/// So many lines are compared at once; each takes 32 bytes of memory.
const LINES_MOST: usize = 500_000;
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

/// The lines of some blocks, by their partitions: the offset and the digest of each.
type Lines = BTreeMap<Partition, Vec<(i64, u128)>>;

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
        starts: starts.collect(),
        compared: Compared::default(),
        line: Vec::new(),
    };
    for segment in &report.comparable {
        if segment.segment.format == archive.format_name() {
            comparison.segment(segment)?;
        } else {
            comparison.compared.skipped += segment.segment.contents().records;
        }
    }
    Ok(comparison.compared)
}

struct Comparison<'a> {
    scan: &'a mut Scan,
    encoder: Encoder,
    starts: BTreeMap<Partition, i64>,
    compared: Compared,
    line: Vec<u8>,
}

impl Comparison<'_> {
    fn segment(&mut self, of: &Comparable) -> anyhow::Result<()> {
        let file = of.segment.path_now().display().to_string();
        let opened = of.segment.open(of.segment.bytes(), &Selection::default());
        // What is wrong with it was said.
        let Ok(mut reader) = opened else {
            return Ok(());
        };
        let (mut lines, mut count) = (Lines::new(), 0);
        while let Ok(Some(block)) = reader.advance() {
            for line in block.iter() {
                let of_now = line
                    .origin
                    .filter(|at| of.partitions.contains(&at.partition));
                let Some(origin) = of_now else {
                    self.compared.skipped += 1;
                    continue;
                };
                let of_partition = lines.entry(origin.partition).or_default();
                of_partition.push((origin.offset, digest::of(line.bytes)));
                count += 1;
            }
            if count >= LINES_MOST {
                self.all(&file, std::mem::take(&mut lines))?;
                count = 0;
            }
        }
        self.all(&file, lines)
    }

    fn all(&mut self, file: &str, lines: Lines) -> anyhow::Result<()> {
        for (partition, mut lines) in lines {
            lines.sort_unstable();
            let start = self.starts.get(&partition).copied().unwrap_or(i64::MAX);
            let first = lines.partition_point(|(offset, _)| *offset < start);
            self.compared.gone += first as u64;
            let read = self.partition(file, partition, &lines[first..]);
            read.with_context(|| format!("reading partition {partition} of the topic again"))?;
        }
        Ok(())
    }

    fn partition(
        &mut self,
        file: &str,
        partition: Partition,
        lines: &[(i64, u128)],
    ) -> anyhow::Result<()> {
        let Self {
            scan,
            encoder,
            compared,
            line,
            ..
        } = self;
        let mut at = 0;
        while let Some((begin, _)) = lines.get(at) {
            let mut is_far = false;
            scan.read(partition, *begin, &mut |record| {
                let gone = lines[at..].partition_point(|(offset, _)| *offset < record.offset);
                compared.gone += gone as u64;
                at += gone;
                match lines.get(at) {
                    None => return ControlFlow::Break(()),
                    Some((offset, digest)) if *offset == record.offset => {
                        at += 1;
                        match encoded(encoder, record, line) {
                            Some(found) if found == *digest => compared.equal += 1,
                            Some(_) => compared.differ(file, partition, *offset),
                            None => compared.skipped += 1,
                        }
                    }
                    Some((offset, _)) if offset - record.offset > FAR => {
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
pub fn encoded(encoder: &mut Encoder, record: &Record<'_>, line: &mut Vec<u8>) -> Option<u128> {
    line.clear();
    encoder.encode(record, line).ok()?;
    Some(digest::of(line.strip_suffix(b"\n")?))
}

impl Compared {
    fn differ(&mut self, file: &str, partition: Partition, offset: i64) {
        self.differing += 1;
        if self.first.len() < DIFFERING_MOST {
            self.first.push(Differing {
                file: file.to_owned(),
                partition,
                offset,
            });
        }
    }
}
