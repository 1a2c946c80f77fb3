//! Models beside databases: verdicts in a table, and what is learned from one.

use std::process::{Command, Output};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ALL, Database, Of, PASSWORD, Scene, program, text};
use crate::analyze::{FIRST_MS, rows};
use crate::archiver::run;
use crate::produce::{Producer, Record};
use crate::topic::Topic;

const FILE: &str = "services.ndjson.zst";
const RECORDS: i64 = 900;
const NORMAL: &str = "response_time < 700";

/// A record of a service's metrics; one in 90 is a fault, and one in 50 lacks a field.
fn metrics(n: i64) -> Value {
    let app = ["cart", "pay", "\u{e4} \u{1f980}"][(n % 3) as usize];
    let scale = [1.0, 20.0, 300.0][(n % 3) as usize];
    // Spread evenly, whatever the service.
    let part = ((n * 7_919) % 1_000) as f64 / 1_000.0;
    let time = scale * (1.0 + part) * if n % 90 == 14 { 8.0 } else { 1.0 };
    let count = 200 + (n * 104_729) % 100;
    let mut value =
        json!({"appid": app, "response_time": time, "request_count": count, "is_new": n % 5 < 2});
    if n % 50 != 7 {
        value["m"] = json!({"n": n % 7});
    }
    value
}

/// Captures them from two partitions.
fn captured<'a>(scene: &'a Scene) -> Topic<'a> {
    let topic = scene.planned("services");
    topic.make(2, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    for n in 0..RECORDS {
        let record = Record {
            value: Some(metrics(n).to_string().into_bytes()),
            timestamp: Some(FIRST_MS + n * 1_009),
            ..Record::default()
        };
        producer.send(&topic, record.to((n % 2) as i32));
    }
    producer.flush();
    let (from, name) = (topic.bootstrap(), &topic.name);
    let flags = format!("capture -b {from} -t {name} -o {FILE} --all");
    let ended = run(scene.directory(), &flags.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    topic
}

/// Runs it with the databases' password.
fn analyze(scene: &Scene, flags: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.current_dir(scene.directory()).args(flags);
    command.env("ARCHIVER_DATABASE_PASSWORD", PASSWORD);
    command.env("XDG_CACHE_HOME", scene.path("caches"));
    command.output().expect("is started")
}

/// What it prints, and what it says beside that.
#[track_caller]
fn done(scene: &Scene, flags: &[&str]) -> (String, String) {
    let output = analyze(scene, flags);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{flags:?}: {said}");
    (text(&output.stdout), said)
}

const LEARNED: [&str; 4] = [
    "--features",
    "response_time,request_count,m.n",
    "--by",
    "appid,is_new",
];

fn train(scene: &Scene, model: &str, flags: &[&str]) -> Value {
    let flags = [&["train", "--model", model][..], &LEARNED, flags].concat();
    done(scene, &flags);
    let model = std::fs::read(scene.path(model)).expect("a model");
    serde_json::from_slice(&model).expect("JSON")
}

/// What is said of a record: where it is and when, of whom, whether it is anomalous, and its score.
#[derive(Debug, PartialEq)]
struct Verdict {
    place: (i64, i64),
    time: String,
    app: String,
    said: String,
    score: Option<String>,
}

/// A score without its last digits, which JSON's reader may round.
fn rounded(score: f64) -> String {
    format!("{score:.9e}")
}

/// The verdicts as they are printed.
fn printed(scene: &Scene) -> Vec<Verdict> {
    let printed = rows(scene, &["predict", FILE, "--model", "services.json"]);
    let verdicts = printed.iter().map(|row| {
        let number = |name: &str| row[name].as_i64().expect("a number");
        let time = Timestamp::from_millisecond(number("time")).expect("a time");
        let said = match row["is_anomaly"].as_bool() {
            Some(true) => "odd",
            Some(false) => "usual",
            None => "nothing",
        };
        Verdict {
            place: (number("partition"), number("offset")),
            time: time.strftime("%Y-%m-%d %H:%M:%S%.3f000").to_string(),
            app: row["appid"].as_str().expect("text").to_owned(),
            said: said.to_owned(),
            score: row["score"].as_f64().map(rounded),
        }
    });
    let mut verdicts = verdicts.collect::<Vec<_>>();
    verdicts.sort_by_key(|verdict| verdict.place);
    verdicts
}

/// The verdicts in the table.
fn there(database: &Database) -> Vec<Verdict> {
    let (time, [partition, offset]) = match database.of {
        Of::MariaDb => (
            "DATE_FORMAT(time, '%Y-%m-%d %T.%f')",
            ["`partition`", "`offset`"],
        ),
        Of::Postgres => (
            "to_char(time, 'YYYY-MM-DD HH24:MI:SS.US')",
            ["\"partition\"", "\"offset\""],
        ),
        Of::Sqlite => ("time || '000'", ["\"partition\"", "\"offset\""]),
    };
    let said =
        "CASE WHEN is_anomaly IS NULL THEN 'nothing' WHEN is_anomaly THEN 'odd' ELSE 'usual' END";
    let query = format!(
        "SELECT {partition}, {offset}, {time}, appid, {said}, score FROM verdicts ORDER BY 1, 2"
    );
    let rows = database.rows(&query).into_iter();
    let verdicts = rows.map(|row| {
        let cells = row.split('\t').collect::<Vec<_>>();
        let [partition, offset, time, app, said, score] = cells[..] else {
            panic!("{row}");
        };
        let number = |cell: &str| cell.parse::<i64>().expect("a number");
        Verdict {
            place: (number(partition), number(offset)),
            time: time.to_owned(),
            app: app.to_owned(),
            said: said.to_owned(),
            score: score.parse().ok().map(rounded),
        }
    });
    verdicts.collect()
}

/// Fails the test unless the table has these verdicts, by one model. Returns its digest.
#[track_caller]
fn assert_there(database: &Database, expected: &[Verdict]) -> String {
    let there = there(database);
    let other = there.iter().zip(expected).find(|(one, other)| one != other);
    assert!(other.is_none(), "{database}: {other:?}");
    assert_eq!(there.len(), expected.len(), "{database}");
    let mut models = database.rows("SELECT DISTINCT model_sha256 FROM verdicts");
    assert_eq!(models.len(), 1, "{database}: {models:?}");
    models.remove(0)
}

/// The digest of a file by another program.
fn sha256(scene: &Scene, file: &str) -> String {
    let output = Command::new("sha256sum").arg(scene.path(file)).output();
    let said = text(&output.expect("sha256sum").stdout);
    said.split(' ').next().expect("a digest").to_owned()
}

#[test]
fn verdicts_are_in_a_table_once_and_a_model_s_own_replace_those_of_the_one_before() {
    let scene = Scene::new();
    let _topic = captured(&scene);
    for of in ALL {
        let database = Database::new(of, scene.directory());
        train(&scene, "services.json", &[FILE, "--filter", NORMAL]);
        let first = printed(&scene);
        let anomalies = first.iter().filter(|one| one.said == "odd").count();
        let unjudged = first.iter().filter(|one| one.said == "nothing").count();
        assert!(anomalies > 0 && unjudged == 18, "{anomalies}, {unjudged}");
        let judge = ["predict", FILE, "--model", "services.json"];
        let into = ["--to", &database.url, "--table", "verdicts"];
        let judge = [&judge[..], &into].concat();
        let refused = analyze(&scene, &judge);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("--create makes it:\nCREATE TABLE"), "{said}");
        let more = ["--create", "--batch", "100"];
        let (out, said) = done(&scene, &[&judge[..], &more].concat());
        let expected = format!("verdicts: {RECORDS} rows, {anomalies} anomalous\n");
        assert_eq!(out, expected, "{database}");
        assert!(said.contains("made a table:\nCREATE TABLE"), "{said}");
        assert!(said.contains("18 rows were not judged"), "{said}");
        assert_eq!(
            assert_there(&database, &first),
            sha256(&scene, "services.json")
        );
        let (again, _) = done(&scene, &judge);
        assert_eq!(again, expected, "{database}");
        let before = assert_there(&database, &first);
        // Another model says something else of the same records.
        let other = ["--filter", NORMAL, "--clusters", "1"];
        train(&scene, "services.json", &[&[FILE][..], &other].concat());
        let second = printed(&scene);
        assert_ne!(first, second);
        done(&scene, &judge);
        assert_ne!(assert_there(&database, &second), before, "{database}");
    }
}

