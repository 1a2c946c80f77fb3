//! Somebody does something to an archive's files: it must go on or stop as its checkpoint says, and touch nothing
//! that isn't its own.

use std::sync::atomic::Ordering;

use crate::sim::check::segments::open_path;
use crate::sim::check::stored;
use crate::sim::world::{Touched, Watched, World, away, lock};

/// Somebody touches an archive's files.
pub fn meddle(world: &World) {
    let random = &world.random;
    let archive = &world.archives[random.below(world.archives.len())];
    let config = &archive.config;
    let has_begun = world.cluster.kafka().first.contains_key(&config.name);
    let Ok(Some(stored)) = stored(world, archive) else {
        return;
    };
    let open = stored.progress.segments;
    if open.is_empty() {
        return;
    }
    let open = &open[random.below(open.len())];
    let (file, mark) = (open_path(config, open), open.mark.length as usize);
    let is_only = config.template.is_fixed();
    if !has_begun || world.touched(&config.name).is_some() {
        return;
    }
    let (what, is_alone) = (random.below(9), !world.has_process());
    world
        .fs
        .note(|| format!("  somebody meddles with archive {}: {what}", config.name));
    let touched = match what {
        0 if is_only => {
            let bytes = vec![b'#'; random.pick(&[10, 1_000, 100_000])];
            world.fs.replace(&config.file, &away(&config.name), &bytes);
            lock(&world.foreign).insert(config.file.clone(), bytes);
            Touched::Moved
        }
        // Another archive may begin where there is no file.
        1 if is_only && !world.is_contested.load(Ordering::Relaxed) => {
            world.fs.relocate(&config.file, &away(&config.name));
            Touched::Moved
        }
        2 => {
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(random.between(0, bytes.len()));
            world.fs.alter(&file, cut);
            Touched::Changed
        }
        3 => {
            world
                .fs
                .alter(&file, |bytes| bytes.extend_from_slice(b"more\n"));
            Touched::Changed
        }
        // These are looked for when the file is opened, and not later.
        4 if is_alone && mark > 0 => {
            let at = mark - 1 - random.below(mark.min(4096));
            world.fs.alter(&file, |bytes| {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                }
            });
            Touched::Changed
        }
        5 if is_alone => {
            let path = config.state.join("checkpoint.json");
            let mut bytes = world.fs.peek(&path).unwrap_or_default();
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            world.put_foreign(&path, &bytes);
            Touched::Damaged
        }
        // Brought back from a copy, which is as good as the file itself.
        6 | 7 => {
            let bytes = world.fs.peek(&file).unwrap_or_default();
            world.fs.put(&file, &bytes);
            Touched::Changed
        }
        // A reload starts archives by itself, which no state must be missing for.
        8 if world.is_running(archive) && !world.is_reloading.load(Ordering::Relaxed) => {
            world.fs.relocate(&config.state, &away(&config.name));
            Touched::Stateless
        }
        _ => return,
    };
    lock(&world.touched).insert(config.name.clone(), touched);
}

/// Somebody puts back what was moved away.
pub fn put_back(world: &World) {
    let archive = &world.archives[world.random.below(world.archives.len())];
    if world.touched(&archive.config.name) == Some(Touched::Moved) {
        world.put_back(archive);
    }
}

/// No process may be started where the state of an archive is missing: it couldn't know that there was one.
pub fn put_back_states(world: &World) {
    let is_stateless =
        |archive: &&Watched| world.touched(&archive.config.name) == Some(Touched::Stateless);
    world
        .archives
        .iter()
        .filter(is_stateless)
        .for_each(|archive| world.put_back(archive));
}
