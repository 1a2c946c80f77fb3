//! Compares what the archives have with everything that was ever in the cluster.

mod found;
mod holds;
mod part;
pub mod refusal;
pub mod segments;

use std::path::PathBuf;

use archiver_format::checkpoint::{Checkpoint, List};
use archiver_format::position::Position;
use archiver_format::record::Partition;
use serde::Deserialize;

use super::commands::check_order;
use super::kafka::{Log, Topic};
use super::world::{Touched, Watched, World, lock};
use holds::Holds;

/// What the checks have counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Records that were looked for.
    pub compared: u64,
    /// Records that should have been there and were not.
    pub lost: u64,
    /// Records that were there once more than they should have been.
    pub doubled: u64,
    /// Archives that were stopped cleanly while others went on.
    pub stopped: u64,
    /// Other configurations that were taken up.
    pub reloads: u64,
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
    for (path, bytes) in lock(&world.foreign).iter() {
        if world.fs.peek(path).as_ref() != Some(bytes) {
            return Err(format!(
                "{} is not archiver's and was changed",
                path.display()
            ));
        }
    }
    for archive in &world.archives {
        let name = &archive.config.name;
        let of = |e: String| format!("archive {name}: {e}");
        let touched = world.touched(name);
        match refusal::expected(world, &archive.config) {
            Some(why) if touched.is_none() => return Err(of(format!("it can't go on: {why}"))),
            Some(_) => {}
            None => check_archive(world, archive).map_err(of)?,
        }
        if touched.is_none() && archive.config.on_seal.is_some() {
            check_order(world, archive).map_err(of)?;
        }
        let is_moved = touched == Some(Touched::Moved);
        let is_foreign = lock(&world.foreign).contains_key(&archive.config.file);
        if is_moved && !is_foreign && world.fs.peek(&archive.config.file).is_some() {
            return Err(of("a file was created where somebody took one away".into()));
        }
    }
    Ok(())
}

/// Checks that nothing is left to be archived, and nothing but what is certain in the files.
pub fn check_complete(world: &World) -> Result<(), String> {
    check(world)?;
    for archive in &world.archives {
        let (name, config) = (&archive.config.name, &archive.config);
        if archive.is_hopeless || refusal::expected(world, config).is_some() {
            continue;
        }
        let stopped_at_newline = lock(&world.at_newline).contains(name);
        if !stopped_at_newline && !has_all(world, archive)? {
            return Err(format!("archive {name} has not taken everything"));
        }
        check_length(world, archive)?;
    }
    Ok(())
}

/// Checks of an archive that was stopped alone, and cleanly, that its file is what its checkpoint says.
pub fn check_stopped(world: &World, archive: &Watched) -> Result<(), String> {
    if world.touched(&archive.config.name).is_some() {
        return Ok(());
    }
    check_archive(world, archive).map_err(|e| format!("archive {}: {e}", archive.config.name))?;
    lock(&world.tally).stopped += 1;
    check_length(world, archive)
}

