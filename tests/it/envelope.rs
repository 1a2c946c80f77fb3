//! Lines of JSON that hold all of each record, read back by Python's own reader of JSON.

use std::collections::BTreeSet;
use std::process::Command;

use crate::config::Config;
use crate::dump::{Partitions, Seen, parse};
use crate::files;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

/// A time of the producer's choice.
const CHOSEN: i64 = 1_600_000_000_123;

fn headers(of: &[(&str, Option<&[u8]>)]) -> Vec<(String, Option<Vec<u8>>)> {
    let owned =
        |(name, value): &(&str, Option<&[u8]>)| (String::from(*name), value.map(<[u8]>::to_vec));
    of.iter().map(owned).collect()
}

/// Records of which each could be mistaken for another one.
fn tricky() -> Vec<Record> {
    let values: [Option<&[u8]>; 12] = [
        None,
        Some(b""),
        Some(b"null"),
        Some(b"\"text\""),
        Some(b"text"),
        Some(b"{\"a\":[1,true,null,\"\xc3\xa4\"],\"b\":{}}"),
        Some(b"{\n  \"a\": 1\n}"),
        Some(b" {}"),
        Some(b"12"),
        Some(b"\xff\xfe\0"),
        Some(b"\0\x1f\"\\\n\r\t\x7f\xe2\x80\xa8"),
        Some(b"[\"\\ud800\"]"),
    ];
    let mut records = Vec::new();
    for (number, value) in values.into_iter().enumerate() {
        records.push(Record {
            value: value.map(<[u8]>::to_vec),
            // Later ones are older.
            timestamp: Some(CHOSEN - number as i64),
            ..Record::default()
        });
        records.push(Record {
            key: value.map(<[u8]>::to_vec),
            headers: headers(&[
                ("same", value),
                ("other \u{e4}\"", Some(b"\xff")),
                ("same", None),
                ("", Some(b"")),
                ("same", value),
            ]),
            ..Record::default()
        });
    }
    records.push(Record {
        headers: headers(&[("last", None)]),
        ..Record::default()
    });
    records.push(Record {
        headers: headers(&[("last", Some(b""))]),
        ..Record::default()
    });
    records
}

/// The records in a file, as Python reads its lines.
fn read(scene: &Scene, file: &str) -> Partitions {
    let plain = scene.path(format!("{file}.plain"));
    std::fs::write(&plain, files::read(&scene.path(file)).unwrap()).unwrap();
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/envelope.py"))
        .arg(&plain)
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    parse(&output.stdout)
}

fn topic_of<'a>(scene: &Scene<'a>, timestamps: &str) -> Topic<'a> {
    let topic = scene.planned("envelope");
    topic.make(2, &[("message.timestamp.type", timestamps)]);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, tricky());
    producer.send_all(&topic, (0..1000).map(|_| values.mixed()));
    topic
}

#[test]
fn every_part_of_each_record_is_in_its_line() {
    let scene = Scene::new();
    for (timestamps, kind, file) in [
        ("CreateTime", 0, "create.ndjson"),
        ("LogAppendTime", 1, "append.ndjson.zst"),
    ] {
        let topic = topic_of(&scene, timestamps);
        let keys = [("start", "earliest"), ("format", "json")];
        let archiver = scene.start(&Config::new().archive(&topic, file, &keys));
        let expected = scene.records(&topic);
        let records = expected.values().flatten();
        scene.await_lines(&archiver, file, records.clone().count());
        archiver.stop();
        assert!(records.clone().all(|record| record.timestamp_type == kind));
        let is_chosen = |record: &&Seen| (CHOSEN - 100..=CHOSEN).contains(&record.timestamp);
        assert_eq!(records.clone().any(|record| is_chosen(&record)), kind == 0);
        assert!(records.clone().any(|record| record.value.is_none()));
        assert!(records.clone().any(|record| record.headers.len() == 5));
        assert!(read(&scene, file) == expected, "{file}");
    }
}

#[test]
fn a_value_that_is_json_can_stand_as_what_it_is() {
    let scene = Scene::new();
    let topic = topic_of(&scene, "CreateTime");
    let keys = [
        ("start", "earliest"),
        ("format", "json"),
        ("value_as", "json"),
    ];
    let archiver = scene.start(&Config::new().archive(&topic, "a.ndjson", &keys));
    let expected = scene.records(&topic);
    let count = expected.values().map(Vec::len).sum();
    scene.await_lines(&archiver, "a.ndjson", count);
    archiver.stop();
    assert!(read(&scene, "a.ndjson") == expected);
    let text = String::from_utf8(files::read(&scene.path("a.ndjson")).unwrap()).unwrap();
    let values = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        match line.get("value") {
            None => "base64",
            Some(serde_json::Value::Null) => "null",
            Some(serde_json::Value::String(_)) => "string",
            Some(serde_json::Value::Number(_)) => "number",
            Some(_) => "object",
        }
    });
    let kinds = values.collect::<BTreeSet<_>>();
    let expected = ["base64", "null", "number", "object", "string"];
    assert_eq!(kinds, BTreeSet::from(expected));
}
