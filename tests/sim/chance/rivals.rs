//! Other archivers that are given the same files.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::config::{Archive, Existing};
use crate::sim::check::stored;
use crate::sim::process::Step;
use crate::sim::world::{Touched, Watched, World, lock};

/// A second process beside the first, with the same archives or with some of other names on the same files.
pub fn second_process(world: &World) -> Step {
    let random = &world.random;
    let is_stateless = lock(&world.touched)
        .values()
        .any(|touched| *touched == Touched::Stateless);
    let most = Duration::from_millis(random.between(10, 20_000) as u64);
    if is_stateless {
        return Step::Wait(Duration::ZERO);
    }
    let same_names = random.once_in(2);
    let archives = world.archives.iter();
    let archives = archives.filter(|archive| archive.pattern.is_none());
    let started = archives.filter_map(|archive| match same_names {
        true => Some(archive.config.clone()),
        false => has_files(world, archive).then(|| renamed(world, archive)),
    });
    let started = started.collect::<Vec<_>>();
    world.is_contested.fetch_or(!same_names, Ordering::Relaxed);
    Step::Rival(started, most)
}

/// A process of its own, in which an archive has another name.
pub fn other_name(world: &World) -> Result<(), String> {
    let archive = &world.archives[world.random.below(world.archives.len())];
    if archive.pattern.is_some() || !has_files(world, archive) {
        return Ok(());
    }
    let started = renamed(world, archive);
    world
        .fs
        .note(|| format!("== archive {} has another name", archive.config.name));
    let checkpoint = started.state.join("checkpoint.json");
    let before = world.fs.peek(&archive.config.file);
    let mut steps = world.random.between(1, 20);
    world.process_of(vec![started], &mut |_| {
        steps -= 1;
        match steps {
            0 => Step::Stop,
            _ => Step::Wait(Duration::from_millis(300)),
        }
    })?;
    world.fs.crash(crate::sim::disk::Crash::Kill);
    if world.fs.peek(&checkpoint).is_some() || world.fs.peek(&archive.config.file) != before {
        let name = &archive.config.name;
        return Err(format!("another archive took the file of archive {name}"));
    }
    Ok(())
}

/// Is there anything for another archive to take away?
fn has_files(world: &World, archive: &Watched) -> bool {
    let config = &archive.config;
    matches!(stored(world, archive), Ok(Some(_)))
        && world.touched(&config.name).is_none()
        && world.fs.peek(&config.file).is_some()
}

fn renamed(world: &World, archive: &Watched) -> Archive {
    let name = format!("{}-renamed", archive.config.name);
    Archive {
        state: archive.config.state.with_file_name(&name),
        name,
        existing: world.random.pick(&[Existing::Refuse, Existing::Append]),
        ..archive.config.clone()
    }
}
