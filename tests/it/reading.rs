//! The commands that read archives: `cat`, `ls` and `gaps`, beside an archiver that runs and without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::archiver::{Archiver, run};
use crate::dump::{Partitions, Seen};
use crate::files;
use crate::produce::{Producer, Record};
use crate::random::Random;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// When the first record was written, by its own account.
const BEGIN: i64 = 1_764_420_000_000;
const HOUR: i64 = 3_600_000;

/// A record as the commands tell it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    partition: i64,
    offset: i64,
    timestamp: i64,
    value: String,
}

/// Archives of one topic: name, file, and what else is configured of each.
const ARCHIVES: [(&str, &str, &str); 6] = [
    ("plain", "plain.ndjson", ""),
    ("cut", "cut/{seq:04}.ndjson", "rotate = { records = 700 }"),
    (
        "gzip",
        "gzip-{seq}.ndjson.gz",
        "rotate = { size = \"20KiB\" }",
    ),
    (
        "zstd",
        "zstd/{partition}/{seq:06}.ndjson.zst",
        "rotate = { records = 400 }",
    ),
    (
        "hours",
        "hours/{time:%H}/{seq}.ndjson.zst",
        "open_files = 3",
    ),
    (
        "json",
        "json/{seq}.ndjson.gz",
        "format = \"json\"\nrotate = { records = 900 }",
    ),
];

fn configure(scene: &Scene, topic: &Topic, archives: &[(&str, &str, &str)]) {
    let mut text =
        "[defaults]\nstart = \"earliest\"\ncheckpoint = \"200ms\"\nflush = \"50ms\"\n".to_owned();
    for (name, file, more) in archives {
        text += &format!(
            "\n[[archive]]\nname = \"{name}\"\nbroker = \"{}\"\ntopic = \"{}\"\nfile = \"{file}\"\n{more}\n",
            topic.bootstrap(),
            topic.name
        );
    }
    fs::write(scene.path("topics.toml"), text).unwrap();
}

fn start(scene: &Scene) -> Archiver {
    Archiver::start(scene.directory(), &["-c", "topics.toml"])
}

/// Records of three partitions, whose timestamps are in no order.
fn records(count: usize) -> Vec<Record> {
    let (mut values, mut random) = (Values::new(7), Random::new(7));
    let mut records = values.jsons(count);
    for (number, record) in (0..).zip(&mut records) {
        let late = random.below(2 * HOUR as u64) as i64;
        record.timestamp = Some(BEGIN + number * 10_000 - late);
        record.partition = Some((number % 3) as i32);
    }
    records
}

/// What a command prints; it must succeed and say nothing else.
#[track_caller]
fn printed(directory: &Path, args: &[&str]) -> String {
    let ended = run(directory, args);
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""), "{args:?}");
    ended.stdout
}

#[track_caller]
fn cat(scene: &Scene, archive: &str, args: &[&str]) -> Vec<Told> {
    let args = [&["-c", "topics.toml", "cat", archive, "--with-meta"], args].concat();
    told(&printed(scene.directory(), &args))
}

fn told(text: &str) -> Vec<Told> {
    let told = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        Told {
            partition: line["partition"].as_i64().expect("a partition"),
            offset: line["offset"].as_i64().expect("an offset"),
            timestamp: line["timestamp"].as_i64().expect("a timestamp"),
            value: line["value"].as_str().expect("a value").to_owned(),
        }
    });
    told.collect()
}

/// What the independent consumer has seen, in the order of partitions and offsets.
fn seen(partitions: &Partitions) -> Vec<Told> {
    let told = |(partition, seen): (i32, &Seen)| Told {
        partition: partition.into(),
        offset: seen.offset,
        timestamp: seen.timestamp,
        value: String::from_utf8(seen.value.clone().expect("a value")).expect("text"),
    };
    let all = partitions.iter();
    let all = all.flat_map(|(partition, records)| records.iter().map(|seen| (*partition, seen)));
    all.map(told).collect()
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort();
    told
}

fn await_checkpointed(scene: &Scene, records: usize) {
    for (name, file, _) in ARCHIVES {
        let above = file.split('{').next().unwrap_or_default();
        let directory = above
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        scene.await_checkpointed(Path::new(directory).join(".archiver").join(name), records);
    }
}

