//! Compares what the archives have with everything that was ever in the cluster.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::PoisonError;

use serde::Deserialize;

use super::kafka::{Life, Log, Topic, Written};
use super::world::{Watched, World};
use crate::checkpoint::Checkpoint;
use crate::config::{Compression, Newline};
use crate::record::{NextOffset, Partition};

/// What an archive has that is certain.
struct Holds {
    checkpoint: Checkpoint,
    /// The checkpoint that it began with.
    first: Checkpoint,
    lines: Vec<Vec<u8>>,
    gaps: Vec<Gap>,
}

#[derive(Debug, Deserialize)]
struct Gap {
    topic_id: Option<String>,
    partition: Partition,
    from: NextOffset,
    to: Option<NextOffset>,
    reason: String,
}

/// What an archive has of one partition of one life of its topic.
struct Part<'a> {
    name: String,
    log: &'a Log,
    /// From the first offset that it must have to the one that it reads next.
    start: NextOffset,
    end: NextOffset,
    gaps: Vec<&'a Gap>,
}

/// Reads a stored checkpoint, without the production code.
pub fn parse(bytes: &[u8]) -> Option<Checkpoint> {
    #[derive(Deserialize)]
    struct Outer {
        checkpoint: Checkpoint,
    }
    let outer = serde_json::from_slice::<Outer>(bytes).ok()?;
    Some(outer.checkpoint)
}

/// An archive's checkpoint as it is on the disk now.
pub fn stored(world: &World, archive: &Watched) -> Result<Option<Checkpoint>, String> {
    let path = archive.config.state.join("checkpoint.json");
    let Some(bytes) = world.fs.peek(&path) else {
        return Ok(None);
    };
    let parsed = parse(&bytes).ok_or("the checkpoint can't be read")?;
    Ok(Some(parsed))
}

/// Checks everything that must hold at any time.
pub fn check(world: &World) -> Result<(), String> {
    let foreign = world.foreign.lock().unwrap_or_else(PoisonError::into_inner);
    for (path, bytes) in foreign.iter() {
        if world.fs.peek(path).as_ref() != Some(bytes) {
            return Err(format!(
                "{} is not archiver's and was changed",
                path.display()
            ));
        }
    }
    for archive in &world.archives {
        let name = &archive.config.name;
        if world.allowed_stop(name).is_none() {
            check_archive(world, archive).map_err(|e| format!("archive {name}: {e}"))?;
        }
    }
    Ok(())
}

/// Checks that nothing is left to be archived, and nothing but what is certain in the files.
pub fn check_complete(world: &World) -> Result<(), String> {
    check(world)?;
    for archive in &world.archives {
        let name = &archive.config.name;
        if world.allowed_stop(name).is_some() {
            continue;
        }
        if archive.config.newline != Newline::Fail && !has_all(world, archive)? {
            return Err(format!("archive {name} has not taken everything"));
        }
        let stored = stored(world, archive)?.ok_or("no checkpoint")?;
        let length = world
            .fs
            .peek(&archive.config.file)
            .map_or(0, |b| b.len() as u64);
        if length != stored.progress.data.length {
            let expected = stored.progress.data.length;
            return Err(format!(
                "archive {name}: {length} bytes after a clean stop, not {expected}"
            ));
        }
    }
    Ok(())
}

/// Is this the reason of an archive that stops at a newline, and is there one?
pub fn is_at_newline(world: &World, archive: &Watched, why: &str) -> bool {
    let words = why.split(' ').collect::<Vec<_>>();
    let [
        "the",
        "value",
        "of",
        "partition",
        partition,
        "offset",
        offset,
        "has",
        "a",
        "newline",
        ..,
    ] = words[..]
    else {
        return false;
    };
    let (Ok(partition), Ok(offset)) = (partition.parse::<usize>(), offset.parse::<NextOffset>())
    else {
        return false;
    };
    let kafka = world.cluster.kafka();
    let lives = kafka.topics[&archive.config.topic].lives.iter();
    // It may have been deleted in the meantime.
    let mut logs = lives.filter_map(|life| life.partitions.get(partition));
    let is_it = |written: &Written| {
        let mut value = written.value.iter().flatten();
        written.offset == offset && value.any(|&byte| byte == b'\n')
    };
    archive.config.newline == Newline::Fail && logs.any(|log| log.all.iter().any(is_it))
}

/// Does an archive's checkpoint hold everything that can be read?
pub fn has_all(world: &World, archive: &Watched) -> Result<bool, String> {
    let Some(stored) = stored(world, archive)? else {
        return Ok(false);
    };
    let kafka = world.cluster.kafka();
    let topic = &kafka.topics[&archive.config.topic];
    let Some(life) = topic.now() else {
        return Ok(true);
    };
    if stored.identity.topic_id.as_ref() != Some(&life.id) {
        return Ok(false);
    }
    let all = |(partition, log): (usize, &Log)| {
        let next = stored.progress.next_offsets.get(&(partition as Partition));
        next.copied().unwrap_or(0) <= log.end() && log.next(next.copied().unwrap_or(0)).is_none()
    };
    Ok(life.partitions.iter().enumerate().all(all))
}