#[test]
fn a_file_without_offsets_has_no_place_in_a_table() {
    let scene = Scene::new();
    std::fs::write(scene.path("a.ndjson"), "{\"a\":1}\n{\"a\":2}\n").expect("is written");
    let train = ["train", "a.ndjson", "--features", "a", "--model", "a.json"];
    done(&scene, &train);
    let judge = ["predict", "a.ndjson", "--model", "a.json"];
    let into = ["--to", "sqlite:a.db", "--table", "verdicts", "--create"];
    let refused = analyze(&scene, &[&judge[..], &into].concat());
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("has no offsets of records"), "{said}");
}

#[test]
fn a_table_of_samples_teaches_what_the_archive_does() {
    let scene = Scene::new();
    let _topic = captured(&scene);
    let since = (FIRST_MS + 60_000).to_string();
    let since = ["--since", &since];
    let normal = [FILE, "--filter", NORMAL];
    let of_archive = train(&scene, "archive.json", &[&normal[..], &since].concat());
    let learned = &of_archive["learned_from"];
    assert!(learned["left_out"].as_i64() > Some(0), "{learned}");
    assert_eq!(of_archive["groups"].as_array().map(Vec::len), Some(6));
    for of in ALL {
        let database = Database::new(of, scene.directory());
        let load = ["load", FILE, "--filter", NORMAL, "--create"];
        let into = ["--to", &database.url, "--table", "normal_samples"];
        done(&scene, &[&load[..], &into].concat());
        let from = ["--from", "normal_samples", "--database", &database.url];
        let of_table = train(&scene, "table.json", &[&from[..], &since].concat());
        for part in ["groups", "features", "by", "clusters", "seed", "time"] {
            assert_eq!(of_table[part], of_archive[part], "{database}: {part}");
        }
        for part in ["rows", "left_out", "first", "last"] {
            let of_table = &of_table["learned_from"][part];
            assert_eq!(*of_table, learned[part], "{database}: {part}");
        }
        let source = of_table["learned_from"]["source"].as_str();
        let expected = format!("table normal_samples of {}", database.url);
        assert_eq!(source, Some(&expected[..]));
    }
}
