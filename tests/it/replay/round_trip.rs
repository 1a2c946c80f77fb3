//! From a topic into an archive and back: nothing is lost but what the archive's format hasn't got.

use serde_json::Value;

use crate::archiver::{Ended, run};
use crate::capture::{capture, words};
use crate::config::Config;
use crate::dump::{Partitions, dump};
use crate::produce::{Producer, Record};
use crate::random::Random;
use crate::replay::{ends, report, says};
use crate::scene::Scene;
use crate::topic::Topic;

/// Without limits on timestamps, whatever they are.
const ANY_TIME: [(&str, &str); 2] = [
    ("retention.ms", "-1"),
    ("message.timestamp.after.max.ms", "9223372036854775807"),
];

/// Records of which each has something that gets lost easily.
fn odd_records() -> Vec<Record> {
    let mut random = Random::new(1);
    let large = random.bytes(900_000);
    let bytes = |text: &[u8]| Some(text.to_vec());
    let headers = vec![
        ("same".to_owned(), bytes(b"one")),
        ("same".to_owned(), bytes(b"two")),
        ("same".to_owned(), bytes(b"one")),
        ("null".to_owned(), None),
        (String::new(), bytes(b"")),
        ("\u{e4} \u{1f980}".to_owned(), bytes(b"\0\xff\n\r")),
    ];
    let values = [
        None,
        bytes(b""),
        bytes(b"\0\xff\xfe\n"),
        bytes(b"{\"a\": 1.0}"),
        Some(large),
        bytes("\u{2028}\"\\".as_bytes()),
    ];
    let keys = [None, bytes(b""), bytes(b"key"), bytes(b"\xc3\x28\0")];
    // From the first millisecond to the end of 2099, and neither in order nor unlike each other.
    let times = [
        1,
        4_102_444_799_999,
        0,
        1_700_000_000_123,
        1_700_000_000_123,
        999,
    ];
    let mut records = Vec::new();
    for value in &values {
        for key in &keys {
            for headers in [&[][..], &headers] {
                let number = records.len();
                records.push(Record {
                    partition: Some(number as i32 % 3),
                    key: key.clone(),
                    value: value.clone(),
                    headers: headers.to_vec(),
                    timestamp: Some(times[number % times.len()].max(1)),
                });
            }
        }
    }
    records
}

fn odd<'a>(scene: &'a Scene, name: &str) -> Topic<'a> {
    let topic = scene.planned(name);
    topic.make(3, &ANY_TIME);
    Producer::of_large(scene.server, 2_000_000).send_all(&topic, odd_records());
    topic
}

/// Both topics, as Kafka's own client reads them.
fn both(scene: &Scene, from: &Topic, to: &Topic) -> (Partitions, Partitions) {
    let dump = dump(scene.server, &[from, to]);
    (dump.topic(from), dump.topic(to))
}

fn create_topics() -> String {
    let config = ANY_TIME.map(|(key, value)| format!("{key}={value}"));
    format!("--create-topics={}", config.join(","))
}

#[test]
fn envelopes_make_the_topic_that_they_were_taken_from() {
    let scene = Scene::new();
    let from = odd(&scene, "replay-trip");
    for (file, way) in [
        ("one.ndjson", ""),
        ("parts/{seq}.ndjson.zst", "--exactly-once"),
    ] {
        let to = Topic::planned(scene.server, &format!("{}-copy{}", from.name, way.len()));
        assert_eq!(
            capture(&scene, &from, file, &words("--all")).code(),
            Some(0)
        );
        // By the archive's name, in the directory that has it.
        let map = format!("--topic-map (.*)={}", to.name);
        let line = format!(
            "{} {map} {} --speed max {way}",
            input(&scene, file),
            create_topics()
        );
        says(&scene, 0, &line, &[&format!("topic {} was made", to.name)]);
        to.await_committed();
        let (expected, found) = both(&scene, &from, &to);
        assert_eq!(found.len(), 3);
        for (partition, expected) in expected {
            let found = &found[&partition];
            assert_eq!(found.len(), expected.len());
            for (found, mut expected) in found.iter().zip(expected) {
                // A transaction's end takes an offset, too.
                expected.offset = found.offset;
                let number = expected.offset;
                assert!(
                    *found == expected,
                    "{file}: partition {partition}, record {number}"
                );
            }
        }
    }
}

/// The word for an archive: its file, or the directory that holds the archives of its files.
fn input(scene: &Scene, file: &str) -> String {
    match file.contains('{') {
        false => file.to_owned(),
        true => {
            let first = scene.path("parts");
            let mut files = std::fs::read_dir(first).unwrap();
            let file = files.next().expect("a segment").unwrap();
            format!("parts/{}", file.file_name().to_string_lossy())
        }
    }
}

fn raw(scene: &Scene, topic: &Topic, file: &str) -> Ended {
    let broker = topic.bootstrap();
    let flags = [
        "capture",
        "-b",
        &broker,
        "-t",
        &topic.name,
        "-o",
        file,
        "--all",
        "--format",
        "raw",
    ];
    run(scene.directory(), &flags)
}

