//! What others do to an archive's files and lock, and what is said of it when.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::ledger::append_file::Refused;
use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::sim::chance::finish;
use crate::sim::check::{check, check_complete, refusal};
use crate::sim::disk::{Crash, Fault, Faults};
use crate::sim::kafka::{Log, Topic};
use crate::sim::process::{Ended, Step};
use crate::sim::random::Random;
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::world::{Touched, World, away, lock};

/// The checkpoint interval of the scenes, and how long an answer and a wake-up may take on a disk that takes no time.
const CHECKPOINT: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_millis(400);
const LOOK: Duration = Duration::from_millis(20);

/// Somebody does something to this file.
struct Deed {
    what: &'static str,
    touch: fn(&World),
    touched: Touched,
    /// What is said of it at once, one of these.
    said: &'static [&'static str],
    /// Does the archive stop then? That depends on what was checkpointed, if it isn't said.
    stops: Option<bool>,
}

const DEEDS: [Deed; 6] = [
    Deed {
        what: "another file",
        touch: |world| {
            world
                .fs
                .replace(&world.archives[0].config.file, &away("0"), b"mine\n")
        },
        touched: Touched::Moved,
        said: &["expected the file that is being written, found another file, 5 bytes"],
        stops: Some(true),
    },
    Deed {
        what: "no file",
        touch: |world| {
            world
                .fs
                .relocate(&world.archives[0].config.file, &away("0"))
        },
        touched: Touched::Moved,
        said: &["expected the file that is being written, found no file"],
        stops: Some(true),
    },
    Deed {
        what: "cut to nothing",
        touch: |world| world.fs.alter(&world.archives[0].config.file, Vec::clear),
        touched: Touched::Changed,
        said: &["expected the file that is being written, "],
        stops: Some(true),
    },
    Deed {
        what: "cut by a byte",
        touch: |world| {
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
            world.fs.alter(&world.archives[0].config.file, cut);
        },
        touched: Touched::Changed,
        said: &["expected the file that is being written, "],
        stops: None,
    },
    Deed {
        what: "appended to",
        touch: |world| {
            let more = |bytes: &mut Vec<u8>| bytes.extend_from_slice(b"more\n");
            world.fs.alter(&world.archives[0].config.file, more);
        },
        touched: Touched::Changed,
        said: &["expected the file that is being written, "],
        stops: Some(false),
    },
    Deed {
        what: "state directory gone",
        touch: |world| {
            world
                .fs
                .relocate(&world.archives[0].config.state, &away("0"))
        },
        touched: Touched::Stateless,
        said: &[
            "storing the checkpoint for",
            "expected the state directory, found nothing",
        ],
        stops: Some(true),
    },
];

fn scene(name: &str) -> &'static Scene {
    let found = SCENES.iter().find(|scene| scene.name == name);
    found.unwrap_or_else(|| panic!("there is no scene {name}"))
}

/// Runs a deed at a time of its own, and says how long it took until it was said.
fn until_said(deed: &Deed, world: &World, after: Duration) -> Duration {
    let (mut elapsed, mut done_at, mut said) = (Duration::ZERO, None, None);
    let mut script = scene("steady, plain").script();
    let mut next_write = Duration::ZERO;
    let ended = world.process(&mut |world| {
        elapsed += LOOK;
        if elapsed >= next_write && next_write < Duration::from_secs(3) {
            next_write += Duration::from_millis(400);
            script(world);
        }
        if done_at.is_none() && elapsed >= after {
            (deed.touch)(world);
            lock(&world.touched).insert("0".into(), deed.touched);
            done_at = Some(elapsed);
        }
        if let (Some(State::Waiting(why)), None) = (world.state(&world.archives[0]), said) {
            let is_true = deed.said.iter().any(|said| why.to_string().contains(said));
            assert!(is_true, "{}: {why}", deed.what);
            said = Some(elapsed);
        }
        match elapsed > Duration::from_secs(12) {
            true => Step::Stop,
            false => Step::Wait(LOOK),
        }
    });
    assert!(ended.is_ok(), "{}: {ended:?}", deed.what);
    let said = said.unwrap_or_else(|| panic!("{} after {after:?}: nothing was said", deed.what));
    said.saturating_sub(done_at.unwrap_or_default())
}

