//! The segments of an archive, as its checkpoint and its manifest have them.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use archiver_format::checkpoint::{Checkpoint, List};
use archiver_format::gap::Gap;
use archiver_format::index::block::checksum;
use archiver_format::index::{IndexError, IndexReader, Origin};
use archiver_format::manifest::{DeleteReason, Entry, Sealed};
use archiver_format::mark::Mark;
use archiver_format::segment::SegmentFile;
use serde::Deserialize;
use serde_json::Deserializer;
use xxhash_rust::xxh3::xxh3_128;

use crate::config::Archive;
use crate::sim::platform::BEGIN_MS;
use crate::sim::world::World;

/// What a segment holds that counts.
pub struct Segment {
    /// Its number.
    pub sequence: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Which record each of its lines is, as its index says; `None` if it has none.
    pub origins: Option<Vec<Origin>>,
}

/// The lines of the manifest that count.
#[derive(Default)]
pub struct Listed {
    /// Segments that are final, with the bytes that each has.
    pub sealed: Vec<Sealed>,
    /// Segments that were final, and are not kept any longer.
    pub deleted: Vec<Sealed>,
    /// Offsets that will never be there.
    pub gaps: Vec<Gap>,
}

/// Where the list is that a checkpoint counts on, and its end.
pub fn list<'c>(config: &Archive, checkpoint: &'c Checkpoint) -> (PathBuf, &'c Mark) {
    let (name, mark) = match &checkpoint.progress.list {
        List::Manifest(mark) => ("manifest.ndjson", mark),
        List::Gaps(mark) => ("gaps.ndjson", mark),
    };
    (config.state.join(name), mark)
}

/// Reads the lines that a checkpoint counts on, without the production code.
pub fn listed(world: &World, config: &Archive, checkpoint: &Checkpoint) -> Result<Listed, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Line {
        Entry(Entry),
        Gap(Gap),
    }
    let (path, mark) = list(config, checkpoint);
    let bytes = up_to(world, &path, mark.length)?;
    let lines = Deserializer::from_slice(&bytes).into_iter::<Line>();
    let mut listed = Listed::default();
    for line in lines {
        match line.map_err(|e| format!("{} can't be read: {e}", path.display()))? {
            Line::Entry(Entry::Sealed(sealed)) => listed.sealed.push(*sealed),
            Line::Entry(Entry::Deleted(deleted)) => {
                let mut sealed = listed.sealed.iter();
                let at = sealed.position(|sealed| sealed.file == deleted.file);
                let at = at.ok_or("a segment is deleted that was not sealed")?;
                let sealed = listed.sealed.remove(at);
                if deleted.reason == DeleteReason::Keep && !is_old(world, config, &sealed) {
                    return Err(format!("{:?} is deleted too early", sealed.file.name));
                }
                listed.deleted.push(sealed);
            }
            Line::Entry(Entry::Gap(gap)) | Line::Gap(gap) => listed.gaps.push(gap),
            Line::Entry(_) => {}
        }
    }
    Ok(listed)
}

/// Is a segment's newest record older than what is to be kept?
fn is_old(world: &World, config: &Archive, sealed: &Sealed) -> bool {
    let now = BEGIN_MS + world.now.load(Ordering::Relaxed).cast_signed();
    let age = config.retention.age.map_or(0, |age| age.as_millis() as i64);
    // The world's clock is behind the process's by up to a step.
    let newest = sealed.contents.latest();
    newest.is_none_or(|newest| newest.saturating_add(age) <= now + 60_000)
}

