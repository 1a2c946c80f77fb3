//! Models of what was captured: learned, asked, and asked again.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::{FIRST_MS, analyze, rows, said, text};
use crate::config::Config;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;

/// So many records are there before anything is learned.
const RECORDS: i64 = 6_000;

/// A record of a service's metrics; one in 300 is a fault. Each service is usual in its own way.
fn metrics(n: i64) -> Value {
    let app = ["cart", "pay", "search"][(n % 3) as usize];
    let scale = [1.0, 20.0, 300.0][(n % 3) as usize];
    // Spread evenly, whatever the service.
    let part = ((n * 7_919) % 1_000) as f64 / 1_000.0;
    let fault = is_fault(n);
    let time = scale * (1.0 + part) * if fault { 8.0 } else { 1.0 };
    let count = 200 + (n * 104_729) % 100;
    let fails = if fault { count / 2 } else { (n / 3) % 3 };
    json!({"appid": app, "response_time": time, "request_count": count, "fail_count": fails})
}

fn is_fault(n: i64) -> bool {
    n % 300 == 123
}

fn produce(producer: &Producer, topic: &Topic<'_>, numbers: std::ops::Range<i64>) {
    for n in numbers {
        let record = Record {
            value: Some(metrics(n).to_string().into_bytes()),
            timestamp: Some(FIRST_MS + n * 1_000),
            ..Record::default()
        };
        producer.send(topic, record.to((n % 2) as i32));
    }
    producer.flush();
}

/// Captures what is there, in segments that are sealed at the end.
fn captured<'a>(scene: &'a Scene, records: i64) -> (Topic<'a>, Config) {
    let topic = scene.planned("services");
    topic.make(2, &[("retention.ms", "-1")]);
    produce(&Producer::new(scene.server), &topic, 0..records);
    let config = Config::new()
        .archive(&topic, "data/{seq}.ndjson.gz", &[("name", "services")])
        .line("start = \"earliest\"\nseal_on_stop = true");
    capture(scene, &config, records);
    (topic, config)
}

fn capture(scene: &Scene, config: &Config, records: i64) {
    let archiver = scene.start(config);
    scene.await_checkpointed("data/.archiver/services", records as usize);
    archiver.stop();
}

/// How many records are in windows.
fn count(rows: &[Value]) -> i64 {
    let counts = rows.iter().filter_map(|row| row["count"].as_i64());
    counts.sum()
}

/// The only segment.
fn segment(scene: &Scene) -> PathBuf {
    let files = fs::read_dir(scene.path("data")).expect("a directory");
    let files = files.map(|file| file.expect("a file").path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|of| of == "gz");
    let segments = files.filter(is_segment).collect::<Vec<_>>();
    let [segment] = &segments[..] else {
        panic!("{segments:?}");
    };
    segment.clone()
}

const TRAIN: [&str; 12] = [
    "train",
    "services",
    "-c",
    "topics.toml",
    "--features",
    "response_time,request_count,fail_count",
    "--by",
    "appid",
    "--filter",
    "fail_count / request_count < 0.2",
    "--model",
    "services.json",
];
const PREDICT: [&str; 6] = [
    "predict",
    "services",
    "-c",
    "topics.toml",
    "--model",
    "services.json",
];

