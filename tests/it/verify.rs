//! `archiver verify` on what archiver has written: nothing is accused, what is missing is told from what never was.

use std::fs;

use archiver_format::archive::Archive;
use archiver_format::checkpoint::{Checkpoint, decode, encode};
use archiver_format::contents::Contents;
use archiver_format::index::block::checksum;
use archiver_format::index::{self, Block, Lines, Origin};
use archiver_format::mark::{Mark, TAIL, Tail};
use archiver_format::read::Selection;
use archiver_format::state_files::StateDir;
use serde_json::Value;

use crate::archiver::run;
use crate::config::Config;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// What `archiver verify` says of the only archive, and its exit code.
fn verified(scene: &Scene, flags: &[&str]) -> (Value, Option<i32>) {
    let args = [&["-c", "topics.toml", "verify", "--json"], flags].concat();
    let ended = run(scene.directory(), &args);
    let said = serde_json::from_str(&ended.stdout);
    (
        said.unwrap_or_else(|e| panic!("{e}: {ended:?}")),
        ended.code(),
    )
}

/// The only archive, read as it lies there, changed, and written again so that all of it fits together.
fn rewrite(scene: &Scene, change: impl FnOnce(&mut Vec<(Origin, Vec<u8>)>)) {
    let state = StateDir::new(scene.path(".archiver/a"));
    let archive = Archive::load(&state, None)
        .expect("readable")
        .expect("it is there");
    let segment = &archive.segments[0];
    let mut reader = segment
        .open(segment.bytes(), &Selection::default())
        .expect("readable");
    let mut lines = Vec::new();
    while let Some(block) = reader.advance().expect("whole") {
        let these = block.iter();
        lines.extend(these.map(|line| (line.origin.expect("indexed"), line.bytes.to_vec())));
    }
    change(&mut lines);
    let (mut noted, mut plain) = (Lines::default(), Vec::new());
    for (origin, line) in &lines {
        noted.push(origin.partition, origin.offset, origin.timestamp_ms);
        plain.extend(line);
        plain.push(b'\n');
    }
    let block = Block {
        file_start: 0,
        file_bytes: plain.len() as u64,
        checksum: checksum(&plain),
        plain_start: 0,
        plain_bytes: plain.len() as u64,
        first_line: 0,
    };
    let index = [index::header(0), index::encode(&noted, &block)].concat();
    let mut checkpoint = decode(&fs::read(state.checkpoint()).expect("readable")).expect("whole");
    counted(&mut checkpoint, &noted, &plain, &index);
    fs::write(&segment.path, &plain).expect("room");
    fs::write(state.index(0), &index).expect("room");
    fs::write(state.checkpoint(), encode(&checkpoint).expect("encodes")).expect("room");
}

fn counted(checkpoint: &mut Checkpoint, lines: &Lines, plain: &[u8], index: &[u8]) {
    let progress = &mut checkpoint.progress;
    let segment = &mut progress.segments[0];
    let mut contents = Contents::default();
    contents.add(lines, plain.len() as u64, &[]);
    progress.records = contents.records;
    segment.contents = contents;
    segment.mark = mark(plain);
    segment.index = Some(mark(index));
}

fn mark(bytes: &[u8]) -> Mark {
    let tail = bytes[bytes.len().saturating_sub(TAIL)..].to_vec();
    Tail::new(tail).mark(bytes.len() as u64)
}

/// Archives a topic until its last record is there.
fn archive(scene: &Scene, topic: &Topic, records: usize) {
    let keys = [("start", "earliest"), ("name", "a"), ("flush", "50ms")];
    let archiver = scene.start(&Config::new().archive(topic, "a.ndjson", &keys));
    scene.await_lines(&archiver, "a.ndjson", records);
    archiver.stop();
}

#[test]
fn markers_and_aborted_records_are_told_from_a_record_that_is_lost() {
    let scene = Scene::new();
    let topic = scene.topic("verify-transactions", 2);
    let producer = Producer::transactional(scene.server, &topic.name);
    let mut values = Values::new(1);
    let mut records = 0;
    for round in 0..30 {
        producer.begin();
        let some = values.jsons(5).into_iter();
        for record in some.map(|record| record.to(round % 2)) {
            producer.send(&topic, record);
        }
        if round % 3 == 0 {
            producer.abort();
        } else {
            producer.commit();
            records += 5;
        }
    }
    archive(&scene, &topic, records);
    let (said, code) = verified(&scene, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said["records"], records);
    let holes = said["holes"]["offsets"].as_u64().expect("a number");
    assert!(holes > 0, "{said}");
    let (said, code) = verified(&scene, &["--deep"]);
    assert_eq!(code, Some(0), "{said}");
    let broker = &said["broker"];
    assert_eq!(
        (&broker["explained"], &broker["lost"]),
        (&holes.into(), &0.into())
    );
    assert_eq!(broker["compared"]["equal"], records);

    // A line that is not there any more, as if it had never been written.
    let mut lost = None;
    rewrite(&scene, |lines| lost = Some(lines.remove(17).0));
    let lost = lost.expect("a line");
    let (said, code) = verified(&scene, &[]);
    assert_eq!(code, Some(0), "only Kafka can know: {said}");
    let (said, code) = verified(&scene, &["--broker"]);
    assert_eq!(code, Some(1), "{said}");
    let broker = &said["broker"];
    assert_eq!(
        (&broker["explained"], &broker["lost"]),
        (&holes.into(), &1.into())
    );
    let first = &broker["lost_offsets"][0];
    assert_eq!(first["partition"], lost.partition);
    assert_eq!(first["from"], lost.offset);

    // A line that is another one.
    rewrite(&scene, |lines| lines[9].1[3] ^= 1);
    let (said, code) = verified(&scene, &["--deep"]);
    assert_eq!(code, Some(1), "{said}");
    let compared = &said["broker"]["compared"];
    assert_eq!(
        (&compared["differing"], &compared["equal"]),
        (&1.into(), &(records - 2).into())
    );
}

