//! Power cuts on real file systems: what isn't synced is gone, and nothing is lost or doubled.
//!
//! `ARCHIVER_POWERCUTS`, `ARCHIVER_POWERCUT_ARCHIVES` and `ARCHIVER_POWERCUT_SEED` make it longer, larger, or the
//! same again: its cuts and records are chance's, the scheduling is nobody's.

mod situation;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use archiver::world::fs::Fs;
use archiver::world::fs::real::RealFs;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use situation::Situation;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::disks::{Cut, Disk, Kind};
use crate::kafka::ADMIN_WAIT;
use crate::kinds::{Archived, KINDS, OF_PATTERN, finish, written};
use crate::numbers::number;
use crate::produce::Producer;
use crate::random::Random;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;
use crate::wait::OnDrop;

const PARTITIONS: u64 = 2;
const ABOVE: &str = "disk/data";
/// So many records a second.
const RATE: u128 = 4000;

#[test]
fn power_cuts_on_ext4_lose_and_double_nothing() {
    power_cuts(Kind::Ext4, number("ARCHIVER_POWERCUTS", 5));
}

#[test]
fn power_cuts_on_xfs_lose_and_double_nothing() {
    power_cuts(Kind::Xfs, number("ARCHIVER_POWERCUTS", 2));
}

#[test]
fn what_is_synced_after_a_cut_is_not_said_to_be_durable() {
    for kind in [Kind::Ext4, Kind::Xfs] {
        let scene = Scene::new();
        let what = format!("a sync after a power cut on {kind:?}");
        let Some(disk) = Disk::mount(kind, scene.path("disk"), &what) else {
            continue;
        };
        let real = RealFs::default();
        let file = real.create_new(&disk.path("new")).unwrap();
        let directory = real.open_dir(&disk.path("")).unwrap();
        let synced = real.sync(&[file, Arc::clone(&directory)]);
        assert!(synced.iter().all(Result::is_ok), "{kind:?}: {synced:?}");
        real.rename(&disk.path("new"), &disk.path("renamed"))
            .unwrap();
        disk.cut(Cut::Everything);
        // One by one, and many together.
        for count in [1, 20] {
            let synced = real.sync(&vec![Arc::clone(&directory); count]);
            assert!(synced.iter().all(Result::is_err), "{kind:?}: {count}");
        }
    }
}

/// Archives on a disk, one more at each first start, and the load on their topics.
pub struct Cuts<'a> {
    scene: &'a Scene<'a>,
    disk: &'a Disk,
    archives: Mutex<Vec<Archived<'a>>>,
    /// That of a pattern, whose topic comes and goes.
    of_pattern: Archived<'a>,
    /// How often it has come or gone.
    changes: AtomicU64,
    sent: AtomicU64,
    idle: AtomicBool,
    done: AtomicBool,
    /// The group that the stored offsets are committed to.
    group: String,
}

fn power_cuts(kind: Kind, wanted: u64) {
    let scene = Scene::new();
    let what = format!("power cuts on {kind:?}");
    let Some(disk) = Disk::mount(kind, scene.path("disk"), &what) else {
        return;
    };
    let seed = number("ARCHIVER_POWERCUT_SEED", 1);
    let cuts = Cuts {
        scene: &scene,
        disk: &disk,
        archives: Mutex::default(),
        of_pattern: Archived::planned(scene.planned("cut-of-pattern"), &OF_PATTERN, ABOVE),
        changes: AtomicU64::new(0),
        sent: AtomicU64::new(0),
        idle: AtomicBool::new(false),
        done: AtomicBool::new(false),
        group: format!("powercut-{kind:?}"),
    };
    for _ in 1..number("ARCHIVER_POWERCUT_ARCHIVES", 10) {
        cuts.add();
    }
    let mut random = Random::new(seed);
    let (start, mut taken, mut counts) = (Instant::now(), 0, situation::Counts::default());
    let archiver = thread::scope(|scope| {
        let producing = scope.spawn(|| cuts.produce(seed));
        // The producing ends, whatever happens here.
        let _end = OnDrop(|| cuts.done.store(true, Ordering::Relaxed));
        for n in 0..wanted {
            let situation = Situation::of(n);
            let archiver = cuts.come_into(situation, &mut random);
            counts.add(situation);
            assert!(!producing.is_finished(), "the producer has failed");
            taken += cuts.cut(archiver, &mut random);
        }
        cuts.scene.start(&cuts.config())
    });
    let archives = cuts.archives.into_inner().unwrap();
    let all = archives.iter().chain([&cuts.of_pattern]);
    let (report, cut, ended) = finish(&scene, archiver, all, Duration::ZERO);
    let (archives, took) = (archives.len(), start.elapsed());
    show(&format!(
        "power cuts: {kind:?}: {wanted} cuts ({counts}), {archives} archives, {cut}, {taken} bytes gone that were not \
         synced, seed {seed}, {took:.0?}: {report}"
    ));
    assert!(report.is_perfect(), "the last run said:\n{}", ended.stderr);
    scene.assert_verified();
    assert_eq!(report.records as u64, cuts.sent.into_inner());
}

