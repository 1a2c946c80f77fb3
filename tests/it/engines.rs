//! One definition, several engines: the one that is built in, DuckDB, Spark and Flink must give the same answer. `make test`
//! asks DuckDB some, `make engines` asks all of them 100.

mod answer;
mod clusters;
mod definition;
mod edges;
mod live;
mod odd;
mod question;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::analyze::analyze;
use crate::config::Config;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use answer::Answer;
use question::Question;

/// The engines that are asked, and how many definitions.
fn wanted() -> (Vec<String>, u64) {
    let engines = std::env::var("ARCHIVER_ENGINES").unwrap_or_else(|_| "duckdb".into());
    let definitions = std::env::var("ARCHIVER_DEFINITIONS").unwrap_or_else(|_| "20".into());
    (
        engines.split(',').map(str::to_owned).collect(),
        definitions.parse().expect("a number"),
    )
}

/// Captures records as sealed segments of three archives: odd ones as `raw` lines and as `json` with all that a record has, and
/// `edges`. Returns the topic of the odd ones.
fn captured<'a>(scene: &Scene<'a>) -> Topic<'a> {
    let odd = odd::records(1);
    let edges = edges::values().into_iter().map(|value| (1, value));
    let (topic, of_edges) = (made(scene, &odd), made(scene, &edges.collect::<Vec<_>>()));
    let sealed = |name: &str| {
        format!(
            "name = \"{name}\"\nstart = \"earliest\"\nseal_on_stop = true\nrotate = {{ records = 400 }}"
        )
    };
    let config = Config::new()
        .archive(&topic, "raw/{partition}-{seq}.ndjson.gz", &[])
        .line(&sealed("raw"))
        .archive(&topic, "json/{seq}.ndjson.zst", &[("format", "json")])
        .line(&sealed("json"))
        .archive(&of_edges, "edges/{seq}.ndjson", &[])
        .line(&sealed("edges"));
    let archiver = scene.start(&config);
    let records = [
        ("raw", odd.len()),
        ("json", odd.len()),
        ("edges", edges::values().len()),
    ];
    for (archive, records) in records {
        scene.await_checkpointed(format!("{archive}/.archiver/{archive}"), records);
    }
    archiver.stop();
    for (archive, _) in records {
        let file = format!("{archive}.parquet");
        let all = format!("SELECT * FROM \"{archive}\"");
        analyzed(
            scene,
            &["sql", &all, archive, "-c", "topics.toml", "-o", &file],
        );
    }
    topic
}

/// A topic with these records: their timestamps and values.
fn made<'a>(scene: &Scene<'a>, records: &[(i64, String)]) -> Topic<'a> {
    let topic = scene.planned("engines");
    let latest = ("message.timestamp.after.max.ms", "9223372036854775807");
    topic.make(3, &[("retention.ms", "-1"), latest]);
    let producer = Producer::new(scene.server);
    for (number, (ms, value)) in records.iter().enumerate() {
        let record = Record {
            timestamp: Some(*ms),
            ..Record::value(value.clone())
        };
        producer.send(&topic, record.to((number % 3) as i32));
    }
    producer.flush();
    topic
}

fn analyzed(scene: &Scene, flags: &[&str]) -> String {
    let output = analyze(scene, flags);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{flags:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Python with an engine, and the packages in which it reads archives.
fn python(engine: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = match engine {
        "duckdb" => "target/python/bin/python".to_owned(),
        engine => format!("target/engines/{engine}/bin/python"),
    };
    let mut command = Command::new(root.join(python));
    let packages =
        ["common", "spark", "flink"].map(|name| root.join("engines").join(name).join("src"));
    command.env(
        "PYTHONPATH",
        std::env::join_paths(packages).expect("no colon"),
    );
    command
}

/// Runs what was emitted for an engine, all of it in one session: `cases/NNN.ENGINE.sql` to `.ndjson`.
fn run_on(engine: &str, cases: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engines/run_cases.py");
    let mut command = python(engine);
    let status = command.arg(script).arg(engine).arg(cases).status();
    let status = status.unwrap_or_else(|e| panic!("Python with {engine}: {e}"));
    assert!(status.success(), "{engine}: see above");
}

/// The answer of the engine that is built in; what the others are asked stands in `cases` then.
fn asked(scene: &Scene, engines: &[String], number: usize, question: &Question) -> String {
    let first = ["windows", question.archive, "-c", "topics.toml"];
    let flags = question.flags.iter().map(|flag| &flag[..]);
    let flags = first.into_iter().chain(flags).collect::<Vec<_>>();
    for engine in engines {
        let sql = analyzed(scene, &[&flags[..], &["--emit", engine]].concat());
        let file = format!("cases/{number:03}.{engine}.sql");
        fs::write(scene.path(file), sql).expect("is written");
    }
    analyzed(scene, &[&flags[..], &["--format", "ndjson"]].concat())
}

#[test]
fn a_definition_has_the_same_answer_on_every_engine() {
    let scene = Scene::new();
    captured(&scene);
    let (engines, definitions) = wanted();
    let cases = scene.path("cases");
    fs::create_dir(&cases).expect("a directory");
    let edges = edges::questions();
    let of_edges = edges.len();
    let questions = edges
        .into_iter()
        .chain((0..definitions).map(definition::definition));
    let questions = questions.collect::<Vec<_>>();
    let answers = questions.iter().enumerate();
    let answers = answers.map(|(number, question)| asked(&scene, &engines, number, question));
    let answers = answers.collect::<Vec<_>>();
    for engine in &engines {
        run_on(engine, &cases);
        let (mut rows, mut largest) = (0, 0.0_f64);
        for (number, (question, answer)) in questions.iter().zip(&answers).enumerate() {
            let expected = Answer::read(answer, &question.keys);
            let found = cases.join(format!("{number:03}.{engine}.ndjson"));
            let found = fs::read_to_string(&found).expect("an answer");
            let difference = expected.compare(&Answer::read(&found, &question.keys));
            let difference = difference.unwrap_or_else(|e| {
                panic!("{engine}, {} {:?}: {e}", question.archive, question.flags)
            });
            rows += expected.rows();
            largest = largest.max(difference);
        }
        println!(
            "{engine}: {of_edges} edges, {definitions} definitions, {rows} rows equal, largest difference {largest:.1e}"
        );
        assert!(rows > questions.len(), "too little was compared");
    }
    let table = edges::table(&answers[..of_edges]);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/engines.md");
    let docs = fs::read_to_string(docs).expect("the docs");
    assert!(docs.contains(&table), "docs/engines.md lacks:\n{table}");
}