#[test]
fn cat_prints_what_a_filter_over_an_independent_consumers_reading_gives() {
    let scene = Scene::new();
    let topic = scene.topic("cat", 3);
    configure(&scene, &topic, &ARCHIVES);
    let archiver = start(&scene);
    let producer = Producer::new(scene.server);
    // Bit by bit, as a segment ends with the batch that fills it.
    for (number, some) in (1..).zip(records(3_000).chunks(250)) {
        producer.send_all(&topic, some.iter().cloned());
        scene.await_checkpointed("cut/.archiver/cut", 250 * number);
    }
    let all = seen(&scene.records(&topic));
    await_checkpointed(&scene, all.len());
    let time = |ms: i64| ms.to_string();
    let rfc3339 = "2025-11-29T14:00:00Z";
    let since = 1_764_424_800_000;
    // Once beside a running archiver, then without.
    let mut archiver = Some(archiver);
    for _ in 0..2 {
        for (name, file, _) in ARCHIVES {
            let check = |args: &[&str], is_wanted: &dyn Fn(&Told) -> bool| {
                let expected = all.iter().filter(|told| is_wanted(told)).cloned();
                let expected = expected.collect::<Vec<_>>();
                assert!(!expected.is_empty(), "{args:?}");
                let found = cat(&scene, name, args);
                assert!(sorted(found) == expected, "{name} {args:?}");
            };
            check(&[], &|_| true);
            check(&["--since", rfc3339], &|told| told.timestamp >= since);
            let until = time(since);
            check(&["--until", &until], &|told| told.timestamp < since);
            let (from, to) = (since + 60_000, since + 120_000);
            check(&["--since", &time(from), "--until", &time(to)], &|told| {
                (from..to).contains(&told.timestamp)
            });
            check(&["--partition", "1"], &|told| told.partition == 1);
            check(&["--offsets", "100..250"], &|told| {
                (100..250).contains(&told.offset)
            });
            check(&["--offsets", "900..", "--partition", "2"], &|told| {
                told.offset >= 900 && told.partition == 2
            });
            check(&["--since", &time(from), "--offsets", "..500"], &|told| {
                told.timestamp >= from && told.offset < 500
            });
            let everything = cat(&scene, name, &[]);
            assert!(
                cat(&scene, name, &["--limit", "5"]) == everything[..5],
                "{name}"
            );
            for tail in [1, 250, 1_500] {
                let last = cat(&scene, name, &["--tail", &tail.to_string()]);
                assert!(
                    last == everything[everything.len() - tail..],
                    "{name} {tail}"
                );
            }
            if !file.contains("{time") {
                assert_in_order(&everything);
            }
        }
        // The lines themselves are those of the files.
        let text = printed(scene.directory(), &["cat", "./plain.ndjson"]);
        assert!(text.into_bytes() == fs::read(scene.path("plain.ndjson")).unwrap());
        let args = ["cat", "cut/0000.ndjson", "cut/0001.ndjson"];
        let text = printed(scene.directory(), &args);
        let files = args[1..]
            .iter()
            .map(|file| fs::read(scene.path(file)).unwrap());
        assert!(text.into_bytes() == files.collect::<Vec<_>>().concat());
        if let Some(archiver) = archiver.take() {
            archiver.stop();
        }
    }
}

/// The offsets of each partition go up.
fn assert_in_order(told: &[Told]) {
    let mut last = BTreeMap::new();
    for told in told {
        let before = last.insert(told.partition, told.offset);
        assert!(before < Some(told.offset), "{told:?} after {before:?}");
    }
}

#[test]
fn what_is_printed_beside_a_running_archiver_is_the_beginning_of_each_partition() {
    let scene = Scene::new();
    let topic = scene.topic("beside", 2);
    configure(&scene, &topic, &ARCHIVES[1..3]);
    let archiver = start(&scene);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    let mut most = 0;
    for _ in 0..25 {
        producer.send_all(&topic, values.jsons(100));
        for name in ["cut", "gzip"] {
            let mut next = BTreeMap::new();
            let ended = run(
                scene.directory(),
                &["-c", "topics.toml", "cat", name, "--with-meta"],
            );
            if ended.stderr.contains("has not begun") {
                continue;
            }
            assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""));
            let found = told(&ended.stdout);
            for told in &found {
                let expected = next.entry(told.partition).or_insert(0);
                assert_eq!(told.offset, *expected, "{name}");
                *expected += 1;
            }
            most = most.max(found.len());
        }
    }
    assert!(most > 0, "something is printed while it grows");
    eventually(LONG, "all is printed", || {
        cat(&scene, "cut", &[]).len() == 2_500
    });
    archiver.stop();
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let scene = Scene::new();
    let topic = scene.topic("head", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(20_000));
    configure(&scene, &topic, &ARCHIVES[..2]);
    let archiver = start(&scene);
    scene.await_checkpointed(".archiver/plain", 20_000);
    scene.await_checkpointed("cut/.archiver/cut", 20_000);
    for (command, rest) in [
        ("cat plain", "head -1"),
        ("cat plain --with-meta", "head -1"),
        ("cat cut --follow", "head -3"),
        ("ls --segments", "head -1"),
    ] {
        let script =
            format!("\"$0\" -c topics.toml {command} | {rest} >head; echo \"${{PIPESTATUS[@]}}\"");
        let ended = Archiver::start_by(scene.directory(), &script, &[]).await_end();
        assert_eq!((&*ended.stdout, &*ended.stderr), ("0 0\n", ""), "{command}");
        assert!(
            !fs::read(scene.path("head")).unwrap().is_empty(),
            "{command}"
        );
    }
    archiver.stop();
}

