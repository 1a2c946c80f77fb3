//! Killed again and again at random moments, archiver loses and doubles nothing, whatever else goes on: new
//! partitions, new topics, topics of a pattern that come and go, a broker that stops or is killed, transactions that are
//! aborted. Its archives are of all kinds.
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
use crate::kinds::{Archived, KINDS, OF_PATTERN, finish};
use crate::numbers::number;
use crate::random::Random;
use crate::scene::Scene;
use crate::show::show;
use crate::wait::OnDrop;

/// So many topics with an archive each are there before archiver, one of each kind.
const TOPICS: usize = KINDS.len();
const PARTITIONS: u64 = 3;
const ABOVE: &str = "out";
/// The topics that have their archives by it.
const PATTERN: &str = "storm-of-pattern-[0-9]+";
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

/// The archives, and how many partitions the topic of each has by now; 0 is one that isn't there.
struct Field<'a> {
    /// Those of topics that are there before archiver, of topics that are yet to come, and the two of the pattern: one of
    /// a topic that stays, and one of a topic that comes and goes.
    archives: Vec<Archived<'a>>,
    partitions: Vec<AtomicU64>,
    /// How often that has changed, and of how many of those changes the producers know.
    changes: AtomicU64,
    known: AtomicU64,
    /// How often archiver has been killed.
    kills: AtomicU64,
    kills_done: AtomicBool,
}

impl<'a> Field<'a> {
    fn new(scene: &Scene<'a>, to_come: usize) -> Self {
        let archived = |n: usize, name| {
            let kind = KINDS.get(n % TOPICS).expect("one of them");
            Archived::planned(scene.planned(name), kind, ABOVE)
        };
        let present = (0..TOPICS).map(|n| archived(n, "storm"));
        let late = (0..to_come).map(|n| archived(n, "storm-late"));
        let of_pattern = [(); 2].map(|()| {
            let topic = scene.planned("storm-of-pattern");
            Archived::planned(topic, &OF_PATTERN, ABOVE)
        });
        let archives = present.chain(late).chain(of_pattern).collect::<Vec<_>>();
        let field = Self {
            partitions: archives.iter().map(|_| AtomicU64::new(0)).collect(),
            archives,
            changes: AtomicU64::new(0),
            known: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            kills_done: AtomicBool::new(false),
        };
        (0..TOPICS).for_each(|n| field.make(n));
        field.make(field.comes_and_goes() - 1);
        field
    }

    /// The number of the topic that does.
    fn comes_and_goes(&self) -> usize {
        self.archives.len() - 1
    }

    fn make(&self, n: usize) {
        self.archives[n].make(PARTITIONS);
        self.has_now(n, PARTITIONS);
    }

    /// A topic has so many partitions from now on.
    fn has_now(&self, topic: usize, partitions: u64) {
        self.partitions[topic].store(partitions, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn config(&self, broker: &str) -> Config {
        // New partitions are found while archiver runs and when it starts.
        let refresh = ("topic.metadata.refresh.interval.ms", "2000");
        let mut config = Config::new().set("kafka", refresh.0, refresh.1);
        let own = &self.archives[..self.comes_and_goes() - 1];
        for (n, archived) in own.iter().enumerate() {
            // A topic that came after its archive is read from its beginning all the same.
            let start = if n < TOPICS { "earliest" } else { "latest" };
            let flush = ["50ms", "200ms", "1s"][n / 3 % 3];
            let checkpoint = ["100ms", "1s", "5s"][(n / 3 + n) % 3];
            let keys = [
                ("start", start),
                ("flush", flush),
                ("checkpoint", checkpoint),
            ];
            config = archived.configure(config, broker, &keys);
        }
        config.pattern_in(ABOVE, broker, PATTERN)
    }
}

#[test]
fn a_storm_of_kills_loses_and_doubles_nothing() {
    let plan = Plan::from_environment();
    let server = Server::private();
    let scene = Scene::on(&server);
    let field = Field::new(&scene, troubles::topics_to_come(plan.troubles));
    let config = field.config(&server.bootstrap());
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
    let (report, cut, ended) = finish(&scene, archiver, field.archives.iter(), patience);
    let (kills, aborted) = (field.kills.into_inner(), load.aborted.into_inner());
    let (seed, took) = (plan.seed, start.elapsed());
    show(&format!(
        "storm: {kills} kills, {aborted} records aborted, {troubles}, {cut}, seed {seed}, {took:.0?}: {report}"
    ));
    assert!(report.is_perfect(), "the last run said:\n{}", ended.stderr);
    scene.assert_verified();
    assert_eq!(report.records as u64, committed);
}
