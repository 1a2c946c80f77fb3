//! Sealed segments are handed over to a command, also after the note of how far that is was lost.

use std::time::Duration;

use crate::observe::status::HandedOver;
use crate::sim::chance::finish;
use crate::sim::disk::Crash;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::{World, lock};

/// A world whose archive has a command for its segments of a few records.
fn world(seed: u64) -> World {
    let mut scenes = SCENES.iter();
    let scene = scenes.find(|scene| scene.name == "segments of a few records");
    let scene = scene.expect("a scene");
    let world = scene.world(seed);
    let mut steps = 0;
    let ended = world.process(&mut |world| {
        steps += 1;
        write(world, 1);
        match steps {
            13 => Step::Stop,
            _ => Step::Wait(Duration::from_secs(1)),
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    world
}

fn done(world: &World) -> Vec<u64> {
    lock(&world.given)
        .done
        .get("0")
        .cloned()
        .unwrap_or_default()
}

#[test]
fn without_the_note_all_are_handed_over_again_and_with_it_none() {
    for seed in 0..20 {
        let world = world(seed);
        let first = done(&world);
        assert!(first.len() > 1, "seed {seed}: {first:?}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(done(&world), first, "seed {seed}: with the note");
        let note = world.archives[0].config.state.join("handed-over.json");
        world.fs.relocate(&note, std::path::Path::new("/away/note"));
        world.fs.crash(Crash::Kill);
        lock(&world.given).done.clear();
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(
            done(&world)[..first.len()],
            first,
            "seed {seed}: without it"
        );
    }
}

#[test]
fn how_it_goes_can_be_seen() {
    let world = world(1);
    lock(&world.given).done.clear();
    let note = world.archives[0].config.state.join("handed-over.json");
    world.fs.relocate(&note, std::path::Path::new("/away/note"));
    let (mut most, mut has_failed, mut left) = (0, false, 1000);
    let ended = world.process(&mut |world| {
        let statuses = lock(&world.statuses);
        let of = |seen: &HandedOver| (seen.waiting, seen.failure.is_some());
        let seen = statuses.first().map(|status| status.handed_over());
        let (waiting, fails) = seen.as_ref().map(of).unwrap_or_default();
        most = most.max(waiting);
        has_failed |= fails;
        left -= 1;
        match (most > 0 && waiting == 0) || left == 0 {
            true => Step::Stop,
            false => Step::Wait(Duration::from_millis(100)),
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    assert!(most > 1 && left > 0, "{most} were waiting, {left} are left");
    assert!(has_failed, "by the luck of this seed");
}