fn check_archive(world: &World, archive: &Watched) -> Result<(), String> {
    let kafka = world.cluster.kafka();
    let first = kafka.first.get(&archive.config.name).cloned();
    drop(kafka);
    let Some(checkpoint) = stored(world, archive)? else {
        return match first {
            Some(_) => Err("its checkpoint is gone".into()),
            None => Ok(()),
        };
    };
    let kafka = world.cluster.kafka();
    if let Some(committed) = kafka.committed.get(&archive.config.name) {
        let (now, then) = (&checkpoint.progress, &committed.progress);
        if now.records < then.records || now.data.length < then.data.length {
            return Err(format!("it has {now:?}, but {then:?} was committed"));
        }
    }
    let Some(first) = first else {
        // Nothing was read so far.
        return Ok(());
    };
    let first = parse(&first).ok_or("reading began without a checkpoint")?;
    let topic = &kafka.topics[&archive.config.topic];
    let holds = Holds::read(world, archive, checkpoint, first)?;
    holds.check(topic, archive)
}

impl Holds {
    fn read(
        world: &World,
        archive: &Watched,
        checkpoint: Checkpoint,
        first: Checkpoint,
    ) -> Result<Self, String> {
        let up_to = |path: &std::path::Path, length: u64| {
            let mut bytes = world.fs.peek(path).unwrap_or_default();
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if bytes.len() < length {
                let (found, path) = (bytes.len(), path.display());
                return Err(format!("{path} has {found} bytes, {length} were stored"));
            }
            bytes.truncate(length);
            Ok(bytes)
        };
        let data = up_to(&archive.config.file, checkpoint.progress.data.length)?;
        let own = data.strip_prefix(&archive.before[..]);
        let own = own.ok_or("what was in the file before is not there any more")?;
        let decoded = decode(own, archive.config.compression);
        let decoded = decoded.map_err(|e| format!("its file can't be decoded: {e}"))?;
        let mut lines = decoded.split(|&byte| byte == b'\n').map(<[u8]>::to_vec);
        let mut lines = lines.by_ref().collect::<Vec<_>>();
        if lines.pop() != Some(Vec::new()) {
            return Err("its last line is not whole".into());
        }
        let path = archive.config.state.join("gaps.ndjson");
        let listed = up_to(&path, checkpoint.progress.gaps.length)?;
        let gaps = serde_json::Deserializer::from_slice(&listed).into_iter();
        let gaps = gaps.collect::<Result<Vec<Gap>, _>>();
        Ok(Self {
            checkpoint,
            first,
            lines,
            gaps: gaps.map_err(|e| format!("its gaps can't be read: {e}"))?,
        })
    }

    fn check(&self, topic: &Topic, archive: &Watched) -> Result<(), String> {
        let records = self.checkpoint.progress.records;
        if self.lines.len() as u64 != records {
            return Err(format!("{} lines, {records} were stored", self.lines.len()));
        }
        let newline = archive.config.newline;
        let (mut empty, mut of_part) = (0, BTreeMap::<String, Vec<usize>>::new());
        for line in &self.lines {
            if line.is_empty() {
                empty += 1;
                continue;
            }
            let (part, number) = origin(line)
                .ok_or_else(|| format!("a strange line: {}", String::from_utf8_lossy(line)))?;
            of_part.entry(part).or_default().push(number);
        }
        let (mut empty_least, mut empty_most) = (0, 0);
        let mut at = of_part.clone();
        for part in self.parts(topic, &archive.config.topic) {
            let found = of_part.remove(&part.name).unwrap_or_default();
            let checked = part.check(&found);
            let (least, most) = checked.map_err(|e| {
                format!(
                    "{e}; held {:?}, listed {:?}",
                    part.start..part.end,
                    part.gaps
                )
            })?;
            empty_least += least;
            empty_most += most;
            at.remove(&part.name);
            let lines = self
                .lines
                .iter()
                .filter(|line| origin(line).is_some_and(|(name, _)| name == part.name));
            for (line, number) in lines.zip(found) {
                let value = part.log.all[number].value.clone().unwrap_or_default();
                if *line != encoded(&value, newline) {
                    return Err(format!("{}.{number} is not as it was written", part.name));
                }
            }
        }
        if let Some((name, _)) = of_part.first_key_value() {
            return Err(format!("it holds {name}, which it can't know"));
        }
        if !(empty_least..=empty_most).contains(&empty) {
            return Err(format!(
                "{empty} empty records, expected {empty_least} to {empty_most}"
            ));
        }
        Ok(())
    }

