//! What happens in a run: traffic, trouble, crashes.

use std::time::Duration;

use crate::sim::check::stored;
use crate::sim::disk::Faults;
use crate::sim::kafka::{Kafka, Life, Log};
use crate::sim::process::Step;
use crate::sim::random::Random;
use crate::sim::world::{Watched, World};

use super::{meddle, rivals};

/// What happens while a process lives.
pub struct Events {
    left: usize,
}

impl Events {
    /// A process's life begins.
    pub fn new(world: &World) -> Self {
        if world.random.once_in(3) {
            crash_soon(world);
        }
        Self {
            left: world.random.between(1, 60),
        }
    }

    /// Lets something happen.
    pub fn next(&mut self, world: &World) -> Step {
        let random = &world.random;
        self.left = self.left.saturating_sub(1);
        match random.below(100) {
            _ if self.left == 0 && random.once_in(3) => {
                let mut archives = world.archives.iter();
                if !archives.all(|archive| has_noticed(world, archive)) {
                    // A stop that nobody answers takes the topic to be the same, and that is known.
                    answer(&mut world.cluster.kafka());
                }
                return Step::Stop;
            }
            _ if self.left == 0 => world.fs.die(),
            0..8 => faults(world),
            8..14 => trouble(world),
            14..16 => crash_soon(world),
            16 if random.once_in(2) => recreate(world, true),
            17..22 => change(world),
            22 if random.once_in(4) => meddle::meddle(world),
            23 if random.once_in(4) => return rivals::second_process(world),
            24..30 => return restart(world),
            30..32 => return reload(world),
            32..38 if !world.patterns.is_empty() => come_or_go(world, true),
            _ => traffic(world),
        }
        let pause = random.pick(&[1, 10, 100, 300, 1000]);
        Step::Wait(Duration::from_millis(random.between(1, pause) as u64))
    }
}

/// One archive is stopped, and started again later.
fn restart(world: &World) -> Step {
    let random = &world.random;
    let number = random.below(world.archives.len());
    if !has_noticed(world, &world.archives[number]) {
        // As at a stop of all.
        answer(&mut world.cluster.kafka());
    }
    let pause = random.pick(&[0, 0, 10, 500, 5_000]);
    Step::Restart(number, Duration::from_millis(pause))
}

/// The configuration of some archives is changed, of none of them, or of all.
fn reload(world: &World) -> Step {
    let random = &world.random;
    let all = 0..world.archives.len();
    let changed = all.filter(|_| random.once_in(2)).collect::<Vec<_>>();
    if !changed
        .iter()
        .all(|number| has_noticed(world, &world.archives[*number]))
    {
        // As at a stop of all.
        answer(&mut world.cluster.kafka());
    }
    Step::Reload(changed)
}

/// Lets something happen while no process lives.
pub fn between(world: &World) -> Result<(), String> {
    match world.random.below(10) {
        0 => recreate(world, false),
        4 if world.random.once_in(3) => meddle::meddle(world),
        5 if world.random.once_in(3) => meddle::put_back(world),
        6 if world.random.once_in(4) => return rivals::other_name(world),
        1..4 => change(world),
        7 if !world.patterns.is_empty() => come_or_go(world, false),
        _ => traffic(world),
    }
    Ok(())
}

/// Nothing is in anybody's way any more.
pub fn calm(world: &World) {
    world.fs.set_faults(Faults::default());
    let mut kafka = world.cluster.kafka();
    kafka.elsewhere = None;
    answer(&mut kafka);
    let names = kafka.topics.keys().cloned().collect::<Vec<_>>();
    for name in names {
        create(&mut kafka, &name, &world.random);
    }
    each_log(&mut kafka, |log| {
        (log.leaderless, log.refuses) = (false, false);
        log.mend();
        if log.is_open() {
            log.end_transaction(true);
        }
    });
}

