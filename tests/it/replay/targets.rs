//! What is said of the topics that are sent to, and what then becomes of the records.

use serde_json::json;

use crate::capture::words;
use crate::replay::{FIRST, now_ms, numbers, report, says, seconds, start, table, write};
use crate::scene::Scene;
use crate::topic::Topic;

const HOUR: i64 = 3_600_000;

/// A topic of this configuration, a file of records from so many milliseconds before now on, and the flags that send it.
fn tried<'a>(scene: &'a Scene, config: &[(&str, &str)], ago_ms: i64) -> (Topic<'a>, String) {
    let topic = scene.planned("replay-target");
    topic.make(1, config);
    let first = now_ms() - ago_ms;
    let file = format!("{}.csv", topic.name);
    write(scene, &file, &table((0..3).map(|row| first + row)));
    (topic, format!("{file} --speed max"))
}

#[track_caller]
fn assert_empty(topic: &Topic) {
    assert_eq!(topic.bounds(0), (0, 0), "nothing is sent");
}

#[test]
fn a_dry_run_shows_the_schedule_and_changes_nothing() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-dry", 1);
    let there = format!(
        "data.csv -t {} --dry-run --speed 10 --timestamps now",
        topic.name
    );
    says(&scene, 0, &there, &["+0.000 s", "+2.400 s", " 9 "]);
    let shown = report(&scene, 0, &there);
    let of = &shown["topics"][0];
    assert_eq!(of["topic"], *topic.name);
    assert_eq!(
        (&of["records"], &of["last_due_seconds"]),
        (&json!(9), &json!(2.4))
    );
    assert_empty(&topic);
    let none = scene.planned("replay-dry-none");
    let line = format!("data.csv -t {} --dry-run", none.name);
    says(&scene, 1, &line, &["doesn't exist", "--create-topics"]);
    let line = format!("{line} --create-topics=partitions=2");
    says(
        &scene,
        0,
        &line,
        &[&format!("topic {} would be made", none.name)],
    );
    says(
        &scene,
        0,
        &format!("{line} --max-pause 2s"),
        &["pauses would be shortened"],
    );
    assert!(!exists(&scene, &none), "it was made");
    let running = start(
        &scene,
        &format!(
            "data.csv -t {} --dry-run --speed 0.001 --timestamps now",
            topic.name
        ),
    );
    assert_eq!(
        running.await_end().code(),
        Some(0),
        "no schedule is waited for"
    );
    assert!(!scene.path(".archiver-replay").exists(), "no place is kept");
}

fn exists(scene: &Scene, topic: &Topic) -> bool {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let client: BaseConsumer = scene.server.client().create().unwrap();
    let metadata = client
        .fetch_metadata(None, crate::kafka::ADMIN_WAIT)
        .unwrap();
    metadata.topics().iter().any(|of| of.name() == topic.name)
}

#[test]
fn a_topic_that_is_not_there_is_made_only_if_that_is_wanted() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.planned("replay-made");
    let line = format!("data.csv -t {} --speed max", topic.name);
    says(
        &scene,
        1,
        &line,
        &[&topic.name, "doesn't exist", "--create-topics"],
    );
    assert!(!exists(&scene, &topic));
    for (wrong, why) in [
        ("partitions=0", "not a number above 0"),
        ("partitions", "NAME=VALUE"),
    ] {
        says(
            &scene,
            2,
            &format!("{line} --create-topics={wrong}"),
            &[why],
        );
    }
    says(
        &scene,
        1,
        &format!("{line} --create-topics=no.such.key=1"),
        &["no.such.key"],
    );
    assert!(!exists(&scene, &topic));
    let line = format!("{line} --create-topics=partitions=4,retention.ms=-1 --partition spread");
    says(&scene, 0, &line, &["was made"]);
    let found = crate::replay::read(&scene, &topic);
    let counts = found.values().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(counts, [3, 2, 2, 2], "in turn");
}

#[test]
fn retention_that_would_delete_the_records_is_said() {
    let scene = Scene::new();
    let (topic, line) = tried(&scene, &[("retention.ms", "3600000")], 2 * HOUR);
    let parts = ["retention.ms=3600000", "would delete", "--timestamps shift"];
    says(&scene, 1, &format!("{line} --dry-run"), &parts);
    says(&scene, 1, &line, &parts);
    assert_empty(&topic);
    // One of them would stay.
    let rows = [2 * HOUR, 2 * HOUR, 0].map(|ago_ms| now_ms() - ago_ms);
    write(&scene, "some.csv", &table(rows));
    let some = format!("some.csv -t {} --speed max", topic.name);
    says(&scene, 0, &some, &["warning", "some records are older"]);
    let (topic, line) = tried(&scene, &[("retention.ms", "3600000")], 2 * HOUR);
    let report = crate::replay::ends(&scene, 0, &format!("{line} --timestamps shift"));
    assert!(!report.stderr.contains("warning"), "{}", report.stderr);
    assert_eq!(numbers(&scene, &topic), [0, 1, 2]);
}

