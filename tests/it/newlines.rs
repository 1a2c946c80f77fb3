//! What becomes of a newline inside a value.

use crate::check;
use crate::config::Config;
use crate::files;
use crate::produce::{Producer, Record};
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn escape_can_be_reversed() {
    let scene = Scene::new();
    let topic = scene.topic("escape", 3);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let tricky: [&[u8]; 6] = [
        b"\n1",
        b"\\n2",
        b"\\\n3\r",
        b"\r\n4\\",
        b"\\\\5\n\n",
        b"\xff\0\n6",
    ];
    producer.send_all(&topic, tricky.map(Record::value));
    producer.send_all(&topic, (0..500).map(|_| values.mixed()));
    let keys = [("start", "earliest"), ("newline", "escape")];
    let archiver = scene.start(&Config::new().archive(&topic, "a.ndjson", &keys));
    scene.await_lines(&archiver, "a.ndjson", 506);
    archiver.stop();
    let text = files::read(&scene.path("a.ndjson")).unwrap();
    let records = scene.records(&topic);
    check::assert_exact(&check::expected(&records, escaped), &text);
    // And back again.
    let mut lines: Vec<_> = files::lines(&text).into_iter().map(unescaped).collect();
    let mut values: Vec<_> = records
        .into_values()
        .flatten()
        .map(|r| r.value.unwrap_or_default())
        .collect();
    lines.sort();
    values.sort();
    assert!(lines == values);
}

#[test]
fn fail_stops_that_archive_before_the_record_and_no_other() {
    let scene = Scene::new();
    let (strict, other) = (scene.topic("strict", 1), scene.topic("other", 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&strict, values.jsons(37));
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .archive(&strict, "strict.ndjson", &[("newline", "fail")])
        .archive(&other, "other.ndjson", &[]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "strict.ndjson", 37);
    producer.send_all(&strict, [Record::value("two\nlines")]);
    producer.send_all(&strict, values.jsons(5));
    archiver.await_line(&says::newline_in_value(&strict.name, 0, 37));
    producer.send_all(&other, values.jsons(10));
    scene.await_lines(&archiver, "other.ndjson", 10);
    archiver.stop();
    let mut records = scene.records(&strict);
    records.get_mut(&0).unwrap().truncate(37);
    scene.assert_holds(&records, "strict.ndjson");
    scene.assert_exact(&other, "other.ndjson");
    // With another policy it goes on where it stopped: nothing is lost.
    let config = Config::new().archive(&strict, "strict.ndjson", &[]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "strict.ndjson", 43);
    archiver.stop();
    scene.assert_exact(&strict, "strict.ndjson");
}

fn escaped(value: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    for &byte in value {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            b'\\' => line.extend(b"\\\\"),
            _ => line.push(byte),
        }
    }
    line
}

fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut bytes = line.iter();
    let mut value = Vec::new();
    while let Some(&byte) = bytes.next() {
        value.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b'\\') => b'\\',
                other => panic!("\\ before {other:?}"),
            },
            _ => byte,
        });
    }
    value
}
