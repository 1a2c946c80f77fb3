//! A configuration and a cluster by chance.

use std::path::{Path, PathBuf};
use std::time::Duration;

use archiver_format::compression::Compression;
use archiver_format::compression::compress;
use archiver_format::envelope::ValueAs;
use archiver_format::line::{Format, Newline};
use archiver_format::template::Template;

use super::events::{fill, value};
use crate::config::{Archive, Corrupt, Existing, OnSeal, Pattern, Retention, Rotation, Start};
use crate::moment::Moment;
use crate::sim::kafka::{Life, Topic};
use crate::sim::random::Random;
use crate::sim::world::World;

/// A world to begin a run with.
pub fn world(random: Random) -> World {
    let mut world = World::new(random.clone());
    if random.once_in(4) {
        world.fs.tell_no_births();
    }
    world.budget = random.pick(&[1_000, 20_000, 1 << 20]);
    world.cluster.kafka().pressed_once_in = random.pick(&[0, 4]);
    world.devices = random.pick(&[1, 2]);
    let topics = random.between(1, 3);
    for topic in ["a", "b", "c"].iter().take(topics) {
        add_topic(&world, topic);
    }
    for number in 0..random.between(1, 4) {
        let topic = ["a", "b", "c"][random.below(topics)];
        add_archive(&mut world, number, topic);
    }
    if random.once_in(4) {
        add_pattern(&mut world);
    }
    if random.once_in(3) {
        world.put_foreign(Path::new("/data/readme"), b"somebody else's");
        world.put_foreign(Path::new("/data/.archiver/0/notes"), b"the same somebody's");
    }
    world
}

fn add_topic(world: &World, name: &str) {
    let random = &world.random;
    let mut topic = Topic::default();
    if !random.once_in(8) {
        let mut life = Life::new(format!("{name}-0"), random.between(1, 3));
        for (index, log) in life.partitions.iter_mut().enumerate() {
            fill(log, &format!("{name}/0/{index}"), random.below(40), random);
            if random.once_in(4) {
                log.expire(random.below(20) as i64);
            }
        }
        topic.lives.push(life);
        topic.exists = true;
    }
    world.cluster.kafka().topics.insert(name.into(), topic);
}

fn add_archive(world: &mut World, number: usize, topic: &str) {
    let random = world.random.clone();
    let compression = random.pick(&[
        Compression::None,
        Compression::None,
        Compression::Gzip(1),
        Compression::Zstd(1),
    ]);
    let ending = compression.algorithm().ending();
    let dir = random.pick(&["/data", "/data", "/data/deep/er", "/other"]);
    let template = match random.below(3) {
        0 => Some(templates(dir, number, ending, &random)),
        _ => None,
    };
    let file = match &template {
        Some(template) => PathBuf::from(template.to_string()),
        None => PathBuf::from(format!("{dir}/{number}.ndjson{ending}")),
    };
    let dir = match &template {
        Some(template) => template.fixed_directory().display().to_string(),
        None => dir.to_owned(),
    };
    let existing = random.pick(&[Existing::Refuse, Existing::Append]);
    let (mut before, mut is_hopeless) = (Vec::new(), false);
    match random.below(24) {
        _ if template.is_some() => {}
        0..3 => world.fs.put(&file, b""),
        3 => {
            is_hopeless = true;
            let mut bytes = already_there(compression, &random);
            if existing == Existing::Append {
                bytes.extend_from_slice(b"no end");
            }
            world.put_foreign(&file, &bytes);
        }
        4..7 if existing == Existing::Append => {
            before = already_there(compression, &random);
            world.fs.put(&file, &before);
        }
        _ => {}
    }
    let milliseconds = |of: &[u64]| Duration::from_millis(random.pick(of));
    let config = Archive {
        name: number.to_string(),
        topic: topic.into(),
        state: PathBuf::from(format!("{dir}/.archiver/{number}")),
        rotation: match template.as_ref().is_some_and(Template::has_sequence) {
            true => rotation(&random),
            false => Rotation::default(),
        },
        // What is deleted need not have been handed over, so an archive has one of both.
        retention: match template.as_ref().is_some_and(Template::has_sequence) {
            true if !number.is_multiple_of(2) && random.once_in(3) => Retention {
                age: random.once_in(2).then(|| Duration::from_secs(2)),
                bytes: random.once_in(2).then(|| random.pick(&[1, 2_000, 20_000])),
            },
            _ => Retention::default(),
        },
        open_files: random.pick(&[1, 2, 16]),
        seal_on_stop: random.once_in(3) && template.as_ref().is_some_and(Template::has_sequence),
        index: !random.once_in(6),
        on_seal: match template.as_ref().is_some_and(Template::has_sequence)
            && number.is_multiple_of(2)
        {
            true => Some(OnSeal::for_tests()),
            false => None,
        },
        template: template.unwrap_or(Archive::for_tests().template),
        file,
        start: start(&random),
        flush: milliseconds(&[20, 200, 1000]),
        checkpoint: milliseconds(&[30, 300, 1000, 5000]),
        compression,
        format: match topic {
            "c" if random.once_in(2) => Format::Raw(Newline::Fail),
            _ => random.pick(&[
                Format::Raw(Newline::Space),
                Format::Raw(Newline::Escape),
                Format::Json(ValueAs::String),
                Format::Json(ValueAs::Json),
            ]),
        },
        existing,
        corrupt: match number % 2 {
            0 => Corrupt::Wait,
            _ => Corrupt::Skip,
        },
        ..Archive::for_tests()
    };
    world.add(config, before);
    if let Some(added) = world.archives.last_mut() {
        added.is_hopeless = is_hopeless;
    }
}

