//! `archiver capture` of random topics: what it takes is what a filter leaves of an independent consumer's reading.
//!
//! `ARCHIVER_CAPTURE_CASES` tries so many ranges, with `ARCHIVER_CAPTURE_SEED`.

use crate::capture::{Place, capture, places, seen, sorted, words};
use crate::dump::dump;
use crate::files;
use crate::numbers::number;
use crate::produce::{Producer, Record};
use crate::random::Random;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// When the first record was written, by its own account.
const BEGIN: i64 = 1_764_420_000_000;
const MINUTE: i64 = 60_000;
/// Records lie so far behind later ones at most.
const LATE: i64 = 30 * MINUTE;

/// A topic with whatever topics may have: records out of order, quiet partitions, transactions that were aborted or are
/// open, a head that is gone, the broker's timestamps.
fn random_topic<'a>(scene: &Scene<'a>, random: &mut Random, open: &Producer) -> Topic<'a> {
    let topic = scene.planned("capture");
    let partitions = random.between(1, 4) as i32;
    let appends = random.below(5) == 0;
    let is_compacted = random.below(4) == 0;
    let stamps = if appends {
        "LogAppendTime"
    } else {
        "CreateTime"
    };
    let config = [("message.timestamp.type", stamps), ("retention.ms", "-1")];
    match is_compacted {
        true => topic.make(partitions, &[&config[..], &COMPACTED].concat()),
        false => topic.make(partitions, &config),
    }
    let mut values = Values::new(random.next());
    let quiet = random.below(3) as i32;
    let is_plain = is_compacted || random.below(2) == 0;
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
                    key: is_compacted.then(|| vec![b'a' + random.below(5) as u8]),
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
            values.jsons(3).into_iter().map(|record| Record {
                // A compacted topic takes none without a key.
                key: Some(b"open".to_vec()),
                ..record.to(0)
            }),
        );
    }
    if is_compacted {
        await_compacted(scene, &topic, &config);
    }
    let (start, end) = topic.bounds(0);
    if end > start + 10 && random.below(3) == 0 {
        topic.delete_records(0, start + random.below(10) as i64);
    }
    topic
}

/// What has a topic compacted soon.
const COMPACTED: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("segment.ms", "100"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("min.compaction.lag.ms", "0"),
    ("max.compaction.lag.ms", "1000"),
];

/// Waits until something was compacted away, where there is enough of it, and nothing is any more.
fn await_compacted(scene: &Scene, topic: &Topic, config: &[(&str, &str)]) {
    let written = topic.bounds(0).1;
    let held = || seen(&scene.records(topic));
    eventually(2 * LONG, "a topic is compacted", || {
        let of_first = held().iter().filter(|at| at.0 == 0).count() as i64;
        written < 20 || of_first < written
    });
    topic.configure(config);
    let mut before = held();
    eventually(LONG, "the compaction is over", || {
        let now = held();
        std::mem::replace(&mut before, now.clone()) == now
    });
}

/// Which records are in a range.
type Filter = Box<dyn Fn(&Place) -> bool>;

/// A range, and what a filter leaves of the records.
fn random_range(random: &mut Random, all: &[Place]) -> (String, Vec<Place>) {
    let time = |random: &mut Random| BEGIN - LATE + random.below(4 * LATE as u64) as i64;
    let (since, until) = (time(random), time(random));
    let (since, until) = (since.min(until), since.max(until) + 1);
    let partitions = all.iter().map(|at| at.0 + 1).max().unwrap_or(1);
    let partition = random.below(partitions as u64) as i64;
    let (from, to) = (random.below(100) as i64, random.below(300) as i64);
    let (from, to) = (from.min(to), from.max(to));
    let late = "--late 31m";
    let (flags, takes): (String, Filter) = match random.below(6) {
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
        // What was deleted before the first offset is a gap.
        let is_good = match range.contains("--offsets") {
            true => matches!(ended.code(), Some(0 | 3)),
            false => ended.code() == Some(0),
        };
        assert!(is_good, "{range}: {}", ended.stderr);
        let found = places(&files::read(&scene.path(&file)).unwrap());
        assert_eq!(
            sorted(found),
            sorted(expected),
            "case {case}: {range} of {}",
            topic.name
        );
    }
}
