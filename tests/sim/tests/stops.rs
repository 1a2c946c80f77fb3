//! What a stop leaves: all that had arrived, or nothing new that counts.

use std::time::Duration;

use std::collections::BTreeMap;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::record::Partition;

use super::next_offsets;
use crate::sim::chance::finish;
use crate::sim::check::stored;
use crate::sim::disk::Crash;
use crate::sim::kafka::Log;
use crate::sim::kafka::Offset;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::{Touched, World, away, lock};

const SECOND: Duration = Duration::from_secs(1);
const FLUSH: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(3600);
const SEEDS: u64 = 50;

/// An archive that seldom writes a batch that isn't full, and makes no checkpoint before its stop.
fn world(seed: u64) -> World {
    let mut world = SCENES[1].world(seed);
    world.is_brisk = true;
    let config = &mut world.archives[0].config;
    (config.flush, config.checkpoint) = (FLUSH, NEVER);
    world
}

fn checkpoint(world: &World) -> Checkpoint {
    let stored = stored(world, &world.archives[0]);
    stored.expect("readable").expect("a checkpoint")
}

fn ends(world: &World) -> BTreeMap<Partition, Offset> {
    let mut kafka = world.cluster.kafka();
    let ends = kafka.logs("t").iter().map(Log::end);
    (0..).zip(ends).collect()
}

fn length(world: &World) -> usize {
    let file = world.fs.peek(&world.archives[0].config.file);
    file.expect("a file").len()
}

/// Runs until some records are in the file, and others in a batch that waits for more; then this happens, and a stop.
fn stop_after(world: &World, happens: impl Fn(&World)) -> Ended {
    let (mut step, mut written) = (0, 0);
    let ended = world.process(&mut |world| {
        step += 1;
        match step {
            1 => {
                write(world, 3);
                return Step::Wait(FLUSH + FLUSH / 2);
            }
            3 => {
                write(world, 3);
                return Step::Wait(2 * SECOND);
            }
            2 => written = length(world),
            4 => assert_eq!(length(world), written, "nothing stands in the batch"),
            _ => {
                happens(world);
                return Step::Stop;
            }
        }
        Step::Wait(Duration::ZERO)
    });
    ended.unwrap_or_else(|e| panic!("{e}"))
}

fn assert_goes_on(world: &mut World, seed: u64) {
    let config = &mut world.archives[0].config;
    (config.flush, config.checkpoint) = (SECOND, SECOND);
    finish(world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
}

#[test]
fn what_stands_in_the_batch_at_a_stop_is_in_the_file_and_in_the_checkpoint() {
    for seed in 0..SEEDS {
        let mut world = world(seed);
        let ended = stop_after(&world, |_| {});
        assert_eq!(ended, Ended::Stopped { clean: true }, "seed {seed}");
        let stored = checkpoint(&world).progress;
        assert_eq!(
            next_offsets(&stored),
            ends(&world),
            "seed {seed}: not all is stored"
        );
        assert_eq!(length(&world) as u64, stored.bytes(), "seed {seed}");
        assert_goes_on(&mut world, seed);
    }
}

#[test]
fn what_has_arrived_when_a_stop_is_asked_for_is_taken_and_stored() {
    for seed in 0..SEEDS {
        let mut world = world(seed);
        let received = std::cell::RefCell::new(BTreeMap::new());
        let ended = stop_after(&world, |world| {
            let before = world.cluster.received("t");
            write(world, 9);
            while world.cluster.received("t") == before {
                world.cluster.deliver();
            }
            *received.borrow_mut() = world.cluster.received("t");
        });
        assert_eq!(ended, Ended::Stopped { clean: true }, "seed {seed}");
        let stored = checkpoint(&world).progress;
        let received = received.into_inner();
        assert_eq!(
            next_offsets(&stored),
            received,
            "seed {seed}: not all is stored"
        );
        assert_goes_on(&mut world, seed);
    }
}

/// The stop must not be called clean, and what was stored before must be what is stored still.
fn assert_stores_nothing(touched: Touched, touch: impl Fn(&World)) {
    for seed in 0..SEEDS {
        let mut world = world(seed);
        let before = std::cell::RefCell::new(None);
        let ended = stop_after(&world, |world| {
            *before.borrow_mut() = Some(checkpoint(world));
            touch(world);
            lock(&world.touched).insert("0".into(), touched);
        });
        assert_eq!(
            ended,
            Ended::Stopped { clean: false },
            "seed {seed}: what nobody can find again was called archived"
        );
        let (before, after) = (before.into_inner(), Some(checkpoint(&world)));
        assert_eq!(
            before, after,
            "seed {seed}: a checkpoint of what is not certain"
        );
        world.fs.crash(Crash::Kill);
        world.put_back(&world.archives[0]);
        assert_goes_on(&mut world, seed);
    }
}

#[test]
fn a_stop_just_after_the_file_was_moved_away_is_not_clean_and_stores_no_checkpoint() {
    assert_stores_nothing(Touched::Moved, |world| {
        let file = &world.archives[0].config.file;
        world.fs.relocate(file, &away("0"));
    });
}

#[test]
fn what_somebody_did_to_the_file_and_only_a_stop_notices_is_not_checkpointed() {
    for change in [
        (|bytes| bytes.truncate(bytes.len() - 1)) as fn(&mut Vec<u8>),
        |bytes| bytes.extend_from_slice(b"more\n"),
    ] {
        assert_stores_nothing(Touched::Changed, |world| {
            world.fs.alter(&world.archives[0].config.file, change);
        });
    }
}
