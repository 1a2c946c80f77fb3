//! Segments that no checkpoint counts are removed at the next start, for good, and so are those that have no byte yet.

use std::path::Path;
use std::time::Duration;

use archiver_format::template::Template;

use crate::config::{Archive, Rotation, Start};
use crate::sim::chance::finish;
use crate::sim::disk::{Crash, Fault, Faults, Loss, Names};
use crate::sim::kafka::{Life, Topic};
use crate::sim::process::{Ended, Step};
use crate::sim::random::Random;
use crate::sim::scenes::write;
use crate::sim::world::World;

/// An archive of segments that are called like this, of a topic of so many partitions.
fn world(seed: u64, text: &str, partitions: usize) -> World {
    let mut world = World::new(Random::new(seed));
    world.is_brisk = true;
    let mut topic = Topic::default();
    topic.lives.push(Life::new("t-0".into(), partitions));
    topic.exists = true;
    world.cluster.kafka().topics.insert("t".into(), topic);
    let config = Archive {
        name: "0".into(),
        file: text.into(),
        template: Template::parse(text).expect("a template"),
        rotation: Rotation {
            records: Some(12),
            ..Rotation::default()
        },
        state: "/data/.archiver/0".into(),
        start: Start::Earliest,
        flush: Duration::from_millis(100),
        checkpoint: Duration::from_secs(60),
        ..Archive::for_tests()
    };
    world.add(config, Vec::new());
    world
}

/// An archive of small segments that is killed before its second checkpoint.
fn killed() -> World {
    let world = world(1, "/data/{seq}.ndjson", 1);
    let mut steps = 0;
    let ended = world.process(&mut |world| {
        steps += 1;
        match steps {
            8 => world.fs.die(),
            _ => write(world, 3),
        }
        Step::Wait(Duration::from_millis(300))
    });
    ended.expect("a crash");
    world.fs.crash(Crash::Kill);
    world
}

/// The operation by which a start begins to make durable what it has removed.
fn first_sync() -> u64 {
    let world = killed();
    world.fs.record();
    let mut steps = 0;
    let ended = world.process(&mut |world| {
        steps += 1;
        if steps == 4 {
            world.fs.die();
        }
        Step::Wait(Duration::from_millis(300))
    });
    ended.expect("a crash");
    let recorded = world.fs.recorded();
    let mut lines = recorded.iter();
    let is_removed = |line: &&String| line.contains("remove /data/") && line.ends_with(".part");
    lines.find(is_removed).expect("a segment is removed");
    let line = lines.find(|line| line.ends_with(" open directory /data"));
    let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
    number.expect("what was removed is made durable")
}

#[test]
fn what_a_start_that_failed_has_removed_does_not_come_back_at_a_power_cut() {
    let operation = first_sync();
    for later in 1..120 {
        let world = killed();
        world.fs.set_faults(Faults {
            at: Some((operation, Fault::Io)),
            ..Faults::default()
        });
        world.fs.crash_after(operation + later);
        let ended = world.process(&mut |_| Step::Wait(Duration::from_millis(300)));
        ended.expect("a crash");
        world.fs.crash(Crash::Power(Loss::Nothing, Names::Lost));
        finish(&world).unwrap_or_else(|e| panic!("{later} operations later: {e}"));
    }
}

/// Somebody's, though it is called like a segment of the archive, and empty.
const SOMEBODYS: &str = "/data/of/0-99999.ndjson.part";

/// An archive that opens a segment for each of many partitions at once.
fn many(seed: u64) -> World {
    let mut world = world(seed, "/data/of/{partition}-{seq}.ndjson", 20);
    world.archives[0].config.open_files = 100;
    world.put_foreign(Path::new(SOMEBODYS), b"");
    world
}

/// Segments of it that have no byte.
fn empty(world: &World) -> Vec<String> {
    let files = world.fs.files_below(Path::new("/data/of")).into_iter();
    let empty = files.filter(|path| world.fs.peek(path) == Some(Vec::new()));
    empty.map(|path| path.display().to_string()).collect()
}

fn written_and_stopped(world: &World) {
    let mut steps = 0;
    let ended = world.process(&mut |world| {
        steps += 1;
        match steps {
            1..4 => write(world, 1),
            40 => return Step::Stop,
            _ => {}
        }
        Step::Wait(Duration::from_millis(300))
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
}

#[test]
fn a_segment_that_was_created_and_not_written_to_does_not_stay_behind_a_crash() {
    for operation in 1..260 {
        let world = many(operation);
        world.fs.crash_after(world.fs.counts().0 + operation);
        let ended = world.process(&mut |world| {
            write(world, 1);
            Step::Wait(Duration::from_millis(300))
        });
        ended.expect("a crash");
        world.fs.crash(Crash::Kill);
        written_and_stopped(&world);
        assert_eq!(empty(&world), [SOMEBODYS], "killed after {operation}");
        finish(&world).unwrap_or_else(|e| panic!("killed after {operation}: {e}"));
    }
}

#[test]
fn a_segment_that_was_created_and_not_written_to_does_not_stay_behind_a_full_disk() {
    for operation in 1..260 {
        let world = many(operation);
        world.fs.set_faults(Faults {
            at: Some((world.fs.counts().0 + operation, Fault::Full)),
            ..Faults::default()
        });
        written_and_stopped(&world);
        assert_eq!(empty(&world), [SOMEBODYS], "full after {operation}");
        finish(&world).unwrap_or_else(|e| panic!("full after {operation}: {e}"));
    }
}
