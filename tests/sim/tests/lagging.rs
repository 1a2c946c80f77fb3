//! What an archive says when nothing comes, when retention comes after it, and when its disk is to be left to others.

use std::time::Duration;

use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::sim::chance::finish;
use crate::sim::disk::Faults;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::{World, lock};

const SECOND: Duration = Duration::from_secs(1);

fn world(seed: u64) -> World {
    let scene = SCENES.iter().find(|scene| scene.name == "steady, plain");
    let mut world = scene.expect("there is such a scene").world(seed);
    world.is_brisk = true;
    world
}

fn is_stalled(world: &World) -> bool {
    let state = world.state(&world.archives[0]);
    matches!(state, Some(State::Stalled(_)))
}

/// Runs through these seconds, of which each is told its number.
fn run(world: &World, seconds: u64, mut each: impl FnMut(&World, u64)) {
    let mut second = 0;
    let ended = world.process(&mut |world| {
        second += 1;
        each(world, second);
        match second < seconds {
            true => Step::Wait(SECOND),
            false => Step::Stop,
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    finish(world).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn an_archive_that_takes_nothing_of_what_waits_is_stalled_after_a_minute_and_until_it_does() {
    run(&world(1), 200, |world, second| match second {
        10 => world.cluster.kafka().holds_back = true,
        20 => write(world, 3),
        21..80 => assert!(!is_stalled(world), "after {second} s"),
        90..100 => assert!(is_stalled(world), "after {second} s"),
        100 => world.cluster.kafka().holds_back = false,
        115.. => assert!(world.is_running(&world.archives[0]), "after {second} s"),
        _ => {}
    });
}

#[test]
fn that_retention_overtakes_an_archive_is_said_before_it_does() {
    let mut world = world(2);
    world.archives[0].config.alarm_headroom = 60 * SECOND;
    let mut said_at = None;
    run(&world, 400, |world, second| {
        match second {
            10 => write(world, 1000),
            // What is on its way is still taken; where it stands then is known.
            11 => world.cluster.kafka().holds_back = true,
            200.. => world.cluster.kafka().holds_back = false,
            _ => {}
        }
        if (30..200).contains(&second) {
            // The start moves by five offsets in five seconds.
            let before = i64::try_from(second - 30).expect("small") / 5 * 5;
            let mut kafka = world.cluster.kafka();
            kafka
                .logs("t")
                .iter_mut()
                .for_each(|log| log.expire(before));
        }
        let statuses = lock(&world.statuses);
        if statuses
            .iter()
            .any(|status| status.lag().is_overtaken_soon())
        {
            said_at.get_or_insert(second);
        } else if second > 380 {
            let is_over = statuses
                .iter()
                .all(|status| status.lag().waiting() == Some(0));
            assert!(is_over, "what is left is taken in the end");
        }
    });
    let said_at = said_at.expect("it is said");
    assert!(said_at > 40, "too early: {said_at}");
    let status = |of: &World| of.cluster.kafka().logs("t")[0].start;
    assert!(status(&world) > 0);
}

#[test]
fn nothing_is_taken_for_a_disk_whose_last_space_is_for_others() {
    let mut world = world(3);
    world.disk_free = 100_000;
    let waits = |world: &World| match world.state(&world.archives[0]) {
        Some(State::Waiting(why)) => matches!(*why, Reason::DiskLow { .. }),
        _ => false,
    };
    run(&world, 120, |world, second| match second {
        1 => write(world, 3),
        10 => world.fs.set_faults(Faults {
            room: Some(50_000),
            ..Faults::default()
        }),
        20 => {
            assert!(waits(world));
            write(world, 3);
        }
        30 => {
            assert!(waits(world));
            let file = world.fs.peek(&world.archives[0].config.file);
            let lines = file
                .unwrap_or_default()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert!(
                lines <= 3 * world.cluster.kafka().logs("t").len(),
                "{lines}"
            );
            world.fs.set_faults(Faults::default());
        }
        70.. => assert!(world.is_running(&world.archives[0]), "after {second} s"),
        _ => {}
    });
}
