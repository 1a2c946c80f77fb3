//! Archives with lines that archiver hasn't written.

use serde_json::json;

use crate::analyze::{rows, said};
use crate::config::Config;
use crate::duckdb;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

#[test]
fn a_line_that_is_no_record_is_named_and_left_out_on_demand() {
    let scene = Scene::new();
    let topic = scene.topic("foreign", 1);
    std::fs::write(scene.path("old.ndjson"), "no record\n{}\n").expect("is written");
    let keys = [("name", "old"), ("format", "json"), ("existing", "append")];
    let config = |file: &str, keys: &[(&str, &str)]| {
        let config = Config::new().set("defaults", "start", "earliest");
        config.archive(&topic, file, keys)
    };
    let values = (0..3).map(|n| Record::value(json!({"n": n}).to_string()));
    Producer::new(scene.server).send_all(&topic, values);
    let archiver = scene.start(&config("old.ndjson", &keys));
    scene.await_checkpointed(".archiver/old", 3);
    archiver.stop();
    let asked = ["sql", "SELECT sum(n) AS n FROM records", "old.ndjson"];
    let refused = said(&scene, 1, &asked);
    assert!(
        refused.contains("old.ndjson") && refused.contains("--skip-damaged"),
        "{refused}"
    );
    let skipping = [&asked[..], &["--skip-damaged"]].concat();
    assert_eq!(rows(&scene, &skipping), [json!({"n": 3})]);
    let skipped = said(&scene, 0, &skipping);
    assert!(
        skipped.contains("has lines that are no records"),
        "{skipped}"
    );
    // It is sealed once it is configured otherwise, and Parquet has its records, too.
    let archiver = scene.start(&config("new-{seq}.ndjson", &keys[..2]));
    eventually(LONG, "it is sealed", || {
        archiver.assert_runs();
        scene.checkpoint(".archiver/old")["sealed_bytes"].as_u64() > Some(0)
    });
    archiver.stop();
    let export = ["parquet", "old.ndjson", "-o", "lake"];
    let refused = said(&scene, 1, &export);
    assert!(refused.contains("--skip-damaged"), "{refused}");
    let written = said(&scene, 0, &[&export[..], &["--skip-damaged"]].concat());
    assert!(written.contains("written without some lines"), "{written}");
    let count = "SELECT sum(n) AS n FROM read_parquet('lake/**/*.parquet')";
    assert_eq!(duckdb::rows(scene.directory(), count), [json!({"n": 3})]);
}