#[test]
fn raw_lines_come_back_with_their_partitions_and_timestamps() {
    let scene = Scene::new();
    let from = scene.planned("replay-raw-trip");
    from.make(3, &ANY_TIME);
    let records = (0..300).map(|number| Record {
        partition: Some(number % 3),
        timestamp: Some(1 + 1_000 * i64::from(number)),
        key: Some(b"is lost".to_vec()),
        ..Record::value(format!("{{\"number\": {number}}}"))
    });
    Producer::new(scene.server).send_all(&from, records);
    let ended = raw(&scene, &from, "raw.ndjson.gz");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let to = scene.planned("replay-raw-copy");
    let map = format!("--topic-map {}={}", from.name, to.name);
    let line = format!("raw.ndjson.gz {map} {} --speed max", create_topics());
    let report = report(&scene, 0, &line);
    assert_eq!(report["topics"][0]["arrived"], 300, "{report}");
    let (expected, found) = both(&scene, &from, &to);
    let without_keys = |mut partitions: Partitions| {
        for seen in partitions.values_mut().flatten() {
            seen.key = None;
        }
        partitions
    };
    assert_eq!(found, without_keys(expected));
}

#[test]
fn a_part_of_an_archive_is_named_by_times_and_by_a_number() {
    let scene = Scene::new();
    let from = scene.planned("replay-part");
    from.make(2, &ANY_TIME);
    let records = (0..100).map(|number| Record {
        partition: Some(number % 2),
        timestamp: Some(1_700_000_000_000 + 1_000 * i64::from(number)),
        ..Record::value(format!("{number}"))
    });
    Producer::new(scene.server).send_all(&from, records);
    assert_eq!(
        capture(&scene, &from, "part.ndjson", &words("--all")).code(),
        Some(0)
    );
    let to = scene.topic("replay-part-copy", 2);
    let map = format!("--topic-map {}={}", from.name, to.name);
    let range = "--since 1700000010 --until 1700000050 --limit 25";
    let report = report(
        &scene,
        0,
        &format!("part.ndjson {map} {range} --speed max --timestamps now"),
    );
    assert_eq!(report["topics"][0]["sent"], 25, "{report}");
    // Much of one partition was captured, and then of the other.
    assert_eq!(report["steps_back"], 0, "{report}");
    let found = crate::replay::read(&scene, &to);
    let mut numbers = found
        .values()
        .flatten()
        .map(|seen| {
            let value = seen.value.as_deref().expect("a value");
            serde_json::from_slice::<Value>(value)
                .expect("JSON")
                .as_i64()
                .expect("a number")
        })
        .collect::<Vec<_>>();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(10..35));
    // Its other partition counts only for those that are in it.
    let narrow = scene.topic("replay-part-narrow", 1);
    let line = format!(
        "part.ndjson --topic-map {}={} --speed max",
        from.name, narrow.name
    );
    let one = format!("{line} --timestamps now --since 1700000010 --until 1700000011");
    for dry in [" --dry-run", ""] {
        ends(&scene, 0, &format!("{one}{dry}"));
    }
    assert_eq!(narrow.bounds(0).1, 1);
    // They keep their keys.
    let parts = ["with the keys that they had", "--key number"];
    says(&scene, 1, &format!("{line} --key number"), &parts);
}

#[test]
fn archives_of_a_configuration_are_replayed_by_their_names_while_they_grow() {
    let scene = Scene::new();
    let topics = ["replay-named-a", "replay-named-b"].map(|name| scene.topic(name, 1));
    let producer = Producer::new(scene.server);
    let mut config = Config::new();
    for topic in &topics {
        producer.send_all(
            topic,
            (0..10).map(|number| Record::value(format!("{number}"))),
        );
        let file = format!("{}.ndjson", topic.name);
        config = config.archive(topic, &file, &[("start", "earliest")]);
    }
    let archiver = scene.start(&config);
    let [a, b] = &topics;
    for topic in &topics {
        scene.await_checkpointed(format!(".archiver/{}", topic.name), 10);
    }
    let config = "-c topics.toml --create-topics --speed max";
    let line = format!("{config} --topic-map (.*)=$1-all");
    says(
        &scene,
        0,
        &line,
        &[&format!("{}-all", a.name), &format!("{}-all", b.name)],
    );
    producer.send_all(b, [Record::value("10")]);
    scene.await_checkpointed(format!(".archiver/{}", b.name), 11);
    let line = format!("{config} {} --topic-map (.*)=$1-one", b.name);
    assert_eq!(report(&scene, 0, &line)["topics"][0]["arrived"], 11);
    archiver.stop();
    let copy = |name: &str| {
        let copy = Topic::planned(scene.server, name);
        let found = crate::replay::read(&scene, &copy);
        found[&0]
            .iter()
            .map(|seen| (seen.value.clone(), seen.timestamp))
            .collect::<Vec<_>>()
    };
    let sent = |topic: &Topic| copy(&topic.name);
    assert_eq!(copy(&format!("{}-all", a.name)), sent(a));
    assert_eq!(copy(&format!("{}-all", b.name)), sent(b)[..10]);
    assert_eq!(copy(&format!("{}-one", b.name)), sent(b));
}