    fn parts<'a>(&'a self, topic: &'a Topic, name: &'a str) -> Vec<Part<'a>> {
        let lives = topic.lives.iter().enumerate();
        let part = move |(number, life): (usize, &'a Life)| {
            let logs = life.partitions.iter().enumerate();
            let part =
                move |(index, log)| self.part(format!("{name}/{number}/{index}"), life, index, log);
            logs.map(part)
        };
        lives.flat_map(part).collect()
    }

    fn part<'a>(&'a self, name: String, life: &'a Life, index: usize, log: &'a Log) -> Part<'a> {
        let partition = index as Partition;
        let of =
            |identity: &crate::checkpoint::Identity| identity.topic_id.as_ref() == Some(&life.id);
        let gaps = self.gaps.iter();
        let gaps = gaps
            .filter(|gap| gap.topic_id.as_ref() == Some(&life.id) && gap.partition == partition);
        let gaps = gaps.collect::<Vec<_>>();
        let next = |checkpoint: &Checkpoint| {
            let next = checkpoint.progress.next_offsets.get(&partition);
            next.copied().unwrap_or(0)
        };
        let recreated = gaps.iter().find(|gap| gap.reason == "recreated");
        Part {
            name,
            log,
            start: if of(&self.first.identity) {
                next(&self.first)
            } else {
                0
            },
            end: match recreated {
                Some(gap) => gap.from,
                None if of(&self.checkpoint.identity) => next(&self.checkpoint),
                None => 0,
            },
            gaps,
        }
    }
}

impl Part<'_> {
    /// Checks the records with a name of their own, and says how many others there must and may be.
    fn check(&self, found: &[usize]) -> Result<(usize, usize), String> {
        let name = &self.name;
        if let Some(pair) = found.windows(2).find(|pair| pair[0] >= pair[1]) {
            let what = if pair[0] == pair[1] || found.iter().filter(|&n| *n == pair[1]).count() > 1
            {
                "doubled"
            } else {
                "out of order"
            };
            return Err(format!(
                "{what}: {name}.{} after {name}.{}",
                pair[1], pair[0]
            ));
        }
        self.check_gaps()?;
        let mut found = found.iter().copied().peekable();
        let (mut least, mut most) = (0, 0);
        for (number, written) in self.log.all.iter().enumerate() {
            let is_there = found.next_if_eq(&number).is_some();
            let in_range = (self.start..self.end).contains(&written.offset) || self.log.got_shorter;
            let must = in_range
                && !written.excused
                && !written.aborted
                && !self.is_in_gap(written)
                && (self.start..self.end).contains(&written.offset);
            let may = in_range && !written.aborted && (written.excused || !self.is_in_gap(written));
            if written.value.as_ref().is_none_or(Vec::is_empty) {
                least += usize::from(must);
                most += usize::from(may);
                continue;
            }
            if must && !is_there {
                return Err(format!(
                    "lost: {name}.{number} at offset {}",
                    written.offset
                ));
            }
            if is_there && !may {
                let offset = written.offset;
                return Err(format!(
                    "{name}.{number} at offset {offset} must not be there"
                ));
            }
        }
        match found.next() {
            Some(number) => Err(format!("{name}.{number} was never written")),
            None => Ok((least, most)),
        }
    }

    fn check_gaps(&self) -> Result<(), String> {
        let (name, log) = (&self.name, self.log);
        if self
            .gaps
            .iter()
            .filter(|gap| gap.reason == "recreated")
            .count()
            > 1
        {
            return Err(format!("the end of {name} is listed twice"));
        }
        let mut before = self.start;
        for gap in self.gaps.iter().filter(|gap| gap.reason == "expired") {
            let to = gap.to.ok_or("an expired gap without an end")?;
            let fits = before <= gap.from && gap.from < to && to <= log.start.min(self.end);
            if !fits && !log.got_shorter {
                return Err(format!("{name}: a gap that can't be: {gap:?}"));
            }
            before = to;
        }
        Ok(())
    }

    fn is_in_gap(&self, written: &Written) -> bool {
        let mut expired = self.gaps.iter().filter(|gap| gap.reason == "expired");
        expired.any(|gap| (gap.from..gap.to.unwrap_or(gap.from)).contains(&written.offset))
    }
}

fn decode(bytes: &[u8], compression: Compression) -> std::io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    match compression {
        _ if bytes.is_empty() => {}
        Compression::None => decoded.extend_from_slice(bytes),
        Compression::Gzip(_) => {
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut decoded)?;
        }
        Compression::Zstd(_) => {
            zstd::Decoder::new(bytes)?.read_to_end(&mut decoded)?;
        }
    }
    Ok(decoded)
}

/// The partition that a line's value names, and its number in there.
fn origin(line: &[u8]) -> Option<(String, usize)> {
    let name = line.split(|&byte| byte == b' ').next()?;
    let (part, number) = std::str::from_utf8(name).ok()?.rsplit_once('.')?;
    Some((part.into(), number.parse().ok()?))
}

fn encoded(value: &[u8], newline: Newline) -> Vec<u8> {
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
