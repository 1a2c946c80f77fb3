//! A stop while no broker says whether the topic is still the one that was read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::sim::chance::finish;
use crate::sim::check::{check, stored};
use crate::sim::disk::Crash;
use crate::sim::kafka::Life;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::world::World;

/// When the topic is created again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Recreated {
    Never,
    BeforeTheStop,
    AfterTheStop,
}

fn recreate(world: &World) {
    let mut kafka = world.cluster.kafka();
    for topic in kafka.topics.values_mut() {
        let number = topic.lives.len();
        let mut life = Life::new(format!("t-{number}"), 2);
        for (index, log) in life.partitions.iter_mut().enumerate() {
            for _ in 0..60 {
                log.append(&format!("t/{number}/{index}"), Some(b"new"), false);
            }
        }
        topic.lives.push(life);
    }
}

/// Runs until the brokers are gone at this time, stops, and says what was checkpointed.
fn stop_unanswered(scene: &Scene, recreated: Recreated, at: u64) -> (World, Checkpoint) {
    let mut world = scene.world(at);
    world.is_brisk = true;
    let mut script = scene.script();
    let mut step = 0;
    let ended = world.process(&mut |world| {
        step += 1;
        match step {
            1..=5 => script(world),
            6 => Step::Wait(Duration::from_millis(at)),
            7 if recreated == Recreated::BeforeTheStop => {
                recreate(world);
                Step::Wait(Duration::from_millis(100))
            }
            7 => Step::Wait(Duration::from_millis(100)),
            8 => {
                world.cluster.kafka().unreachable = true;
                Step::Wait(Duration::from_millis(1))
            }
            _ => Step::Stop,
        }
    });
    assert!(matches!(ended, Ok(Ended::Stopped { .. })), "{ended:?}");
    world.fs.crash(Crash::Kill);
    check(&world).unwrap_or_else(|e| panic!("stopped after {at} ms: {e}"));
    let checkpoint = stored(&world, &world.archives[0]);
    let checkpoint = checkpoint.expect("readable").expect("there");
    (world, checkpoint)
}

#[test]
fn what_was_read_just_before_a_stop_without_brokers_is_kept_if_it_is_of_the_topic() {
    let scene = &SCENES[1];
    for recreated in [
        Recreated::Never,
        Recreated::BeforeTheStop,
        Recreated::AfterTheStop,
    ] {
        let (mut unverified, mut back) = (0, 0);
        for at in 0..700 {
            let (world, before) = stop_unanswered(scene, recreated, at);
            if before.verified.is_none() {
                continue;
            }
            unverified += 1;
            if recreated == Recreated::AfterTheStop {
                recreate(&world);
            }
            finish(&world).unwrap_or_else(|e| panic!("{recreated:?} after {at} ms: {e}"));
            let after = stored(&world, &world.archives[0]);
            let after = after.expect("readable").expect("there");
            assert_eq!(after.verified, None);
            let written = world.cluster.kafka().written();
            back += usize::from(after.progress.records < written);
        }
        println!("{recreated:?}: {unverified} of 700 stops unverified, {back} went back");
        assert!(unverified > 0, "{recreated:?}");
        assert_eq!(back > 0, recreated != Recreated::Never, "{recreated:?}");
    }
}

#[test]
fn a_stop_waits_no_longer_for_brokers_that_hang_while_a_checkpoint_is_under_way() {
    for at in 0..100 {
        let mut world = SCENES[1].world(at);
        world.is_brisk = true;
        let mut script = SCENES[1].script();
        let (mut step, mut asked_to_stop) = (0, 0);
        let ended = world.process(&mut |world| {
            step += 1;
            match step {
                1..=5 => script(world),
                6 => {
                    world.cluster.kafka().hangs = true;
                    Step::Wait(Duration::from_millis(20 * at))
                }
                _ => {
                    asked_to_stop = world.now.load(Ordering::Relaxed);
                    Step::Stop
                }
            }
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "after {at}");
        let took = world.now.load(Ordering::Relaxed) - asked_to_stop;
        assert!(took <= 2_000, "after {at}: {took} ms");
        world.cluster.kafka().hangs = false;
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("after {at}: {e}"));
    }
}
