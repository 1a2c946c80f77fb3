//! `archiver-analyze run --follow`: windows and alerts as an archive grows.

mod following;
mod kills;
mod receiver;

use std::fs;

use serde_json::{Value, json};

use crate::analyze::said;
use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

use following::{Following, rows};

/// When the first record was, in milliseconds since 1970.
const FIRST_MS: i64 = 1_700_000_000_000;
/// The archive's file.
const ARCHIVE: &str = "metrics.ndjson.zst";

/// A topic that is captured while a test sends to it.
struct Play<'a> {
    scene: &'a Scene<'a>,
    topic: Topic<'a>,
    producer: Producer,
    archiver: Archiver,
    sent: usize,
}

impl<'a> Play<'a> {
    fn new(scene: &'a Scene<'a>, partitions: i32) -> Self {
        Self::captured(scene, partitions, |topic| config(topic, ARCHIVE))
    }

    /// Captured as it is configured for its topic.
    fn captured(
        scene: &'a Scene<'a>,
        partitions: i32,
        config: impl FnOnce(&Topic) -> Config,
    ) -> Self {
        let topic = scene.planned("followed");
        topic.make(partitions, &[("retention.ms", "-1")]);
        Self {
            producer: Producer::new(scene.server),
            archiver: scene.start(&config(&topic)),
            scene,
            topic,
            sent: 0,
        }
    }

    /// Sends a value of a host so many seconds after the first record, and waits until it is captured.
    fn send(&mut self, partition: i32, second: i64, host: &str) {
        let ms = FIRST_MS + second * 1_000;
        self.send_value(partition, &json!({"ts": ms, "host": host, "data": 1}));
    }

    /// Sends a value, and waits until it is captured.
    fn send_value(&mut self, partition: i32, value: &Value) {
        let value = value.to_string();
        self.producer
            .send_all(&self.topic, [Record::value(value).to(partition)]);
        self.sent += 1;
        self.scene
            .await_checkpointed(".archiver/metrics", self.sent);
    }
}

/// What captures a topic into this file.
fn config(topic: &Topic, file: &str) -> Config {
    Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "flush", "50ms")
        .set("defaults", "checkpoint", "100ms")
        .archive(topic, file, &[("name", "metrics")])
}

/// A definition that is followed; `more` are further keys.
fn define(scene: &Scene, more: &str) {
    let text = format!(
        "[[analysis]]\nname = \"count\"\nsource = \"metrics\"\ntime = \"ts\"\nvalue = \"data\"\n\
         window = {{ tumbling = \"10s\" }}\noutput = [{{ file = \"rows.ndjson\" }}]\n{more}\n"
    );
    fs::write(scene.path("analysis.toml"), text).expect("is written");
}

/// Where the windows begin that were emitted, in seconds after the first record, with their counts.
fn windows(scene: &Scene) -> Vec<(i64, i64)> {
    let rows = rows(&scene.path("rows.ndjson"));
    let of = |row: &Value| {
        let start = row["window_start"].as_i64().expect("a time");
        (
            (start - FIRST_MS) / 1_000,
            row["count"].as_i64().expect("a count"),
        )
    };
    rows.iter().map(of).collect()
}

#[track_caller]
fn await_windows(scene: &Scene, following: &Following, expected: &[(i64, i64)]) {
    eventually(LONG, &format!("{expected:?} are emitted"), || {
        following.assert_runs();
        windows(scene).len() >= expected.len()
    });
    assert_eq!(windows(scene), expected, "{}", following.said());
}

#[test]
fn a_window_is_closed_once_all_partitions_are_beyond_it_or_idle_and_what_is_late_is_counted() {
    let scene = Scene::new();
    let mut play = Play::new(&scene, 2);
    define(&scene, "lateness = \"2s\"\nidle = \"400ms\"");
    play.send(0, 0, "a");
    play.send(1, 1, "a");
    play.send(0, 35, "a");
    let following = Following::start(&scene, &["--poll", "100ms"]);
    following.await_looked(&scene, "count");
    // The second partition is at 1 s.
    assert_eq!(windows(&scene), []);
    play.send(1, 12, "a");
    await_windows(&scene, &following, &[(0, 2)]);
    play.send(1, 40, "a");
    await_windows(&scene, &following, &[(0, 2), (10, 1)]);
    // Too late for one window, in time for another one.
    play.send(0, 5, "a");
    following.await_said("1 records came late, when a window of theirs was closed; 1 until now");
    play.send(0, 32, "a");
    play.send_value(0, &json!({"host": "a", "data": 1}));
    following.await_said("1 record says no time that can be read, and is left out; 1 until now");
    // The second one says nothing any more, while the first goes on.
    for second in 50..60 {
        play.send(0, second, "a");
    }
    await_windows(&scene, &following, &[(0, 2), (10, 1), (30, 2), (40, 1)]);
    let said = following.stop();
    assert!(
        said.contains("4 rows, 0 anomalies, 1 records that came late, 1 without a time"),
        "{said}"
    );
    // Again, and nothing is emitted twice.
    let following = Following::start(&scene, &["--poll", "100ms"]);
    for second in 60..74 {
        play.send(0, second, "a");
    }
    await_windows(
        &scene,
        &following,
        &[(0, 2), (10, 1), (30, 2), (40, 1), (50, 10), (60, 10)],
    );
    following.stop();
    play.archiver.stop();
}