/// A pattern, and topics that may come and go under it.
fn add_pattern(world: &mut World) {
    let random = world.random.clone();
    let topics = ["pa", "pb", "pc"];
    for topic in topics {
        match random.once_in(2) {
            true => add_topic(world, topic),
            // It never was.
            false => {
                let missing = Topic::default();
                world.cluster.kafka().topics.insert(topic.into(), missing);
            }
        }
    }
    let compression = random.pick(&["", ".gz", ".zst"]);
    let file = random.pick(&[
        "/data/{topic}.ndjson",
        "/data/under/{topic}/{seq}.ndjson",
        "/other/{name}/{topic}-{partition}-{seq}.ndjson",
    ]);
    let pattern = Pattern::for_tests("p.", &format!("{file}{compression}"));
    let pattern = pattern.with(|common| {
        if common.template.has_sequence() {
            common.rotation = rotation(&random);
        }
        common.start = start(&random);
        common.flush = Duration::from_millis(random.pick(&[20, 200, 1000]));
        common.checkpoint = Duration::from_millis(random.pick(&[30, 300, 1000]));
    });
    world.add_pattern(pattern, &topics);
}

/// Names of segments, in a directory of the archive's own.
fn templates(dir: &str, number: usize, ending: &str, random: &Random) -> Template {
    let name = random.pick(&[
        "{seq:06}.ndjson",
        "{seq}-{opened:%H%M%S}.ndjson",
        "{partition}/{seq:03}.ndjson",
        "{partition}.ndjson",
        "at={time:%H-%M-%S}/{seq}.ndjson",
        "{time:%M}-{partition}-{seq}.ndjson",
    ]);
    let template = Template::parse(&format!("{dir}/of-{number}/{name}{ending}"));
    template.unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Where an archive begins. Timestamps of records begin with this number of milliseconds.
fn start(random: &Random) -> Start {
    match random.below(4) {
        0 => Start::Latest,
        1 => Start::Earliest,
        2 => Start::Last(1 + random.below(20) as u64),
        _ => Start::Since(Moment::At(1_764_000_000_000 + 10 * random.below(40) as i64)),
    }
}

fn rotation(random: &Random) -> Rotation {
    let some = |of: &[u64]| random.once_in(2).then(|| random.pick(of));
    Rotation {
        bytes: some(&[1, 300, 3_000]),
        records: some(&[1, 7, 50]),
        every: some(&[1_000, 5_000]).map(Duration::from_millis),
        idle: some(&[500, 5_000]).map(Duration::from_millis),
        bytes_min: random.pick(&[0, 0, 200]),
    }
}

fn already_there(compression: Compression, random: &Random) -> Vec<u8> {
    let mut lines = value(random);
    lines.push(b'\n');
    compress(lines, compression).unwrap_or_default()
}
