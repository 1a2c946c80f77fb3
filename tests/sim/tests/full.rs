//! What a stop says of itself on a disk that is full, or was.

use std::time::Duration;

use std::collections::BTreeMap;

use archiver_format::record::Partition;

use super::next_offsets;
use crate::sim::chance::finish;
use crate::sim::check::stored;
use crate::sim::disk::{Crash, Faults};
use crate::sim::kafka::{Offset, Topic};
use crate::sim::process::{Ended, Step};
use crate::sim::random::Random;
use crate::sim::scenes::SCENES;
use crate::sim::world::World;

const LOOK: Duration = Duration::from_millis(100);

fn ends(world: &World) -> BTreeMap<Partition, Offset> {
    let mut kafka = world.cluster.kafka();
    let lives = kafka.topics.values_mut().filter_map(Topic::now_mut);
    let logs = lives.flat_map(|life| &life.partitions);
    (0..).zip(logs.map(|log| log.end())).collect()
}

fn stored_of(world: &World) -> BTreeMap<Partition, Offset> {
    let stored = stored(world, &world.archives[0]).expect("readable");
    next_offsets(&stored.expect("a checkpoint").progress)
}

/// Fills the disk while an archive runs, and perhaps frees it again; then stops.
fn stop_on_a_full_disk(seed: u64, is_freed: bool) -> (World, Ended) {
    let scene = SCENES.iter().find(|scene| scene.name == "steady, gzip");
    let scene = scene.expect("there is such a scene");
    let world = scene.world(seed);
    let (random, mut script) = (Random::new(seed), scene.script());
    let room = 1_400 + random.below(3_500);
    let stop_at = 40 + random.below(150);
    let mut looks = 0;
    let ended = world.process(&mut |world| {
        looks += 1;
        match looks {
            1 => world.fs.set_faults(Faults {
                room: Some(room),
                ..Faults::default()
            }),
            // The scene ends by asking for a stop, later than this.
            10..15 => drop(script(world)),
            _ if is_freed && looks == stop_at => world.fs.set_faults(Faults::default()),
            _ if is_freed && looks < stop_at + 200 => {}
            _ if looks >= stop_at => return Step::Stop,
            _ => {}
        }
        Step::Wait(LOOK)
    });
    (world, ended.unwrap_or_else(|e| panic!("seed {seed}: {e}")))
}

#[test]
fn a_stop_on_a_full_disk_is_clean_only_if_all_that_was_taken_is_stored() {
    let mut unclean = 0;
    for seed in 0..200 {
        let (world, ended) = stop_on_a_full_disk(seed, false);
        let clean = stored_of(&world) == ends(&world);
        assert_eq!(ended, Ended::Stopped { clean }, "seed {seed}");
        unclean += usize::from(!clean);
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    assert!((50..200).contains(&unclean), "{unclean} of 200");
}

#[test]
fn a_stop_is_clean_again_when_a_disk_that_was_full_has_room() {
    for seed in 0..50 {
        let (world, ended) = stop_on_a_full_disk(seed, true);
        assert_eq!(stored_of(&world), ends(&world), "seed {seed}");
        assert_eq!(ended, Ended::Stopped { clean: true }, "seed {seed}");
    }
}
