//! Killed again and again, it emits each window and each alert once: what the bounded query gives afterwards.
//!
//! `ARCHIVER_FOLLOW_KILLS` is how often, `ARCHIVER_FOLLOW_SEED` when.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::following::{Following, checkpoint, rows};
use super::receiver::Receiver;
use super::{FIRST_MS, Play};
use crate::analyze::analyze;
use crate::numbers::number;
use crate::produce::Record;
use crate::random::Random;
use crate::scene::Scene;
use crate::show::show;
use crate::wait::{LONG, OnDrop, eventually};

const PARTITIONS: u64 = 3;
/// So many milliseconds are between two records, by their own times.
const STEP_MS: u64 = 10;
/// Records come as much as so many places before their turn.
const SHUFFLED: u64 = 40;
/// So many records a second.
const RATE: u64 = 500;
/// What an alert is of.
const ALERT: [&str; 3] = ["metric", "time", "host"];

/// The analyses, with the method of their anomalies and their outputs.
fn definitions(prefix: &str, alerts: &str) -> String {
    format!(
        r#"
[[analysis]]
name = "metrics"
source = "metrics"
time = "ts"
value = "data"
by = "host"
window = {{ tumbling = "1s" }}
aggregates = ["count", "sum", "max", "p50"]
fill = "zero"
lateness = "500ms"
anomalies = {{ method = "rolling-sigma", history = "12s", sigmas = 4 }}
output = [{{ file = "{prefix}-metrics.ndjson" }}, {{ anomalies = "{prefix}-anomalies.ndjson" }}{alerts}]

[[analysis]]
name = "sliding"
source = "metrics"
time = "ts"
value = ["data", "n"]
filter = "host <> 'b'"
window = {{ sliding = "3s", every = "700ms" }}
aggregates = ["count", "min"]
lateness = "500ms"
output = [{{ file = "{prefix}-sliding.ndjson" }}]

[[analysis]]
name = "sessions"
source = "metrics"
time = "ts"
value = "data"
by = "user"
window = {{ session = "200ms" }}
aggregates = ["count", "sum"]
lateness = "500ms"
output = [{{ file = "{prefix}-sessions.ndjson" }}]
"#
    )
}

/// The record of this number. One host is quiet now and then, some values are far off, and a user has a few records in a row.
fn record(n: u64) -> Record {
    let shuffled = n / SHUFFLED * SHUFFLED + (n * 7) % SHUFFLED;
    let ts = FIRST_MS + (shuffled * STEP_MS).cast_signed();
    let host = match shuffled % 4 {
        0 | 1 => "a",
        2 => "b",
        _ if (shuffled / 700).is_multiple_of(2) => "\u{e4} \u{1f980}",
        _ => "a",
    };
    let data = match n % 1_531 {
        7 => 5_000.0,
        _ => (n % 97) as f64 / 4.0,
    };
    let user = (shuffled / 60).to_string();
    let value = json!({"ts": ts, "n": n, "host": host, "user": user, "data": data});
    Record::value(value.to_string()).to((n % PARTITIONS) as i32)
}

