//! A configuration that is changed between two runs.

use std::path::Path;
use std::time::Duration;

use archiver_format::template::Template;

use crate::config::{Archive, Retention, Rotation};
use crate::observe::status::State;
use crate::sim::check::{check, stored};
use crate::sim::disk::{Crash, Loss, Names};
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::World;

/// An archive whose topic has two partitions.
fn steady(seed: u64) -> World {
    let mut scenes = SCENES.iter();
    let scene = scenes.find(|scene| scene.name == "steady, plain");
    scene.expect("a scene").world(seed)
}

/// Has the archive write, and stops it.
fn run(world: &World, pause: Duration) {
    let mut steps = 0;
    let ended = world.process(&mut |world| {
        steps += 1;
        write(world, 3);
        match steps {
            6 => Step::Stop,
            _ => Step::Wait(pause),
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
}

/// The archive's segments are called like this from now on.
fn rename(config: &mut Archive, template: &str) {
    config.template = Template::parse(template).expect("a template");
    config.file = template.into();
    config.rotation = Rotation {
        records: Some(4),
        ..Rotation::default()
    };
}

#[test]
fn lines_that_archiver_did_not_write_are_never_deleted() {
    let before = b"somebody's\n";
    let file = Path::new("/data/out");
    let keeping = [
        (Some(Duration::from_secs(60)), None),
        (None, Some(1 << 10)),
        (Some(Duration::from_secs(60)), Some(1 << 10)),
    ];
    for (seed, (age, bytes)) in (0..).zip(keeping) {
        let mut world = steady(seed);
        world.fs.put(file, before);
        world.archives[0].before = before.to_vec();
        run(&world, Duration::from_millis(400));
        let config = &mut world.archives[0].config;
        rename(config, "/data/{seq}.ndjson");
        config.retention = Retention { age, bytes };
        for _ in 0..2 {
            run(&world, Duration::from_secs(120));
        }
        let held = world.fs.peek(file).expect("the file is there");
        assert!(held.starts_with(before));
        let first = world.fs.peek(Path::new("/data/1.ndjson"));
        assert_eq!(first, None, "what is archiver's own is not kept");
    }
}

#[test]
fn a_segment_that_goes_on_without_an_index_has_none() {
    let templates = ["/data/{seq}.ndjson", "/data/{seq}-b.ndjson"];
    for (seed, template) in (0..20).zip(templates.into_iter().cycle()) {
        let mut world = steady(seed);
        let config = &mut world.archives[0].config;
        rename(config, templates[0]);
        config.rotation.records = Some(100);
        config.checkpoint = Duration::from_secs(4);
        let mut steps = 0;
        let ended = world.process(&mut |world| {
            steps += 1;
            write(world, 1);
            if steps == 24 {
                world.fs.die();
            }
            Step::Wait(Duration::from_millis(250))
        });
        assert_eq!(ended, Ok(Ended::Crashed), "seed {seed}");
        world.fs.crash(Crash::Kill);
        let config = &mut world.archives[0].config;
        rename(config, template);
        config.rotation.records = Some(100);
        config.index = false;
        for records in [1, 20] {
            let mut steps = 0;
            let ended = world.process(&mut |world| {
                steps += 1;
                write(world, records);
                match steps {
                    6 => Step::Stop,
                    _ => Step::Wait(Duration::from_secs(2)),
                }
            });
            assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
            check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            let stored = stored(&world, &world.archives[0]).expect("readable");
            let state = &world.archives[0].config.state;
            for open in stored.expect("a checkpoint").progress.segments {
                let index = state.join(format!("index/{:06}.idx", open.file.sequence));
                assert_eq!((open.index, world.fs.peek(&index)), (None, None));
            }
        }
    }
}

#[test]
fn the_index_of_a_segment_that_no_checkpoint_counts_is_removed_for_good() {
    for seed in 0..20 {
        let mut world = steady(seed);
        let config = &mut world.archives[0].config;
        rename(config, "/data/{seq}.ndjson");
        config.rotation.records = Some(100);
        config.checkpoint = Duration::from_secs(60);
        let index = config.state.join("index/000000.idx");
        let ended = world.process(&mut |world| {
            match world.fs.peek(&index) {
                None => write(world, 1),
                Some(_) => world.fs.die(),
            }
            Step::Wait(Duration::from_secs(1))
        });
        assert_eq!(ended, Ok(Ended::Crashed), "seed {seed}");
        world.fs.crash(Crash::Kill);
        world.archives[0].config.index = false;
        run(&world, Duration::from_millis(400));
        world.fs.crash(Crash::Power(Loss::Everything, Names::Lost));
        check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(world.fs.peek(&index), None, "seed {seed}");
    }
}

/// What the archive stops for, if it does.
fn stops(world: &World) -> Option<String> {
    let (mut steps, mut said) = (0, None);
    let ended = world.process(&mut |world| {
        steps += 1;
        if let Some(State::Stopped(why)) = world.state(&world.archives[0]) {
            said = Some(why.to_string());
        }
        match steps {
            10 => Step::Stop,
            _ => Step::Wait(Duration::from_secs(1)),
        }
    });
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }));
    said
}

#[test]
fn sealed_segments_are_never_looked_for_where_they_are_not() {
    let template = "/data/d/p{partition}/{seq}.ndjson";
    for seed in 0..5 {
        let mut world = steady(seed);
        world.put_foreign(Path::new("/data/d/t/notes"), b"mine");
        let config = &mut world.archives[0].config;
        rename(config, template);
        config.seal_on_stop = true;
        run(&world, Duration::from_secs(1));
        rename(
            &mut world.archives[0].config,
            "/data/d/t/p{partition}/{seq}.ndjson",
        );
        let why = stops(&world).expect("it stops");
        for said in ["/data/d/t/p", " it at /data/d/p", template] {
            assert!(why.contains(said), "{said}: {why}");
        }
        // Moved along, they are found, and so they are with the path as it was.
        for directory in ["p0", "p1"] {
            let from = Path::new("/data/d").join(directory);
            let to = Path::new("/data/d/t").join(directory);
            match seed % 2 {
                0 => world.fs.relocate(&from, &to),
                _ => rename(&mut world.archives[0].config, template),
            }
        }
        assert_eq!(stops(&world), None);
        check(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}
