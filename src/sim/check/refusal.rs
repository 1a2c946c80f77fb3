//! Whether an archive stops for a true reason, worked out from what is on the disk and not by the production code.

use std::path::Path;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::holds::decode;
use super::parse;
use crate::config::{Archive, Existing, Newline};
use crate::record::NextOffset;
use crate::segment::mark::Mark;
use crate::sim::disk::SimFs;
use crate::sim::kafka::Written;
use crate::sim::world::{Touched, World, lock};

/// What an archive must say if it were started now, if it can't go on from its checkpoint.
pub fn expected(world: &World, config: &Archive) -> Option<String> {
    let path = config.state.join("checkpoint.json");
    let Some(bytes) = world.fs.peek(&path) else {
        let is_gone = world.touched(&config.name) == Some(Touched::Stateless);
        let gone = format!("the checkpoint in {} is gone", config.state.display());
        return is_gone.then_some(gone);
    };
    if !is_whole(&bytes) {
        return Some(format!("the checkpoint {} ", path.display()));
    }
    let stored = parse(&bytes)?;
    let found = found(world, &config.file, &stored.progress.data).or_else(|| {
        let id = world.fs.id(&config.file)?;
        let bytes = world.fs.peek(&config.file)?;
        let other = stored.progress.data.length == 0 && !bytes.is_empty();
        (other && id != stored.progress.id)
            .then(|| format!("another file with {} bytes in it", bytes.len()))
    });
    let of = |path: &Path, mark: &Mark, found: String| {
        let (path, length) = (path.display(), mark.length);
        format!("{path}: expected what was written up to byte {length}, found {found}")
    };
    if let Some(found) = found {
        return Some(of(&config.file, &stored.progress.data, found));
    }
    let gaps = config.state.join("gaps.ndjson");
    if stored.progress.gaps.length == 0 {
        return None;
    }
    // Each line also has a checksum, so other bytes may be told by their line.
    let is_other = self::found(world, &gaps, &stored.progress.gaps).is_some();
    is_other.then(|| of(&gaps, &stored.progress.gaps, String::new()))
}

/// What is there in place of what a mark says.
fn found(world: &World, path: &Path, mark: &Mark) -> Option<String> {
    let Some(bytes) = world.fs.peek(path) else {
        return Some("no file".into());
    };
    let length = usize::try_from(mark.length).unwrap_or(usize::MAX);
    let Some(own) = bytes.get(..length) else {
        return Some(format!("only {} bytes", bytes.len()));
    };
    let tail = &own[length.saturating_sub(4096)..];
    (format!("{:016x}", xxh3_64(tail)) != mark.fingerprint)
        .then(|| format!("different bytes in the last {} before that", tail.len()))
}

fn is_whole(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        format: u32,
        checksum: String,
        checkpoint: Box<RawValue>,
    }
    let outer = serde_json::from_slice::<Outer>(bytes);
    outer.is_ok_and(|outer| {
        let sum = xxh3_64(outer.checkpoint.get().as_bytes());
        outer.format == 1 && outer.checksum == format!("xxh3:{sum:016x}")
    })
}

/// Is this reason true of this archive, at this moment, in this process?
pub fn is_true(world: &World, config: &Archive, why: &str, process: &SimFs) -> bool {
    let is_touched = world.touched(&config.name).is_some();
    let is_expected =
        is_touched && expected(world, config).is_some_and(|expected| why.contains(&expected));
    is_expected
        || (is_touched && is_of_the_written_file(world, config, why))
        || is_of_another_process(world, config, why, process)
        || is_of_another_archive(world, config, why)
        || is_of_another_cluster(world, config, why)
        || is_of_an_old_file(world, config, why)
        || is_of_a_newline(world, config, why)
}

/// The file was changed while it was being opened.
fn is_of_the_written_file(world: &World, config: &Archive, why: &str) -> bool {
    let Some((_, found)) = why.split_once("expected the file that is being written") else {
        return false;
    };
    match world.fs.peek(&config.file) {
        None => found.contains("found no file"),
        Some(bytes) => {
            let length = bytes.len();
            found.contains(&format!("found another file, {length} bytes"))
                || found.contains(&format!("found {length} bytes"))
        }
    }
}

fn is_of_another_process(world: &World, config: &Archive, why: &str, process: &SimFs) -> bool {
    if why.contains("is held by another process; ") {
        let files = [config.file.clone(), config.state.join("lock")];
        return files.iter().any(|path| process.is_locked_by_another(path));
    }
    let pid = why.split_once("is held by another process (pid ");
    let pid = pid.and_then(|(_, rest)| rest.split_once(')')?.0.parse::<u32>().ok());
    pid.is_some_and(|pid| world.fs.lived(pid) && !process.is(pid))
}

fn is_of_another_archive(world: &World, config: &Archive, why: &str) -> bool {
    let of = why.split_once(" is the file of archive ").map(|(_, of)| of);
    let dir = of.and_then(|of| of.split_once(", whose checkpoint is in "));
    let Some((name, dir)) = dir else { return false };
    let dir = dir.split(';').next().unwrap_or_default();
    let bytes = world.fs.peek(&Path::new(dir).join("checkpoint.json"));
    bytes.and_then(|bytes| parse(&bytes)).is_some_and(|stored| {
        stored.identity.archive == name && Some(stored.progress.id) == world.fs.id(&config.file)
    })
}

fn is_of_another_cluster(world: &World, config: &Archive, why: &str) -> bool {
    let name = &config.cluster.name;
    let said = format!("is of cluster simulated, but {name} is cluster elsewhere; ");
    why.contains(&said) && world.cluster.kafka().id() == "elsewhere"
}

fn is_of_an_old_file(world: &World, config: &Archive, why: &str) -> bool {
    let has_checkpoint = world
        .fs
        .peek(&config.state.join("checkpoint.json"))
        .is_some();
    let bytes = world.fs.peek(&config.file).unwrap_or_default();
    let path = config.file.display();
    // What is in it, whoever's file it is may have cut back since.
    let is_contested = world.is_contested.load(Ordering::Relaxed);
    if has_checkpoint || (bytes.is_empty() && !is_contested) {
        return false;
    }
    match config.existing {
        Existing::Refuse => {
            why.contains(&format!("{path} exists (")) && why.contains("no checkpoint for it")
        }
        Existing::Append => {
            let decoded = decode(&bytes, config.compression);
            let fits = decoded.is_ok_and(|lines| lines.last().is_none_or(|&byte| byte == b'\n'));
            (!fits || is_contested) && why.contains(&format!("{path} can't be appended to"))
        }
    }
}

fn is_of_a_newline(world: &World, config: &Archive, why: &str) -> bool {
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
    let lives = kafka.topics[&config.topic].lives.iter();
    // It may have been deleted in the meantime.
    let mut logs = lives.filter_map(|life| life.partitions.get(partition));
    let is_it = |written: &Written| {
        let mut value = written.value.iter().flatten();
        written.offset == offset && value.any(|&byte| byte == b'\n')
    };
    let is_it = config.newline == Newline::Fail && logs.any(|log| log.all.iter().any(is_it));
    if is_it {
        lock(&world.at_newline).insert(config.name.clone());
    }
    is_it
}
