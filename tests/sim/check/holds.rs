//! What an archive has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;

use archiver_format::checkpoint::{Checkpoint, Identity};
use archiver_format::compression::{Compression, decompress};
use archiver_format::envelope;
use archiver_format::gap::GapReason;
use archiver_format::index::Origin;
use archiver_format::line::{Format, Newline};
use archiver_format::manifest::Sealed;
use archiver_format::record::{NextOffset, Partition};

use super::Tally;
use super::part::Part;
use super::segments;
use crate::config::Corrupt;
use crate::sim::kafka::{Life, Log, Offset, Topic};
use crate::sim::world::{Watched, World};

/// What an archive has that is certain.
pub struct Holds {
    checkpoint: Checkpoint,
    /// The checkpoint that it began with.
    first: Checkpoint,
    /// By segment; with the record that each is, where that is known.
    lines: Vec<Vec<(Vec<u8>, Option<Origin>)>>,
    gaps: Vec<Gap>,
    /// What was in segments that are not kept any longer.
    deleted: Vec<Sealed>,
}

/// A gap that is listed.
#[derive(Debug)]
pub struct Gap {
    /// The life of the topic.
    pub topic_id: Option<String>,
    /// The partition.
    pub partition: Partition,
    /// The first offset that is missing.
    pub from: Offset,
    /// The one after the last that is missing.
    pub to: Option<Offset>,
    /// Why.
    pub reason: String,
}

impl From<archiver_format::gap::Gap> for Gap {
    fn from(gap: archiver_format::gap::Gap) -> Self {
        let reason = match gap.reason {
            GapReason::Expired => "expired",
            GapReason::Recreated => "recreated",
            GapReason::Truncated => "truncated",
            GapReason::Corrupt => "corrupt",
        };
        Self {
            topic_id: gap.topic_id,
            partition: gap.partition,
            from: gap.from.get(),
            to: gap.to.map(NextOffset::get),
            reason: reason.into(),
        }
    }
}

impl Holds {
    /// Reads an archive's files up to where its checkpoint says.
    pub fn read(
        world: &World,
        archive: &Watched,
        checkpoint: Checkpoint,
        first: Checkpoint,
    ) -> Result<Self, String> {
        let config = &archive.config;
        let listed = segments::listed(world, config, &checkpoint)?;
        let mut segments = segments::segments(world, config, &checkpoint, &listed)?;
        let mut lines = Vec::new();
        for segment in &mut segments {
            let own = match segment.sequence {
                0 => segment.bytes.strip_prefix(&archive.before[..]),
                _ => Some(&segment.bytes[..]),
            };
            let own = own.ok_or("what was in the file before is not there any more")?;
            let decoded = decode(own, config.compression);
            let decoded = decoded.map_err(|e| format!("its file can't be decoded: {e}"))?;
            let split = decoded.split(|&byte| byte == b'\n').map(<[u8]>::to_vec);
            let mut split = split.collect::<Vec<_>>();
            if split.pop() != Some(Vec::new()) {
                return Err("its last line is not whole".into());
            }
            let origins = segment.origins.take().unwrap_or_default();
            // Where there was something before, and after a restart without an index, it begins later.
            if origins.len() > split.len() {
                return Err("its index has more lines than its file".into());
            }
            let unknown = std::iter::repeat_n(None, split.len() - origins.len());
            let origins = unknown.chain(origins.into_iter().map(Some));
            lines.push(split.into_iter().zip(origins).collect());
        }
        let gaps = listed.gaps.into_iter().map(Gap::from).collect();
        Ok(Self {
            checkpoint,
            first,
            lines,
            gaps,
            deleted: listed.deleted,
        })
    }

    /// Compares it with everything that was ever in the topic.
    pub fn check(&self, topic: &Topic, archive: &Watched, tally: &mut Tally) -> Result<(), String> {
        let mut empty = 0;
        let mut of_part = BTreeMap::<String, Vec<(usize, &[u8], Option<Origin>)>>::new();
        for (line, origin_of) in self.lines.iter().flatten() {
            let strange = || format!("a strange line: {}", String::from_utf8_lossy(line));
            let value = value(line, topic, archive.config.format).ok_or_else(strange)?;
            if value.is_empty() {
                empty += 1;
                continue;
            }
            let (part, number) = origin(&value).ok_or_else(strange)?;
            let lines = of_part.entry(part.into()).or_default();
            lines.push((number, line, *origin_of));
        }
        let skips = archive.config.corrupt == Corrupt::Skip;
        if !skips && self.gaps.iter().any(|gap| gap.reason == "corrupt") {
            return Err("it left out a corrupt batch that it was to wait for".into());
        }
        let (mut least, mut most, mut wrong) = (0, 0, Ok(()));
        for part in self.parts(topic, &archive.config.topic) {
            let mut found = of_part.remove(&part.name).unwrap_or_default();
            if archive.config.template.by_time() {
                // Records that are near each other go to segments of different times.
                found.sort_by_key(|(number, ..)| *number);
            }
            let numbers = found.iter().map(|(number, ..)| *number).collect::<Vec<_>>();
            let empties = part.check(&numbers, tally).map_err(|e| {
                let held = part.start..part.end;
                format!("{e}; held {held:?}, listed {:?}", part.gaps)
            });
            match empties {
                Ok((part_least, part_most)) => {
                    least += part_least;
                    most += part_most;
                }
                // The others are counted as well.
                Err(e) => wrong = wrong.and(Err(e)),
            }
            wrong = wrong.and_then(|()| part.check_values(&found, archive.config.format));
        }
        wrong?;
        if let Some((name, _)) = of_part.first_key_value() {
            return Err(format!("it holds {name}, which it can't know"));
        }
        if !(least..=most).contains(&empty) {
            tally.lost += least.saturating_sub(empty) as u64;
            tally.doubled += empty.saturating_sub(most) as u64;
            let what = if empty < least { "lost" } else { "doubled" };
            return Err(format!(
                "{what}: {empty} empty records, expected {least} to {most}"
            ));
        }
        let records = self.checkpoint.progress.records;
        let lines = self.lines.iter().map(Vec::len).sum::<usize>();
        let deleted = self.deleted.iter().map(|sealed| sealed.contents.records);
        let lines = lines as u64 + deleted.sum::<u64>();
        if lines != records {
            return Err(format!("{lines} lines, {records} were stored"));
        }
        Ok(())
    }

