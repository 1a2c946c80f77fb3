//! `archiver capture`: what it takes of a topic, that it ends, and that it goes on after a crash.
//!
//! `ARCHIVER_CAPTURE_CASES` tries so many ranges of random topics, with `ARCHIVER_CAPTURE_SEED`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::archiver::{Archiver, Ended, run};
use crate::dump::{Partitions, dump};
use crate::files;
use crate::numbers::number;
use crate::produce::{Producer, Record};
use crate::random::Random;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, OnDrop, eventually};

/// When the first record was written, by its own account.
const BEGIN: i64 = 1_764_420_000_000;
const MINUTE: i64 = 60_000;
/// Records lie so far behind later ones at most.
const LATE: i64 = 30 * MINUTE;

/// A record, as far as its place and its time go.
type Place = (i64, i64, i64);
/// Which records a range takes.
type Takes = Box<dyn Fn(&Place) -> bool>;

/// Runs a capture of a topic into `FILE`, as envelopes.
fn capture(scene: &Scene, topic: &Topic, file: &str, range: &[String]) -> Ended {
    run(
        scene.directory(),
        &flags(topic, file, range)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )
}

fn flags(topic: &Topic, file: &str, range: &[String]) -> Vec<String> {
    let broker = topic.bootstrap();
    let flags = [
        "capture",
        "-b",
        &broker,
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

fn words(range: &str) -> Vec<String> {
    range.split_whitespace().map(str::to_owned).collect()
}

/// The records in an envelope a line.
fn places(text: &[u8]) -> Vec<Place> {
    let places = files::lines(text).into_iter().map(|line| {
        let line: Value = serde_json::from_slice(line).expect("JSON");
        let number = |field: &str| line[field].as_i64().expect(field);
        (number("partition"), number("offset"), number("timestamp"))
    });
    places.collect()
}

/// The same of what an independent consumer has read.
fn seen(partitions: &Partitions) -> Vec<Place> {
    let all = partitions.iter();
    let all = all.flat_map(|(partition, records)| {
        records
            .iter()
            .map(|seen| (i64::from(*partition), seen.offset, seen.timestamp))
    });
    all.collect()
}

fn sorted(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_unstable();
    places
}

/// A topic with whatever topics may have: records out of order, quiet partitions, transactions that were aborted or are
/// open, a head that is gone, the broker's timestamps.
fn random_topic<'a>(scene: &Scene<'a>, random: &mut Random, open: &Producer) -> Topic<'a> {
    let topic = scene.planned("capture");
    let partitions = random.between(1, 4) as i32;
    let appends = random.below(5) == 0;
    let stamps = if appends {
        "LogAppendTime"
    } else {
        "CreateTime"
    };
    topic.make(
        partitions,
        &[("message.timestamp.type", stamps), ("retention.ms", "-1")],
    );
    let mut values = Values::new(random.next());
    let quiet = random.below(3) as i32;
    let is_plain = random.below(2) == 0;
    let plain = Producer::new(scene.server);
    let transactions = Producer::transactional(scene.server, &format!("{}-t", topic.name));
    let mut at = BEGIN;
    for round in 0..random.between(0, 12) {
        let records = values
            .jsons(random.between(1, 60) as usize)
            .into_iter()
            .map(|record| {
                at += 10_000;
                Record {
                    timestamp: Some(at - random.below(LATE as u64) as i64),
                    partition: Some(
                        (random.below(partitions as u64) as i32).max(quiet.min(partitions - 1)),
                    ),
                    ..record
                }
            });
        let records = records.collect::<Vec<_>>();
        if is_plain {
            plain.send_all(&topic, records);
            continue;
        }
        transactions.begin();
        transactions.send_all(&topic, records);
        match round % 3 {
            0 => transactions.abort(),
            _ => transactions.commit(),
        }
    }
    if random.below(4) == 0 {
        open.begin();
        open.send_all(
            &topic,
            values.jsons(3).into_iter().map(|record| record.to(0)),
        );
    }
    let (start, end) = topic.bounds(0);
    if end > start + 10 && random.below(3) == 0 {
        topic.delete_records(0, start + random.below(10) as i64);
    }
    topic
}