/// A value by chance.
pub fn value(random: &Random) -> Vec<u8> {
    let most = random.pick(&[10, 100, 100, 300, 6000]);
    let length = random.between(1, most);
    // Eight letters at a time: most of what is drawn in a run is drawn here.
    let letters = b"abcdefghij\\\r\nx {\"";
    let mut value = Vec::with_capacity(length + 8);
    while value.len() < length {
        let drawn = random.number().to_le_bytes();
        value.extend(drawn.map(|byte| letters[usize::from(byte) % letters.len()]));
    }
    value.truncate(length);
    value
}

/// Writes so many records.
pub fn fill(log: &mut Log, name: &str, records: usize, random: &Random) {
    let in_transaction = random.once_in(8);
    for _ in 0..records {
        let value = match random.below(12) {
            0 => None,
            1 => Some(Vec::new()),
            // Topics of this name have few newlines, for archives that stop at the first.
            _ if name.starts_with('c') && !random.once_in(60) => {
                let without = |byte| if byte == b'\n' { b'n' } else { byte };
                Some(value(random).into_iter().map(without).collect())
            }
            _ => Some(value(random)),
        };
        log.append(name, value.as_deref(), in_transaction);
    }
    if log.is_open() && random.once_in(2) {
        log.end_transaction(random.once_in(2));
    }
}

fn any_topic(kafka: &Kafka, random: &Random) -> String {
    let at = random.below(kafka.topics.len());
    kafka.topics.keys().nth(at).cloned().unwrap_or_default()
}

fn traffic(world: &World) {
    let (random, mut kafka) = (&world.random, world.cluster.kafka());
    let name = any_topic(&kafka, random);
    with_log(&mut kafka, &name, random, |log, path| {
        fill(log, path, random.between(1, 15), random);
    });
}

/// Chooses a partition of a topic, if it exists.
fn with_log(kafka: &mut Kafka, topic: &str, random: &Random, change: impl FnOnce(&mut Log, &str)) {
    let Some(of) = kafka.topics.get_mut(topic) else {
        return;
    };
    let number = of.lives.len().saturating_sub(1);
    if let Some(life) = of.now_mut() {
        let index = random.below(life.partitions.len());
        let path = format!("{topic}/{number}/{index}");
        change(&mut life.partitions[index], &path);
    }
}

fn each_log(kafka: &mut Kafka, mut change: impl FnMut(&mut Log)) {
    let topics = kafka.topics.values_mut();
    for life in topics.filter_map(|topic| topic.now_mut()) {
        life.partitions.iter_mut().for_each(&mut change);
    }
}

/// Something happens to what is in a topic.
fn change(world: &World) {
    let (random, mut kafka) = (&world.random, world.cluster.kafka());
    let topic = any_topic(&kafka, random);
    let what = random.below(10);
    world.fs.note(|| format!("  topic {topic}: change {what}"));
    if what == 0 {
        if let Some(life) = kafka
            .topics
            .get_mut(&topic)
            .and_then(|topic| topic.now_mut())
        {
            life.partitions.push(Log::default());
        }
        return;
    }
    with_log(&mut kafka, &topic, random, |log, _| match what {
        1..4 => log.expire(log.start + random.below(12) as i64),
        4 => log.expire(log.visible),
        5 => {
            log.truncate(log.end() - 1 - random.below(8) as i64);
        }
        6 if log.is_open() => log.end_transaction(random.once_in(2)),
        7 => {
            if !log.mend() {
                let from = log.visible - 1 - random.below(12) as i64;
                log.damage(from..from + random.between(1, 6) as i64);
            }
        }
        _ => {
            for _ in 0..random.below(6) {
                let held = (log.visible - log.start).max(0);
                log.compact(log.start + random.below(held as usize) as i64);
            }
        }
    });
}

/// The brokers or the rights come and go.
fn trouble(world: &World) {
    let (random, mut kafka) = (&world.random, world.cluster.kafka());
    match random.below(6) {
        0 => kafka.denied = !kafka.denied,
        1 => kafka.unreachable = !kafka.unreachable,
        2 => kafka.errors_once_in = random.pick(&[0, 3, 20]),
        3 | 4 => {
            let name = any_topic(&kafka, random);
            with_log(&mut kafka, &name, random, |log, path| {
                log.leaderless = random.once_in(2);
                log.refuses = random.once_in(4);
                let state = (log.leaderless, log.refuses);
                world
                    .fs
                    .note(|| format!("  {path}: leaderless, refuses: {state:?}"));
            });
            return;
        }
        _ => {
            (kafka.denied, kafka.unreachable) = (false, false);
            kafka.is_behind = !kafka.is_behind;
        }
    }
    let state = (kafka.denied, kafka.unreachable, kafka.errors_once_in);
    world
        .fs
        .note(|| format!("  denied, unreachable, errors: {state:?}"));
}

