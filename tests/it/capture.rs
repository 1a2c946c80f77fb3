//! `archiver capture`: what it takes of a topic, that it ends, and that it goes on after a crash.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::archiver::{Archiver, Ended, run};
use crate::dump::Partitions;
use crate::files;
use crate::numbers::number;
use crate::produce::Producer;
use crate::random::Random;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, OnDrop, eventually};

/// A record, as far as its place and its time go.
pub type Place = (i64, i64, i64);

/// Runs a capture of a topic into `FILE`, as envelopes.
pub fn capture(scene: &Scene, topic: &Topic, file: &str, range: &[String]) -> Ended {
    run(
        scene.directory(),
        &flags(topic, file, range)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )
}

pub fn flags(topic: &Topic, file: &str, range: &[String]) -> Vec<String> {
    flags_on(&topic.bootstrap(), topic, file, range)
}

/// The same through these brokers.
pub fn flags_on(broker: &str, topic: &Topic, file: &str, range: &[String]) -> Vec<String> {
    let flags = [
        "capture",
        "-b",
        broker,
        "-t",
        &topic.name,
        "-o",
        file,
        "--format",
        "json",
    ];
    let flags = flags.iter().map(|flag| (*flag).to_owned());
    flags.chain(range.iter().cloned()).collect()
}

pub fn words(range: &str) -> Vec<String> {
    range.split_whitespace().map(str::to_owned).collect()
}

/// The records in an envelope a line.
pub fn places(text: &[u8]) -> Vec<Place> {
    let places = files::lines(text).into_iter().map(|line| {
        let line: Value = serde_json::from_slice(line).expect("JSON");
        let number = |field: &str| line[field].as_i64().expect(field);
        (number("partition"), number("offset"), number("timestamp"))
    });
    places.collect()
}

/// The same of what an independent consumer has read.
pub fn seen(partitions: &Partitions) -> Vec<Place> {
    let all = partitions.iter();
    let all = all.flat_map(|(partition, records)| {
        records
            .iter()
            .map(|seen| (i64::from(*partition), seen.offset, seen.timestamp))
    });
    all.collect()
}

pub fn sorted(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_unstable();
    places
}

#[test]
fn the_last_records_and_a_number_of_them_are_taken_of_each_partition_and_topic() {
    let scene = Scene::new();
    let topic = scene.topic("capture-last", 3);
    let values = Values::new(1).jsons(90).into_iter().enumerate();
    Producer::new(scene.server).send_all(&topic, values.map(|(n, value)| value.to((n % 3) as i32)));
    capture(&scene, &topic, "last", &words("--last 7"));
    let last = sorted(places(&files::read(&scene.path("last")).unwrap()));
    let expected = (0..3).flat_map(|partition| (23..30).map(move |offset| (partition, offset)));
    assert_eq!(
        last.iter().map(|at| (at.0, at.1)).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    capture(&scene, &topic, "count", &words("--all --count 10"));
    assert_eq!(files::count(&scene.path("count")), 10);
}

#[test]
fn it_ends_while_producers_go_on_and_where_nothing_is() {
    let scene = Scene::new();
    let topic = scene.topic("capture-busy", 2);
    let empty = scene.topic("capture-empty", 3);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stops = OnDrop(|| stop.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            let (producer, mut values) = (Producer::new(scene.server), Values::new(2));
            while !stop.load(Ordering::Relaxed) {
                producer.send_all(&topic, values.jsons(500));
            }
        });
        eventually(LONG, "records", || topic.bounds(0).1 > 1000);
        let before = topic.bounds(0).1;
        let ended = capture(&scene, &topic, "busy", &words("--all"));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(files::count(&scene.path("busy")) as i64 >= before);
        let ended = capture(&scene, &empty, "empty", &words("--all"));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert_eq!(files::count(&scene.path("empty")), 0);
    });
    let none = scene.planned("capture-none");
    let ended = capture(&scene, &none, "none", &words("--all"));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains(&none.name), "{}", ended.stderr);
}

