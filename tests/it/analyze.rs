//! `archiver-analyze`: what was captured, asked by SQL and by windows. It is built by `make analyze-test`, not by Cargo's
//! own test command.

mod foreign;
mod interrupted;
mod models;
mod plots;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::archiver::run;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;

/// When the first record was, in milliseconds since 1970: in the middle of a minute.
pub const FIRST_MS: i64 = 1_700_000_030_000;

pub fn program() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_archiver")).with_file_name("archiver-analyze");
    assert!(
        program.exists(),
        "{} isn't there: make test builds it",
        program.display()
    );
    program
}

pub fn analyze(scene: &Scene, flags: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.current_dir(scene.directory()).args(flags);
    // Answers of before are the scene's own.
    command.env("XDG_CACHE_HOME", scene.path("caches"));
    command.output().expect("is started")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The rows that it prints.
#[track_caller]
pub fn rows(scene: &Scene, flags: &[&str]) -> Vec<Value> {
    let flags = [flags, &["--format", "ndjson"]].concat();
    let output = analyze(scene, &flags);
    assert!(
        output.status.success(),
        "{flags:?}: {}",
        text(&output.stderr)
    );
    let rows = text(&output.stdout);
    let rows = rows
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    rows.collect()
}

/// What it says as it ends with this exit code.
#[track_caller]
pub fn said(scene: &Scene, code: i32, flags: &[&str]) -> String {
    let output = analyze(scene, flags);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{flags:?}: {said}");
    said
}

/// Records of a metric over three partitions, out of order, with odd ones among them.
pub fn values() -> Vec<(i64, Option<String>)> {
    let mut values = (0..3_000_i64).map(|n| {
        let ms = FIRST_MS + (n * 7_919) % 600_000;
        let host = ["a", "b", "\u{e4} \u{1f980}"][(n % 3) as usize];
        let data = match n % 50 {
            0 => Value::Null,
            _ => json!((n % 97) as f64 / 4.0),
        };
        (
            ms,
            Some(json!({"ts": ms, "host": host, "data": data, "m": {"n": n}}).to_string()),
        )
    });
    let mut all = values.by_ref().collect::<Vec<_>>();
    all.extend([
        (FIRST_MS + 1, Some("no JSON".to_owned())),
        (FIRST_MS + 2, None),
        (
            FIRST_MS + 3,
            Some(r#"{"host":"a","data":"text","ts":1700000030003}"#.to_owned()),
        ),
        (FIRST_MS + 4, Some(r#"{"host":"a"}"#.to_owned())),
    ]);
    all
}

/// Makes a topic with these records, and captures it.
pub fn captured<'a>(scene: &'a Scene, file: &str, range: &str) -> Topic<'a> {
    let topic = scene.planned("analyze");
    topic.make(3, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    for (number, (ms, value)) in values().into_iter().enumerate() {
        producer.send(
            &topic,
            Record {
                value: value.map(String::into_bytes),
                key: Some(b"key".to_vec()),
                timestamp: Some(ms),
                ..Record::default()
            }
            .to((number % 3) as i32),
        );
    }
    producer.flush();
    let flags = format!(
        "capture -b {} -t {} -o {file} {range}",
        topic.bootstrap(),
        topic.name
    );
    let ended = run(scene.directory(), &flags.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    topic
}

#[test]
fn records_and_the_fields_of_their_values_are_rows() {
    let scene = Scene::new();
    for (file, range) in [
        ("raw.ndjson.zst", "--all"),
        ("json.ndjson.gz", "--all --format json"),
    ] {
        captured(&scene, file, range);
        let asked = "SELECT count(*) AS records, count(data) AS data, count(\"m.n\") AS n, min(timestamp) AS first, \
                     count(DISTINCT \"partition\") AS partitions, max(\"offset\") AS last FROM records";
        let found = rows(&scene, &["sql", asked, file]);
        let [all] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(all["records"], 3_004, "{file}");
        assert_eq!((&all["data"], &all["n"]), (&json!(2_940), &json!(3_000)));
        assert_eq!(
            (&all["partitions"], &all["last"]),
            (&json!(3), &json!(1_001))
        );
        assert_eq!(all["first"], "2023-11-14T22:13:50Z", "{file}");
        let host = rows(
            &scene,
            &[
                "sql",
                "SELECT count(*) AS n FROM records WHERE host = '\u{e4} \u{1f980}'",
                file,
            ],
        );
        assert_eq!(host[0]["n"], 1_000);
        let said = said(&scene, 0, &["sql", "SELECT sum(data) FROM records", file]);
        assert!(
            said.contains("data is something else in 1 records"),
            "{said}"
        );
    }
    let keys = rows(
        &scene,
        &[
            "sql",
            "SELECT count(*) AS n FROM records WHERE key = 'key'",
            "json.ndjson.gz",
        ],
    );
    assert_eq!(keys[0]["n"], 3_004);
}

#[test]
fn a_condition_on_the_timestamp_opens_only_the_blocks_that_it_needs() {
    let scene = Scene::new();
    captured(&scene, "part.ndjson.zst", "--all");
    let (since, until) = (FIRST_MS + 60_000, FIRST_MS + 120_000);
    let expected = values()
        .into_iter()
        .filter(|(ms, _)| (since..until).contains(ms))
        .count();
    let condition = format!(
        "timestamp >= to_timestamp_millis({since}) AND timestamp < to_timestamp_millis({until})"
    );
    let sql = format!("SELECT count(*) AS n FROM records WHERE {condition}");
    assert_eq!(
        rows(&scene, &["sql", &sql, "part.ndjson.zst"])[0]["n"],
        expected
    );
    let (since, until) = (since.to_string(), until.to_string());
    let flags = [
        "sql",
        "SELECT count(*) AS n FROM records",
        "part.ndjson.zst",
        "--since",
        &since,
        "--until",
        &until,
    ];
    assert_eq!(rows(&scene, &flags)[0]["n"], expected);
    let never = "EXPLAIN SELECT count(*) FROM records WHERE timestamp > '2099-01-01T00:00:00Z'";
    let plan = rows(&scene, &["sql", never, "part.ndjson.zst"]);
    let plan = format!("{plan:?}");
    assert!(plan.contains("segments=0 of 1"), "{plan}");
}

#[test]
fn windows_are_those_that_a_count_by_hand_gives() {
    let scene = Scene::new();
    captured(&scene, "w.ndjson.gz", "--all");
    let of_host = |host: &str| {
        let values = values().into_iter();
        let values = values.filter_map(|(_, value)| serde_json::from_str::<Value>(&value?).ok());
        let values = values.filter(|value| value["host"] == host);
        values
            .filter_map(|value| Some((value["ts"].as_i64()?, value["data"].as_f64())))
            .collect::<Vec<_>>()
    };
    let common = [
        "windows",
        "w.ndjson.gz",
        "--time",
        "ts",
        "--value",
        "data",
        "--aggregates",
        "count,sum,max,p50",
    ];
    let tumbling = [&common[..], &["--by", "host", "--tumbling", "1m"]].concat();
    let sliding = [
        &common[..],
        &["--by", "host", "--sliding", "90s", "--every", "1m"],
    ]
    .concat();
    for (flags, size, every) in [(&tumbling, 60_000, 60_000), (&sliding, 90_000, 60_000)] {
        let mut expected = BTreeMap::new();
        for host in ["a", "b", "\u{e4} \u{1f980}"] {
            for (ms, data) in of_host(host) {
                let last = ms - ms.rem_euclid(every);
                for start in [last, last - every] {
                    if ms < start + size {
                        let window = expected.entry((start, host.to_owned())).or_insert((0, 0.0));
                        window.0 += i64::from(data.is_some());
                        window.1 += data.unwrap_or(0.0);
                    }
                }
            }
        }
        let found = rows(&scene, flags);
        let found = found.iter().map(|row| {
            let start = row["window_start"].as_i64().expect("a number");
            assert_eq!(row["window_end"], start + size);
            let host = row["host"].as_str().expect("a host").to_owned();
            let measured = (
                row["count"].as_i64().expect("a number"),
                row["sum"].as_f64().unwrap_or(0.0),
            );
            ((start, host), measured)
        });
        let found = found.collect::<BTreeMap<_, _>>();
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (window, (count, sum)) in &expected {
            let of = found[window];
            assert!(
                of.0 == *count && f64::abs(of.1 - sum) < 1e-9,
                "{window:?}: {of:?}"
            );
        }
    }
    let session = [&common[..], &["--session", "10m"]].concat();
    let found = rows(&scene, &session);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["window_start"], FIRST_MS);
}

#[test]
fn a_query_changes_nothing_and_no_answer_takes_the_place_of_what_it_is_about() {
    let scene = Scene::new();
    captured(&scene, "e.ndjson", "--all");
    let before = std::fs::read(scene.path("e.ndjson")).expect("is read");
    for sql in [
        "COPY (SELECT 1 AS a) TO 'e.ndjson' STORED AS CSV",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'e.ndjson'",
        "DROP TABLE records",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let refused = said(&scene, 1, &["sql", sql, "e.ndjson"]);
        assert!(refused.contains("not supported"), "{sql}: {refused}");
    }
    let onto_itself = ["sql", "SELECT 1", "e.ndjson", "-o", "./e.ndjson"];
    let refused = said(&scene, 1, &onto_itself);
    assert!(refused.contains("is read for the answer"), "{refused}");
    std::fs::write(scene.path("other.csv"), "n\n1\n").expect("is written");
    let onto_another = ["sql", "SELECT * FROM other", "other.csv", "-o", "e.ndjson"];
    let refused = said(&scene, 1, &onto_another);
    assert!(refused.contains("is a file of the archive in"), "{refused}");
    let model = [
        "train",
        "e.ndjson",
        "--features",
        "data",
        "--model",
        "other.csv",
    ];
    let refused = said(&scene, 1, &model);
    assert!(refused.contains("a file that is no model"), "{refused}");
    let after = std::fs::read(scene.path("e.ndjson")).expect("is read");
    assert!(before == after, "the capture is another one");
    let lists = ["sql", "SELECT [1] AS list", "e.ndjson", "--format", "csv"];
    let refused = said(&scene, 1, &lists);
    assert!(refused.contains("CSV has no place for lists"), "{refused}");
    for twice in ["data,data", "data"] {
        let windows = ["windows", "e.ndjson", "--tumbling", "1m", "--value", twice];
        let flags = [&windows[..], &["--aggregates", "p50,p50"]].concat();
        let refused = said(&scene, 2, &flags);
        assert!(refused.contains("twice"), "{refused}");
    }
}

#[test]
fn what_can_t_be_asked_is_told_where_it_stands_and_with_what_was_meant() {
    let scene = Scene::new();
    captured(&scene, "e.ndjson", "--all");
    let sql = |sql: &str| said(&scene, 1, &["sql", sql, "e.ndjson"]);
    let column = sql("SELECT\n  hots\nFROM records");
    assert!(
        column.contains("No field named hots. Did you mean") && column.contains("  hots\n"),
        "{column}"
    );
    let table = sql("SELECT * FROM recrods");
    assert!(
        table.contains("there is no table recrods; did you mean records?"),
        "{table}"
    );
    let syntax = sql("SELECT 1 +");
    assert!(
        syntax.starts_with("archiver-analyze: ") && syntax.contains("Expected"),
        "{syntax}"
    );
    let field = said(
        &scene,
        1,
        &["windows", "e.ndjson", "--value", "dta", "--tumbling", "1m"],
    );
    assert!(
        field.contains("there is no field dta; did you mean data?"),
        "{field}"
    );
    let windows = ["windows", "e.ndjson", "--value", "data", "--tumbling", "1m"];
    let filter = "data > 1 AND hots = 'a'";
    let filtered = said(&scene, 1, &[&windows[..], &["--filter", filter]].concat());
    assert!(
        filtered.contains("reading the filter: No field named hots. Did you mean")
            && filtered.ends_with(&format!("    {filter}\n                 ^\n")),
        "{filtered}"
    );
    let name = "x\"; DROP TABLE records; --";
    let injected = said(
        &scene,
        1,
        &["windows", "e.ndjson", "--value", name, "--tumbling", "1m"],
    );
    assert!(injected.contains("there is no field x"), "{injected}");
    said(
        &scene,
        2,
        &["windows", "e.ndjson", "--value", "data", "--tumbling", "0s"],
    );
    said(
        &scene,
        2,
        &["sql", "SELECT 1", "--memory", "1MiB", "e.ndjson"],
    );
}

#[test]
fn a_time_without_records_has_no_rows_and_is_no_error() {
    let scene = Scene::new();
    captured(&scene, "e.ndjson", "--all");
    let windows = ["windows", "e.ndjson", "--value", "data", "--tumbling", "1m"];
    let later = ["--since", "2030-01-01T00:00:00Z"];
    assert!(!rows(&scene, &windows).is_empty());
    assert!(rows(&scene, &[&windows[..], &later].concat()).is_empty());
}

#[test]
fn a_damaged_segment_is_named_and_left_out_on_demand() {
    let scene = Scene::new();
    captured(&scene, "d.ndjson.zst", "--all");
    let path = scene.path("d.ndjson.zst");
    let mut bytes = std::fs::read(&path).expect("is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).expect("is written");
    let asked = [
        "sql",
        "SELECT count(value) AS n FROM records",
        "d.ndjson.zst",
    ];
    let refused = said(&scene, 1, &asked);
    assert!(
        refused.contains("d.ndjson.zst") && refused.contains("--skip-damaged"),
        "{refused}"
    );
    let skipped = said(&scene, 0, &[&asked[..], &["--skip-damaged"]].concat());
    assert!(
        skipped.contains("not read as a whole, as it is damaged"),
        "{skipped}"
    );
}

#[test]
fn records_without_a_time_are_left_out_and_counted_once() {
    let scene = Scene::new();
    let times = ["2023-11-14T22:13:20Z", "14/11/2023 22:13", "soon"];
    let lines = times.map(|ts| json!({"ts": ts, "n": 1}).to_string());
    let none = [r#"{"n": 1}"#, r#"{"n": null}"#, r#"{"n": 5000}"#].map(str::to_owned);
    let lines = [&lines[..], &none].concat();
    std::fs::write(scene.path("times.ndjson"), lines.join("\n")).expect("is written");
    let of = ["times.ndjson", "--time", "ts", "--value", "n"];
    let filter = ["--filter", "n IS NULL OR n < 1000"];
    // A record without a value is in a window, and is no point.
    for (command, untimed) in [
        (&["windows", "--tumbling", "1h"][..], 5),
        (&["windows", "--tumbling", "1h", "--fill", "zero"], 5),
        (&["windows", "--sliding", "1h", "--every", "10m"], 5),
        (&["windows", "--session", "5m"], 5),
        (&["anomalies", "--method", "mad"], 4),
        (&["plot", "-o", "pictures"], 4),
    ] {
        let asked = [&command[..1], &of, &command[1..]].concat();
        let all = said(&scene, 0, &asked);
        let filtered = said(&scene, 0, &[&asked[..], &filter].concat());
        for (said, expected) in [(all, untimed), (filtered, untimed - 1)] {
            let expected =
                format!("{expected} records say no time that can be read, and are left out");
            assert!(said.contains(&expected), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_sum_beyond_64_bits_is_null_instead_of_wrong() {
    let scene = Scene::new();
    let lines = [i64::MAX, 1, -1, 5].map(|n| json!({"ts": FIRST_MS, "n": n}).to_string());
    std::fs::write(scene.path("large.ndjson"), lines[..2].join("\n")).expect("is written");
    std::fs::write(scene.path("small.ndjson"), lines[2..].join("\n")).expect("is written");
    let sum = |file| {
        let asked = [
            "windows",
            file,
            "--time",
            "ts",
            "--value",
            "n",
            "--tumbling",
            "1h",
        ];
        let asked = [&asked[..], &["--aggregates", "sum,count"]].concat();
        let rows = rows(&scene, &asked);
        assert_eq!(rows[0]["count"], 2);
        rows[0]["sum"].clone()
    };
    assert_eq!(sum("large.ndjson"), Value::Null);
    assert_eq!(sum("small.ndjson"), 4);
}