/// A range, and what a filter leaves of the records.
fn random_range(random: &mut Random, all: &[Place]) -> (String, Vec<Place>) {
    let time = |random: &mut Random| BEGIN - LATE + random.below(4 * LATE as u64) as i64;
    let (since, until) = (time(random), time(random));
    let (since, until) = (since.min(until), since.max(until) + 1);
    let partition = random.below(4) as i64;
    let (from, to) = (random.below(100) as i64, random.below(300) as i64);
    let (from, to) = (from.min(to), from.max(to));
    let late = "--late 31m";
    let (flags, takes): (String, Takes) = match random.below(6) {
        0 => ("--all".into(), Box::new(|_| true)),
        1 => (
            format!("--since {since}"),
            Box::new(move |at| since <= at.2),
        ),
        2 => (
            format!("--until {until} {late}"),
            Box::new(move |at| at.2 < until),
        ),
        3 => (
            format!("--since {since} --until {until} {late}"),
            Box::new(move |at| since <= at.2 && at.2 < until),
        ),
        4 => (
            format!("--offsets {from}..{to} --partition {partition}"),
            Box::new(move |at| at.0 == partition && from <= at.1 && at.1 < to),
        ),
        _ => (
            format!("--since {since} --partition {partition}"),
            Box::new(move |at| at.0 == partition && since <= at.2),
        ),
    };
    (flags, all.iter().copied().filter(|at| takes(at)).collect())
}

#[test]
fn what_is_captured_is_what_a_filter_leaves_of_an_independent_consumers_reading() {
    let cases = number("ARCHIVER_CAPTURE_CASES", 16);
    let mut random = Random::new(number("ARCHIVER_CAPTURE_SEED", 1));
    let scene = Scene::new();
    let topics = (0..(cases / 8).max(3)).map(|n| {
        let open = Producer::transactional(scene.server, &format!("capture-open-{n}"));
        (random_topic(&scene, &mut random, &open), open)
    });
    let topics = topics.collect::<Vec<_>>();
    let read = dump(
        scene.server,
        &topics.iter().map(|(topic, _)| topic).collect::<Vec<_>>(),
    );
    for case in 0..cases {
        let (topic, _) = &topics[random.below(topics.len() as u64) as usize];
        let (range, expected) = random_range(&mut random, &seen(&read.topic(topic)));
        let ending = ["", ".gz", ".zst"][random.below(3) as usize];
        let file = format!("{case}.ndjson{ending}");
        let ended = capture(&scene, topic, &file, &words(&range));
        assert_eq!(ended.code(), Some(0), "{range}: {}", ended.stderr);
        let found = places(&files::read(&scene.path(&file)).unwrap());
        assert_eq!(
            sorted(found),
            sorted(expected),
            "case {case}: {range} of {}",
            topic.name
        );
    }
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
    let range = words(&format!("--since {} --until {until}", now() - MINUTE));
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
fn standard_output_gets_the_records_and_may_be_closed_at_any_time() {
    let scene = Scene::new();
    let topic = scene.topic("capture-out", 2);
    Producer::new(scene.server).send_all(&topic, Values::new(6).jsons(5_000));
    let ended = capture(&scene, &topic, "-", &words("--all"));
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""));
    let found = places(ended.stdout.as_bytes());
    assert_eq!(sorted(found), sorted(seen(&scene.records(&topic))));
    let flags = flags(&topic, "-", &words("--all"));
    let mut head = Command::new("sh");
    head.arg("-c").arg(format!(
        "{} {} | head -n 1",
        env!("CARGO_BIN_EXE_archiver"),
        flags.join(" ")
    ));
    let head = head
        .current_dir(scene.directory())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(files::lines(&head.stdout).len(), 1);
    assert_eq!(String::from_utf8_lossy(&head.stderr), "");
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