#[test]
fn a_segment_that_is_deleted_while_its_windows_are_open_is_named() {
    let scene = Scene::new();
    let in_segments = |topic: &Topic, more: &str| {
        config(topic, "{seq:06}.ndjson").line(&format!("rotate = {{ records = 2 }}{more}"))
    };
    let mut play = Play::captured(&scene, 1, |topic| in_segments(topic, ""));
    define(&scene, "");
    // Each of two records is as large as what is kept.
    let host = "a".repeat(1_000);
    for second in [0, 1, 12, 2, 13, 14] {
        play.send(0, second, &host);
    }
    let following = Following::start(&scene, &["--poll", "100ms"]);
    await_windows(&scene, &following, &[(0, 3)]);
    following.stop();
    // Two of three segments have records of the window that is open; none of them is kept.
    play.archiver.stop();
    play.archiver = scene.start(&in_segments(&play.topic, "\nkeep_size = \"1KiB\""));
    play.send(0, 31, "a");
    eventually(LONG, "the segments are deleted", || {
        let manifest = fs::read_to_string(scene.path(".archiver/metrics/manifest.ndjson"));
        let manifest = manifest.unwrap_or_default();
        // Lines count once the checkpoint has them.
        let known = &scene.checkpoint(".archiver/metrics")["list"]["manifest"]["length"];
        manifest.matches("\"deleted\":").count() == 3 && *known == manifest.len()
    });
    let following = Following::start(&scene, &["--poll", "100ms"]);
    following.await_said("was deleted while windows of its records were open");
    let said = following.stop();
    let named = said.matches("was deleted while windows of its records were open");
    assert_eq!(named.count(), 2, "{said}");
    play.archiver.stop();
}

#[test]
fn only_the_same_definition_goes_on_and_only_one_at_a_time() {
    let scene = Scene::new();
    define(&scene, "");
    let mut play = Play::new(&scene, 1);
    let following = Following::start(&scene, &["--poll", "100ms"]);
    following.await_said("archive metrics has no records yet; waiting for some");
    for second in [0, 12, 25] {
        play.send(0, second, "a");
    }
    await_windows(&scene, &following, &[(0, 1), (10, 1)]);
    let run = ["run", "analysis.toml", "--follow"];
    let held = said(&scene, 1, &run);
    assert!(held.contains("is held by another process"), "{held}");
    following.stop();
    define(&scene, "by = \"host\"");
    let refused = said(&scene, 1, &run);
    assert!(
        refused.contains("by is [\"host\"], and was nothing in what was emitted"),
        "{refused}"
    );
    define(&scene, "");
    let whole = fs::read_to_string(scene.path("rows.ndjson")).expect("is there");
    fs::write(scene.path("rows.ndjson"), whole.replace("10", "11")).expect("is written");
    let refused = said(&scene, 1, &run);
    assert!(refused.contains("isn't what was written"), "{refused}");
    // What doesn't count is cut off.
    fs::write(scene.path("rows.ndjson"), format!("{whole}{{\"half")).expect("is written");
    let following = Following::start(&scene, &["--poll", "100ms"]);
    play.send(0, 37, "a");
    await_windows(&scene, &following, &[(0, 1), (10, 1), (20, 1)]);
    following.stop();
    fs::write(scene.path(".archiver-analyze/count/checkpoint.json"), "{}").expect("is written");
    let refused = said(&scene, 1, &run);
    assert!(refused.contains("it is damaged"), "{refused}");
    play.archiver.stop();
}

#[test]
fn what_can_t_be_followed_is_refused_with_the_reason() {
    let scene = Scene::new();
    let play = Play::new(&scene, 1);
    let run = ["run", "analysis.toml", "--follow"];
    let anomalies = |method: &str| format!("anomalies = {{ method = \"{method}\" }}");
    for (from, to, reason) in [
        ("rows.ndjson", "rows.parquet", "a Parquet file can't grow"),
        (
            "{ file = ",
            "{ anomalies = ",
            "nothing says how they are found",
        ),
        (
            "window = { tumbling = \"10s\" }",
            &anomalies("mad"),
            "say which window",
        ),
        ("\"count\"", "\"a/b\"", "can't be a directory's name"),
        (
            "time = \"ts\"",
            "time = \"ts\"\nidle = \"0s\"",
            "every partition is idle at once",
        ),
        (
            "source = \"metrics\"",
            "source = \"metrcs\"",
            "is neither an archive",
        ),
    ] {
        define(&scene, "");
        let text = fs::read_to_string(scene.path("analysis.toml")).expect("is there");
        assert!(text.contains(from), "{text}");
        fs::write(scene.path("analysis.toml"), text.replace(from, to)).expect("is written");
        let output = crate::analyze::analyze(&scene, &run);
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && refused.contains(reason),
            "{reason}: {refused}"
        );
    }
    for method in ["three-sigma", "mad", "seasonal"] {
        define(&scene, &anomalies(method));
        let text = fs::read_to_string(scene.path("analysis.toml")).expect("is there");
        let text = text.replace("{ file = \"rows.ndjson\" }", "{ command = [\"cat\"] }");
        fs::write(scene.path("analysis.toml"), text).expect("is written");
        let refused = said(&scene, 2, &run);
        assert!(
            refused.contains("compares with values that are yet to come"),
            "{refused}"
        );
        let refused = said(&scene, 2, &["run", "analysis.toml"]);
        assert!(refused.contains("that is run --follow"), "{refused}");
    }
    play.archiver.stop();
}
