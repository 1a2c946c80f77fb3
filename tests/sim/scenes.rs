//! Short scenes in which nothing is left to chance but the order of tasks: they are crashed at every operation.

use std::path::PathBuf;
use std::time::Duration;

use archiver_format::compression::Compression;

mod segments;

pub use segments::OF_PARTITIONS;

use super::disk::Faults;
use super::kafka::{Life, Log, Topic};
use super::process::Step;
use super::random::Random;
use super::world::World;
use crate::config::{Archive, Corrupt, Existing, Pattern, Start};

/// A scene: a world, and what happens in it.
#[derive(Clone, Copy)]
pub struct Scene {
    /// What it shows.
    pub name: &'static str,
    setup: fn(&mut World),
    /// What happens at each step, from 0.
    happens: fn(&World, usize),
    steps: usize,
    /// At this step the first archive is stopped, to be started again.
    restart: Option<usize>,
}

/// All of them.
pub const SCENES: [Scene; 22] = [
    Scene {
        name: "first start",
        setup: |world| {
            topic(world, 1);
            archive(world, "/data/a/b/out.ndjson", Compression::None);
        },
        happens: |world, step| {
            if step == 1 {
                write(world, 3)
            }
        },
        steps: 4,
        restart: None,
    },
    Scene {
        name: "steady, plain",
        setup: |world| steady(world, Compression::None),
        happens: |world, _| write(world, 2),
        steps: 6,
        restart: None,
    },
    Scene {
        name: "steady, gzip",
        setup: |world| steady(world, Compression::Gzip(1)),
        happens: |world, _| write(world, 2),
        steps: 6,
        restart: None,
    },
    Scene {
        name: "steady, zstd",
        setup: |world| steady(world, Compression::Zstd(1)),
        happens: |world, _| write(world, 2),
        steps: 6,
        restart: None,
    },
    Scene {
        name: "gap",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            write(world, 2);
            if step == 3 {
                each_log(world, |log| log.expire(log.visible));
            }
        },
        steps: 9,
        restart: None,
    },
    Scene {
        name: "topic created again",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            if step == 3 {
                create(world, 1);
            }
            write(world, 2);
        },
        steps: 12,
        restart: None,
    },
    Scene {
        name: "topic created late",
        setup: |world| {
            let missing = Topic::default();
            world.cluster.kafka().topics.insert("t".into(), missing);
            archive(world, "/data/out.ndjson", Compression::None);
        },
        happens: |world, step| {
            if step == 2 {
                create(world, 2);
            }
            write(world, 2);
        },
        steps: 9,
        restart: None,
    },
    Scene {
        name: "log gets shorter",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            if step == 4 {
                each_log(world, |log| {
                    log.truncate(log.end() - 3);
                });
            }
            write(world, 2);
        },
        steps: 9,
        restart: None,
    },
    Scene {
        name: "new partition",
        setup: |world| steady(world, Compression::Gzip(1)),
        happens: |world, step| {
            if step == 2 {
                let mut kafka = world.cluster.kafka();
                let topics = kafka.topics.values_mut();
                let lives = topics.filter_map(Topic::now_mut);
                lives.for_each(|life| life.partitions.push(Log::default()));
            }
            write(world, 2);
        },
        steps: 6,
        restart: None,
    },
    Scene {
        name: "disk full",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            write(world, 3);
            let room = (2..5).contains(&step).then_some(800);
            world.fs.set_faults(Faults {
                room,
                ..Faults::default()
            });
        },
        steps: 12,
        restart: None,
    },
    Scene {
        name: "two archives beside each other, one after what is there",
        setup: |world| {
            topic(world, 2);
            archive(world, "/data/new/one.ndjson", Compression::None);
            world
                .fs
                .put(&PathBuf::from("/data/new/two.ndjson"), b"before\n");
            archive(world, "/data/new/two.ndjson", Compression::None);
            world.archives[1].before = b"before\n".to_vec();
            world.put_foreign(&PathBuf::from("/data/new/notes"), b"mine");
        },
        happens: |world, _| write(world, 1),
        steps: 5,
        restart: None,
    },
    Scene {
        name: "one of two archives is stopped and started again",
        setup: |world| {
            steady(world, Compression::None);
            archive(world, "/data/other", Compression::Gzip(1));
        },
        happens: |world, _| write(world, 2),
        steps: 8,
        restart: Some(4),
    },
    Scene {
        name: "log gets shorter and grows beyond where it was read",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            if step == 3 {
                each_log(world, |log| {
                    log.truncate(log.end() - 3);
                });
                write(world, 5);
            }
            write(world, 2);
        },
        steps: 7,
        restart: None,
    },
    Scene {
        name: "corrupt batch that is waited for",
        setup: |world| steady(world, Compression::None),
        happens: damage,
        steps: 6,
        restart: None,
    },
    Scene {
        name: "corrupt batch that is left out",
        setup: |world| {
            steady(world, Compression::None);
            world.archives[0].config.corrupt = Corrupt::Skip;
        },
        happens: damage,
        steps: 8,
        restart: None,
    },
    Scene {
        name: "another cluster",
        setup: |world| steady(world, Compression::None),
        happens: |world, step| {
            write(world, 2);
            if step >= 4 {
                answer_elsewhere(world);
            }
        },
        steps: 14,
        restart: None,
    },
    segments::BY_RECORDS,
    segments::BY_PARTITION,
    segments::OF_PARTITIONS,
    segments::BY_TIME,
    segments::SEALED_AT_A_STOP,
    Scene {
        name: "topics come and go under a pattern",
        setup: |world| {
            topic(world, 1);
            let missing = Topic::default();
            world.cluster.kafka().topics.insert("t2".into(), missing);
            let pattern = Pattern::for_tests("t.*", "/data/{topic}.ndjson").with(|common| {
                common.flush = Duration::from_millis(200);
                common.checkpoint = Duration::from_millis(700);
            });
            world.add_pattern(pattern, &["t", "t2"]);
        },
        happens: |world, step| {
            match step {
                2 => create_one(world, "t2"),
                5 => delete_one(world, "t"),
                7 => create_one(world, "t"),
                _ => {}
            }
            write(world, 2);
        },
        steps: 11,
        restart: None,
    },
];