fn answer(kafka: &mut Kafka) {
    (kafka.unreachable, kafka.denied, kafka.errors_once_in) = (false, false, 0);
    kafka.is_behind = false;
}

/// Has an archive taken note of the topic that there is now, if there is one?
fn has_noticed(world: &World, archive: &Watched) -> bool {
    let stored = stored(world, archive);
    let kafka = world.cluster.kafka();
    match (stored, kafka.topics[&archive.config.topic].now()) {
        (_, None) => true,
        (Ok(Some(stored)), Some(life)) => stored.identity.topic_id.as_ref() == Some(&life.id),
        _ => false,
    }
}

/// Deletes a topic or creates it (again). One that is read is not deleted twice before that was noticed.
fn recreate(world: &World, is_read: bool) {
    let random = &world.random;
    let topic = any_topic(&world.cluster.kafka(), random);
    let mut archives = world.archives.iter().filter(|a| a.config.topic == topic);
    if is_read && !archives.all(|archive| has_noticed(world, archive)) {
        return;
    }
    let mut kafka = world.cluster.kafka();
    if let Some(of) = kafka.topics.get_mut(&topic) {
        of.exists = false;
    }
    world.fs.note(|| format!("  topic {topic} was deleted"));
    if random.once_in(2) {
        create(&mut kafka, &topic, random);
        world.fs.note(|| format!("  topic {topic} was created"));
    }
}

/// A topic that a pattern takes is deleted if it exists, else created.
fn come_or_go(world: &World, is_read: bool) {
    let random = &world.random;
    let mut found = world.archives.iter().filter(|a| a.pattern.is_some());
    let Some(archive) = found.nth(random.below(3)) else {
        return;
    };
    let topic = &archive.config.topic;
    let exists = world.cluster.kafka().topics[topic].exists;
    // One that nobody has begun to read may come and go as it likes.
    let is_new = matches!(stored(world, archive), Ok(None));
    if exists && is_read && !is_new && !has_noticed(world, archive) {
        return;
    }
    let mut kafka = world.cluster.kafka();
    if let (true, Some(of)) = (exists, kafka.topics.get_mut(topic)) {
        of.exists = false;
        world.fs.note(|| format!("  topic {topic} was deleted"));
    } else {
        create(&mut kafka, topic, random);
        world.fs.note(|| format!("  topic {topic} was created"));
    }
}

fn create(kafka: &mut Kafka, name: &str, random: &Random) {
    let Some(topic) = kafka.topics.get_mut(name).filter(|topic| !topic.exists) else {
        return;
    };
    let number = topic.lives.len();
    let mut life = Life::new(format!("{name}-{number}"), random.between(1, 3));
    let most = random.pick(&[0, 5, 100]);
    for (index, log) in life.partitions.iter_mut().enumerate() {
        let path = format!("{name}/{number}/{index}");
        fill(log, &path, random.between(0, most), random);
    }
    topic.lives.push(life);
    topic.exists = true;
}

/// The disk becomes worse or better.
fn faults(world: &World) {
    let random = &world.random;
    let room = match random.below(4) {
        0 => Some(random.below(20_000)),
        _ => None,
    };
    let faults = Faults {
        once_in: random.pick(&[0, 0, 200, 40, 8, 2]),
        room,
        at: None,
        hang_once_in: random.pick(&[0, 0, 0, 300]),
    };
    world.fs.note(|| format!("  {faults:?}"));
    world.fs.set_faults(faults);
}

fn crash_soon(world: &World) {
    let (operations, _) = world.fs.counts();
    let soon = world.random.between(1, 60) as u64;
    world.fs.crash_after(operations + soon);
}