/// Sends records until it is done; whole rounds of those that change places.
fn produce(play: &Play, sent: &AtomicU64, is_done: &AtomicBool) {
    let began = Instant::now();
    while !is_done.load(Ordering::Relaxed) {
        let first = sent.load(Ordering::Relaxed);
        let records = (first..first + SHUFFLED * PARTITIONS).map(record);
        play.producer.send_all(&play.topic, records);
        sent.store(first + SHUFFLED * PARTITIONS, Ordering::Relaxed);
        let due = Duration::from_millis(first * 1_000 / RATE);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

/// What a row is of.
fn key(row: &Value, keys: &[&str]) -> String {
    let key = keys.iter().map(|key| row[key].to_string());
    key.collect::<Vec<_>>().join(" ")
}

/// Rows by what they are of; the test fails if one is there twice.
#[track_caller]
fn keyed(rows: Vec<Value>, keys: &[&str]) -> BTreeMap<String, Value> {
    let mut by = BTreeMap::new();
    for row in rows {
        let key = key(&row, keys);
        let again = by.insert(key.clone(), row);
        assert!(again.is_none(), "{key} is there twice");
    }
    by
}

#[track_caller]
fn assert_alike(one: &Value, other: &Value) {
    let (one, other) = (one.as_object().unwrap(), other.as_object().unwrap());
    assert!(one.keys().eq(other.keys()), "{one:?}, {other:?}");
    for (key, value) in one {
        let is_same = match (value.as_f64(), other[key].as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
            _ => *value == other[key],
        };
        assert!(is_same, "{key} of {one:?}, {other:?}");
    }
}

/// Fails the test unless the rows that were emitted are those that the bounded query gives, up to the watermark. Returns how
/// many there are.
#[track_caller]
fn assert_same(
    scene: &Scene,
    name: &str,
    keys: &[&str],
    is_closed: impl Fn(&Value) -> bool,
) -> usize {
    let of = |prefix: &str| rows(&scene.path(format!("{prefix}-{name}.ndjson")));
    let followed = keyed(of("followed"), keys);
    let bounded = keyed(of("bounded"), keys);
    for (key, row) in &bounded {
        match followed.get(key) {
            Some(found) => assert_alike(found, row),
            None => assert!(!is_closed(row), "{name}: {row} was not emitted"),
        }
    }
    for (key, row) in &followed {
        assert!(
            bounded.contains_key(key),
            "{name}: {row} is no row of the bounded query"
        );
        assert!(is_closed(row), "{name}: {row} was emitted too early");
    }
    followed.len()
}

/// The alerts that a command was told.
fn told_to_command(scene: &Scene) -> BTreeSet<String> {
    let commands = rows(&scene.path("commands.ndjson"));
    let ids = commands.iter().map(|alert| alert["id"].to_string());
    ids.collect()
}

/// Kills it at random moments while records come, then lets it come to the end of them.
fn storm(scene: &Scene, play: &Play, kills: u64) {
    let mut random = Random::new(number("ARCHIVER_FOLLOW_SEED", 1));
    let (sent, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let producing = scope.spawn(|| produce(play, &sent, &is_done));
        let _end = OnDrop(|| is_done.store(true, Ordering::Relaxed));
        for kill in 0..kills {
            let following = Following::start(scene, &["--poll", "100ms"]);
            let looked = checkpoint(scene, "metrics")["partitions"].clone();
            // Each third one may not even have begun.
            if kill % 3 > 0 {
                eventually(LONG, "it goes on", || {
                    following.assert_runs();
                    checkpoint(scene, "metrics")["partitions"] != looked
                });
            }
            thread::sleep(Duration::from_millis(random.below(1_500)));
            following.assert_runs();
            following.kill();
            assert!(!producing.is_finished(), "the producer has failed");
        }
    });
    let sent = usize::try_from(sent.into_inner()).expect("a few");
    scene.await_checkpointed(".archiver/metrics", sent);
}

#[test]
fn killed_again_and_again_it_emits_each_window_and_each_alert_once() {
    let kills = number("ARCHIVER_FOLLOW_KILLS", 8);
    let scene = Scene::new();
    let play = Play::new(&scene, PARTITIONS as i32);
    let receiver = Receiver::start();
    let hook = format!("http://{}/hook?x=1", receiver.address);
    fs::write(scene.path("token"), "secret-of-the-test\n").expect("is written");
    let alerts = format!(
        ", {{ webhook = {{ url = \"{hook}\", token_file = \"token\" }} }}, {{ command = [\"sh\", \"-c\", \"cat >> commands.ndjson\"] }}"
    );
    fs::write(
        scene.path("analysis.toml"),
        definitions("followed", &alerts),
    )
    .expect("is written");
    fs::write(scene.path("bounded.toml"), definitions("bounded", "")).expect("is written");
    storm(&scene, &play, kills);

    let following = Following::start(&scene, &["--poll", "100ms"]);
    for analysis in ["metrics", "sliding", "sessions"] {
        following.await_looked(&scene, analysis);
    }
    let anomalies = || rows(&scene.path("followed-anomalies.ndjson")).len();
    eventually(LONG, "all alerts are delivered", || {
        following.assert_runs();
        // One that was killed may have told the same twice.
        let commands = told_to_command(&scene).len();
        receiver.taken.lock().unwrap().alerts.len() >= anomalies() && commands >= anomalies()
    });
    let said = following.stop();
    assert!(said.contains(" 0 records that came late"), "{said}");
    assert!(
        !said.contains("/hook") && !said.contains("secret-of-the-test"),
        "{said}"
    );
    play.archiver.stop();

    let bounded = analyze(&scene, &["run", "bounded.toml", "-c", "topics.toml"]);
    assert!(
        bounded.status.success(),
        "{}",
        String::from_utf8_lossy(&bounded.stderr)
    );
    let watermark = |analysis: &str| {
        checkpoint(&scene, analysis)["watermark_ms"]
            .as_i64()
            .expect("a time")
    };
    let end = |row: &Value| row["window_end"].as_i64().expect("a time");
    // An empty window comes with the next one of its host.
    let mut last = BTreeMap::new();
    for row in rows(&scene.path("followed-metrics.ndjson")) {
        let end = end(&row);
        let held = last.entry(row["host"].to_string()).or_insert(end);
        *held = end.max(*held);
    }
    let is_empty_yet = |row: &Value| row["count"] == 0 && end(row) > last[&row["host"].to_string()];
    let closed = watermark("metrics");
    let windows = assert_same(&scene, "metrics", &["window_start", "host"], |row| {
        end(row) <= closed && !is_empty_yet(row)
    });
    let closed = watermark("sliding");
    let sliding = assert_same(&scene, "sliding", &["window_start"], |row| {
        end(row) <= closed
    });
    let closed = watermark("sessions");
    let sessions = assert_same(&scene, "sessions", &["window_start", "user"], |row| {
        end(row) < closed
    });
    let closed = watermark("metrics");
    let found = assert_same(&scene, "anomalies", &ALERT, |row| {
        row["time"].as_i64().expect("a time") + 1_000 <= closed
    });
    assert!(found > 0 && sliding > 0 && sessions > 0);

    let taken = receiver.taken.lock().unwrap();
    let expected = keyed(rows(&scene.path("followed-anomalies.ndjson")), &ALERT);
    let of = |alert: &Value| key(&alert["anomaly"], &ALERT);
    let told = taken.alerts.values().map(|(alert, _)| (of(alert), alert));
    let told = told.collect::<BTreeMap<_, _>>();
    assert!(told.keys().eq(expected.keys()), "{told:?}, {expected:?}");
    assert_eq!(told.len(), taken.alerts.len());
    for (key, alert) in told {
        assert_eq!(alert["anomaly"], expected[&key]);
    }
    let order = taken.order.iter().map(|id| of(&taken.alerts[id].0));
    let in_file = rows(&scene.path("followed-anomalies.ndjson"));
    assert!(
        order.eq(in_file.iter().map(|row| key(row, &ALERT))),
        "{:?}",
        taken.order
    );
    let commands = rows(&scene.path("commands.ndjson"));
    let ids = told_to_command(&scene);
    assert_eq!(ids.len(), expected.len());
    let again = taken
        .alerts
        .values()
        .map(|(_, count)| count - 1)
        .sum::<u64>();
    show(&format!(
        "follow: killed {kills} times, {windows} windows, {sliding} sliding ones, {sessions} sessions, {found} alerts; sent again: {again} by HTTP ({} refused), {} to a command",
        taken.refused,
        commands.len() - ids.len()
    ));
}
