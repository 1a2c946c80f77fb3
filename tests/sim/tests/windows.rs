//! Archives that take a part of their topic and end there, whatever crashes on the way.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::compression::decompress;
use archiver_format::envelope::ValueAs;
use archiver_format::line::{Encoder, Format};
use archiver_format::record::NextOffset;

use crate::archive::Window;
use crate::observe::status::State;
use crate::sim::disk::Crash;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::World;

/// Some records that are aborted, and a window that may begin and end anywhere.
fn world(seed: u64) -> World {
    let names = ["steady, plain", "steady, gzip", "steady, zstd"];
    let name = names[seed as usize % names.len()];
    let scene = SCENES.iter().find(|scene| scene.name == name);
    let mut world = scene.expect("a steady scene").world(seed);
    let format = Format::Json(ValueAs::String);
    world.archives[0].config.format = format;
    for round in 0..world.random.between(0, 12) {
        write(&world, world.random.between(1, 6));
        let mut kafka = world.cluster.kafka();
        let life = kafka.topics.get_mut("t").and_then(|topic| topic.now_mut());
        for log in &mut life.expect("a topic").partitions {
            log.append("aborted", Some(b"nobody sees it"), true);
            log.end_transaction(round % 3 == 0);
        }
    }
    let window = window(&world);
    let name = world.archives[0].config.name.clone();
    world.windows.insert(name, Arc::new(window));
    world
}

fn window(world: &World) -> Window {
    let mut kafka = world.cluster.kafka();
    let life = kafka.topics.get_mut("t").and_then(|topic| topic.now_mut());
    let logs = life.expect("a topic").partitions.iter().enumerate();
    let (mut from, mut to) = (Vec::new(), BTreeMap::new());
    for (partition, log) in logs {
        let partition = partition as i32;
        let end = log.visible;
        let begin = world.random.below(end as usize / 2 + 1) as i64;
        let end = end - world.random.below((end - begin) as usize / 2 + 1) as i64;
        from.push((partition, NextOffset::new(begin).into()));
        to.insert(partition, NextOffset::new(end));
    }
    // About when the records of a simulation were written.
    let time = |world: &World| 1_764_000_000_000 + world.random.below(800) as i64 - 100;
    let (since, until) = (time(world), time(world));
    let times = match world.random.once_in(2) {
        true => Window::ALWAYS,
        false => since.min(until)..since.max(until),
    };
    Window {
        from: from.into_iter().collect(),
        to: Some(to),
        times,
        over_at: i64::MAX,
        records: match world.random.once_in(4) {
            true => world.random.between(1, 20) as u64,
            false => u64::MAX,
        },
    }
}

/// The lines that the window has, in any order.
fn expected(world: &World) -> Vec<Vec<u8>> {
    let config = &world.archives[0].config;
    let window = &world.windows[&config.name];
    let mut encoder = Encoder::new(config.format, &config.topic);
    let mut kafka = world.cluster.kafka();
    let life = kafka.topics.get_mut("t").and_then(|topic| topic.now_mut());
    let mut lines = Vec::new();
    for (partition, end) in window.to.iter().flatten() {
        let log = life.as_ref().and_then(|life| life.partition(*partition));
        for written in &log.expect("a partition").all {
            let record = written.record(*partition);
            let is_in =
                window.from.next(*partition).get() <= record.offset && record.offset < end.get();
            if is_in && !written.aborted && window.has_time(&record) {
                let mut line = Vec::new();
                encoder.encode(&record, &mut line).expect("can be encoded");
                lines.push(line);
            }
        }
    }
    lines.sort_unstable();
    lines
}

/// The lines in the file.
fn held(world: &World) -> Vec<Vec<u8>> {
    let config = &world.archives[0].config;
    let bytes = world.fs.peek(&config.file).unwrap_or_default();
    let mut plain = Vec::new();
    let algorithm = config.compression.algorithm();
    if !bytes.is_empty() {
        let read = decompress(&bytes[..], algorithm);
        let read = read.and_then(|mut read| read.read_to_end(&mut plain));
        read.expect("what was written");
    }
    let mut lines = plain
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    lines.sort_unstable();
    lines
}

#[test]
fn a_window_is_taken_whole_and_once_and_then_the_archive_ends() {
    let (mut crashes, mut records) = (0, 0);
    for seed in 0..1000 {
        let world = world(seed);
        let mut ends = 0;
        loop {
            if !world.random.once_in(3) && crashes < 20 * (seed + 1) {
                world.fs.crash_after(world.random.between(1, 120) as u64);
            }
            let ended = world.process(&mut |world| {
                // It ends although records keep coming.
                write(world, 1);
                match world.state(&world.archives[0]) {
                    Some(State::Done) => Step::Stop,
                    _ => Step::Wait(Duration::from_millis(world.random.between(1, 400) as u64)),
                }
            });
            match ended {
                Ok(Ended::Crashed) => {
                    crashes += 1;
                    world.fs.crash(match world.random.once_in(2) {
                        true => Crash::Kill,
                        false => Crash::Chaos,
                    });
                }
                Ok(Ended::Stopped { clean: true }) => ends += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
            // Once more, as whoever resumes a capture that was complete.
            if ends == 2 {
                break;
            }
            world.fs.crash(Crash::Kill);
        }
        let (expected, held) = (expected(&world), held(&world));
        let limit = world.windows[&world.archives[0].config.name].records;
        if (expected.len() as u64) <= limit {
            assert!(
                held == expected,
                "seed {seed}: {} lines, {} expected",
                held.len(),
                expected.len()
            );
        } else {
            assert_eq!(held.len() as u64, limit, "seed {seed}");
            assert!(
                held.windows(2).all(|two| two[0] != two[1]),
                "seed {seed}: twice"
            );
            assert!(
                held.iter().all(|line| expected.binary_search(line).is_ok()),
                "seed {seed}"
            );
        }
        records += held.len();
    }
    assert!(
        crashes > 500 && records > 5000,
        "{crashes} crashes, {records} records"
    );
}