#[test]
fn what_is_archived_is_followed_once_also_when_a_crash_takes_it_back() {
    let scene = Scene::new();
    let topic = scene.topic("follow", 3);
    let archives = [(
        "a",
        "a-{seq}.ndjson.zst",
        "rotate = { records = 3000 }\ncheckpoint = \"2s\"",
    )];
    configure(&scene, &topic, &archives);
    let mut archiver = start(&scene);
    eventually(LONG, "it has begun", || {
        !scene.checkpoint(".archiver/a").is_null()
    });
    let script = "exec \"$0\" -c topics.toml cat a --with-meta --follow >followed";
    let follower = Archiver::start_by(scene.directory(), script, &[]);
    let count = || {
        files::read_growing(&scene.path("followed"))
            .iter()
            .filter(|b| **b == b'\n')
            .count()
    };
    let (producer, mut values) = (Producer::new(scene.server), Values::new(5));
    let mut sent = 0;
    for round in 0..6 {
        for _ in 0..10 {
            producer.send_all(&topic, values.jsons(100));
            sent += 100;
            thread::sleep(Duration::from_millis(20));
        }
        let shown = sent - 500;
        eventually(LONG, "most of it is followed", || count() >= shown);
        if round < 5 {
            archiver.kill();
            archiver = start(&scene);
        }
    }
    eventually(LONG, "all of it is followed", || count() >= sent);
    archiver.stop();
    let followed = String::from_utf8(files::read_growing(&scene.path("followed"))).unwrap();
    follower.kill();
    assert!(sorted(told(&followed)) == seen(&scene.records(&topic)));
}

#[test]
fn what_there_is_and_what_is_missing_is_listed() {
    let scene = Scene::new();
    let topic = scene.topic("listed", 1);
    let producer = Producer::new(scene.server);
    producer.send_all(&topic, Values::new(1).jsons(1_000));
    configure(&scene, &topic, &ARCHIVES[..2]);
    let archiver = start(&scene);
    scene.await_checkpointed(".archiver/plain", 1_000);
    scene.await_checkpointed("cut/.archiver/cut", 1_000);
    archiver.stop();
    let command =
        |args: &[&str]| printed(scene.directory(), &[&["-c", "topics.toml"], args].concat());
    assert_eq!(command(&["gaps"]), "no gaps in 2 archives\n");
    assert_eq!(command(&["gaps", "--json"]), "");
    producer.send_all(&topic, Values::new(2).jsons(50));
    topic.delete_records(0, 1_030);
    let archiver = start(&scene);
    scene.await_checkpointed(".archiver/plain", 1_020);
    scene.await_checkpointed("cut/.archiver/cut", 1_020);
    let gaps = command(&["gaps", "--json", "plain"]);
    let gap: Value = serde_json::from_str(&gaps).expect("one gap");
    assert_eq!(gap["archive"], "plain");
    assert_eq!((&gap["from"], &gap["to"]), (&1_000.into(), &1_030.into()));
    assert_eq!(gap["reason"], "expired");
    let table = command(&["gaps"]);
    let row = table.lines().nth(1).expect("a row");
    let words = row.split_whitespace().take(6).collect::<Vec<_>>();
    assert_eq!(words, ["plain", "0", "1000", "1030", "30", "expired"]);
    let listed = command(&["ls", "--json", "cut"]);
    let listed: Value = serde_json::from_str(&listed).expect("one archive");
    let segments = listed["segments"].as_array().expect("segments");
    let records = segments
        .iter()
        .map(|segment| segment["records"].as_u64().unwrap());
    assert_eq!(records.sum::<u64>(), 1_020);
    assert!(segments.len() > 1 && listed["gaps"].as_array().unwrap().len() == 1);
    for segment in segments {
        let length = fs::metadata(scene.path(segment["file"].as_str().unwrap()))
            .unwrap()
            .len();
        assert!(segment["bytes"].as_u64().unwrap() <= length);
    }
    for args in [
        &["ls"][..],
        &["ls", "cut"],
        &["gaps"],
        &["ls", "--segments"],
    ] {
        let text = command(args);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(!text.contains('\x1b'));
    }
    let table = command(&["ls"]);
    assert!(
        table.lines().nth(1).unwrap().starts_with("plain "),
        "{table}"
    );
    archiver.stop();
}
