//! Killed again and again at random moments, archiver loses and doubles nothing, whatever else goes on: new
//! partitions, new topics, a broker that stops or is killed, transactions that are aborted.
//!
//! `ARCHIVER_STORM_RECORDS`, `ARCHIVER_STORM_KILLS`, `ARCHIVER_STORM_TROUBLES` and `ARCHIVER_STORM_SEED` make the
//! storm bigger, or the same again: its kills and records are chance's, the scheduling is nobody's.

mod load;
mod troubles;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use load::Load;
use troubles::Troubles;

use crate::config::Config;
use crate::kafka::Server;
use crate::numbers::number;
use crate::random::Random;
use crate::scene::Scene;
use crate::show::show;
use crate::topic::Topic;
use crate::wait::OnDrop;

/// So many topics are there before archiver.
const TOPICS: usize = 8;
const PARTITIONS: u64 = 3;
const ENDINGS: [&str; 3] = ["ndjson", "ndjson.gz", "ndjson.zst"];
/// So many records a second while there are kills to come.
const RATE: u64 = 20_000;

struct Plan {
    records: u64,
    kills: u64,
    troubles: u64,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        Self {
            records: number("ARCHIVER_STORM_RECORDS", 60_000),
            kills: number("ARCHIVER_STORM_KILLS", 8),
            troubles: number("ARCHIVER_STORM_TROUBLES", 4),
            seed: number("ARCHIVER_STORM_SEED", 1),
        }
    }

    /// How long archiver lives until the next kill: often not long enough to begin, and that several times in a row.
    fn life(&self, kills: u64, random: &mut Random) -> Duration {
        let longest = (2000 * self.records / self.kills.max(1) / RATE).clamp(2500, 8000);
        Duration::from_millis(match kills % 8 {
            1..=3 => random.below(20),
            4 | 5 => random.below(300),
            _ => random.below(longest),
        })
    }
}

/// The topics, and how many partitions each has by now; 0 is a topic that is yet to come.
struct Field<'a> {
    topics: Vec<Topic<'a>>,
    partitions: Vec<AtomicU64>,
    /// How often that has changed.
    changes: AtomicU64,
    /// How often archiver has been killed.
    kills: AtomicU64,
    kills_done: AtomicBool,
}

impl<'a> Field<'a> {
    fn new(scene: &Scene<'a>, to_come: usize) -> Self {
        let present = (0..TOPICS).map(|_| scene.topic("storm", PARTITIONS as i32));
        let planned = (0..to_come).map(|_| scene.planned("storm-late"));
        let partitions = |n| AtomicU64::new(if n < TOPICS { PARTITIONS } else { 0 });
        Self {
            topics: present.chain(planned).collect(),
            partitions: (0..TOPICS + to_come).map(partitions).collect(),
            changes: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            kills_done: AtomicBool::new(false),
        }
    }

    /// A topic has so many partitions from now on.
    fn has_now(&self, topic: usize, partitions: u64) {
        self.partitions[topic].store(partitions, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Each topic's file.
    fn files(&self) -> Vec<(&Topic<'a>, String)> {
        let file = |n: usize| format!("out/storm-{n}.{}", ENDINGS[n % ENDINGS.len()]);
        let numbered = self.topics.iter().enumerate();
        numbered.map(|(n, topic)| (topic, file(n))).collect()
    }

    fn config(&self) -> Config {
        // New partitions are found while archiver runs and when it starts.
        let refresh = ("topic.metadata.refresh.interval.ms", "2000");
        let mut config = Config::new().set("kafka", refresh.0, refresh.1);
        for (n, (topic, file)) in self.files().into_iter().enumerate() {
            // A topic that came after its archive is read from its beginning all the same.
            let start = if n < TOPICS { "earliest" } else { "latest" };
            let flush = ["50ms", "200ms", "1s"][n / 3 % 3];
            let checkpoint = ["100ms", "1s", "5s"][(n / 3 + n) % 3];
            let keys = [
                ("start", start),
                ("flush", flush),
                ("checkpoint", checkpoint),
            ];
            config = config.archive(topic, &file, &keys);
        }
        config
    }
}

#[test]
fn a_storm_of_kills_loses_and_doubles_nothing() {
    let plan = Plan::from_environment();
    let server = Server::private();
    let scene = Scene::on(&server);
    let field = Field::new(&scene, troubles::topics_to_come(plan.troubles));
    let config = field.config();
    let (load, troubles) = (Load::default(), Troubles::default());
    let mut random = Random::new(plan.seed);
    let start = Instant::now();
    let archiver = thread::scope(|scope| {
        let producing = scope.spawn(|| load.produce(&plan, &scene, &field));
        let troubling = scope.spawn(|| troubles.make(&plan, &scene, &field, &load));
        // The other threads end, whatever happens here.
        let _end = OnDrop(|| field.kills_done.store(true, Ordering::Relaxed));
        let kills = || field.kills.load(Ordering::Relaxed);
        while kills() < plan.kills || !troubling.is_finished() {
            let archiver = scene.start(&config);
            thread::sleep(plan.life(kills(), &mut random));
            archiver.assert_runs();
            assert!(!producing.is_finished(), "the producer has failed");
            archiver.kill();
            field.kills.fetch_add(1, Ordering::Relaxed);
        }
        troubling.join().expect("the troubles came to their end");
        scene.start(&config)
    });
    let committed = load.committed.into_inner();
    let patience = Duration::from_millis(committed / 5);
    let (report, ended) = scene.finish(archiver, &field.files(), patience);
    let (kills, aborted) = (field.kills.into_inner(), load.aborted.into_inner());
    let (seed, took) = (plan.seed, start.elapsed());
    show(&format!(
        "storm: {kills} kills, {aborted} records aborted, {troubles}, seed {seed}, {took:.0?}: {report}"
    ));
    assert!(report.is_perfect(), "the last run said:\n{}", ended.stderr);
    scene.assert_verified();
    assert_eq!(report.records as u64, committed);
}
