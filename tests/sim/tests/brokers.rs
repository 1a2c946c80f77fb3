//! What brokers lose, damage, or don't know: whatever they say of it, each record is there once.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::next_offsets;
use crate::config::Corrupt;
use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::sim::chance::finish;
use crate::sim::check::{check, check_complete, stored};
use crate::sim::disk::Crash;
use crate::sim::kafka::{Life, Log, Offset};
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, Scene, write};
use crate::sim::world::World;

const CHECKPOINT: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_millis(400);
const LOOK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);

fn scene(name: &str) -> &'static Scene {
    let found = SCENES.iter().find(|scene| scene.name == name);
    found.unwrap_or_else(|| panic!("there is no scene {name}"))
}

fn play(scene: &Scene, seed: u64) -> World {
    let world = scene.world(seed);
    let ended = world.process(&mut scene.script());
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
    world.fs.crash(Crash::Kill);
    world
}

/// The last records are lost, and more than these are written in their place.
fn become_another(log: &mut Log, name: &str, more: usize) {
    log.truncate(log.end() - 3);
    for _ in 0..more {
        log.append(name, Some(b"another"), false);
    }
}

fn listed(world: &World) -> String {
    let path = world.archives[0].config.state.join("manifest.ndjson");
    String::from_utf8(world.fs.peek(&path).unwrap_or_default()).expect("JSON")
}

#[test]
fn a_log_that_became_another_one_while_nobody_read_it_is_read_from_where_they_part() {
    for (seed, more) in [3, 4, 5, 30].into_iter().cycle().take(40).enumerate() {
        let world = play(scene("steady, plain"), seed as u64);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        for (index, log) in world.cluster.kafka().logs("t").iter_mut().enumerate() {
            become_another(log, &format!("t/0/{index}"), more);
        }
        write(&world, 1);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}, {more} records: {e}"));
        let gaps = listed(&world);
        assert_eq!(
            gaps.matches("\"truncated\"").count(),
            2,
            "seed {seed}: {gaps}"
        );
    }
}

