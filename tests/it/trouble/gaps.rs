//! What Kafka no longer holds is said, and written down.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;

use crate::config::Config;
use crate::dump::Seen;
use crate::produce::{Producer, Record};
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

const EARLIEST: &[(&str, &str)] = &[("start", "earliest")];

#[test]
fn records_deleted_before_they_were_read_are_a_gap() {
    let scene = Scene::new();
    let topic = scene.topic("deleted", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", EARLIEST);
    producer.send_all(&topic, values.jsons(100));
    let mut records = scene.records(&topic);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 100);
    archiver.stop();
    assert_eq!(scene.gaps(&topic.name), [] as [Value; 0]);
    producer.send_all(&topic, values.jsons(100));
    topic.delete_records(0, 150);
    let archiver = scene.start(&config);
    archiver.await_line(&says::gap(&topic.name, 100, 150));
    scene.await_lines(&archiver, "a.ndjson", 150);
    archiver.stop();
    // A gap is written down once, however often archiver starts.
    scene.start(&config).kill();
    let gaps = scene.gaps(&topic.name);
    let numbers = |gap: &Value| ["partition", "from", "to"].map(|key| gap[key].as_i64());
    assert_eq!(
        gaps.iter().map(numbers).collect::<Vec<_>>(),
        [[Some(0), Some(100), Some(150)]]
    );
    assert_reason(&gaps[0], says::EXPIRED);
    records
        .get_mut(&0)
        .unwrap()
        .extend(scene.records(&topic).remove(&0).unwrap());
    scene.assert_holds(&records, "a.ndjson");
}

#[test]
fn records_that_expire_before_they_were_read_are_a_gap() {
    let scene = Scene::new();
    let topic = scene.planned("expired");
    topic.make(1, &[("retention.ms", "1000")]);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", EARLIEST);
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    archiver.stop();
    producer.send_all(&topic, values.jsons(100));
    eventually(LONG, "the records have expired", || {
        topic.bounds(0) == (100, 100)
    });
    let archiver = scene.start(&config);
    archiver.await_line(&says::gap(&topic.name, 0, 100));
    let kept = values.jsons(50);
    producer.send_all(&topic, kept.clone());
    scene.await_lines(&archiver, "a.ndjson", 50);
    archiver.stop();
    let gaps = scene.gaps(&topic.name);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((&gaps[0]["from"], &gaps[0]["to"]), (&0.into(), &100.into()));
    assert_reason(&gaps[0], says::EXPIRED);
    scene.assert_holds(&[(0, seen(&kept, 100))].into(), "a.ndjson");
}

#[test]
fn records_deleted_under_a_running_archiver_that_lags_are_a_gap() {
    let scene = Scene::new();
    let topic = scene.topic("deleted", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", EARLIEST);
    let sent = values.jsons(3000);
    producer.send_all(&topic, sent[..100].to_vec());
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 100);
    archiver.signal(Signal::STOP);
    // An answer or two may already be on their way to it.
    for some in sent[100..].chunks(100) {
        producer.send_all(&topic, some.to_vec());
    }
    topic.delete_records(0, 2900);
    archiver.signal(Signal::CONT);
    eventually(LONG, "the gap is listed", || {
        archiver.assert_runs();
        !scene.gaps(&topic.name).is_empty()
    });
    let gaps = scene.gaps(&topic.name);
    let from = gaps[0]["from"].as_i64().unwrap() as usize;
    assert!((100..2900).contains(&from), "{gaps:?}");
    assert_eq!(gaps[0]["to"], 2900);
    scene.await_lines(&archiver, "a.ndjson", from + 100);
    archiver.stop();
    assert_eq!(scene.gaps(&topic.name).len(), 1);
    assert_reason(&gaps[0], says::EXPIRED);
    let mut kept = seen(&sent[..from], 0);
    kept.extend(seen(&sent[2900..], 2900));
    scene.assert_holds(&[(0, kept)].into(), "a.ndjson");
}

fn state(topic: &Topic) -> PathBuf {
    Path::new(".archiver").join(&topic.name)
}

/// What was sent, as it is in the topic from an offset on.
fn seen(sent: &[Record], from: i64) -> Vec<Seen> {
    let value = |record: &Record| record.value.clone();
    let sent = sent.iter().map(value).zip(from..);
    let seen = |(value, offset)| Seen {
        offset,
        value,
        ..Seen::default()
    };
    sent.map(seen).collect()
}