fn train(scene: &Scene, more: &[&str]) -> Vec<u8> {
    let output = analyze(scene, &[&TRAIN[..], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::read(scene.path("services.json")).expect("a model")
}

#[test]
fn faults_of_each_service_are_found_with_where_they_are() {
    let scene = Scene::new();
    captured(&scene, RECORDS);
    let model = train(&scene, &[]);
    assert!(
        model == train(&scene, &[]),
        "the same seed gives another model"
    );
    let read = serde_json::from_slice::<Value>(&model).expect("JSON");
    let faults = (0..RECORDS).filter(|n| is_fault(*n)).collect::<Vec<_>>();
    assert_eq!(read["learned_from"]["rows"], RECORDS - faults.len() as i64);
    assert_eq!(
        read["learned_from"]["archive_sha256"]
            .as_str()
            .map(str::len),
        Some(64)
    );
    assert_eq!(read["groups"].as_array().map(Vec::len), Some(3));
    for method in ["kmeans", "isolation-forest"] {
        train(&scene, &["--method", method]);
        let found = rows(&scene, &[&PREDICT[..], &["--anomalies"]].concat());
        let mut found_faults = Vec::new();
        for row in &found {
            let number = |name: &str| row[name].as_i64().expect("a number");
            let n = number("offset") * 2 + number("partition");
            assert_eq!(number("time"), FIRST_MS + n * 1_000);
            assert_eq!(row["appid"], metrics(n)["appid"]);
            assert_eq!(
                row["topic"]
                    .as_str()
                    .map(|topic| topic.starts_with("services")),
                Some(true)
            );
            assert_eq!(row["cluster"].is_null(), method != "kmeans");
            assert!(row["score"].as_f64() > Some(1.0) && row["is_anomaly"] == true);
            found_faults.extend(is_fault(n).then_some(n));
        }
        assert_eq!(found_faults, faults, "{method}");
        assert!(
            found.len() <= faults.len() + 12,
            "{method}: {} found",
            found.len()
        );
    }
    let all = rows(
        &scene,
        &[&PREDICT[..], &["--filter", "appid = 'pay'"]].concat(),
    );
    assert_eq!(all.len() as i64, RECORDS / 3);
    let drawn = analyze(
        &scene,
        &[&PREDICT[..], &["--plot", "graphs", "--timezone", "UTC"]].concat(),
    );
    assert!(drawn.status.success(), "{}", text(&drawn.stderr));
    let files = text(&drawn.stdout);
    assert_eq!(files.lines().count(), 4, "{files}");
    assert!(
        files.contains("/score-cart.png") && files.contains("/score.png"),
        "{files}"
    );
}

#[test]
fn an_answer_of_before_is_had_at_once_and_hides_nothing_that_came_since() {
    let scene = Scene::new();
    let (topic, config) = captured(&scene, RECORDS);
    train(&scene, &[]);
    let windows = [
        "windows",
        "services",
        "-c",
        "topics.toml",
        "--value",
        "response_time",
    ];
    let windows = [
        &windows[..],
        &["--tumbling", "1m", "--aggregates", "count,p99"],
    ]
    .concat();
    let anomalous = [&PREDICT[..], &["--anomalies"]].concat();
    let expected = (rows(&scene, &windows), rows(&scene, &anomalous));
    // Where the segments are away, nothing but an answer of before can say it.
    let segment = segment(&scene);
    let away = scene.path("away.gz");
    fs::rename(&segment, &away).expect("is moved");
    let begun = Instant::now();
    let again = rows(&scene, &anomalous);
    println!(
        "asked again: {:?}, with the start of the program",
        begun.elapsed()
    );
    assert!(
        (rows(&scene, &windows), again) == expected,
        "another answer"
    );
    for other in [
        &["--no-cache"][..],
        &["--refresh"],
        &["--filter", "appid = 'pay'"],
        &["--until", "2023-11-15T00:00:00Z"],
        &["--field", "fail_count=number"],
    ] {
        let said = said(&scene, 1, &[&anomalous[..], other].concat());
        assert!(said.contains(".ndjson.gz"), "{other:?}: {said}");
    }
    fs::rename(&away, &segment).expect("is moved back");
    train(&scene, &["--seed", "8"]);
    fs::rename(&segment, &away).expect("is moved");
    let retrained = said(&scene, 1, &anomalous);
    assert!(retrained.contains(".ndjson.gz"), "{retrained}");
    fs::rename(&away, &segment).expect("is moved back");
    train(&scene, &[]);
    let whole = fs::read(&segment).expect("is read");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    fs::write(&segment, damaged).expect("is written");
    // All of it may be in one block, so that no value shows which fields there are.
    let declared = ["--skip-damaged", "--field", "response_time=number"];
    let skipping = [&windows[..], &declared].concat();
    assert!(count(&rows(&scene, &skipping)) < RECORDS);
    fs::write(&segment, whole).expect("is written");
    assert_eq!(count(&rows(&scene, &skipping)), RECORDS);
    produce(&Producer::new(scene.server), &topic, RECORDS..RECORDS + 600);
    capture(&scene, &config, RECORDS + 600);
    let later = rows(&scene, &anomalous);
    let late = later
        .iter()
        .filter(|row| row["offset"].as_i64() >= Some(RECORDS / 2));
    assert!(late.count() >= 2, "what came later is hidden");
    assert_eq!(count(&rows(&scene, &windows)), RECORDS + 600);
    assert_eq!(count(&expected.0), RECORDS);
}

#[test]
fn a_cache_that_is_no_cache_is_said_once_and_the_answer_is_given() {
    let scene = Scene::new();
    captured(&scene, 600);
    train(&scene, &[]);
    let expected = rows(&scene, &PREDICT);
    assert_eq!(expected.len(), 600);
    let caches = scene.path("caches/archiver-analyze");
    for file in fs::read_dir(&caches).expect("a directory") {
        fs::remove_file(file.expect("a file").path()).expect("is removed");
    }
    fs::write(caches.join("answers-1.sqlite"), vec![1; 10_000]).expect("is written");
    let output = analyze(&scene, &[&PREDICT[..], &["--format", "ndjson"]].concat());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.matches("it is done without the cache").count(),
        1,
        "{said}"
    );
    assert_eq!(text(&output.stdout).lines().count(), 600);
    fs::remove_dir_all(&caches).expect("is removed");
    fs::write(&caches, "a file").expect("is written");
    assert!(rows(&scene, &PREDICT) == expected, "another answer");
}

#[test]
fn what_makes_no_model_or_no_use_of_one_is_refused_with_the_reason() {
    let scene = Scene::new();
    captured(&scene, 600);
    train(&scene, &[]);
    let forest = said(
        &scene,
        2,
        &[&TRAIN[..], &["--method", "random-forest"]].concat(),
    );
    assert!(
        forest.contains("only learn a rule that is known already"),
        "{forest}"
    );
    let newer = fs::read_to_string(scene.path("services.json")).expect("a model");
    let newer = newer.replace("\"format\": 1", "\"format\": 9");
    fs::write(scene.path("newer.json"), newer).expect("is written");
    for (model, says) in [
        ("newer.json", "it is of format 9"),
        ("topics.toml", "this is no model"),
        ("none.json", "reading none.json"),
    ] {
        let flags = ["predict", "services", "-c", "topics.toml", "--model", model];
        let refused = said(&scene, 1, &flags);
        assert!(refused.contains(says), "{refused}");
    }
    fs::write(
        scene.path("other.ndjson"),
        "{\"appid\":\"cart\",\"response_tim\":1}\n",
    )
    .expect("is written");
    let refused = said(
        &scene,
        1,
        &["predict", "other.ndjson", "--model", "services.json"],
    );
    assert!(
        refused.contains("there is no field response_time; did you mean response_tim?"),
        "{refused}"
    );
    let help = analyze(&scene, &["train", "--help"]);
    let long = text(&help.stdout)
        .lines()
        .filter(|line| line.chars().count() > 80)
        .count();
    assert_eq!(long, 0);
}
