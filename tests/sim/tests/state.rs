//! State files that are damaged, or somebody else's: refused for what they are, and never a wrong start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sim::chance::finish;
use crate::sim::disk::Crash;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::world::World;

/// A page that says what can be done.
const PAGE: &str = "docs/operating.md";

fn scene(name: &str) -> &'static Scene {
    let mut scenes = SCENES.iter();
    let found = scenes.find(|scene| scene.name == name);
    found.expect("a scene of this name")
}

/// A world in which this scene has been played to its clean end.
fn played(name: &str) -> World {
    let world = scene(name).world(1);
    let ended = world.process(&mut scene(name).script());
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    world
}

/// Everything that the first archive has.
struct Files(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Files {
    fn of(world: &World) -> Self {
        let config = &world.archives[0].config;
        let state = ["checkpoint.json", "manifest.ndjson"].map(|name| config.state.join(name));
        let paths = state.into_iter().chain([config.file.clone()]);
        Self(
            paths
                .map(|path| (path.clone(), world.fs.peek(&path)))
                .collect(),
        )
    }
}

fn state(world: &World, name: &str) -> PathBuf {
    world.archives[0].config.state.join(name)
}

/// The archive stops for good with a reason that says all of this, and touches nothing.
#[track_caller]
fn assert_refused(world: &World, path: &Path, bytes: &[u8], why: &str) {
    let before = world.fs.peek(path);
    world.fs.put(path, bytes);
    let name = world.archives[0].config.name.clone();
    let files = Files::of(world);
    let shown = String::from_utf8_lossy(bytes);
    let mut patience = 400;
    let ended = world.process(&mut |_| {
        patience -= 1;
        match patience {
            0 => Step::Stop,
            _ => Step::Wait(Duration::from_millis(50)),
        }
    });
    // To the simulation, which knows of no damage, it has stopped without need.
    let stopped = format!("archive {name} stopped without need: ");
    let said = ended.err().unwrap_or_default();
    assert!(
        said.contains(&stopped) && said.contains(PAGE),
        "{why}: {said}\n{shown}"
    );
    assert!(
        Files::of(world).0 == files.0,
        "{why}: touched, with\n{shown}"
    );
    assert_eq!(world.fs.peek(path).as_deref(), Some(bytes), "{why}");
    world.fs.crash(Crash::Kill);
    match before {
        Some(before) => world.fs.put(path, &before),
        None => world.fs.relocate(path, Path::new("/gone")),
    }
}

/// With everything put back the archive goes on, and each record is there once.
#[track_caller]
fn assert_goes_on(world: &World) {
    finish(world).unwrap_or_else(|e| panic!("{e}"));
}

fn each_change(bytes: &[u8], refused: impl Fn(&[u8])) {
    for at in 0..bytes.len() {
        for change in [0x01, 0x04, 0x20, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            refused(&changed);
        }
    }
}

/// What may stand in a file's place.
fn foreign() -> Vec<Vec<u8>> {
    vec![
        b"#!/bin/sh\nexit 0\n".to_vec(),
        b"{}\n".to_vec(),
        b"null\n".to_vec(),
        (0..=255).collect(),
        vec![0; 5000],
        b"[".repeat(100_000),
        b"{\"a\":".repeat(100_000),
        b"{\"format\":99999999999999999999}\n".to_vec(),
    ]
}

#[test]
fn a_checkpoint_with_any_byte_changed_stops_its_archive_and_nothing_is_touched() {
    let world = played("steady, plain");
    let path = state(&world, "checkpoint.json");
    let stored = world.fs.peek(&path).expect("a checkpoint");
    each_change(&stored, |bytes| {
        assert_refused(&world, &path, bytes, "changed")
    });
    for end in 0..stored.len() {
        assert_refused(&world, &path, &stored[..end], "cut");
    }
    for bytes in foreign() {
        assert_refused(&world, &path, &bytes, "somebody else's");
    }
    assert_goes_on(&world);
}

#[test]
fn a_checkpoint_of_a_newer_version_stops_its_archive() {
    let world = played("steady, plain");
    let path = state(&world, "checkpoint.json");
    let newer = b"{\"format\":3,\"new\":[],\"checkpoint\":{}}\n";
    assert_refused(&world, &path, newer, "newer");
    assert_goes_on(&world);
}

#[test]
fn a_list_of_gaps_with_any_byte_changed_stops_its_archive_and_nothing_is_touched() {
    let world = played("gap");
    let path = state(&world, "manifest.ndjson");
    let listed = world.fs.peek(&path).expect("gaps");
    each_change(&listed, |bytes| {
        assert_refused(&world, &path, bytes, "changed")
    });
    for end in 0..listed.len() {
        assert_refused(&world, &path, &listed[..end], "cut");
    }
    for bytes in foreign() {
        assert_refused(&world, &path, &bytes, "somebody else's");
    }
    assert_goes_on(&world);
}

#[test]
fn a_list_of_gaps_that_no_checkpoint_knows_of_is_not_touched() {
    let world = played("steady, plain");
    let path = state(&world, "manifest.ndjson");
    assert_refused(&world, &path, b"what somebody wrote\n", "somebody else's");
    assert_goes_on(&world);
}

#[test]
fn whatever_stands_in_a_lock_it_is_the_lock_that_counts() {
    for bytes in [
        &b""[..],
        b"1\n",
        b"not a number",
        b"\0\0\0\0",
        b"4294967295\n",
        &[0xff; 32],
    ] {
        let world = played("steady, plain");
        world.fs.put(&state(&world, "lock"), bytes);
        assert_goes_on(&world);
    }
}

#[test]
fn what_is_too_long_for_a_lock_is_somebody_else_s_and_not_touched() {
    let world = played("steady, plain");
    let path = state(&world, "lock");
    let text = b"a text that somebody keeps in this place\n";
    assert_refused(&world, &path, text, "too long");
    assert_goes_on(&world);
}

#[test]
fn the_checkpoint_of_another_archive_is_refused_also_when_both_files_are_the_same() {
    let world = played("two archives beside each other, one after what is there");
    let theirs = world.archives[1].config.state.join("checkpoint.json");
    let theirs = world.fs.peek(&theirs).expect("a checkpoint");
    let path = state(&world, "checkpoint.json");
    let [ours, other] = [0, 1].map(|index: usize| world.archives[index].config.file.clone());
    let kept = world.fs.peek(&ours).expect("a file");
    world.fs.put(&ours, &world.fs.peek(&other).expect("a file"));
    assert_refused(&world, &path, &theirs, "another's");
    world.fs.put(&ours, &kept);
    assert_goes_on(&world);
}
