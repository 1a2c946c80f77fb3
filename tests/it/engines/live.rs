//! Flink over a topic that grows: its own windows, which end by its watermark.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::answer::Answer;
use super::{analyzed, captured, odd, python};
use crate::kafka::Janitor;
use crate::produce::{Producer, Record};
use crate::scene::Scene;

/// By the most that one of the odd records is late: all of time since 1970, and more.
const LATENESS_MS: i64 = 4_000_000_000_000;

const DEFINITIONS: [&[&str]; 5] = [
    &[
        "--time",
        "ts",
        "--by",
        "host",
        "--tumbling",
        "7m",
        "--offset",
        "13s",
    ],
    &[
        "--time",
        "ts",
        "--by",
        "m.zone,flag",
        "--sliding",
        "10m",
        "--every",
        "5m",
    ],
    &["--time", "ts", "--by", "host", "--session", "1m"],
    &["--time", "at", "--session", "30s", "--filter", "n % 7 < 0"],
    &["--tumbling", "1h", "--by", odd::ODD_NAME],
];

#[test]
#[ignore = "needs Flink: make engines"]
fn flink_gives_the_same_windows_over_a_topic_as_it_grows() {
    let scene = Scene::new();
    let topic = captured(&scene);
    let measured = [
        "--value",
        "data",
        "--aggregates",
        "count,sum,mean,min,max,p95",
    ];
    let mut expected = Vec::new();
    for flags in DEFINITIONS {
        let flags = [&["windows", "json", "-c", "topics.toml"], flags, &measured].concat();
        let rows = analyzed(&scene, &[&flags[..], &["--format", "ndjson"]].concat());
        let sql = analyzed(&scene, &[&flags[..], &["--emit", "flink-live"]].concat());
        expected.push((flags, rows, sql));
    }
    // What comes long after the last one: then all windows before it have ended.
    let producer = Producer::new(scene.server);
    for partition in 0..3 {
        let ms = 1_800_000_000_000 + LATENESS_MS;
        let value = format!(r#"{{"ts":{ms},"at":"2183-10-22T00:00:00Z","n":-1}}"#);
        let record = Record {
            timestamp: Some(ms),
            ..Record::value(value)
        };
        producer.send(&topic, record.to(partition));
    }
    producer.flush();
    for (flags, rows, sql) in expected {
        let keys = keys(&flags);
        let expected = Answer::read(&rows, &keys);
        let file = scene.path("live.sql");
        std::fs::write(&file, sql).expect("is written");
        let found = first_lines(&topic.bootstrap(), &topic.name, &file, expected.rows());
        let difference = expected.compare(&Answer::read(&found, &keys));
        let difference = difference.unwrap_or_else(|e| panic!("{flags:?}: {e}"));
        println!(
            "flink-live: {} rows equal, largest difference {difference:.1e}",
            expected.rows()
        );
    }
}

/// The columns that say which window and group a row is of.
fn keys(flags: &[&str]) -> Vec<String> {
    let by = flags.iter().position(|flag| *flag == "--by");
    let by = by
        .map_or("", |at| flags[at + 1])
        .split(',')
        .filter(|name| !name.is_empty());
    ["window_start", "window_end"]
        .into_iter()
        .chain(by)
        .map(str::to_owned)
        .collect()
}

/// So many lines of what it prints while it goes on.
fn first_lines(bootstrap: &str, topic: &str, sql: &Path, lines: usize) -> String {
    let jar = "target/engines/jars/flink-sql-connector-kafka-5.0.0-2.2.jar";
    let jar = Path::new(env!("CARGO_MANIFEST_DIR")).join(jar);
    let mut command = python("flink");
    command.args(["-m", "archiver_flink.main"]).arg(sql);
    command
        .args(["--kafka", bootstrap, "--topic", topic, "--jar"])
        .arg(jar);
    command
        .args(["--lateness", &LATENESS_MS.to_string()])
        .stdout(Stdio::piped());
    let mut child = Janitor::get().spawn(&mut command).expect("Flink's Python");
    let output = child.stdout.take().expect("is piped");
    let read = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .take(lines);
    let read = read.map(|line| line + "\n").collect::<String>();
    // Flink itself is a child of Python's.
    let group = format!("-{}", child.id());
    let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
    assert!(ended.expect("kill").success());
    child.wait().expect("is ended");
    Janitor::get().forget(&child);
    read
}