#[test]
fn an_end_that_is_still_to_come_is_waited_for() {
    let scene = Scene::new();
    let topic = scene.topic("capture-until", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    producer.send_all(&topic, values.jsons(10));
    let now = || {
        std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_millis() as i64
    };
    let until = now() + 3_000;
    let range = words(&format!("--since {} --until {until}", now() - 60_000));
    let flags = flags(&topic, "until", &range);
    let running = Archiver::start(
        scene.directory(),
        &flags.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    while now() < until + 500 {
        producer.send_all(&topic, values.jsons(1));
    }
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let found = places(&files::read(&scene.path("until")).unwrap());
    let expected = seen(&scene.records(&topic))
        .into_iter()
        .filter(|at| at.2 < until);
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn a_capture_that_was_killed_goes_on_with_resume_and_has_each_record_once() {
    let scene = Scene::new();
    let topic = scene.topic("capture-killed", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(4).jsons(60_000));
    let mut random = Random::new(number("ARCHIVER_CAPTURE_SEED", 1));
    let often = words("--all --set checkpoint=\"100ms\" --set flush=\"10ms\"");
    let undisturbed = capture(&scene, &topic, "whole", &often);
    assert_eq!(undisturbed.code(), Some(0), "{}", undisturbed.stderr);
    let mut again = often.clone();
    for _ in 0..number("ARCHIVER_CAPTURE_KILLS", 6) {
        let flags = flags(&topic, "killed", &again);
        let running = Archiver::start(
            scene.directory(),
            &flags.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        thread::sleep(Duration::from_millis(random.below(400)));
        running.kill();
        if scene.path(".archiver").exists() {
            again = [&often[..], &["--resume".to_owned()]].concat();
        }
    }
    let ended = capture(&scene, &topic, "killed", &again);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let read = |file: &str| std::fs::read(scene.path(file)).unwrap();
    assert!(read("whole") == read("killed"), "not the same bytes");
}

#[test]
fn what_is_there_is_refused_unless_it_is_resumed_or_overwritten() {
    let scene = Scene::new();
    let topic = scene.topic("capture-there", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(5).jsons(20));
    std::fs::write(scene.path("foreign"), "mine\n").unwrap();
    let refused = |range: &str, file: &str, says: &str| {
        let ended = capture(&scene, &topic, file, &words(range));
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    };
    refused("--all", "foreign", "no capture wrote it");
    refused("--all --overwrite", "foreign", "no capture wrote it");
    assert_eq!(std::fs::read(scene.path("foreign")).unwrap(), b"mine\n");
    assert_eq!(
        capture(&scene, &topic, "there", &words("--all")).code(),
        Some(0)
    );
    refused("--all", "there", "--resume");
    refused("--last 3 --resume", "there", "only with the same");
    assert_eq!(
        capture(&scene, &topic, "there", &words("--all --resume")).code(),
        Some(0)
    );
    assert_eq!(files::count(&scene.path("there")), 20);
    assert_eq!(
        capture(&scene, &topic, "there", &words("--last 3 --overwrite")).code(),
        Some(0)
    );
    assert_eq!(files::count(&scene.path("there")), 3);
}

#[test]
fn a_capture_that_follows_ends_with_its_time_or_by_a_signal_and_says_how_to_go_on() {
    let scene = Scene::new();
    let topic = scene.topic("capture-follow", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(7));
    producer.send_all(&topic, values.jsons(5));
    let ended = capture(&scene, &topic, "for", &words("--all --follow --for 1s"));
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("for")), 5);
    let flags = flags(
        &topic,
        "follow",
        &words("--all --follow --set flush=\"50ms\""),
    );
    let running = Archiver::start(
        scene.directory(),
        &flags.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    producer.send_all(&topic, values.jsons(7));
    let file = scene.path("follow");
    eventually(LONG, "twelve records", || {
        Path::new(&file).exists() && files::count(&file) == 12
    });
    running.signal(rustix::process::Signal::INT);
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
}
