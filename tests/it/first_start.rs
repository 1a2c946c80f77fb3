//! Where an archive without a checkpoint begins.

use crate::config::Config;
use crate::files;
use crate::produce::{Producer, Record};
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn earliest_takes_all_that_kafka_holds() {
    let scene = Scene::new();
    let topic = scene.topic("earliest", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, (0..500).map(|_| values.mixed()));
    let config = Config::new().archive(&topic, "out/all.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    producer.send_all(&topic, (0..500).map(|_| values.mixed()));
    scene.await_lines(&archiver, "out/all.ndjson", 1000);
    archiver.stop();
    scene.assert_exact(&topic, "out/all.ndjson");
}

#[test]
fn latest_takes_what_comes_after_and_says_how_much_it_leaves_behind() {
    let scene = Scene::new();
    let topic = scene.topic("latest", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(2));
    producer.send_all(&topic, values.jsons(307));
    let ends = [0, 1, 2].map(|p| topic.bounds(p).1);
    let archiver = scene.start(&Config::new().archive(&topic, "new.ndjson", &[]));
    archiver.await_line(&says::left_behind(&topic.name, 307));
    producer.send_all(&topic, (0..200).map(|_| values.mixed()));
    scene.await_lines(&archiver, "new.ndjson", 200);
    archiver.stop();
    let mut records = scene.records(&topic);
    for (partition, records) in &mut records {
        records.retain(|r| r.offset >= ends[*partition as usize]);
    }
    scene.assert_holds(&records, "new.ndjson");
}

#[test]
fn the_last_of_each_partition_are_those_before_what_comes_later() {
    let scene = Scene::new();
    let topic = scene.topic("last", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(6));
    // Records without a key go where the producer likes, so each is told its partition: all three
    // must hold more than the last 20.
    let dealt = (0..3).cycle().zip(values.jsons(307));
    producer.send_all(
        &topic,
        dealt.map(|(partition, record)| record.to(partition)),
    );
    let begins = [0, 1, 2].map(|p| topic.bounds(p).1 - 20);
    let config = Config::new().archive(&topic, "last.ndjson", &[("start", "last:20")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::left_behind(&topic.name, 247));
    producer.send_all(&topic, (0..200).map(|_| values.mixed()));
    scene.await_lines(&archiver, "last.ndjson", 260);
    archiver.stop();
    let mut records = scene.records(&topic);
    for (partition, records) in &mut records {
        records.retain(|r| r.offset >= begins[*partition as usize]);
    }
    scene.assert_holds(&records, "last.ndjson");
}

#[test]
fn a_time_is_the_first_record_of_each_partition_with_it_and_all_that_follows() {
    const NOON: i64 = 1_795_176_000_000;
    let scene = Scene::new();
    let topic = scene.topic("since", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(7));
    // The last partition has nothing that is as late; after the first late record comes an early one.
    let minutes = [-20, -10, 0, -15, 5, 10];
    for partition in 0..3 {
        for minute in minutes.map(|minute| if partition == 2 { minute - 60 } else { minute }) {
            let record = Record {
                timestamp: Some(NOON + minute * 60_000),
                ..values.mixed().to(partition)
            };
            producer.send(&topic, record);
        }
    }
    producer.flush();
    let start = [("start", "2026-11-20 13:00"), ("timezone", "Europe/Berlin")];
    let config = Config::new().archive(&topic, "since.ndjson", &start);
    let archiver = scene.start(&config);
    archiver.await_line(&says::left_behind(&topic.name, 2 + 2 + 6));
    producer.send_all(&topic, values.jsons(30));
    scene.await_lines(&archiver, "since.ndjson", 4 + 4 + 30);
    archiver.stop();
    let mut records = scene.records(&topic);
    for (partition, records) in &mut records {
        let first = if *partition == 2 { 6 } else { 2 };
        records.retain(|r| r.offset >= first);
    }
    scene.assert_holds(&records, "since.ndjson");
}

#[test]
fn a_kill_right_after_latest_was_resolved_loses_nothing_that_came_after() {
    let scene = Scene::new();
    let topic = scene.topic("resolved", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    producer.send_all(&topic, values.jsons(30));
    let ends = [0, 1, 2].map(|p| topic.bounds(p).1);
    let config = Config::new().archive(&topic, "new.ndjson", &[]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    archiver.kill();
    // Nobody is there to see these: a start resolved anew would leave them behind.
    producer.send_all(&topic, values.jsons(40));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "new.ndjson", 40);
    archiver.kill();
    assert!(files::count(&scene.path("new.ndjson")) >= 40);
    producer.send_all(&topic, values.jsons(50));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "new.ndjson", 90);
    archiver.stop();
    let mut records = scene.records(&topic);
    for (partition, records) in &mut records {
        records.retain(|r| r.offset >= ends[*partition as usize]);
    }
    scene.assert_holds(&records, "new.ndjson");
}

#[test]
fn an_empty_topic_makes_an_archive_that_loses_nothing_either() {
    let scene = Scene::new();
    let topic = scene.topic("empty", 2);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(4));
    let config = Config::new().archive(&topic, "a.ndjson.gz", &[("start", "earliest")]);
    scene.start(&config).kill();
    let archiver = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson.gz", 10);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson.gz");
}
