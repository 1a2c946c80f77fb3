//! Killed again and again at random moments, archiver loses and doubles nothing.
//!
//! `ARCHIVER_STORM_RECORDS`, `ARCHIVER_STORM_KILLS` and `ARCHIVER_STORM_SEED` make the storm
//! bigger, or the same again: its kills and records are chance's, the scheduling is nobody's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{self, Report};
use crate::config::Config;
use crate::dump::dump;
use crate::files;
use crate::produce::Producer;
use crate::random::Random;
use crate::scene::Scene;
use crate::show::show;
use crate::topic::Topic;
use crate::values::{Values, spaced};
use crate::wait::{LONG, OnDrop, within};

const TOPICS: u64 = 8;
const PARTITIONS: u64 = 3;
const ENDINGS: [&str; 3] = ["ndjson", "ndjson.gz", "ndjson.zst"];
/// So many records a second while there are kills to come.
const RATE: u64 = 20_000;

struct Plan {
    records: u64,
    kills: u64,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str, default| match std::env::var(name) {
            Ok(text) => text.replace('_', "").parse().expect(name),
            Err(_) => default,
        };
        Self {
            records: number("ARCHIVER_STORM_RECORDS", 60_000),
            kills: number("ARCHIVER_STORM_KILLS", 8),
            seed: number("ARCHIVER_STORM_SEED", 1),
        }
    }

    /// How long archiver lives until the next kill: often not long enough to begin.
    fn life(&self, random: &mut Random) -> Duration {
        let longest = (2000 * self.records / self.kills.max(1) / RATE).clamp(2500, 8000);
        Duration::from_millis(match random.below(4) {
            0 => random.below(200),
            _ => random.below(longest),
        })
    }
}

/// What the producing thread has done, and when it may end.
#[derive(Default)]
struct Load {
    committed: AtomicU64,
    aborted: AtomicU64,
    kills_done: AtomicBool,
}

#[test]
fn a_storm_of_kills_loses_and_doubles_nothing() {
    let plan = Plan::from_environment();
    let scene = Scene::new();
    let topics: Vec<_> = (0..TOPICS)
        .map(|_| scene.topic("storm", PARTITIONS as i32))
        .collect();
    let file = |n: usize| format!("out/storm-{n}.{}", ENDINGS[n % ENDINGS.len()]);
    let mut config = Config::new().set("defaults", "start", "earliest");
    for (n, topic) in topics.iter().enumerate() {
        let flush = ["50ms", "200ms", "1s"][n / 3];
        let checkpoint = ["100ms", "1s", "5s"][(n / 3 + n) % 3];
        config = config.archive(
            topic,
            &file(n),
            &[("flush", flush), ("checkpoint", checkpoint)],
        );
    }
    let load = Load::default();
    let mut random = Random::new(plan.seed);
    let start = Instant::now();
    let archiver = thread::scope(|scope| {
        let producing = scope.spawn(|| produce(&plan, &scene, &topics, &load));
        // The producing ends, whatever happens here.
        let _end = OnDrop(|| load.kills_done.store(true, Ordering::Relaxed));
        for _ in 0..plan.kills {
            let archiver = scene.start(&config);
            thread::sleep(plan.life(&mut random));
            archiver.assert_runs();
            assert!(!producing.is_finished(), "the producer has failed");
            archiver.kill();
        }
        scene.start(&config)
    });
    let (committed, aborted) = (load.committed.into_inner(), load.aborted.into_inner());
    let all: Vec<_> = topics.iter().collect();
    let dumped = dump(scene.server, &all);
    let mut report = Report::default();
    let mut expected = Vec::new();
    for topic in &topics {
        expected.push(check::expected(&dumped.topic(topic), spaced));
    }
    let deadline = LONG + Duration::from_millis(committed / 5);
    let arrived = within(deadline, || {
        archiver.assert_runs();
        expected.iter().enumerate().all(|(n, records)| {
            let records: usize = records.values().map(Vec::len).sum();
            files::count(&scene.path(file(n))) >= records
        })
    });
    let ended = archiver.stop();
    for (n, expected) in expected.iter().enumerate() {
        let text = files::read(&scene.path(file(n))).unwrap();
        report.add(check::check(expected, &text));
    }
    let (kills, seed, took) = (plan.kills, plan.seed, start.elapsed());
    show(&format!(
        "storm: {kills} kills, {aborted} aborted, seed {seed}, {took:.0?}: {report}"
    ));
    assert!(
        report.is_perfect() && arrived,
        "the last run said:\n{}",
        ended.stderr
    );
    assert_eq!(report.records as u64, committed);
}

/// Transactions, every third aborted, among records of a producer that knows none; no faster than
/// the plan, so that archiver is killed while records arrive.
fn produce(plan: &Plan, scene: &Scene, topics: &[Topic], load: &Load) {
    let plain = Producer::new(scene.server);
    let transactional = Producer::transactional(scene.server, &topics[0].name);
    let mut random = Random::new(plan.seed ^ 0x5eed);
    let mut values = Values::new(plan.seed);
    values.big_every = 20_000;
    let start = Instant::now();
    for round in 0_u64.. {
        let done = load.committed.load(Ordering::Relaxed);
        let killing = !load.kills_done.load(Ordering::Relaxed);
        if done >= plan.records && !killing {
            return;
        }
        let rate = RATE.min(plan.records / plan.kills.max(1));
        let ahead = || done * 1000 > rate * start.elapsed().as_millis() as u64;
        while ahead() && !load.kills_done.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        let mut send = |producer: &Producer| {
            let count = random.between(20, 600);
            for _ in 0..count {
                let topic = &topics[random.below(TOPICS) as usize];
                producer.send(topic, values.mixed().to(random.below(PARTITIONS) as i32));
            }
            count
        };
        transactional.begin();
        let count = send(&transactional);
        if round % 3 == 2 {
            transactional.abort();
            load.aborted.fetch_add(count, Ordering::Relaxed);
        } else {
            transactional.commit();
            load.committed.fetch_add(count, Ordering::Relaxed);
        }
        let count = send(&plain);
        plain.flush();
        load.committed.fetch_add(count, Ordering::Relaxed);
    }
}