#[test]
fn records_that_were_compacted_away_are_told_from_a_record_that_is_lost() {
    let scene = Scene::new();
    let topic = scene.planned("verify-compacted");
    let config = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("min.compaction.lag.ms", "0"),
        ("max.compaction.lag.ms", "1000"),
    ];
    topic.make(1, &config);
    let producer = Producer::new(scene.server);
    for n in 0..300 {
        let record = Record {
            // Some stay.
            key: Some(match n % 30 {
                0 => format!("only-{n}").into_bytes(),
                _ => format!("{}", n % 10).into_bytes(),
            }),
            ..Record::value(format!("{{\"n\":{n}}}"))
        };
        producer.send(&topic, record.to(0));
        if n % 30 == 0 {
            producer.flush();
        }
    }
    producer.flush();
    let mut left = 300;
    eventually(2 * LONG, "the topic is compacted", || {
        // Only what is followed by a newer segment is compacted.
        producer.send_all(
            &topic,
            [Record {
                key: Some(b"x".to_vec()),
                ..Record::value("{}")
            }
            .to(0)],
        );
        left = scene.records(&topic).values().map(Vec::len).sum::<usize>();
        left < 200
    });
    archive(&scene, &topic, left);
    let (said, code) = verified(&scene, &["--broker"]);
    assert_eq!(code, Some(0), "{said}");
    let holes = &said["holes"]["offsets"];
    assert!(holes.as_u64().expect("a number") > 50, "{said}");
    let broker = &said["broker"];
    let known = ["explained", "unknown"].map(|key| broker[key].as_u64().expect("a number"));
    assert_eq!(&Value::from(known[0] + known[1]), holes, "{said}");
    assert_eq!(broker["lost"], 0);
    // One of the last lines, which nothing compacts while it is looked at.
    rewrite(&scene, |lines| {
        let at = lines.len() - 1;
        lines.remove(at);
    });
    let (said, code) = verified(&scene, &["--broker"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said["broker"]["lost"], 1);
}

#[test]
fn many_segments_are_compared_in_as_little_time_as_one() {
    const RECORDS: usize = 2_400;
    let scene = Scene::new();
    let topic = scene.topic("verify-many", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let archives = ["{seq:06}.ndjson", "p-{partition}/{seq:06}.ndjson"];
    let mut config = Config::new().set("defaults", "start", "earliest");
    for (name, file) in ["a", "b"].iter().zip(archives) {
        let keys = [("name", *name), ("checkpoint", "100ms"), ("flush", "10ms")];
        config = config.archive(&topic, file, &keys);
        config = config.line("rotate = { records = 30 }");
    }
    let archiver = scene.start(&config);
    // Bit by bit, as a segment ends with the batch that fills it.
    for (n, records) in (1..).zip(values.jsons(RECORDS).chunks(30)) {
        producer.send_all(&topic, records.iter().cloned());
        scene.await_checkpointed(".archiver/a", 30 * n);
    }
    for name in ["a", "b"] {
        scene.await_checkpointed(format!(".archiver/{name}"), RECORDS);
    }
    archiver.stop();
    let ended = run(
        scene.directory(),
        &["-c", "topics.toml", "verify", "--deep", "--json"],
    );
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for line in ended.stdout.lines() {
        let said: Value = serde_json::from_str(line).expect("a verdict");
        assert!(said["segments"].as_u64().expect("a number") > 50, "{said}");
        assert_eq!(said["broker"]["compared"]["equal"], RECORDS, "{said}");
    }
}

#[test]
fn an_archive_whose_topic_was_deleted_is_verified_without_it() {
    let scene = Scene::new();
    let topic = scene.topic("verify-deleted", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(100));
    archive(&scene, &topic, 100);
    topic.delete();
    let (said, code) = verified(&scene, &["--deep"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said["broker"]["is_missing_topic"], true, "{said}");
    // What the files hold is verified all the same.
    fs::write(scene.path("a.ndjson"), "").expect("written");
    let (said, code) = verified(&scene, &["--deep"]);
    assert_eq!(code, Some(1), "{said}");
}
