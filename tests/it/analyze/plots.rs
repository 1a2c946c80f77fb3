//! Pictures and pages of what was captured.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{FIRST_MS, analyze, said, text};
use crate::archiver::run;
use crate::produce::{Producer, Record};
use crate::scene::Scene;

/// Of each of these hosts 300 values a second from each other, one of which is far too high.
const HOSTS: [&str; 3] = [
    "web/1",
    "web:1",
    "</script><script>document.title = 'broken'</script>",
];
const RANGE: &str = "2023-11-14_22-13-50~2023-11-14_22-18-49";

fn captured(scene: &Scene<'_>) {
    let topic = scene.planned("plots");
    topic.make(1, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    for n in 0..300_i64 {
        for host in HOSTS {
            let ms = FIRST_MS + n * 1_000;
            let data = if n == 150 { 500 } else { 50 + n % 7 };
            let value = json!({"host": host, "data": data});
            let record = Record {
                value: Some(value.to_string().into_bytes()),
                timestamp: Some(ms),
                ..Record::default()
            };
            producer.send(&topic, record);
        }
    }
    producer.flush();
    let flags = format!(
        "capture -b {} -t {} -o p.ndjson.zst --all --format json",
        topic.bootstrap(),
        topic.name
    );
    let ended = run(scene.directory(), &flags.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

/// The files that it says it has written.
#[track_caller]
fn written(scene: &Scene<'_>, flags: &[&str]) -> Vec<String> {
    let output = analyze(scene, flags);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn each_group_has_a_picture_and_all_have_one() {
    let scene = Scene::new();
    captured(&scene);
    let plot = ["plot", "p.ndjson.zst", "--value", "data", "--by", "host"];
    let utc = ["--timezone", "UTC"];
    let pngs = written(&scene, &[&plot[..], &utc].concat());
    assert_eq!(pngs.len(), 1 + HOSTS.len(), "{pngs:?}");
    assert_eq!(pngs[0], format!("graph_save/{RANGE}/data.png"));
    for png in &pngs {
        let name = png.strip_prefix(&format!("graph_save/{RANGE}/data"));
        let name = name.expect("below the directory");
        assert!(!name.contains(['/', ':', '<']), "{png}");
        let bytes = fs::read(scene.path(png)).expect("is there");
        assert!(bytes.starts_with(b"\x89PNG\r\n") && bytes.len() > 20_000);
    }
    let svgs = written(
        &scene,
        &[&plot[..], &utc, &["--format", "svg", "-o", "x/y"]].concat(),
    );
    let svg = fs::read_to_string(scene.path(&svgs[1])).expect("is there");
    assert!(
        svg.contains("22:13:50 to 22:18:49, UTC \u{b7} 300 values, 1 anomaly"),
        "{svg}"
    );
    assert_eq!(svg.matches("<circle").count(), 2, "{svg}");
    let plain = written(
        &scene,
        &[
            "plot",
            "p.ndjson.zst",
            "--value",
            "data",
            "--plain",
            "--format",
            "svg",
            "--timezone",
            "UTC",
        ],
    );
    assert_eq!(plain, [format!("graph_save/{RANGE}/data.svg")]);
    let one = written(&scene, &[&plot[..], &utc, &["-o", "one.svg"]].concat());
    assert_eq!(one, ["one.svg"]);
    let one = fs::read_to_string(scene.path("one.svg")).expect("is there");
    assert!(one.contains("web/1") && one.contains("web:1"), "{one}");
    let svg = fs::read_to_string(scene.path(&plain[0])).expect("is there");
    assert!(
        !svg.contains("anomal") && svg.contains("900 values\n"),
        "{svg}"
    );
}

#[test]
fn a_file_of_analyses_draws_them_and_shares_a_page() {
    let scene = Scene::new();
    captured(&scene);
    let analyses = r#"
[[analysis]]
name = "slow"
source = "p.ndjson.zst"
value = ["data"]
window = { tumbling = "10s" }
aggregates = ["max", "count"]
anomalies = { method = "three-sigma" }
output = [{ report = "out/page.html" }, { plot = "out" }, { file = "out/slow.csv" }]

[[analysis]]
name = "raw"
source = "p.ndjson.zst"
value = ["data"]
by = ["host"]
output = [{ report = "out/page.html" }]
"#;
    fs::write(scene.path("analysis.toml"), analyses).expect("is written");
    let files = written(&scene, &["run", "analysis.toml", "--timezone", "UTC"]);
    let range = "2023-11-14_22-13-50~2023-11-14_22-18-40";
    assert_eq!(
        files,
        [
            format!("out/{range}/slow.max_data.png"),
            format!("out/{range}/slow.count_data.png"),
            "out/page.html".to_owned(),
        ]
    );
    let page = fs::read_to_string(scene.path("out/page.html")).expect("is there");
    assert_eq!(page.matches("<article").count(), 2 + HOSTS.len());
    assert!(page.contains("<h1>analysis</h1>") && page.contains(">raw.data, host = web/1</h3>"));
    assert!(scene.path("out/slow.csv").exists());
}

#[test]
fn what_can_t_be_drawn_is_said() {
    let scene = Scene::new();
    captured(&scene);
    let nothing = [
        "plot",
        "p.ndjson.zst",
        "--value",
        "data",
        "--filter",
        "data > 1000",
    ];
    let nothing = said(&scene, 0, &nothing);
    assert!(nothing.contains("there is nothing to draw"), "{nothing}");
    assert!(!scene.path("graph_save").exists());
    let plot = ["plot", "p.ndjson.zst", "--value", "data"];
    said(
        &scene,
        2,
        &[&plot[..], &["--timezone", "Europe/Berln"]].concat(),
    );
    said(
        &scene,
        2,
        &[&plot[..], &["-o", "a.html", "--format", "png"]].concat(),
    );
    fs::write(scene.path("a_file"), "").expect("is written");
    let refused = said(&scene, 1, &[&plot[..], &["-o", "a_file"]].concat());
    assert!(refused.contains("making a_file/"), "{refused}");
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn a_report_in_a_browser_is_drawn_and_lets_nothing_else_in() {
    let scene = Scene::new();
    captured(&scene);
    let page = ["--by", "host", "-o", "report.html"];
    let plot = ["plot", "p.ndjson.zst", "--value", "data"];
    let pages = written(&scene, &[&plot[..], &page].concat());
    assert_eq!(pages, ["report.html"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shots = root.join("target/browser");
    fs::create_dir_all(&shots).expect("is made");
    let script = Command::new("python3")
        .arg(root.join("tests/browser/report.py"))
        .arg(scene.path("report.html"))
        .arg(&shots)
        .arg(root.join("target/axe/node_modules/axe-core/axe.min.js"))
        .status();
    assert!(script.expect("python3").success(), "see above");
}
