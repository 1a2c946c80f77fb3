//! `archiver replay`: files and archives back into Kafka, as whoever reads the topics sees it.

mod across;
mod bar;
mod files;
mod flags;
mod kills;
mod pauses;
mod refused;
mod resumed;
mod round_trip;
mod targets;

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::archiver::{Archiver, Ended};
use crate::capture::words;
use crate::dump::{Partitions, Seen};
use crate::kafka::ADMIN_WAIT;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

/// What the tutorials have: seconds with gaps.
const SECONDS: [i64; 9] = [0, 4, 6, 7, 11, 12, 21, 23, 24];
/// The first of them, in seconds since 1970.
const FIRST: i64 = 1_600_000_000;

/// A table of a time and a number in each row; the number is that of the row.
fn table<T: std::fmt::Display>(times: impl IntoIterator<Item = T>) -> String {
    let rows = times.into_iter().enumerate();
    let rows = rows.map(|(number, time)| format!("{time},{number}\n"));
    format!("timestamp,value\n{}", rows.collect::<String>())
}

/// Writes the table of seconds with gaps.
fn seconds(scene: &Scene, file: &str) {
    write(scene, file, &table(SECONDS.map(|second| FIRST + second)));
}

fn write(scene: &Scene, file: &str, text: &str) {
    std::fs::write(scene.path(file), text).expect("is written");
}

/// Starts `archiver replay` with these words, to the scene's Kafka.
fn start(scene: &Scene, line: &str) -> Archiver {
    let line = format!("replay -b {} {line}", scene.server.bootstrap());
    let line = words(&line);
    let line = line.iter().map(String::as_str).collect::<Vec<_>>();
    Archiver::start(scene.directory(), &line)
}

/// Runs it to its end.
fn replay(scene: &Scene, line: &str) -> Ended {
    start(scene, line).await_end()
}

/// Runs it to its end, which must come with this exit code.
#[track_caller]
fn ends(scene: &Scene, code: i32, line: &str) -> Ended {
    let ended = replay(scene, line);
    assert_eq!(
        ended.code(),
        Some(code),
        "{line}: {}{}",
        ended.stdout,
        ended.stderr
    );
    ended
}

/// The report of a run with `--json`, which must end with this exit code.
#[track_caller]
fn report(scene: &Scene, code: i32, line: &str) -> Value {
    let ended = ends(scene, code, &format!("{line} --json"));
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// Fails the test unless it ends with this exit code, and says each of these.
#[track_caller]
fn says(scene: &Scene, code: i32, line: &str, parts: &[&str]) {
    let ended = ends(scene, code, line);
    for part in parts {
        let is_said = ended.stderr.contains(part) || ended.stdout.contains(part);
        assert!(
            is_said,
            "{line} doesn't say {part}: {}{}",
            ended.stdout, ended.stderr
        );
    }
}

/// What is committed in a topic, read faster than by `dump`.
fn read(scene: &Scene, topic: &Topic) -> Partitions {
    let mut client = scene.server.client();
    client
        .set("group.id", "nobody")
        .set("enable.auto.commit", "false");
    client.set("isolation.level", "read_committed");
    client
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true");
    let client: BaseConsumer = client.create().unwrap();
    let metadata = client
        .fetch_metadata(Some(&topic.name), ADMIN_WAIT)
        .unwrap();
    let partitions = metadata.topics()[0].partitions().len();
    let mut assigned = TopicPartitionList::new();
    for partition in 0..partitions as i32 {
        let added = assigned.add_partition_offset(&topic.name, partition, Offset::Beginning);
        added.unwrap();
    }
    client.assign(&assigned).unwrap();
    let (mut found, mut ended) = (Partitions::new(), 0);
    eventually(LONG, "all partitions are read", || {
        while let Some(polled) = client.poll(Duration::from_millis(100)) {
            let message = match polled {
                Ok(message) => message,
                Err(KafkaError::PartitionEOF(_)) => {
                    ended += 1;
                    continue;
                }
                Err(e) => panic!("{e}"),
            };
            found
                .entry(message.partition())
                .or_default()
                .push(seen(&message));
        }
        ended >= partitions
    });
    found
}

fn seen(message: &rdkafka::message::BorrowedMessage) -> Seen {
    let headers = message.headers().into_iter();
    let headers = headers.flat_map(|headers| {
        headers
            .iter()
            .map(|of| (of.key.as_bytes().to_vec(), of.value.map(<[u8]>::to_vec)))
    });
    Seen {
        offset: message.offset(),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        timestamp_type: i32::from(matches!(
            message.timestamp(),
            rdkafka::Timestamp::LogAppendTime(_)
        )),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers.collect(),
    }
}

/// The values of a topic of one partition, as JSON.
fn values(scene: &Scene, topic: &Topic) -> Vec<Value> {
    let mut partitions = read(scene, topic);
    let records = partitions.remove(&0).unwrap_or_default().into_iter();
    let values = records.map(|seen| seen.value.expect("a value"));
    values
        .map(|value| serde_json::from_slice(&value).expect("JSON"))
        .collect()
}

/// The numbers in the rows of [`table`].
fn numbers(scene: &Scene, topic: &Topic) -> Vec<i64> {
    let values = values(scene, topic).into_iter();
    values
        .map(|value| value["value"].as_i64().expect("a number"))
        .collect()
}

fn now_ms() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    now.as_millis() as i64
}
