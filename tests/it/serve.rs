//! `archiver-analyze serve`: what it answers about archives, and what it refuses.

mod browser;
mod document;
mod hostile;
mod limits;
mod refused;

use std::fs;

use serde_json::{Value, json};

use crate::analyze::program;
use crate::archiver::{Archiver, run};
use crate::http::ask::{Answer, get};
use crate::produce::{Producer, Record};
use crate::says;
use crate::scene::Scene;

/// When the first record was, in milliseconds since 1970: at the beginning of a minute.
const FIRST_MS: i64 = 1_700_000_040_000;
/// So many seconds have records, one of each host.
const SECONDS: i64 = 900;
const HOSTS: [&str; 3] = ["web/1", "web:2", "<b>web & 3</b>"];
/// Where the values of the first host are far too high.
const ODD_SECOND: i64 = 450;

/// Captures a value a second of each host; the archive is called `metrics`.
fn capture(scene: &Scene) {
    let topic = scene.planned("served");
    topic.make(2, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    for second in 0..SECONDS {
        for (number, host) in HOSTS.into_iter().enumerate() {
            let is_odd = second == ODD_SECOND && number == 0;
            let data = if is_odd {
                900
            } else {
                100 + (second * 7 + 3) % 11
            };
            let value = json!({"host": host, "data": data, "ok": second % 2 == 0});
            let record = Record {
                value: Some(value.to_string().into_bytes()),
                timestamp: Some(FIRST_MS + second * 1_000),
                ..Record::default()
            };
            producer.send(&topic, record.to((number % 2) as i32));
        }
    }
    producer.flush();
    let flags = format!(
        "capture -b {} -t {} -o metrics.ndjson.zst --all --format json",
        topic.bootstrap(),
        topic.name
    );
    let ended = run(scene.directory(), &flags.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

/// Learns from all but the odd value of the capture, into a model that is called `usual`.
fn learn(scene: &Scene) {
    fs::create_dir_all(scene.path("models")).expect("is made");
    let flags = [
        "train",
        "metrics.ndjson.zst",
        "--model",
        "models/usual.json",
        "--by",
        "host",
    ];
    let more = ["--features", "data", "--filter", "data < 200"];
    let trained = crate::analyze::analyze(scene, &[&flags[..], &more].concat());
    assert!(trained.status.success(), "{trained:?}");
}

/// The program, answering about a capture.
struct Served {
    program: Archiver,
    address: String,
    /// What the archive is called.
    archive: String,
}

impl Served {
    /// With these flags beside what makes it listen.
    fn start(scene: &Scene, flags: &[&str]) -> Self {
        let flags = [
            &["serve", "metrics.ndjson.zst", "--listen", "127.0.0.1:0"],
            flags,
        ]
        .concat();
        let program = Archiver::start_program(&program(), scene.directory(), &flags);
        let line = program.await_line(&says::answering());
        let (_, url) = line.split_once("http://").expect("an address");
        let mut served = Self {
            program,
            address: url.trim_end_matches('/').to_owned(),
            archive: String::new(),
        };
        let archives = get(&served.address, "/api/v1/archives");
        // Nothing where a token is needed.
        if archives.status == 200 {
            let archives = served.json("archives", "");
            let name = archives["archives"][0]["name"].as_str();
            served.archive = name.expect("a name").to_owned();
        }
        served
    }

    fn get(&self, route: &str, query: &str) -> Answer {
        let source = self.archive.replace(' ', "%20");
        let query = query.replace("ARCHIVE", &source);
        get(&self.address, &format!("/api/v1/{route}?{query}"))
    }

    /// What is answered, which must be well.
    #[track_caller]
    fn json(&self, route: &str, query: &str) -> Value {
        let answer = self.get(route, query);
        assert_eq!(answer.status, 200, "{route}?{query}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Why there is no answer, with this status.
    #[track_caller]
    fn why(&self, status: u16, route: &str, query: &str) -> String {
        let answer = self.get(route, query);
        assert_eq!(answer.status, status, "{route}?{query}: {}", answer.body);
        let body = serde_json::from_str::<Value>(&answer.body).expect("JSON");
        body["error"].as_str().expect("a reason").to_owned()
    }
}

#[test]
fn each_route_answers_about_an_archive_what_the_commands_do() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &[]);
    let archives = served.json("archives", "");
    let [archive] = &archives["archives"].as_array().expect("a list")[..] else {
        panic!("{archives}");
    };
    assert_eq!(archive["records"], SECONDS * 3);
    assert_eq!(archive["since_ms"], FIRST_MS);
    assert_eq!(archive["until_ms"], FIRST_MS + (SECONDS - 1) * 1_000);
    assert!(archive["trouble"].is_null() && archive["kind"] == "archive");
    let schema = served.json("schema", "source=ARCHIVE");
    let data = json!({"name": "data", "kind": "integer", "is_field": true});
    let columns = schema["columns"].as_array().expect("columns");
    assert!(
        columns.contains(&data) && schema["has_timestamps"] == true,
        "{schema}"
    );
    let since = FIRST_MS + 60_000;
    let range = format!("since={since}&until={}", since + 120_000);
    let measured = "source=ARCHIVE&value=data&by=host&tumbling=1m&aggregates=count,p99";
    let windows = served.json("windows", &format!("{measured}&{range}"));
    let flags = [
        "windows",
        "metrics.ndjson.zst",
        "--value",
        "data",
        "--by",
        "host",
        "--tumbling",
        "1m",
    ];
    let until = (since + 120_000).to_string();
    let more = [
        "--aggregates",
        "count,p99",
        "--since",
        &since.to_string(),
        "--until",
        &until,
    ];
    let printed = crate::analyze::rows(&scene, &[&flags[..], &more].concat());
    assert_eq!(printed.len(), 6);
    assert_eq!(windows["rows"], Value::from(printed));
    let anomalies = served.json("anomalies", "source=ARCHIVE&value=data&by=host&method=mad");
    let flags = [
        "anomalies",
        "metrics.ndjson.zst",
        "--value",
        "data",
        "--by",
        "host",
    ];
    let printed = crate::analyze::rows(&scene, &[&flags[..], &["--method", "mad"]].concat());
    assert_eq!(anomalies["rows"], Value::from(printed));
    assert_eq!(anomalies["rows"][0]["time"], FIRST_MS + ODD_SECOND * 1_000);
    let points = served.json("points", "source=ARCHIVE&value=data&by=host&method=mad");
    let odd = &points["series"][0];
    assert_eq!(odd["group"][0]["value"], "web/1");
    assert_eq!(odd["worst"][0]["value"], 900.0);
    // 900 values are more than columns.
    assert_eq!(odd["counts"]["values"], SECONDS);
    // Of a time without records there is nothing, and that is no mistake.
    let nothing = served.json("points", &format!("{measured}&since=-5m"));
    assert_eq!(nothing["series"], json!([]));
    let only = format!("{measured}&only=host:%3Cb%3Eweb%20%26%203%3C/b%3E");
    let only = served.json("windows", &only);
    assert_eq!(only["rows"].as_array().map(Vec::len), Some(15));
    assert_eq!(only["rows"][0]["host"], HOSTS[2]);
    served.program.stop();
}

#[test]
fn the_page_is_one_document_that_nothing_else_can_get_into() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &[]);
    let page = get(&served.address, "/");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"));
    let (_, body) = page.body.split_once("<body>").expect("a body");
    let (body, _) = body.split_once("<script>").expect("its script");
    for resource in [
        " src=",
        "@import",
        "url(",
        "href=\"http",
        " onclick",
        " style=",
    ] {
        assert!(
            !body.contains(resource),
            "{resource} loads or runs something"
        );
    }
    served.program.stop();
}

#[test]
fn analyses_of_a_file_are_told_with_their_last_runs_and_asked_by_their_names() {
    let scene = Scene::new();
    capture(&scene);
    let text = r#"
[[analysis]]
name = "high"
source = "metrics.ndjson.zst"
value = "data"
by = "host"
filter = "data > 105"
window = { tumbling = "1m" }
aggregates = ["count"]
anomalies = { method = "rolling-sigma", history = "5m" }
output = [{ file = "high.csv" }, { plot = "pictures" }]
"#;
    fs::write(scene.path("analysis.toml"), text).expect("is written");
    let served = Served::start(&scene, &["--analyses", "analysis.toml"]);
    let high = |results: &Value| results["analyses"][0].clone();
    let before = high(&served.json("results", ""));
    assert_eq!(before["source"], *served.archive);
    assert!(before["last_run_ms"].is_null(), "{before}");
    assert_eq!(before["reads_before_ms"], 300_000);
    let run = crate::analyze::analyze(&scene, &["run", "analysis.toml"]);
    assert!(run.status.success(), "{run:?}");
    let after = high(&served.json("results", ""));
    assert!(after["last_run_ms"].is_i64(), "{after}");
    for output in after["outputs"].as_array().expect("a list") {
        assert!(output["written_ms"].is_i64(), "{output}");
    }
    // Its filter is the file's, which nobody outside could say.
    let windows = served.json("windows", "analysis=high&only=host:web:2");
    let count = windows["rows"][0]["count"].as_i64().expect("a count");
    assert!((1..60).contains(&count), "{windows}");
    let mut broken = text.to_owned();
    broken.push_str("[[analysis]]\n");
    fs::write(scene.path("analysis.toml"), broken).expect("is written");
    let why = served.why(500, "results", "");
    assert!(
        why.contains("analysis.toml") && why.contains("line"),
        "{why}"
    );
    fs::write(scene.path("analysis.toml"), text).expect("is written");
    served.json("results", "");
    served.program.stop();
}

#[test]
fn a_model_of_the_directory_judges_records_as_the_command_does() {
    let scene = Scene::new();
    capture(&scene);
    learn(&scene);
    fs::write(scene.path("models/broken.json"), "{}").expect("is written");
    let served = Served::start(&scene, &["--models", "models"]);
    let models = served.json("models", "");
    assert_eq!(models["models"][1]["name"], "usual");
    assert_eq!(models["models"][1]["features"], json!(["data"]));
    let trouble = models["models"][0]["trouble"].as_str().expect("a reason");
    assert!(trouble.contains("this is no model"), "{trouble}");
    let flags = [
        "predict",
        "metrics.ndjson.zst",
        "--model",
        "models/usual.json",
        "--no-cache",
    ];
    let odd = crate::analyze::rows(&scene, &[&flags[..], &["--anomalies"]].concat());
    let verdicts = served.json("predict", "source=ARCHIVE&model=usual&anomalies=true");
    // Nulls are told here, and left out there.
    let told = verdicts["rows"].as_array().expect("rows").iter().cloned();
    let told = told.map(|mut row| {
        row.as_object_mut()
            .expect("an object")
            .retain(|_, value| !value.is_null());
        row
    });
    assert_eq!(told.collect::<Vec<_>>(), odd);
    assert_eq!(odd.len(), 1);
    // What is drawn: all scores of each group, of which those up to 1 are expected.
    let scores = served.json("scores", "source=ARCHIVE&model=usual");
    let series = scores["series"].as_array().expect("series");
    assert_eq!(series.len(), 3);
    let (first, time) = (&series[0], FIRST_MS + ODD_SECOND * 1_000);
    assert_eq!(first["group"][0]["value"], HOSTS[0]);
    assert_eq!(
        first["counts"],
        json!({"values": SECONDS, "missing": 0, "anomalies": 1})
    );
    assert_eq!(first["worst"][0]["time"], time);
    assert_eq!(first["worst"][0]["score"], odd[0]["score"]);
    let uppers = first["upper"].as_array().expect("a column").iter();
    assert!(uppers.clone().all(|upper| *upper == 1.0));
    let of_minute = format!("source=ARCHIVE&model=usual&series=1&since={time}");
    let of_minute = served.json("scores", &format!("{of_minute}&until={}", time + 60_000));
    assert_eq!(
        (
            &of_minute["more"],
            of_minute["series"][0]["counts"]["values"].as_i64()
        ),
        (&json!(2), Some(60))
    );
    let of_one = served.json(
        "predict",
        "source=ARCHIVE&model=usual&only=host:web:2&limit=7",
    );
    let rows = of_one["rows"].as_array().expect("rows");
    assert!(
        rows.len() == 7 && rows.iter().all(|row| row["host"] == "web:2"),
        "{rows:?}"
    );
    assert_eq!(of_one["is_cut"], true);
    assert!(
        served
            .why(404, "predict", "source=ARCHIVE&model=usuall")
            .contains("did you mean usual?")
    );
    assert!(
        served
            .why(400, "predict", "source=ARCHIVE&model=usual&only=data:1")
            .contains("only: not")
    );
    assert!(
        served
            .why(403, "predict", "source=ARCHIVE&model=usual&filter=1")
            .contains("--allow-sql")
    );
    served.program.stop();
}

#[test]
fn an_archive_that_grows_is_asked_as_it_is_now() {
    use crate::config::Config;
    let scene = Scene::new();
    let topic = scene.topic("growing", 1);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "flush", "50ms")
        .set("defaults", "checkpoint", "100ms")
        .archive(&topic, "metrics.ndjson.zst", &[("name", "metrics")]);
    let archiver = scene.start(&config);
    let producer = Producer::new(scene.server);
    let mut sent = 0;
    let mut send = |value: Value| {
        producer.send_all(&topic, [Record::value(value.to_string())]);
        sent += 1;
        scene.await_checkpointed(".archiver/metrics", sent);
    };
    send(json!({"a": 1}));
    let flags = ["serve", "-c", "topics.toml", "--listen", "127.0.0.1:0"];
    let program = Archiver::start_program(&program(), scene.directory(), &flags);
    let line = program.await_line(&says::answering());
    let (_, url) = line.split_once("http://").expect("an address");
    let address = url.trim_end_matches('/');
    let read = |path: &str| -> Value {
        let answer = get(address, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    };
    let fields = || {
        let schema = read("/api/v1/schema?source=metrics");
        let columns = schema["columns"].as_array().expect("columns").iter();
        let fields = columns.filter(|column| column["is_field"] == true);
        fields
            .map(|field| field["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(), ["a"]);
    send(json!({"a": 2, "b": 3}));
    assert_eq!(fields(), ["a", "b"]);
    let windows = read("/api/v1/windows?source=metrics&value=b&tumbling=1d&aggregates=count,sum");
    assert_eq!(
        (&windows["rows"][0]["count"], &windows["rows"][0]["sum"]),
        (&json!(1), &json!(3))
    );
    program.stop();
    archiver.stop();
}