#[test]
fn a_log_whose_brokers_know_no_epoch_as_late_as_the_archive_s_is_read_on() {
    for seed in 0..40 {
        let world = play(scene("log gets shorter"), seed);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let mut kafka = world.cluster.kafka();
        kafka.logs("t").iter_mut().for_each(Log::forget_epochs);
        drop(kafka);
        write(&world, 3);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

#[test]
fn a_log_that_became_another_one_and_was_deleted_up_to_where_the_archive_stands_is_read_on() {
    for seed in 0..40 {
        let world = play(scene("steady, plain"), seed);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let mut kafka = world.cluster.kafka();
        for (index, log) in kafka.logs("t").iter_mut().enumerate() {
            become_another(log, &format!("t/0/{index}"), 3);
            log.expire(log.end());
        }
        drop(kafka);
        write(&world, 3);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let gaps = listed(&world);
        let listed = gaps.matches("\"truncated\"").count();
        assert_eq!(listed, 2, "seed {seed}, each once: {gaps}");
    }
}

#[test]
fn a_log_that_gets_shorter_again_before_anything_more_is_read_is_read_from_where_it_parts() {
    for seed in 0..40 {
        let mut world = scene("steady, plain").world(seed);
        world.is_brisk = true;
        let mut step = 0;
        let ended = world.process(&mut |world| {
            step += 1;
            let mut kafka = world.cluster.kafka();
            for (index, log) in kafka.logs("t").iter_mut().enumerate() {
                match step {
                    1 => {
                        (0..9).for_each(|_| log.append(&format!("t/0/{index}"), Some(b"a"), false))
                    }
                    10 => drop(log.truncate(log.end() - 3)),
                    20 => {
                        log.truncate(log.end() - 1);
                        let name = format!("t/0/{index}");
                        (0..6).for_each(|_| log.append(&name, Some(b"another"), false));
                    }
                    _ => {}
                }
            }
            match step {
                0..40 => Step::Wait(SECOND),
                _ => Step::Stop,
            }
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let gaps = listed(&world);
        let listed = gaps.matches("\"truncated\"").count();
        assert_eq!(listed, 4, "seed {seed}: {gaps}");
    }
}

#[test]
fn a_log_that_became_another_one_while_it_was_let_go_of_is_read_from_where_they_part() {
    let mut gaps = 0;
    for seed in 0..100 {
        let mut world = scene("steady, plain").world(seed);
        (world.budget, world.devices) = (1, 2);
        world.cluster.kafka().pressed_once_in = 1;
        let mut step = 0;
        let ended = world.process(&mut |world| {
            step += 1;
            let mut kafka = world.cluster.kafka();
            for (index, log) in kafka.logs("t").iter_mut().enumerate() {
                let name = format!("t/0/{index}");
                if step % 20 == 10 && step < 100 {
                    become_another(log, &name, 6);
                }
                if step < 100 {
                    log.append(&name, Some(b"a value"), false);
                }
            }
            match step {
                0..150 => Step::Wait(Duration::from_millis(50)),
                _ => Step::Stop,
            }
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        gaps += listed(&world).matches("\"truncated\"").count();
    }
    assert!(gaps > 0);
}

/// What a batch is that is damaged, and how many records can be read behind it.
const BATCH: Range<Offset> = 8..10;
const BEHIND: usize = 6;

/// Runs for so long with a batch that is damaged before anybody has read it, and for longer than until the next look at
/// the topic when it was mended.
fn with_corrupt_batch(seed: u64, corrupt: Corrupt, is_mended: bool) -> World {
    let mut world = scene("steady, plain").world(seed);
    world.archives[0].config.corrupt = corrupt;
    let (mut step, steps) = (0, if is_mended { 60 } else { 30 });
    let ended = world.process(&mut |world| {
        step += 1;
        match step {
            1 => write(world, 5),
            3 => {
                write(world, BATCH.end as usize - 5 + BEHIND);
                let mut kafka = world.cluster.kafka();
                kafka.logs("t").iter_mut().for_each(|log| log.damage(BATCH));
            }
            30 if is_mended => {
                let mut kafka = world.cluster.kafka();
                assert!(kafka.logs("t").iter_mut().all(Log::mend));
            }
            _ if step == steps => return Step::Stop,
            _ => {}
        }
        Step::Wait(SECOND / 2)
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
    check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    world
}

fn stored_offsets(world: &World) -> Vec<Offset> {
    let stored = stored(world, &world.archives[0]).expect("readable");
    let stored = stored.expect("a checkpoint").progress;
    next_offsets(&stored).into_values().collect()
}

#[test]
fn nothing_behind_a_corrupt_batch_is_taken_before_the_batch_can_be_read() {
    for seed in 0..100 {
        let world = with_corrupt_batch(seed, Corrupt::Wait, false);
        assert_eq!(stored_offsets(&world), [BATCH.start; 2], "seed {seed}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}, when it was mended: {e}"));
    }
}

#[test]
fn a_partition_that_waits_before_a_corrupt_batch_goes_on_when_it_can_be_read_again() {
    for seed in 0..20 {
        let world = with_corrupt_batch(seed, Corrupt::Wait, true);
        check_complete(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

#[test]
fn exactly_a_corrupt_batch_is_left_out_where_that_is_wanted() {
    let end = BATCH.end + BEHIND as Offset;
    for seed in 0..100 {
        let world = with_corrupt_batch(seed, Corrupt::Skip, false);
        assert_eq!(stored_offsets(&world), [end; 2], "seed {seed}");
        let gaps = listed(&world);
        let left_out = format!(
            "\"from\":{},\"to\":{},\"reason\":\"corrupt\"",
            BATCH.start, BATCH.end
        );
        assert_eq!(gaps.matches(&left_out).count(), 2, "seed {seed}: {gaps}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

#[test]
fn a_broker_that_does_not_know_of_a_partition_yet_is_not_believed_at_a_start() {
    let world = play(scene("new partition"), 1);
    finish(&world).unwrap_or_else(|e| panic!("{e}"));
    write(&world, 2);
    world.cluster.kafka().is_behind = true;
    let (mut step, mut said) = (0, Vec::new());
    let ended = world.process(&mut |world| {
        step += 1;
        if let Some(State::Waiting(why)) = world.state(&world.archives[0]) {
            said.push(why);
        }
        world.cluster.kafka().is_behind = step < 10;
        match step {
            0..60 => Step::Wait(SECOND / 2),
            _ => Step::Stop,
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    check_complete(&world).unwrap_or_else(|e| panic!("{e}"));
    let mut said_so = said.iter();
    let is_told = said_so.any(|why| matches!(**why, Reason::PartitionsUnknown { .. }));
    assert!(is_told, "{said:?}");
}

#[test]
fn a_topic_that_is_created_again_with_fewer_partitions_is_said_to_be_that() {
    let mut said = Vec::new();
    for seed in 0..40 {
        let world = scene("steady, plain").world(seed);
        let mut step = 0;
        let ended = world.process(&mut |world| {
            step += 1;
            if let Some(State::Waiting(why)) = world.state(&world.archives[0]) {
                said.push(why);
            }
            if step == 60 {
                let mut kafka = world.cluster.kafka();
                let topic = kafka.topics.get_mut("t").expect("a topic");
                topic.lives.push(Life::new("t-1".into(), 1));
            }
            if step == 30 || step == 60 {
                write(world, 2);
            }
            match step {
                0..400 => Step::Wait(LOOK),
                _ => Step::Stop,
            }
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    said.dedup();
    let is_told = |why: &Arc<Reason>| {
        let (Reason::Recreated { topic } | Reason::RecreatedWhileRead { topic }) = &**why else {
            return false;
        };
        topic == "t"
    };
    assert!(!said.is_empty() && said.iter().all(is_told), "{said:?}");
}

#[test]
fn a_checkpoint_that_no_broker_answered_for_is_tried_again_also_when_nothing_more_is_written() {
    let mut postponed = 0;
    for at in 0..35 {
        let mut world = scene("steady, plain").world(at);
        world.is_brisk = true;
        if is_postponed(&world, LOOK * at as u32) {
            postponed += 1;
        }
    }
    assert!(
        postponed > 10,
        "only {postponed} checkpoints were postponed"
    );
}

/// Lets the first answer fail once these records are in the file, all that were written by then. Was that a
/// checkpoint's? It must be stored soon when there are answers again.
fn is_postponed(world: &World, at: Duration) -> bool {
    let (mut elapsed, mut asked, mut answered) = (Duration::ZERO, None, None);
    let mut is_postponed = false;
    let ended = world.process(&mut |world| {
        elapsed += LOOK;
        if elapsed == 2 * SECOND + at {
            write(world, 3);
        }
        let (is_written, is_stored) = progress(world);
        let now = world.cluster.kafka().asked;
        match (asked, answered) {
            (None, _) if is_written && !is_stored => {
                world.cluster.kafka().unreachable = true;
                asked = Some(now);
            }
            (Some(before), None) if now > before => {
                world.cluster.kafka().unreachable = false;
                (answered, is_postponed) = (Some(elapsed), !is_stored);
            }
            (_, Some(since)) if elapsed - since > 2 * CHECKPOINT + SLACK => {
                assert!(
                    is_stored,
                    "written after {at:?}: the checkpoint is not tried again"
                );
                return Step::Stop;
            }
            _ => {}
        }
        match elapsed < 9 * SECOND {
            true => Step::Wait(LOOK),
            false => Step::Stop,
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "after {at:?}");
    finish(world).unwrap_or_else(|e| panic!("after {at:?}: {e}"));
    is_postponed
}

/// Is all that was written in the file, and what is in the file in the checkpoint?
fn progress(world: &World) -> (bool, bool) {
    let file = world.fs.peek(&world.archives[0].config.file);
    let file = file.unwrap_or_default();
    let lines = file.iter().filter(|&&byte| byte == b'\n').count();
    let stored = stored(world, &world.archives[0]).expect("readable");
    let length = stored.map_or(0, |stored| stored.progress.bytes());
    let written = world.cluster.kafka().written();
    (
        lines > 0 && lines as u64 == written,
        length == file.len() as u64,
    )
}