#[test]
fn limits_of_timestamps_that_would_refuse_the_records_are_said() {
    let scene = Scene::new();
    let hour = HOUR.to_string();
    let before = "message.timestamp.before.max.ms";
    let (topic, line) = tried(&scene, &[(before, &hour)], 2 * HOUR);
    let said = format!("{before}=3600000");
    says(&scene, 1, &format!("{line} --dry-run"), &[&said, "refuses"]);
    says(&scene, 1, &line, &[&said, "refuses"]);
    assert_empty(&topic);
    let after = "message.timestamp.after.max.ms";
    let (topic, line) = tried(&scene, &[(after, &hour)], -2 * HOUR);
    let parts = [&format!("{after}=3600000"), "refuses", "--timestamps now"];
    says(&scene, 1, &format!("{line} --dry-run"), &parts);
    says(&scene, 1, &line, &parts);
    assert_empty(&topic);
    says(&scene, 0, &format!("{line} --timestamps shift"), &[]);
    assert_eq!(numbers(&scene, &topic), [0, 1, 2]);
}

#[test]
fn timestamps_that_the_broker_replaces_are_said() {
    let scene = Scene::new();
    let (topic, line) = tried(&scene, &[("message.timestamp.type", "LogAppendTime")], HOUR);
    says(&scene, 0, &line, &["warning", "LogAppendTime", "replaces"]);
    assert_eq!(numbers(&scene, &topic), [0, 1, 2]);
    let ended = crate::replay::ends(&scene, 0, &format!("{line} --timestamps now"));
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}

#[test]
fn a_compacted_topic_takes_only_records_with_a_key() {
    let scene = Scene::new();
    let (topic, line) = tried(&scene, &[("cleanup.policy", "compact")], HOUR);
    says(
        &scene,
        1,
        &format!("{line} --dry-run"),
        &["compact", "have no key"],
    );
    says(&scene, 1, &line, &["have no key"]);
    assert_empty(&topic);
    says(&scene, 0, &format!("{line} --key value"), &[]);
    assert_eq!(numbers(&scene, &topic), [0, 1, 2]);
}

/// Envelopes of a topic of three partitions.
pub fn envelopes(topic: &str, records: std::ops::Range<i64>) -> String {
    let lines = records.map(|number| {
        let (partition, offset, ms) = (number % 3, number / 3, FIRST * 1_000 + number);
        format!(
            "{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":{offset},\"timestamp\":{ms},\
             \"timestamp_type\":\"create\",\"key\":null,\"value\":\"{number}\",\"headers\":[]}}\n"
        )
    });
    lines.collect()
}

#[test]
fn a_topic_with_too_few_partitions_gets_nothing_unless_they_are_chosen_anew() {
    let scene = Scene::new();
    let from = scene.topic("replay-narrow", 3);
    let records =
        (0..30).map(|number| crate::produce::Record::value(format!("{number}")).to(number % 3));
    crate::produce::Producer::new(scene.server).send_all(&from, records);
    let taken = crate::capture::capture(&scene, &from, "a.ndjson", &words("--all"));
    assert_eq!(taken.code(), Some(0));
    let to = scene.topic("replay-narrow-copy", 2);
    let line = format!("a.ndjson --topic-map {}={} --speed max", from.name, to.name);
    let parts = ["has 2 partitions", "partition 2", "--partition key"];
    says(&scene, 1, &line, &parts);
    says(
        &scene,
        1,
        &format!("{line} --partition keep --dry-run"),
        &parts,
    );
    assert_empty(&to);
    says(&scene, 0, &format!("{line} --partition spread"), &[]);
    assert_eq!((to.bounds(0).1, to.bounds(1).1), (15, 15));
    // A file of records says by them how many partitions there were.
    write(&scene, "lines.ndjson", &envelopes(&from.name, 0..30));
    let line = format!(
        "lines.ndjson --topic-map {}={} --speed max",
        from.name, to.name
    );
    says(&scene, 1, &line, &parts);
}
