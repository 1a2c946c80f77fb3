//! `archiver-analyze load`: records in tables of real databases, each once.

mod emptied;
mod fields;
mod kills;
mod labels;
mod models;
mod refused;

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::analyze::{FIRST_MS, analyze, captured, program, said, text};
use crate::databases::{Database, Of, PASSWORD};
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;

const FILE: &str = "captured.ndjson.zst";
const MINUTE_MS: i64 = 60_000;
const ALL: [Of; 3] = [Of::MariaDb, Of::Postgres, Of::Sqlite];

/// Captures these values, a minute apart, from one partition.
fn captured_values<'a>(scene: &'a Scene, values: &[&str]) -> Topic<'a> {
    let topic = scene.planned("values");
    topic.make(1, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    for (number, value) in (0..).zip(values) {
        let record = Record {
            value: Some(value.as_bytes().to_vec()),
            timestamp: Some(FIRST_MS + number * MINUTE_MS),
            ..Record::default()
        };
        producer.send(&topic, record.to(0));
    }
    producer.flush();
    let (from, name) = (topic.bootstrap(), &topic.name);
    let flags = format!("capture -b {from} -t {name} -o {FILE} --all");
    let flags = flags.split(' ').collect::<Vec<_>>();
    let ended = crate::archiver::run(scene.directory(), &flags);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    topic
}

/// Runs it with the database's password.
fn command(scene: &Scene, database: &Database, flags: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(scene.directory());
    command.env("ARCHIVER_DATABASE_PASSWORD", PASSWORD);
    command.args(["load", FILE]);
    command.args(["--to", &database.url, "--table", "samples"]);
    command.args(flags);
    command
}

fn load(scene: &Scene, database: &Database, flags: &[&str]) -> Output {
    command(scene, database, flags)
        .output()
        .expect("is started")
}

#[track_caller]
fn loaded(scene: &Scene, database: &Database, flags: &[&str]) -> String {
    let output = load(scene, database, flags);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{database}: {flags:?}: {said}");
    text(&output.stdout)
}

/// The ids in the table, and their values, in order.
fn there(database: &Database) -> Vec<(i64, i64, String)> {
    let (quoted, host) = match database.of {
        Of::MariaDb => (["`partition`", "`offset`"], "COALESCE(host, 'NULL')"),
        Of::Postgres | Of::Sqlite => (["\"partition\"", "\"offset\""], "COALESCE(host, 'NULL')"),
    };
    let [partition, offset] = quoted;
    let query = format!("SELECT {partition}, {offset}, {host} FROM samples ORDER BY 1, 2");
    let rows = database.rows(&query).into_iter();
    let rows = rows.map(|row| {
        let mut cells = row.split('\t');
        let mut number = || {
            cells
                .next()
                .and_then(|cell| cell.parse().ok())
                .expect("a number")
        };
        let (partition, offset) = (number(), number());
        (partition, offset, cells.next().expect("a host").to_owned())
    });
    rows.collect()
}