impl Scene {
    /// The scene's world as it begins; the seed decides on the order of tasks.
    pub fn world(&self, seed: u64) -> World {
        let mut world = World::new(Random::new(seed));
        (self.setup)(&mut world);
        world
    }

    /// What happens in it.
    pub fn script(&self) -> impl FnMut(&World) -> Step + use<> {
        let (happens, steps) = (self.happens, self.steps);
        let (mut step, mut restart) = (0, self.restart);
        move |world| {
            if step == steps {
                return Step::Stop;
            }
            if restart == Some(step) {
                restart = None;
                return Step::Restart(0, Duration::from_millis(500));
            }
            happens(world, step);
            step += 1;
            Step::Wait(Duration::from_millis(400))
        }
    }
}

/// A batch is damaged before it is read, and one behind it can be read.
fn damage(world: &World, step: usize) {
    write(world, 2);
    if step == 2 {
        write(world, 3);
        each_log(world, |log| log.damage(log.visible - 3..log.visible - 1));
    }
}

fn steady(world: &mut World, compression: Compression) {
    topic(world, 2);
    archive(world, "/data/out", compression);
}

fn topic(world: &World, partitions: usize) {
    let mut topic = Topic::default();
    topic.lives.push(Life::new("t-0".into(), partitions));
    topic.exists = true;
    world.cluster.kafka().topics.insert("t".into(), topic);
}

fn archive(world: &mut World, file: &str, compression: Compression) {
    let file = PathBuf::from(file);
    let name = world.archives.len().to_string();
    let config = Archive {
        state: file.with_file_name(".archiver").join(&name),
        name,
        file,
        start: Start::Earliest,
        flush: Duration::from_millis(200),
        checkpoint: Duration::from_millis(700),
        compression,
        existing: Existing::Append,
        ..Archive::for_tests()
    };
    world.add(config, Vec::new());
}

/// Creates a topic, with records that nobody waits for.
fn create_one(world: &World, name: &str) {
    let mut kafka = world.cluster.kafka();
    let Some(topic) = kafka.topics.get_mut(name) else {
        return;
    };
    let number = topic.lives.len();
    topic.lives.push(Life::new(format!("{name}-{number}"), 1));
    topic.exists = true;
}

fn delete_one(world: &World, name: &str) {
    if let Some(topic) = world.cluster.kafka().topics.get_mut(name) {
        topic.exists = false;
    }
}

fn create(world: &World, partitions: usize) {
    let mut kafka = world.cluster.kafka();
    for topic in kafka.topics.values_mut() {
        let number = topic.lives.len();
        topic
            .lives
            .push(Life::new(format!("t-{number}"), partitions));
        topic.exists = true;
    }
}

/// Writes so many records to each partition.
pub fn write(world: &World, records: usize) {
    let mut kafka = world.cluster.kafka();
    for (name, topic) in &mut kafka.topics {
        let number = topic.lives.len().saturating_sub(1);
        let Some(life) = topic.now_mut() else {
            continue;
        };
        for (index, log) in life.partitions.iter_mut().enumerate() {
            for _ in 0..records {
                let value =
                    b"a value that is long enough to be torn somewhere in its middle by a crash";
                log.append(&format!("{name}/{number}/{index}"), Some(value), false);
            }
        }
    }
}

/// From now on another cluster answers at the address, whose topic has more in it; not before all archives have begun,
/// as they would belong to that one.
pub fn answer_elsewhere(world: &World) {
    let mut kafka = world.cluster.kafka();
    if kafka.elsewhere.is_some() || kafka.first.len() < world.archives.len() {
        return;
    }
    let mut life = Life::new("e-0".into(), 2);
    for (index, log) in life.partitions.iter_mut().enumerate() {
        for _ in 0..60 {
            log.append(&format!("elsewhere/0/{index}"), Some(b"theirs"), false);
        }
    }
    let topic = Topic {
        lives: vec![life],
        exists: true,
    };
    kafka.elsewhere = Some([("t".into(), topic)].into());
}

fn each_log(world: &World, change: impl FnMut(&mut Log)) {
    let mut kafka = world.cluster.kafka();
    let topics = kafka.topics.values_mut();
    let lives = topics.filter_map(Topic::now_mut);
    lives.flat_map(|life| &mut life.partitions).for_each(change);
}
