//! Clusters: the embedded ones, Spark's and scikit-learn's come to the same centres from where a model began.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{analyzed, python};
use crate::scene::Scene;

/// Centres are within this of each other, in deviations.
const NEAR: f64 = 1e-6;

/// Rows of three services, of which each has three loads that run into each other.
fn rows() -> String {
    let mut state = 1_u64;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut lines = String::new();
    for n in 0..30_000 {
        let service = ["cart", "pay \u{e4}", "search"][n % 3];
        let load = (3.0 * unit()).floor();
        let time = (1.0 + load) * (n % 3 + 1) as f64 * (-unit().max(1e-12).ln() + 0.3);
        let count = 100.0 * (load + 0.7 * unit());
        let row = json!({"service": service, "ms": time, "count": count.floor(), "same": 5});
        writeln!(lines, "{row}").expect("text");
    }
    lines
}

/// The lines that a program of Spark's Python prints for the model and its rows.
fn printed(scene: &Scene, program: &[&str]) -> Vec<Value> {
    let mut command = python("spark");
    command.current_dir(scene.directory()).args(program);
    command.args(["model.json", "rows.ndjson"]);
    // Nobody else on the network has anything to do with it.
    command.env("SPARK_LOCAL_IP", "127.0.0.1");
    let output = command.output().expect("Spark's Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {said}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

fn numbers(centres: &Value) -> Vec<f64> {
    let centres = centres.as_array().expect("centres").iter();
    let numbers = centres.flat_map(|centre| centre.as_array().expect("a centre"));
    numbers
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}

#[test]
#[ignore = "needs Spark and scikit-learn: make engines"]
fn clusters_come_to_the_same_centres_on_every_engine() {
    let scene = Scene::new();
    fs::write(scene.path("rows.ndjson"), rows()).expect("is written");
    let flags =
        "train rows.ndjson --model model.json --features ms,count,same --by service --seed 3";
    analyzed(&scene, &flags.split(' ').collect::<Vec<_>>());
    let model = fs::read_to_string(scene.path("model.json")).expect("a model");
    let model = serde_json::from_str::<Value>(&model).expect("JSON");
    let groups = model["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 3);
    let scikit = Path::new(env!("CARGO_MANIFEST_DIR")).join("engines/scikit_clusters.py");
    let scikit = scikit.to_string_lossy();
    for (engine, program) in [
        ("Spark", &["-m", "archiver_spark.clusters"][..]),
        ("scikit-learn", &[&scikit]),
    ] {
        let found = printed(&scene, program);
        assert_eq!(found.len(), groups.len());
        let mut farthest = 0.0_f64;
        for (group, found) in groups.iter().zip(&found) {
            assert_eq!(group["by"], found["by"]);
            let embedded = numbers(&group["learned"]["kmeans"]["centres"]);
            let found = numbers(&found["centres"]);
            assert_eq!((embedded.len(), found.len()), (9, 9));
            let off = embedded
                .iter()
                .zip(&found)
                .map(|(one, other)| (one - other).abs());
            farthest = off.fold(farthest, f64::max);
        }
        println!("{engine}: 3 groups of 10,000 rows, centres within {farthest:.1e}");
        assert!(farthest < NEAR, "{engine}: {farthest}");
    }
}