/// The same by an independent reading: `archiver cat`'s records, and the filter in this test's words.
fn expected(scene: &Scene, passes: impl Fn(&Value) -> bool) -> Vec<(i64, i64, String)> {
    let ended = crate::archiver::run(scene.directory(), &["cat", FILE, "--with-meta"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let records = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut expected = Vec::new();
    for record in records {
        // What is no JSON is text there, and has no fields.
        let value = match &record["value"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        if !passes(&value) {
            continue;
        }
        let number = |name: &str| record[name].as_i64().expect("a number");
        let host = value["host"].as_str().unwrap_or("NULL").to_owned();
        expected.push((number("partition"), number("offset"), host));
    }
    expected.sort();
    expected
}

/// Fails the test unless the table has these rows.
#[track_caller]
fn assert_there(database: &Database, expected: &[(i64, i64, String)]) {
    let there = there(database);
    let other = there.iter().zip(expected).find(|(one, other)| one != other);
    assert!(other.is_none(), "{database}: {other:?}");
    assert_eq!(there.len(), expected.len(), "{database}");
}

#[test]
fn what_passes_the_filter_is_in_the_table_once_however_often_it_is_loaded() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let expected = expected(&scene, |value| {
        value["data"].as_f64().is_some_and(|data| data < 20.0)
    });
    assert!(expected.len() > 1_000);
    for of in ALL {
        let database = Database::new(of, scene.directory());
        let flags = [
            "--filter",
            "data < 20",
            "--columns",
            "host,data,m.n",
            "--batch",
            "100",
            "--create",
        ];
        let first = loaded(&scene, &database, &flags);
        assert!(
            first.starts_with(&format!(
                "samples: {} rows; of 3004 records, {0} pass the filter, ",
                expected.len()
            )),
            "{first}"
        );
        assert_there(&database, &expected);
        let second = loaded(&scene, &database, &flags[..6]);
        assert!(second.starts_with("samples: 0 more rows"), "{second}");
        let again = loaded(&scene, &database, &[&flags[..6], &["--again"]].concat());
        assert!(
            again.starts_with(&format!("samples: {} rows", expected.len())),
            "{again}"
        );
        assert_there(&database, &expected);
        // A table that was emptied is filled again.
        database.rows("DELETE FROM samples");
        loaded(&scene, &database, &flags[..6]);
        assert_there(&database, &expected);
    }
}

#[test]
fn types_times_and_texts_arrive_as_they_are() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    for of in ALL {
        let database = Database::new(of, scene.directory());
        loaded(
            &scene,
            &database,
            &[
                "--filter",
                "\"offset\" = 2 AND \"partition\" = 2",
                "--create",
            ],
        );
        let (time, quoted) = match of {
            Of::MariaDb => ("DATE_FORMAT(timestamp, '%Y-%m-%d %T.%f')", "`m.n`"),
            Of::Postgres => ("to_char(timestamp, 'YYYY-MM-DD HH24:MI:SS.US')", "\"m.n\""),
            Of::Sqlite => ("timestamp || '000'", "\"m.n\""),
        };
        let query =
            format!("SELECT {time}, ts, host, {quoted} + 1, data * 2, label IS NULL FROM samples");
        let rows = database.rows(&query);
        // The ninth record.
        let ms = FIRST_MS + 8 * 7_919;
        let time = jiff::Timestamp::from_millisecond(ms).expect("a time");
        let time = time.strftime("%Y-%m-%d %H:%M:%S%.3f000");
        let is_null = if of == Of::Postgres { "t" } else { "1" };
        let data = if of == Of::Sqlite { "4.0" } else { "4" };
        assert_eq!(
            rows,
            [format!(
                "{time}\t{ms}\t\u{e4} \u{1f980}\t9\t{data}\t{is_null}"
            )],
            "{database}"
        );
    }
}

#[test]
fn a_division_by_zero_and_a_null_are_neither_in_nor_out() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let database = Database::new(Of::Sqlite, scene.directory());
    // data is 0 in some records, missing in others.
    let output = loaded(
        &scene,
        &database,
        &["--filter", "\"m.n\" / data < 100", "--create"],
    );
    assert!(
        output.contains(
            " are neither: there is a null, a division by zero, or a text that is no number"
        ),
        "{output}"
    );
    let passes = |value: &Value| match (value["m"]["n"].as_f64(), value["data"].as_f64()) {
        (Some(n), Some(data)) if data != 0.0 => n / data < 100.0,
        _ => false,
    };
    assert_there(&database, &expected(&scene, passes));
}

#[test]
fn what_a_person_calls_normal_goes_in_beside_the_others_and_stays_so() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    for of in ALL {
        let database = Database::new(of, scene.directory());
        loaded(&scene, &database, &["--filter", "data < 1", "--create"]);
        let before = there(&database).len();
        std::fs::write(scene.path("normal.csv"), "partition,offset\n0,3\n2,7\n")
            .expect("is written");
        loaded(
            &scene,
            &database,
            &["--label", "normal", "--ids", "normal.csv"],
        );
        let labelled = || database.number("SELECT count(*) FROM samples WHERE label = 'normal'");
        assert_eq!(labelled(), 2, "{database}");
        assert!(there(&database).len() >= before);
        loaded(&scene, &database, &["--filter", "data < 25", "--again"]);
        assert_eq!(labelled(), 2, "{database}");
    }
}

#[test]
fn a_file_has_the_same_rows() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    for file in ["samples.parquet", "samples.ndjson"] {
        let output = analyze(
            &scene,
            &["load", FILE, "--filter", "data < 20", "--to", file],
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows = crate::analyze::rows(
            &scene,
            &[
                "sql",
                "SELECT \"partition\", \"offset\", host FROM samples ORDER BY 1, 2",
                file,
            ],
        );
        let rows = rows.iter().map(|row| {
            (
                row["partition"].clone(),
                row["offset"].clone(),
                row["host"].clone(),
            )
        });
        let expected = expected(&scene, |value| {
            value["data"].as_f64().is_some_and(|data| data < 20.0)
        });
        let expected = expected
            .into_iter()
            .map(|(p, o, host)| (json!(p), json!(o), json!(host)));
        assert!(rows.eq(expected), "{file}");
    }
    let said = said(&scene, 2, &["load", FILE, "--to", "samples.txt"]);
    assert!(said.contains("--to a database needs --table"), "{said}");
}
