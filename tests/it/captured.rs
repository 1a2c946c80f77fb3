//! What may come between a capture and its end, and what is done with it later.

use std::fs;

use rustix::process::Signal;

use crate::archiver::{Archiver, run};
use crate::capture::{capture, flags, words};
use crate::files;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// Starts a capture that goes on until it is stopped.
fn followed(scene: &Scene, topic: &Topic, file: &str) -> Archiver {
    let range = words("--all --follow --set flush=\"50ms\" --set checkpoint=\"100ms\"");
    let flags = flags(topic, file, &range);
    let flags = flags.iter().map(String::as_str).collect::<Vec<_>>();
    Archiver::start(scene.directory(), &flags)
}

#[test]
fn a_capture_is_verified_with_nothing_but_its_files_and_the_brokers() {
    let scene = Scene::new();
    let topic = scene.topic("captured-verified", 2);
    let producer = Producer::transactional(scene.server, &topic.name);
    let mut values = Values::new(1);
    for round in 0..4 {
        producer.begin();
        let records = values.jsons(50).into_iter().enumerate().map(|(n, value)| {
            let timestamp = Some(1_764_420_000_000 + n as i64 * 1_000);
            Record { timestamp, ..value }
        });
        producer.send_all(&topic, records);
        match round {
            2 => producer.abort(),
            _ => producer.commit(),
        }
    }
    topic.await_committed();
    let broker = topic.bootstrap();
    let range = "--since 1764420010000 --until 1764420030000 --late 1h";
    let ways = [
        ("whole.ndjson", "--all"),
        ("part.ndjson.gz", range),
        ("p/{partition}-{seq}.ndjson.zst", range),
    ];
    for (file, range) in ways {
        let ended = capture(&scene, &topic, file, &words(range));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }
    let verify = |flags: &[&str]| run(scene.directory(), &[&["verify"], flags].concat());
    let ended = verify(&["./part.ndjson.gz", "--broker"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("-b HOST:PORT"), "{}", ended.stderr);
    for file in ["./whole.ndjson", "./part.ndjson.gz", "./p"] {
        let ended = verify(&[file, "-b", &broker, "--deep", "--json"]);
        assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
        let said: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(said["broker"]["lost"], 0, "{said}");
        let equal = &said["broker"]["compared"]["equal"];
        assert_eq!(equal, &said["records"], "{said}");
        assert!(equal.as_u64().expect("a number") > 30, "{said}");
    }
    let raw = [
        "-b",
        &broker,
        "-t",
        &topic.name,
        "-o",
        "raw.ndjson",
        "--all",
    ];
    let set = ["--set", "newline=\"escape\""];
    let ended = run(scene.directory(), &[&["capture"], &raw[..], &set].concat());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let raw = ["./raw.ndjson", "-b", &broker, "--deep"];
    let ended = verify(&[&raw[..], &set].concat());
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_topic_that_is_created_again_ends_its_capture_with_what_came_before() {
    let scene = Scene::new();
    let topic = scene.topic("captured-again", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(2));
    producer.send_all(&topic, values.jsons(3_000));
    let running = followed(&scene, &topic, "followed");
    let file = scene.path("followed");
    eventually(LONG, "records", || {
        file.exists() && files::count(&file) == 3_000
    });
    running.kill();
    // A part with an end goes on only with the topic that it is of.
    let ended = capture(
        &scene,
        &topic,
        "part",
        &words("--offsets 0..2000 --partition 0"),
    );
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    topic.delete();
    let gone = |again: &str| {
        let again = words(again);
        let ended = capture(&scene, &topic, "part", &again);
        assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(&topic.name), "{}", ended.stderr);
        assert_eq!(files::count(&scene.path("part")), 2_000);
        ended.stderr
    };
    gone("--offsets 0..2000 --partition 0 --resume");
    topic.make(1, &[]);
    Producer::new(scene.server).send_all(&topic, values.jsons(3_000));
    let said = gone("--offsets 0..2000 --partition 0 --resume");
    assert!(said.contains("was deleted"), "{said}");
}

#[test]
fn the_report_says_what_was_read_whose_times_they_are_and_what_a_transaction_hides() {
    let scene = Scene::new();
    let topic = scene.planned("captured-report");
    topic.make(1, &[("message.timestamp.type", "LogAppendTime")]);
    Producer::new(scene.server).send_all(&topic, Values::new(4).jsons(20));
    let open = Producer::transactional(scene.server, &topic.name);
    open.begin();
    open.send_all(&topic, Values::new(5).jsons(7));
    let said = |range: &str| {
        let ended = capture(&scene, &topic, "all", &words(range));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let shown = said("--all");
    assert!(shown.contains("when a record was appended"), "{shown}");
    assert!(shown.contains("open transaction"), "{shown}");
    let json = said("--all --overwrite --json");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["read"], 20, "{json}");
    assert!(json["read_bytes"].as_u64() > Some(100), "{json}");
    assert_eq!(json["timestamps"], "broker");
    assert_eq!(json["open"], serde_json::json!({ "0": 7 }));
    open.abort();
}

#[test]
fn what_another_capture_writes_is_not_overwritten() {
    let scene = Scene::new();
    let topic = scene.topic("captured-twice", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(3).jsons(20));
    let running = followed(&scene, &topic, "same");
    let file = scene.path("same");
    eventually(LONG, "records", || {
        file.exists() && files::count(&file) == 20
    });
    let before = fs::read(&file).unwrap();
    let ended = capture(&scene, &topic, "same", &words("--all --overwrite"));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("locking"), "{}", ended.stderr);
    assert_eq!(fs::read(&file).unwrap(), before);
    running.signal(Signal::INT);
    running.await_end();
    let ended = capture(&scene, &topic, "same", &words("--all --overwrite"));
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}
