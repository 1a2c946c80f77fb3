//! Segments that no checkpoint counts are removed at the next start, for good.

use std::time::Duration;

use archiver_format::template::Template;

use crate::config::{Archive, Rotation, Start};
use crate::sim::chance::finish;
use crate::sim::disk::{Crash, Fault, Faults, Loss, Names};
use crate::sim::kafka::{Life, Topic};
use crate::sim::process::Step;
use crate::sim::random::Random;
use crate::sim::scenes::write;
use crate::sim::world::World;

/// An archive of small segments that is killed before its second checkpoint.
fn killed() -> World {
    let mut world = World::new(Random::new(1));
    world.is_brisk = true;
    let mut topic = Topic::default();
    topic.lives.push(Life::new("t-0".into(), 1));
    topic.exists = true;
    world.cluster.kafka().topics.insert("t".into(), topic);
    let text = "/data/{seq}.ndjson";
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
