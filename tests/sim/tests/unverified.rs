//! What was read of a topic that is created again before it is certain that it was of the old one.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use archiver_format::checkpoint::Checkpoint;

use crate::sim::chance::finish;
use crate::sim::check::segments::open_path;
use crate::sim::check::{check, stored};
use crate::sim::disk::{Crash, Fault, Faults, Loss, Names};
use crate::sim::kafka::Life;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{OF_PARTITIONS, SCENES, Scene};
use crate::sim::strike::Blow;
use crate::sim::world::World;
use crate::world::fs::Fs;

/// How often there is a checkpoint: as in the scenes, or only at the stop.
const OFTEN: Duration = Duration::from_millis(700);
const NEVER: Duration = Duration::from_secs(3600);

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
fn stop_unanswered(
    scene: &Scene,
    recreated: Recreated,
    often: Duration,
    at: u64,
) -> (World, Checkpoint) {
    let mut world = scene.world(at);
    world.is_brisk = true;
    world.archives[0].config.checkpoint = often;
    let mut script = scene.script();
    let mut step = 0;
    let ended = world.process(&mut |world| {
        step += 1;
        match step {
            1..=5 => match script(world) {
                Step::Stop => Step::Wait(Duration::from_millis(1)),
                step => step,
            },
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

/// What is in an archive's file, and how much of it is certain.
struct Stopped {
    file: Vec<u8>,
    certain: usize,
}

impl Stopped {
    fn of(world: &World, checkpoint: &Checkpoint) -> Option<Self> {
        let certain = checkpoint.verified.as_ref()?.bytes() as usize;
        let file = data(world);
        assert_eq!(file.len() as u64, checkpoint.progress.bytes());
        Some(Self { file, certain })
    }

    /// Has the archive gone back? Then all that was cut off must be in a file of its own, and else in its place.
    fn has_gone_back(&self, world: &World) -> bool {
        let now = data(world);
        let Some(kept) = kept(world, 0) else {
            assert!(now.starts_with(&self.file), "something was cut off");
            return false;
        };
        let (certain, cut) = self.file.split_at(self.certain);
        assert!(now.starts_with(certain), "what is certain was cut off");
        assert_eq!(kept, cut);
        true
    }
}

fn data(world: &World) -> Vec<u8> {
    world
        .fs
        .peek(&world.archives[0].config.file)
        .expect("a file")
}

/// What was kept of one of the topic's lives.
fn kept(world: &World, life: usize) -> Option<Vec<u8>> {
    let config = &world.archives[0].config;
    let ending = config.compression.algorithm().ending();
    let is_kept = |path: &PathBuf| {
        let path = path.to_string_lossy();
        path.contains(&format!("/unverified-t-{life}-"))
            && path.ends_with(&format!(".ndjson{ending}"))
    };
    let kept = world.fs.start().list(&config.state).expect("a directory");
    let kept = kept.into_iter().filter(is_kept).collect::<Vec<_>>();
    assert!(kept.len() <= 1, "{kept:?}");
    world.fs.peek(kept.first()?)
}

#[test]
fn what_was_read_just_before_a_stop_without_brokers_is_in_the_file_or_kept_beside_it() {
    let scene = &SCENES[1];
    for recreated in [
        Recreated::Never,
        Recreated::BeforeTheStop,
        Recreated::AfterTheStop,
    ] {
        let (mut unverified, mut back) = (0, 0);
        for at in 0..700 {
            let (world, before) = stop_unanswered(scene, recreated, OFTEN, at);
            let Some(stopped) = Stopped::of(&world, &before) else {
                continue;
            };
            unverified += 1;
            if recreated == Recreated::AfterTheStop {
                recreate(&world);
            }
            finish(&world).unwrap_or_else(|e| panic!("{recreated:?} after {at} ms: {e}"));
            let after = stored(&world, &world.archives[0]);
            let after = after.expect("readable").expect("there");
            assert_eq!(after.verified, None);
            back += usize::from(stopped.has_gone_back(&world));
        }
        println!("{recreated:?}: {unverified} of 700 stops unverified, {back} went back");
        assert!(unverified > 0, "{recreated:?}");
        assert_eq!(back > 0, recreated != Recreated::Never, "{recreated:?}");
    }
}

#[test]
fn what_was_read_before_a_topic_was_created_again_is_in_the_file_or_kept_beside_it() {
    let mut kept_beside = 0;
    for (often, crash) in [
        (OFTEN, None),
        (OFTEN, Some(Crash::Kill)),
        (NEVER, None),
        (NEVER, Some(Crash::Kill)),
    ] {
        for at in 0..200 {
            let scene = &SCENES[1 + at as usize % 3];
            let mut world = scene.world(at);
            world.is_brisk = true;
            world.archives[0].config.checkpoint = often;
            let (mut script, mut step, mut before) = (scene.script(), 0, Vec::new());
            let ended = world.process(&mut |world| {
                step += 1;
                match step {
                    1..=5 => script(world),
                    6 => Step::Wait(Duration::from_millis(5 * at)),
                    7 => {
                        before = data(world);
                        recreate(world);
                        Step::Wait(Duration::from_millis(400))
                    }
                    8 => {
                        if crash.is_some() {
                            world.fs.crash_after(world.fs.counts().0 + 1);
                        }
                        // It looks at the topic by itself.
                        Step::Wait(Duration::from_secs(12))
                    }
                    _ => Step::Stop,
                }
            });
            let of = format!("{}, {often:?}, {crash:?}, {at}", scene.name);
            ended.unwrap_or_else(|e| panic!("{of}: {e}"));
            world.fs.crash(crash.unwrap_or(Crash::Kill));
            kept_beside += usize::from(is_kept_beside(&mut world, &before, 0, &of));
        }
    }
    assert!(kept_beside > 0);
}

/// What an archive's file held of a life must be in there still when all is read, or at its end kept beside it; is it
/// that?
fn is_kept_beside(world: &mut World, before: &[u8], life: usize, of: &str) -> bool {
    world.archives[0].config.checkpoint = OFTEN;
    finish(world).unwrap_or_else(|e| panic!("{of}: {e}"));
    let now = data(world);
    let same = before.iter().zip(&now).take_while(|(a, b)| a == b).count();
    if same == before.len() {
        return false;
    }
    let kept = kept(world, life).unwrap_or_else(|| panic!("{of}: cut off and not kept"));
    let is_kept = (0..=same).any(|at| kept.starts_with(&before[at..]));
    assert!(is_kept, "{of}: what was cut off is not what was kept");
    true
}

#[test]
fn what_was_read_of_a_topic_that_was_created_twice_again_before_a_checkpoint_is_kept_as_well() {
    let mut kept_beside = 0;
    for at in 0..100 {
        let scene = &SCENES[1 + at as usize % 3];
        let mut world = scene.world(at);
        world.archives[0].config.checkpoint = NEVER;
        let (mut script, mut step, mut before) = (scene.script(), 0, Vec::new());
        let ended = world.process(&mut |world| {
            step += 1;
            match step {
                1..=5 => script(world),
                6 => {
                    recreate(world);
                    Step::Wait(Duration::from_secs(30))
                }
                _ => {
                    before = data(world);
                    world.fs.crash_after(world.fs.counts().0 + 1);
                    Step::Wait(Duration::from_secs(12))
                }
            }
        });
        let of = format!("{}, {at}", scene.name);
        ended.unwrap_or_else(|e| panic!("{of}: {e}"));
        world.fs.crash(Crash::Kill);
        recreate(&world);
        kept_beside += usize::from(is_kept_beside(&mut world, &before, 1, &of));
    }
    assert!(kept_beside > 0);
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

/// Stopped with something that may be of a topic that was created again since, and checkpointed so often until the
/// brokers were gone.
fn stopped_before_going_back(scene: &Scene, often: Duration) -> (World, Stopped) {
    let mut stops = (0..700).filter_map(|at| {
        let (world, before) = stop_unanswered(scene, Recreated::AfterTheStop, often, at);
        let stopped = Stopped::of(&world, &before)?;
        recreate(&world);
        world.cluster.kafka().unreachable = false;
        (stopped.certain < stopped.file.len()).then_some((world, stopped))
    });
    stops.next().expect("a stop")
}

/// A process lives for two seconds, unless it is crashed before.
fn live_a_while(world: &World, of: &str) {
    let mut left = 20;
    let ended = world.process(&mut |_| {
        left -= 1;
        match left {
            0 => Step::Stop,
            _ => Step::Wait(Duration::from_millis(100)),
        }
    });
    ended.unwrap_or_else(|e| panic!("{of}: {e}"));
}

#[test]
fn it_is_kept_wherever_a_crash_or_a_failure_strikes_the_start_that_goes_back() {
    for scene in &SCENES[1..=3] {
        for operation in 1..=45 {
            for blow in [
                Blow::Crash(operation, Crash::Kill),
                Blow::Crash(operation, Crash::Power(Loss::Everything, Names::Lost)),
                Blow::Crash(operation, Crash::Power(Loss::Torn, Names::Kept)),
                Blow::Crash(operation, Crash::Chaos),
                Blow::Fail(operation, Fault::Full, 0),
                Blow::Fail(operation, Fault::Io, 0),
            ] {
                let (world, stopped) = stopped_before_going_back(scene, OFTEN);
                let (so_far, _) = world.fs.counts();
                let how = match blow {
                    Blow::Crash(after, how) => {
                        world.fs.crash_after(so_far + after);
                        how
                    }
                    Blow::Fail(after, fault, _) => {
                        let at = Some((so_far + after, fault));
                        world.fs.set_faults(Faults {
                            at,
                            ..Faults::default()
                        });
                        Crash::Chaos
                    }
                };
                let of = format!("{}, {blow:?}", scene.name);
                live_a_while(&world, &of);
                world.fs.crash(how);
                check(&world)
                    .and_then(|()| finish(&world))
                    .unwrap_or_else(|e| panic!("{of}: {e}"));
                assert!(stopped.has_gone_back(&world), "{of}");
            }
        }
    }
}

#[test]
fn a_file_that_was_brought_back_from_a_copy_goes_back_to_nothing_as_well() {
    let (mut world, stopped) = stopped_before_going_back(&SCENES[1], NEVER);
    assert_eq!(stopped.certain, 0);
    world.archives[0].config.checkpoint = OFTEN;
    let file = &world.archives[0].config.file;
    let before = world.fs.id(file);
    world.fs.put(file, &stopped.file);
    assert_ne!(world.fs.id(file), before);
    finish(&world).unwrap_or_else(|e| panic!("{e}"));
    assert!(stopped.has_gone_back(&world));
}

/// Segments that came into being after what is certain are known by their ids, which their copies don't have.
#[test]
fn segments_that_were_brought_back_from_copies_make_room_again_wherever_a_crash_strikes() {
    for operation in 0..=80 {
        let mut stops = (0..700).filter_map(|at| {
            let (world, before) =
                stop_unanswered(&OF_PARTITIONS, Recreated::AfterTheStop, NEVER, at);
            let open = before.progress.segments;
            (before.verified.is_some() && !open.is_empty()).then_some((world, open))
        });
        let (mut world, open) = stops.next().expect("a stop");
        recreate(&world);
        world.cluster.kafka().unreachable = false;
        world.archives[0].config.checkpoint = OFTEN;
        for segment in &open {
            let path = open_path(&world.archives[0].config, segment);
            let bytes = world.fs.peek(&path).expect("a segment");
            world.fs.put(&path, &bytes);
            assert_ne!(world.fs.id(&path), Some(segment.file.id));
        }
        if operation > 0 {
            world.fs.crash_after(world.fs.counts().0 + operation);
            live_a_while(&world, &format!("crash at {operation}"));
            world.fs.crash(Crash::Chaos);
        }
        finish(&world).unwrap_or_else(|e| panic!("crash at {operation}: {e}"));
    }
}