#[test]
fn a_topic_re_created_while_archiver_was_stopped_is_a_gap_even_if_its_end_lies_beyond() {
    for new in [30, 300] {
        let scene = Scene::new();
        let topic = scene.topic("re-created", 1);
        let mut values = Values::new(1);
        let config = Config::new().archive(&topic, "a.ndjson", EARLIEST);
        Producer::new(scene.server).send_all(&topic, values.jsons(100));
        let mut records = scene.records(&topic);
        let archiver = scene.start(&config);
        scene.await_lines(&archiver, "a.ndjson", 100);
        archiver.stop();
        topic.delete();
        topic.make(1, &[]);
        Producer::new(scene.server).send_all(&topic, values.jsons(new));
        let archiver = scene.start(&config);
        archiver.await_line(&says::recreated(&topic.name));
        scene.await_lines(&archiver, "a.ndjson", 100 + new);
        archiver.stop();
        let gaps = scene.gaps(&topic.name);
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_reason(&gaps[0], says::RECREATED);
        records
            .get_mut(&0)
            .unwrap()
            .extend(scene.records(&topic).remove(&0).unwrap());
        scene.assert_holds(&records, "a.ndjson");
    }
}

#[test]
fn a_topic_re_created_while_archiver_runs_is_a_gap_and_it_goes_on() {
    for new in [30, 300] {
        let scene = Scene::new();
        let (topic, other) = (scene.topic("re-created", 2), scene.topic("other", 1));
        let mut values = Values::new(1);
        let config = Config::new()
            .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
            .set("defaults", "checkpoint", "1s")
            .archive(&topic, "a.ndjson", EARLIEST)
            .archive(&other, "other.ndjson", EARLIEST);
        Producer::new(scene.server).send_all(&topic, values.jsons(100));
        let mut records = scene.records(&topic);
        let archiver = scene.start(&config);
        scene.await_checkpointed(state(&topic), 100);
        topic.delete();
        topic.make(2, &[]);
        Producer::new(scene.server).send_all(&topic, values.jsons(new));
        archiver.await_line(&says::recreated(&topic.name));
        scene.await_lines(&archiver, "a.ndjson", 100 + new);
        Producer::new(scene.server).send_all(&other, values.jsons(10));
        scene.await_lines(&archiver, "other.ndjson", 10);
        archiver.stop();
        let gaps = scene.gaps(&topic.name);
        assert!(!gaps.is_empty());
        gaps.iter()
            .for_each(|gap| assert_reason(gap, says::RECREATED));
        for (partition, new) in scene.records(&topic) {
            records.entry(partition).or_default().extend(new);
        }
        scene.assert_holds(&records, "a.ndjson");
    }
}

#[test]
fn what_was_read_of_a_topic_that_is_re_created_longer_is_kept_beside_the_file() {
    let scene = Scene::new();
    let topic = scene.topic("re-created", 1);
    let mut values = Values::new(1);
    let config =
        Config::new()
            .set("defaults", "checkpoint", "1h")
            .archive(&topic, "a.ndjson.gz", EARLIEST);
    Producer::new(scene.server).send_all(&topic, values.jsons(100));
    let old = scene.records(&topic);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson.gz", 100);
    archiver.kill();
    topic.delete();
    topic.make(1, &[]);
    Producer::new(scene.server).send_all(&topic, values.jsons(300));
    let archiver = scene.start(&config);
    archiver.await_line(&says::kept_beside("a.ndjson.gz"));
    scene.await_lines(&archiver, "a.ndjson.gz", 300);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson.gz");
    let entries = fs::read_dir(scene.path(state(&topic))).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    let is_kept = |path: &PathBuf| path.to_str().unwrap().contains("/unverified-");
    let kept = names.filter(is_kept).collect::<Vec<_>>();
    assert_eq!(kept.len(), 1, "{kept:?}");
    scene.assert_holds(&old, &kept[0]);
}

#[test]
fn what_was_read_of_a_topic_that_is_re_created_shorter_is_kept_without_a_checkpoint() {
    let scene = Scene::new();
    let topic = scene.topic("re-created", 1);
    let mut values = Values::new(1);
    let config = Config::new()
        .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
        .set("defaults", "checkpoint", "1h")
        .archive(&topic, "a.ndjson", EARLIEST);
    Producer::new(scene.server).send_all(&topic, values.jsons(100));
    let mut records = scene.records(&topic);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 100);
    topic.delete();
    topic.make(1, &[]);
    Producer::new(scene.server).send_all(&topic, values.jsons(30));
    scene.await_lines(&archiver, "a.ndjson", 130);
    archiver.stop();
    let new = scene.records(&topic).remove(&0).unwrap();
    records.get_mut(&0).unwrap().extend(new);
    scene.assert_holds(&records, "a.ndjson");
}

#[track_caller]
fn assert_reason(gap: &Value, words: &[&str]) {
    let reason = gap["reason"]
        .as_str()
        .unwrap_or_default()
        .replace(['_', '-'], " ");
    let words: Vec<_> = words.iter().map(|word| word.replace('-', " ")).collect();
    let says = says::reason(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(says.matches(&reason), "{gap} does not say {says}");
}