    fn parts<'a>(&'a self, topic: &'a Topic, name: &'a str) -> Vec<Part<'a>> {
        let lives = topic.lives.iter().enumerate();
        let mut ids = topic.lives.iter().map(|life| Some(&life.id));
        let first = ids.position(|id| id == self.first.identity.topic_id.as_ref());
        let part = move |(number, life): (usize, &'a Life)| {
            let logs = life.partitions.iter().enumerate();
            let was_over = first.is_some_and(|first| number < first);
            let part = move |(index, log)| {
                let name = format!("{name}/{number}/{index}");
                let part = self.part(name, life, index, log);
                // Nothing of it was ever read.
                let start = if was_over { part.end } else { part.start };
                Part { start, ..part }
            };
            logs.map(part)
        };
        lives.flat_map(part).collect()
    }

    fn part<'a>(&'a self, name: String, life: &'a Life, index: usize, log: &'a Log) -> Part<'a> {
        let partition = index as Partition;
        let is_of = |identity: &Identity| identity.topic_id.as_ref() == Some(&life.id);
        let gaps = self.gaps.iter();
        let gaps = gaps
            .filter(|gap| gap.topic_id.as_ref() == Some(&life.id) && gap.partition == partition);
        let gaps = gaps.collect::<Vec<_>>();
        let next = |checkpoint: &Checkpoint| checkpoint.progress.positions.next(partition).get();
        let recreated = gaps.iter().find(|gap| gap.reason == "recreated");
        Part {
            name,
            log,
            start: match is_of(&self.first.identity) {
                true => next(&self.first),
                false => 0,
            },
            end: match recreated {
                Some(gap) => gap.from,
                None if is_of(&self.checkpoint.identity) => next(&self.checkpoint),
                None => 0,
            },
            epoch: match recreated {
                None if is_of(&self.checkpoint.identity) => {
                    let position = self.checkpoint.progress.positions.get(partition);
                    position.and_then(|at| at.epoch)
                }
                _ => None,
            },
            gaps,
            deleted: self.deleted_of(partition),
        }
    }

    /// The offsets that segments had of this partition which are not kept any longer.
    fn deleted_of(&self, partition: Partition) -> Vec<RangeInclusive<Offset>> {
        let spans = self.deleted.iter();
        let spans = spans.filter_map(|sealed| sealed.contents.partitions.get(&partition));
        spans.map(|span| span.first..=span.last).collect()
    }
}

/// Everything that was compressed into these bytes.
pub fn decode(bytes: &[u8], compression: Compression) -> std::io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    if !bytes.is_empty() {
        decompress(bytes, compression.algorithm())?.read_to_end(&mut decoded)?;
    }
    Ok(decoded)
}

/// A line's value. An empty one or none doesn't say which record it is: then there must be a record that is all that the
/// line says, if it says more.
fn value<'l>(line: &'l [u8], topic: &Topic, format: Format) -> Option<Cow<'l, [u8]>> {
    if let Format::Raw(_) = format {
        return Some(line.into());
    }
    let decoded = envelope::decode(line).ok()?;
    let is_empty = decoded.value.as_ref().is_none_or(|value| value.is_empty());
    let lives = topic.lives.iter();
    let mut logs = lives.filter_map(|life| life.partition(decoded.partition));
    let is_written = logs.any(|log| log.all.iter().any(|written| written.is(&decoded)));
    (!is_empty || is_written).then(|| decoded.value.unwrap_or_default())
}

/// The partition that a line's value names, and its number in there.
fn origin(line: &[u8]) -> Option<(&str, usize)> {
    let name = line.split(|&byte| byte == b' ').next()?;
    let (part, number) = std::str::from_utf8(name).ok()?.rsplit_once('.')?;
    Some((part, number.parse().ok()?))
}

/// The line that a value becomes.
pub fn encoded(value: &[u8], newline: Newline) -> Vec<u8> {
    let mut line = Vec::with_capacity(value.len() + 16);
    for &byte in value {
        match (newline, byte) {
            (Newline::Escape, b'\n') => line.extend_from_slice(b"\\n"),
            (Newline::Escape, b'\r') => line.extend_from_slice(b"\\r"),
            (Newline::Escape, b'\\') => line.extend_from_slice(b"\\\\"),
            (_, b'\n') => line.push(b' '),
            (_, byte) => line.push(byte),
        }
    }
    line
}