impl Cuts<'_> {
    /// One more topic and its archive, of the next kind.
    fn add(&self) {
        let mut archives = self.archives.lock().unwrap();
        let kind = &KINDS[archives.len() % KINDS.len()];
        let archived = Archived::planned(self.scene.planned("cut"), kind, ABOVE);
        archived.make(PARTITIONS);
        archives.push(archived);
    }

    /// The topic that comes and goes does either.
    fn change(&self) {
        let _nobody_sends = self.archives.lock().unwrap();
        match self.of_pattern.is_there() {
            true => self.of_pattern.delete(self.scene),
            false => self.of_pattern.make(PARTITIONS),
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .set("defaults", "start", "earliest")
            .set("clusters.main", "broker", &self.scene.server.bootstrap())
            .set("clusters.main", "commit_group", &self.group)
            .set("kafka", "topic.metadata.refresh.interval.ms", "500");
        for (n, archived) in self.archives.lock().unwrap().iter().enumerate() {
            let flush = ["50ms", "200ms"][n / 3 % 2];
            // Many at a time are synced together.
            let checkpoint = ["500ms", "100ms", "500ms", "2s"][n % 4];
            let keys = [("flush", flush), ("checkpoint", checkpoint)];
            config = archived.configure(config, "main", &keys);
        }
        config.pattern_in(ABOVE, "main", &self.of_pattern.topic.name)
    }

    /// Cuts the power, has archiver write into the void for a while, and switches it on again. Says how many bytes
    /// that took.
    fn cut(&self, archiver: Archiver, random: &mut Random) -> u64 {
        let cut = match random.below(3) {
            0 => Cut::Data,
            _ => Cut::Everything,
        };
        let before = self.lengths();
        self.disk.cut(cut);
        self.idle.store(false, Ordering::Relaxed);
        if random.below(2) == 0 {
            thread::sleep(Duration::from_millis(random.below(1500)));
        }
        archiver.assert_runs();
        let ended = archiver.kill();
        assert!(!ended.stderr.contains("stopped: "), "{}", ended.stderr);
        self.disk.remount();
        self.disk.free();
        self.assert_that_what_was_committed_is_kept();
        let after = self.lengths();
        let taken = |(before, after): (u64, u64)| before.saturating_sub(after);
        before.into_iter().zip(after).map(taken).sum()
    }

    /// How many bytes each archive has.
    fn lengths(&self) -> Vec<u64> {
        let archives = self.archives.lock().unwrap();
        let length = |path| fs::metadata(path).map_or(0, |meta| meta.len());
        let segments = archives
            .iter()
            .map(|archived| archived.segments(self.scene));
        segments
            .map(|paths| paths.into_iter().map(length).sum())
            .collect()
    }

    /// Kafka must know of no offset that the disk doesn't.
    fn assert_that_what_was_committed_is_kept(&self) {
        let mut client = self.scene.server.client();
        let client: BaseConsumer = client.set("group.id", &self.group).create().unwrap();
        for archived in self.archives.lock().unwrap().iter() {
            let topic = &archived.topic;
            let mut asked = TopicPartitionList::new();
            asked.add_partition_range(&topic.name, 0, PARTITIONS as i32 - 1);
            let committed = client.committed_offsets(asked, ADMIN_WAIT).unwrap();
            let stored = &self.scene.checkpoint(archived.state())["positions"];
            for partition in committed.elements() {
                let committed = partition.offset().to_raw().unwrap_or(-1);
                let stored = &stored[partition.partition().to_string()]["next"];
                assert!(
                    committed <= stored.as_i64().unwrap_or(0),
                    "{}: {committed} was committed, the checkpoint says {stored}",
                    topic.name
                );
            }
        }
    }

    /// Keeps sending, unless it is to be idle.
    fn produce(&self, seed: u64) {
        let (mut values, mut random) = (Values::new(seed), Random::new(seed ^ 0x5eed));
        let start = Instant::now();
        let (mut producer, mut known) = (Producer::new(self.scene.server), 0);
        while !self.done.load(Ordering::Relaxed) {
            let sent = self.sent.load(Ordering::Relaxed);
            let ahead = u128::from(sent) * 1000 > RATE * start.elapsed().as_millis();
            if ahead || self.idle.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let archives = self.archives.lock().unwrap();
            let changes = self.changes.load(Ordering::SeqCst);
            if changes > std::mem::replace(&mut known, changes) {
                producer = Producer::new(self.scene.server);
            }
            let is_quiet = !start.elapsed().as_secs().is_multiple_of(4);
            let sends = |of: &&Archived| of.is_there() && !(is_quiet && of.kind.is_sparse);
            let sending = archives.iter().chain([&self.of_pattern]);
            let sending = sending.filter(sends).collect::<Vec<_>>();
            let (count, written) = (random.between(10, 300), written(&mut random));
            for _ in 0..count {
                let archived = sending[random.below(sending.len() as u64) as usize];
                let mut record = values.mixed().to(random.below(PARTITIONS) as i32);
                record.timestamp = Some(written + random.below(5_000) as i64);
                producer.send(&archived.topic, record);
            }
            producer.flush();
            drop(archives);
            self.sent.fetch_add(count, Ordering::Relaxed);
        }
    }
}