#[test]
fn whoever_touches_a_file_is_noticed_within_a_checkpoint_interval() {
    for deed in &DEEDS {
        let mut longest = Duration::ZERO;
        for twentieth in 75..125 {
            let mut world = scene("steady, plain").world(twentieth);
            world.is_brisk = true;
            let after = Duration::from_millis(20 * twentieth);
            let took = until_said(deed, &world, after);
            assert!(
                took <= CHECKPOINT + SLACK,
                "{} after {after:?}: {took:?}",
                deed.what
            );
            longest = longest.max(took);
            let why = refusal::expected(&world, &world.archives[0].config);
            match (deed.stops, why) {
                // That this is what it said has been checked when it stopped.
                (Some(true) | None, Some(_)) => {}
                (Some(false) | None, None) => {
                    check_complete(&world).unwrap_or_else(|e| panic!("{}: {e}", deed.what))
                }
                (stops, why) => panic!("{}: {stops:?}, {why:?}", deed.what),
            }
        }
        println!("{}: said within {longest:?}", deed.what);
    }
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() {
    for seed in 0..20 {
        let world = scene("steady, plain").world(seed);
        let mut script = scene("steady, plain").script();
        let mut is_started = false;
        let ended = world.process(&mut |world| {
            let is_running = world.is_running(&world.archives[0]);
            if is_running && !std::mem::replace(&mut is_started, true) {
                let Some(archive) = world.archives.first() else {
                    return Step::Stop;
                };
                return Step::Rival(vec![archive.config.clone()], Duration::from_secs(60));
            }
            script(world)
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        assert!(is_started);
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

#[test]
fn an_empty_file_stays_its_archive_s() {
    another_name_is_refused(None);
}

/// It is somebody's until everybody's checkpoint could be read.
#[test]
fn a_file_stays_its_archive_s_when_something_fails() {
    for operation in 1..=30 {
        another_name_is_refused(Some(operation));
    }
}

/// Starts another archive on an archive's empty file, with one operation of that start failing.
fn another_name_is_refused(failing: Option<u64>) {
    let mut world = World::new(Random::new(1));
    world.is_brisk = true;
    let quiet = scene("first start").world(1);
    for archive in &quiet.archives {
        world.add(archive.config.clone(), Vec::new());
    }
    let topic = std::mem::take(&mut quiet.cluster.kafka().topics);
    world.cluster.kafka().topics = topic;
    let mut first = 2;
    let mut wait = |_: &World| {
        first -= 1;
        match first {
            0 => Step::Stop,
            _ => Step::Wait(Duration::from_secs(3)),
        }
    };
    let ended = world.process(&mut wait);
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    world.fs.crash(Crash::Kill);
    let config = world.archives[0].config.clone();
    assert_eq!(world.fs.peek(&config.file), Some(Vec::new()));
    let other = crate::config::Archive {
        name: "other".into(),
        state: config.state.with_file_name("other"),
        ..config
    };
    let begun = world.fs.counts().0;
    world.fs.set_faults(Faults {
        at: failing.map(|operation| (begun + operation, Fault::Interrupted)),
        ..Faults::default()
    });
    let (mut steps, mut said) = (0, None);
    let ended = world.process_of(vec![other.clone()], &mut |world| {
        steps += 1;
        let status = lock(&world.statuses).first().map(|status| status.state());
        said = status.or(said.take());
        match steps {
            5 => Step::Stop,
            _ => Step::Wait(Duration::from_secs(1)),
        }
    });
    assert!(ended.is_ok(), "{ended:?}");
    let Some(State::Stopped(why)) = said else {
        panic!("{failing:?}: {said:?}");
    };
    let Reason::Owned(Refused::Owned { archive, .. }) = &*why else {
        panic!("{failing:?}: {why}");
    };
    assert_eq!(archive, "0", "{failing:?}");
    assert_eq!(world.fs.peek(&other.state.join("checkpoint.json")), None);
}

#[test]
fn a_copy_of_an_empty_file_is_known_again_after_a_crash() {
    for operation in 1..80 {
        let world = scene("steady, plain").world(operation);
        let mut is_first = true;
        let ended = world.process(&mut |_| match std::mem::replace(&mut is_first, false) {
            true => Step::Wait(Duration::from_secs(20)),
            false => Step::Stop,
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
        world.fs.crash(Crash::Kill);
        let file = &world.archives[0].config.file;
        assert_eq!(world.fs.peek(file), Some(Vec::new()));
        world.fs.put(file, b"");
        world.fs.crash_after(world.fs.counts().0 + operation);
        let mut script = scene("steady, plain").script();
        let ended = world.process(&mut script);
        assert!(ended.is_ok(), "{ended:?}");
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("crashed after {operation}: {e}"));
    }
}

#[test]
fn an_offset_that_is_refused_and_shown_is_asked_for_once_a_second() {
    let mut world = scene("steady, plain").world(1);
    world.is_brisk = true;
    let mut script = scene("steady, plain").script();
    let (mut steps, mut asked) = (0, 0);
    let ended = world.process(&mut |world| {
        steps += 1;
        let refuse = |refuses: bool| {
            let mut kafka = world.cluster.kafka();
            let topics = kafka.topics.values_mut();
            let lives = topics.filter_map(|topic| topic.now_mut());
            let logs = lives.flat_map(|life| &mut life.partitions);
            logs.for_each(|log| log.refuses = refuses);
            kafka.asked
        };
        match steps {
            0..10 => _ = script(world),
            10 => asked = refuse(true),
            70 => asked = refuse(false) - asked,
            71..80 => _ = script(world),
            100 => return Step::Stop,
            _ => {}
        }
        Step::Wait(Duration::from_secs(1))
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    // Each look is two questions, and every ten seconds there is a look for new partitions.
    assert!((60..200).contains(&asked), "{asked} questions in 60 s");
    check_complete(&world).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_log_that_gets_shorter_costs_one_gap_each_time_also_when_much_is_let_go_of() {
    let mut gaps = 0;
    for seed in 0..300 {
        let mut world = scene("log gets shorter").world(seed);
        world.budget = 1;
        world.devices = 2;
        world.cluster.kafka().pressed_once_in = 1;
        let mut step = 0;
        let ended = world.process(&mut |world| {
            step += 1;
            each_log(world, |partition, log| {
                if step % 40 == 20 && partition == 0 {
                    log.truncate(log.end() - 3);
                }
                // Nothing is written for a while before and after that.
                let is_quiet = partition == 0 && (12..23).contains(&(step % 40));
                if step < 200 && !is_quiet {
                    log.append(&format!("t/0/{partition}"), Some(b"a value"), false);
                }
            });
            match step {
                0..260 => Step::Wait(Duration::from_millis(50)),
                _ => Step::Stop,
            }
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}, in the end: {e}"));
        let listed = world.archives[0].config.state.join("manifest.ndjson");
        let listed = world.fs.peek(&listed).unwrap_or_default();
        let lines = listed.split(|&byte| byte == b'\n');
        let is_gap = |line: &&[u8]| line.starts_with(br#"{"type":"gap""#);
        let these = lines.filter(is_gap).count();
        // Some of the seven cuts take only what was never read.
        assert!(
            these <= 7,
            "seed {seed}: {}",
            String::from_utf8_lossy(&listed)
        );
        gaps += these;
    }
    assert!(gaps > 0);
}

#[test]
fn archives_that_all_wait_for_one_disk_drop_nothing_of_what_has_arrived() {
    let dropped_with = |devices| {
        let mut dropped = 0;
        for seed in 0..100 {
            let mut world =
                scene("two archives beside each other, one after what is there").world(seed);
            world.budget = 1;
            world.devices = devices;
            world.cluster.kafka().pressed_once_in = 1;
            let mut script = scene("steady, plain").script();
            let mut step = 0;
            let ended = world.process(&mut |world| {
                step += 1;
                match step {
                    1..=5 => script(world),
                    6 => Step::Wait(Duration::from_secs(60)),
                    _ => {
                        dropped += world.cluster.kafka().dropped.load(Ordering::Relaxed);
                        Step::Stop
                    }
                }
            });
            assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
            check_complete(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
        dropped
    };
    assert_eq!(dropped_with(1), 0);
    assert!(dropped_with(2) > 0);
}

fn each_log(world: &World, mut change: impl FnMut(usize, &mut Log)) {
    let mut kafka = world.cluster.kafka();
    let lives = kafka.topics.values_mut().filter_map(Topic::now_mut);
    let logs = lives.flat_map(|life| life.partitions.iter_mut().enumerate());
    logs.for_each(|(partition, log)| change(partition, log));
}