fn check_length(world: &World, archive: &Watched) -> Result<(), String> {
    let config = &archive.config;
    let of = |e: String| format!("archive {}: {e}", config.name);
    let stored = stored(world, archive)?.ok_or("no checkpoint")?;
    let mut known = Vec::new();
    for open in &stored.progress.segments {
        let path = segments::open_path(config, open);
        let file = world.fs.peek(&path);
        let (length, expected) = (file.map_or(0, |b| b.len() as u64), open.mark.length);
        if length != expected {
            let path = path.display();
            return Err(of(format!(
                "{path} has {length} bytes after a clean stop, not {expected}"
            )));
        }
        known.push(path);
    }
    if config.template.is_fixed() {
        return Ok(());
    }
    let listed = segments::listed(world, config, &stored).map_err(of)?;
    let sealed = listed.sealed.iter();
    known.extend(sealed.map(|sealed| segments::sealed_path(config, sealed)));
    // What somebody has changed before it had its name doesn't get it.
    if world.touched(&config.name).is_some() {
        let sealed = listed.sealed.iter();
        let paths = sealed.map(|sealed| segments::sealed_path(config, sealed));
        known.extend(paths.map(|path| segments::part(&path)));
    }
    // What is not verified has no final names yet; what could not be named is by the next start.
    let unnamed = stored.progress.unnamed.iter();
    known.extend(unnamed.map(|of| segments::part(&segments::named(config, &of.file))));
    // What is to be deleted is by the next start.
    let deleted = stored.progress.deleted.iter();
    known.extend(deleted.map(|file| segments::named(config, file)));
    let directory = config.template.fixed_directory();
    let mut below = world.fs.files_below(&directory).into_iter();
    let is_strange = |path: &PathBuf| {
        let is_state = path
            .components()
            .any(|part| part.as_os_str() == ".archiver");
        // A crash came before it was known that the file is archiver's.
        let is_begun = world.fs.peek(path).is_some_and(|bytes| bytes.is_empty());
        let is_known = known.contains(path) || lock(&world.foreign).contains_key(path);
        !is_state && !is_known && !is_begun
    };
    match below.find(is_strange) {
        None => Ok(()),
        Some(path) => Err(of(format!("{} is left after a clean stop", path.display()))),
    }
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
        let next = stored.progress.positions.next(partition as Partition).get();
        next <= log.end() && log.next(next).is_none()
    };
    Ok(life.partitions.iter().enumerate().all(all))
}

fn check_archive(world: &World, archive: &Watched) -> Result<(), String> {
    let kafka = world.cluster.kafka();
    let first = kafka.first.get(&archive.config.name).cloned();
    drop(kafka);
    let Some(mut checkpoint) = stored(world, archive)? else {
        return match first {
            Some(_) => Err("its checkpoint is gone".into()),
            None => Ok(()),
        };
    };
    let kafka = world.cluster.kafka();
    let topic = &kafka.topics[&archive.config.topic];
    let now = topic.now().map(|life| &life.id);
    if let Some(verified) = checkpoint.verified.take()
        && now != checkpoint.identity.topic_id.as_ref()
    {
        // The next start finds out, and goes back to this.
        checkpoint.progress = verified;
    }
    if let Some(committed) = kafka.committed.get(&archive.config.name) {
        check_committed(committed, &checkpoint, topic)?;
    }
    let Some(first) = first else {
        // Nothing was read so far.
        return Ok(());
    };
    let first = parse(&first).ok_or("reading began without a checkpoint")?;
    drop(kafka);
    found::check(world, archive, &first)?;
    let kafka = world.cluster.kafka();
    let topic = &kafka.topics[&archive.config.topic];
    let holds = Holds::read(world, archive, checkpoint, first)?;
    holds.check(topic, archive, &mut lock(&world.tally))
}

/// What was told to the cluster must be there.
fn check_committed(then: &Checkpoint, now: &Checkpoint, topic: &Topic) -> Result<(), String> {
    let same_topic = then.identity.topic_id == now.identity.topic_id;
    let (then, now) = (&then.progress, &now.progress);
    let mut positions = then.positions.iter();
    // A log that got shorter takes its reader back.
    let mut logs = topic.lives.iter().flat_map(|life| &life.partitions);
    let got_shorter = logs.any(|log| log.got_shorter);
    let reached = |(partition, then): (Partition, Position)| {
        let now = now.positions.get(partition);
        now.is_some_and(|now| now.next >= then.next)
    };
    let is_there = now.records >= then.records
        && now.bytes() >= then.bytes()
        && listed_bytes(&now.list) >= listed_bytes(&then.list)
        && (!same_topic || got_shorter || positions.all(reached));
    match is_there {
        true => Ok(()),
        false => Err(format!("it has {now:?}, but {then:?} was committed")),
    }
}

/// The length of the manifest; of an older list, which it takes the place of, nothing.
fn listed_bytes(list: &List) -> u64 {
    match list {
        List::Manifest(mark) => mark.length,
        List::Gaps(_) => 0,
    }
}