/// Reads the segments that a checkpoint counts on, in the order of their numbers. Each sealed one must be as its line says.
pub fn segments(
    world: &World,
    config: &Archive,
    checkpoint: &Checkpoint,
    listed: &Listed,
) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    for sealed in &listed.sealed {
        let path = sealed_path(config, sealed);
        let grown = part(&path);
        let mut unnamed = checkpoint.progress.unnamed.iter();
        let may_be_unnamed = unnamed.any(|unnamed| unnamed.file == sealed.file)
            // Somebody had put another file there before it got its name.
            || world.touched(&config.name).is_some();
        let path = match world.fs.peek(&path) {
            None if may_be_unnamed => grown,
            _ => path,
        };
        let bytes = up_to(world, &path, sealed.bytes)?;
        let digest = format!("{:032x}", xxh3_128(&bytes));
        if sealed.xxh128.as_ref().is_some_and(|said| *said != digest) {
            return Err(format!("{} is not what its line says", path.display()));
        }
        let index = world.fs.peek(&index_path(config, sealed.file.sequence));
        segments.push(Segment {
            sequence: sealed.file.sequence,
            origins: index.map(|index| origins(&index, &bytes)).transpose()?,
            bytes,
        });
    }
    for open in &checkpoint.progress.segments {
        let bytes = up_to(world, &open_path(config, open), open.mark.length)?;
        let index = match &open.index {
            Some(mark) => Some(up_to(
                world,
                &index_path(config, open.file.sequence),
                mark.length,
            )?),
            None => None,
        };
        segments.push(Segment {
            sequence: open.file.sequence,
            origins: index.map(|index| origins(&index, &bytes)).transpose()?,
            bytes,
        });
    }
    segments.sort_by_key(|segment| segment.sequence);
    Ok(segments)
}

fn index_path(config: &Archive, sequence: u64) -> PathBuf {
    config.state.join(format!("index/{sequence:06}.idx"))
}

/// What an index says of the lines of a segment that has these bytes. Its blocks must be those of the segment.
fn origins(index: &[u8], bytes: &[u8]) -> Result<Vec<Origin>, String> {
    let wrong = |e: IndexError| format!("an index can't be read: {e}");
    let mut reader = IndexReader::new(Cursor::new(index)).map_err(wrong)?;
    let (mut all, mut some, mut end) = (Vec::new(), Vec::new(), None);
    while reader.advance().map_err(wrong)?.is_some() {
        reader.origins(&mut some).map_err(wrong)?;
        all.append(&mut some);
        let block = reader.current().map(|entry| entry.block);
        let block = block.ok_or("an index without a block")?;
        let from = usize::try_from(block.file_start).unwrap_or(usize::MAX);
        let to = usize::try_from(block.file_end()).unwrap_or(usize::MAX);
        let of = bytes
            .get(from..to)
            .ok_or("an index is ahead of its segment")?;
        if checksum(of) != block.checksum || end.is_some_and(|end| end != block.file_start) {
            return Err("an index is of other bytes than its segment has".into());
        }
        end = Some(block.file_end());
    }
    match end {
        Some(end) if end != bytes.len() as u64 => Err("an index is behind its segment".into()),
        _ => Ok(all),
    }
}

/// Where a sealed segment is once it has its name.
pub fn sealed_path(config: &Archive, sealed: &Sealed) -> PathBuf {
    named(config, &sealed.file)
}

/// Where a segment's file is once it has its name.
pub fn named(config: &Archive, file: &SegmentFile) -> PathBuf {
    match &file.name {
        Some(name) => config.template.fixed_directory().join(name),
        None => config.file.clone(),
    }
}

/// Where an open segment is.
pub fn open_path(config: &Archive, open: &archiver_format::checkpoint::Segment) -> PathBuf {
    let path = named(config, &open.file);
    match open.is_growing {
        true => part(&path),
        false => path,
    }
}

/// The name that a segment grows under.
pub fn part(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.part", path.display()))
}

fn up_to(world: &World, path: &Path, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = world.fs.peek(path).unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if bytes.len() < length {
        let (found, path) = (bytes.len(), path.display());
        return Err(format!("{path} has {found} bytes, {length} were stored"));
    }
    bytes.truncate(length);
    Ok(bytes)
}
