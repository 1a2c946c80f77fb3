//! Where an archive begins, and what it is known again by.

use std::path::PathBuf;
use std::time::Duration;

use archiver_format::compression::Compression;

use super::next_offsets;
use crate::config::Start;
use crate::moment::Moment;
use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::sim::chance::finish;
use crate::sim::check::{check, stored};
use crate::sim::kafka::{Log, Offset, Written};
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, Scene, write};
use crate::sim::world::World;

/// Two partitions, and two records more in each of them at each step.
const STEADY: &Scene = &SCENES[1];
/// What a topic holds in each partition when an archive first reads it.
const HELD: std::ops::Range<Offset> = 2..5;
/// How many records come then.
const MORE: usize = 2;

/// Begins an archive, and says how many lines it has in the end.
fn begun(seed: u64, start: Start) -> (World, usize) {
    let mut world = STEADY.world(seed);
    world.archives[0].config.start = start;
    write(&world, HELD.end as usize);
    let mut kafka = world.cluster.kafka();
    let logs = kafka.logs("t").iter_mut();
    logs.for_each(|log| log.expire(HELD.start));
    drop(kafka);
    let mut step = 0;
    let ended = world.process(&mut |world| {
        step += 1;
        if step == 10 {
            assert!(world.is_running(&world.archives[0]), "seed {seed}");
            write(world, MORE);
        }
        match step {
            0..20 => Step::Wait(Duration::from_millis(500)),
            _ => Step::Stop,
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
    check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let config = &world.archives[0].config;
    let gaps = world.fs.peek(&config.state.join("manifest.ndjson"));
    assert_eq!(gaps.unwrap_or_default(), b"", "seed {seed}");
    let file = world.fs.peek(&config.file).expect("a file");
    let lines = file.iter().filter(|&&byte| byte == b'\n').count();
    (world, lines)
}

#[test]
fn earliest_is_what_kafka_still_holds_without_a_gap_before_it() {
    for seed in 0..20 {
        let (_, lines) = begun(seed, Start::Earliest);
        let held = (HELD.end - HELD.start) as usize;
        assert_eq!(lines, 2 * (held + MORE), "seed {seed}");
    }
}

#[test]
fn latest_is_what_comes_after_the_start() {
    for seed in 0..20 {
        let (world, lines) = begun(seed, Start::Latest);
        assert_eq!(lines, 2 * MORE, "seed {seed}");
        let stored = stored(&world, &world.archives[0]).expect("readable");
        let next = next_offsets(&stored.expect("a checkpoint").progress);
        let mut kafka = world.cluster.kafka();
        let ends = kafka.logs("t").iter().map(Log::end);
        assert!(next.into_values().eq(ends), "seed {seed}");
    }
}

#[test]
fn so_many_of_each_partition_come_before_what_comes_after_the_start() {
    for (last, held) in [(1, 1), (3, 3), (1000, 3)] {
        for seed in 0..20 {
            let (_, lines) = begun(seed, Start::Last(last));
            assert_eq!(lines, 2 * (held + MORE), "seed {seed}");
        }
    }
}

#[test]
fn a_time_is_where_the_first_record_of_each_partition_has_it() {
    for seed in 0..20 {
        for ms in [0, 1_764_000_000_000, 1_764_000_000_030, i64::MAX] {
            let (world, lines) = begun(seed, Start::Since(Moment::At(ms)));
            let mut kafka = world.cluster.kafka();
            let wanted = kafka.logs("t").iter().map(|log| {
                let here = log.all[..HELD.end as usize].iter();
                let mut here = here.filter(|written| HELD.contains(&written.offset));
                let is_in = |written: &Written| written.timestamp.is_some_and(|at| at.ms >= ms);
                here.position(is_in).map_or(0, |first| HELD.count() - first)
            });
            let wanted = wanted.sum::<usize>() + 2 * MORE;
            assert_eq!(lines, wanted, "seed {seed}, from {ms} on");
        }
    }
}

#[test]
fn a_file_that_ends_in_the_middle_is_not_appended_to_and_it_is_said_of_what() {
    for (compression, what) in [
        (Compression::None, "plain lines"),
        (Compression::Gzip(1), "gzip members"),
        (Compression::Zstd(1), "zstd frames"),
    ] {
        let mut world = STEADY.world(1);
        let archive = &mut world.archives[0];
        archive.config.compression = compression;
        archive.before = b"half a li".to_vec();
        let (file, before) = (archive.config.file.clone(), archive.before.clone());
        world.fs.put(&file, &before);
        let (mut step, mut state) = (0, None);
        let ended = world.process(&mut |world| {
            step += 1;
            state = world.state(&world.archives[0]);
            match step {
                0..10 => Step::Wait(Duration::from_millis(500)),
                _ => Step::Stop,
            }
        });
        assert!(ended.is_ok(), "{what}: {ended:?}");
        let Some(State::Stopped(why)) = state else {
            panic!("{what}: {state:?}");
        };
        assert!(matches!(*why, Reason::NotWhole { .. }), "{why}");
        let why = why.to_string();
        assert!(why.contains(&format!("it is not whole {what}: ")), "{why}");
        assert_eq!(world.fs.peek(&file), Some(before), "{what}");
    }
}

#[test]
fn an_archive_that_was_renamed_with_its_file_moved_is_known_by_the_file_itself() {
    for seed in 0..20 {
        let mut world = STEADY.world(seed);
        let ended = world.process(&mut STEADY.script());
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        let mut config = world.archives.remove(0).config;
        let first = world.cluster.kafka().first.remove(&config.name);
        let (file, state) = (config.file, config.state);
        config.name = "renamed".into();
        config.file = PathBuf::from("/data/moved");
        config.state = state.with_file_name("renamed");
        world.fs.relocate(&file, &config.file);
        world.fs.relocate(&state, &config.state);
        let first = first.expect("it has begun");
        world
            .cluster
            .kafka()
            .first
            .insert(config.name.clone(), first);
        world.add(config, Vec::new());
        write(&world, MORE);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}
