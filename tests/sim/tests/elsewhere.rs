//! Another cluster that answers at the address of the one that is read.

use std::time::Duration;

use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::sim::chance::finish;
use crate::sim::check::check;
use crate::sim::disk::Crash;
use crate::sim::process::Step;
use crate::sim::scenes::{SCENES, Scene, answer_elsewhere};
use crate::sim::world::World;

fn scene(name: &str) -> &'static Scene {
    let found = SCENES.iter().find(|scene| scene.name == name);
    found.unwrap_or_else(|| panic!("there is no scene {name}"))
}

/// Every reason that the archive has given, in order.
struct Said(Vec<State>);

impl Said {
    fn note(&mut self, world: &World) {
        let state = world.state(&world.archives[0]);
        self.0
            .extend(state.filter(|state| self.0.last() != Some(state)));
    }

    fn assert_true(&self) {
        for state in &self.0 {
            let (State::Waiting(why) | State::Stopped(why)) = state else {
                continue;
            };
            let (Reason::OtherCluster { found, .. } | Reason::ClusterChanged { found, .. }) =
                &**why
            else {
                panic!("{:?}", self.0);
            };
            assert_eq!(found, "elsewhere");
        }
    }
}

/// With the right cluster back, nothing is lost and nothing of the other one is left.
#[track_caller]
fn assert_goes_on(world: &World, seed: u64) {
    world.fs.crash(Crash::Kill);
    check(world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    finish(world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
}

#[test]
fn another_cluster_stops_the_archive_by_that_name_and_nothing_of_it_counts() {
    for seed in 0..100 {
        let scene = scene("another cluster");
        let mut world = scene.world(seed);
        world.is_brisk = true;
        let (mut script, mut said) = (scene.script(), Said(Vec::new()));
        let ended = world.process(&mut |world| {
            said.note(world);
            script(world)
        });
        assert!(ended.is_ok(), "seed {seed}: {ended:?}");
        said.assert_true();
        let last = said.0.last();
        assert!(matches!(last, Some(State::Stopped(_))), "{:?}", said.0);
        assert_goes_on(&world, seed);
    }
}

#[test]
fn a_cluster_that_answers_for_a_while_leaves_nothing_behind() {
    for seed in 0..100 {
        let mut world = scene("steady, plain").world(seed);
        world.is_brisk = true;
        let mut script = scene("steady, plain").script();
        let (mut step, mut said) = (0, Said(Vec::new()));
        let ended = world.process(&mut |world| {
            step += 1;
            said.note(world);
            match step {
                1..=5 => script(world),
                6 => {
                    answer_elsewhere(world);
                    // Longer than a checkpoint takes.
                    Step::Wait(Duration::from_millis(2000 + 20 * seed))
                }
                7 => {
                    world.cluster.kafka().elsewhere = None;
                    Step::Wait(Duration::from_secs(2))
                }
                _ => Step::Stop,
            }
        });
        assert!(ended.is_ok(), "seed {seed}: {ended:?}");
        said.assert_true();
        assert_goes_on(&world, seed);
    }
}
