//! Records that Kafka holds damaged.

use std::ops::Range;

use serde_json::Value;

use crate::archiver::Ended;
use crate::config::Config;
use crate::dump::Partitions;
use crate::files;
use crate::kafka::{Damage, Segment, Server};
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// How many batches a partition has.
const BATCHES: usize = 9;
const IN_EACH: usize = 40;
const SKIP: &[(&str, &str)] = &[("corrupt", "skip")];
const ALL: usize = 2 * BATCHES * IN_EACH;

/// A topic of two partitions with some batches each, and another topic, on a server of their own.
struct Damaged<'a> {
    scene: Scene<'a>,
    topic: Topic<'a>,
    other: Topic<'a>,
    /// What the topic held before anything was damaged.
    records: Partitions,
}

impl<'a> Damaged<'a> {
    fn on(server: &'a Server, codec: &str) -> Self {
        let scene = Scene::on(server);
        let (topic, other) = (scene.topic("damaged", 2), scene.topic("other", 1));
        let mut values = Values::new(1);
        let producer = Producer::compressing(server, codec);
        for _ in 0..BATCHES {
            for partition in 0..2 {
                let records = values.jsons(IN_EACH).into_iter();
                producer.send_all(&topic, records.map(|record| record.to(partition)));
            }
        }
        producer.send_all(&other, values.jsons(10));
        let records = scene.records(&topic);
        Self {
            scene,
            topic,
            other,
            records,
        }
    }

    fn config(&self, keys: &[(&str, &str)]) -> Config {
        Config::new()
            .set("defaults", "start", "earliest")
            .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
            .archive(&self.topic, "a.ndjson", keys)
            .archive(&self.other, "other.ndjson", &[])
    }

    /// The first partition's log, while the server is stopped.
    fn segment(&self) -> Segment {
        Segment::in_log(self.scene.server.node(1).log(&self.topic.name, 0))
    }

    /// The file holds everything but these offsets of the first partition.
    #[track_caller]
    fn assert_without(&self, missing: &[Range<i64>]) {
        let mut records = self.records.clone();
        let damaged = records.get_mut(&0).unwrap();
        damaged.retain(|record| !missing.iter().any(|range| range.contains(&record.offset)));
        self.scene.assert_holds(&records, "a.ndjson");
        self.scene.assert_exact(&self.other, "other.ndjson");
    }
}

/// Nothing is said again and again.
#[track_caller]
fn assert_calm(ended: &Ended) {
    let loud = ended.stderr.lines();
    let loud = loud.filter(|line| line.contains("WARN") || line.contains("ERROR"));
    assert!(loud.count() <= 12, "{}", ended.stderr);
}

#[test]
fn a_corrupt_batch_holds_up_its_partition_until_it_is_repaired() {
    let server = Server::private();
    let damaged = Damaged::on(&server, "none");
    let scene = &damaged.scene;
    server.stop();
    let segment = damaged.segment();
    let batches = segment.batches();
    let broken = batches[batches.len() / 2].clone();
    let whole = segment.damage(batches.len() / 2, Damage::Bit);
    server.restart();
    let archiver = scene.start(&damaged.config(&[]));
    archiver.await_line(&says::corrupt(&damaged.topic.name, 0, broken.start));
    let before = damaged.records[&0].iter();
    let before = before.filter(|record| record.offset < broken.start).count();
    scene.await_lines(&archiver, "a.ndjson", BATCHES * IN_EACH + before);
    scene.await_lines(&archiver, "other.ndjson", 10);
    // What comes to the others is archived, too.
    Producer::new(&server).send_all(&damaged.other, Values::new(2).jsons(10));
    scene.await_lines(&archiver, "other.ndjson", 20);
    server.stop();
    segment.restore(&whole);
    server.restart();
    scene.await_lines(&archiver, "a.ndjson", ALL);
    assert_calm(&archiver.stop());
    assert_eq!(scene.gaps(&damaged.topic.name), [] as [Value; 0]);
    damaged.assert_without(&[]);
}

#[test]
fn corrupt_batches_are_skipped_on_demand_and_are_gaps() {
    // What is damaged and how, in a topic of which codec.
    let cases: [(&str, &[(usize, Damage)]); 5] = [
        ("none", &[(4, Damage::Bit)]),
        (
            "none",
            &[
                (0, Damage::Bit),
                (3, Damage::Bit),
                (4, Damage::Bit),
                (6, Damage::Bit),
            ],
        ),
        ("zstd", &[(4, Damage::Bit), (6, Damage::Content)]),
        ("lz4", &[(2, Damage::Content), (3, Damage::Content)]),
        ("gzip", &[(5, Damage::Content), (8, Damage::Bit)]),
    ];
    let server = Server::private();
    let damaged: Vec<_> = cases
        .iter()
        .map(|(codec, _)| Damaged::on(&server, codec))
        .collect();
    server.stop();
    let missing = damaged.iter().zip(cases).map(|(damaged, (_, damages))| {
        let segment = damaged.segment();
        let batches = segment.batches();
        let missing = damages.iter().map(|&(index, how)| {
            segment.damage(index, how);
            batches[index].clone()
        });
        missing.collect::<Vec<_>>()
    });
    let missing: Vec<_> = missing.collect();
    server.restart();
    for (damaged, missing) in damaged.iter().zip(missing) {
        let scene = &damaged.scene;
        let archiver = scene.start(&damaged.config(SKIP));
        for gap in &missing {
            archiver.await_line(&says::gap(&damaged.topic.name, gap.start, gap.end));
        }
        let lost: i64 = missing.iter().map(|gap| gap.end - gap.start).sum();
        scene.await_lines(&archiver, "a.ndjson", ALL - lost as usize);
        scene.await_lines(&archiver, "other.ndjson", 10);
        assert_calm(&archiver.stop());
        damaged.assert_without(&missing);
        let gaps = scene.gaps(&damaged.topic.name);
        let listed = gaps.iter().map(|gap| {
            assert_eq!(gap["reason"], "corrupt", "{gap}");
            assert_eq!(gap["partition"], 0, "{gap}");
            gap["from"].as_i64().unwrap()..gap["to"].as_i64().unwrap()
        });
        assert_eq!(listed.collect::<Vec<_>>(), missing);
    }
}

#[test]
fn what_nobody_can_find_the_end_of_is_not_skipped_but_waits() {
    let server = Server::private();
    for how in [Damage::Format, Damage::Length] {
        let damaged = Damaged::on(&server, "none");
        let scene = &damaged.scene;
        server.stop();
        let segment = damaged.segment();
        let middle = segment.batches().len() / 2;
        let broken = segment.batches()[middle].clone();
        let whole = segment.damage(middle, how);
        server.restart();
        let archiver = scene.start(&damaged.config(SKIP));
        scene.await_lines(&archiver, "other.ndjson", 10);
        archiver.await_line(&says::corrupt(&damaged.topic.name, 0, broken.start));
        eventually(LONG, "the other partition arrives", || {
            files::count(&scene.path("a.ndjson")) >= BATCHES * IN_EACH
        });
        server.stop();
        segment.restore(&whole);
        server.restart();
        scene.await_lines(&archiver, "a.ndjson", ALL);
        assert_calm(&archiver.stop());
        damaged.assert_without(&[]);
    }
}
