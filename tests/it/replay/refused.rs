//! Records that are refused, and what becomes of those beside them.

use rustix::process::Signal;

use crate::replay::{FIRST, now_ms, numbers, report, says, seconds, start, table, write};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

const HOUR: i64 = 3_600_000;
const ROWS: i64 = 200;

/// A topic that refuses two records of a file, and the flags that send it.
fn tried<'a>(scene: &'a Scene) -> (Topic<'a>, String) {
    let topic = scene.planned("replay-refused");
    topic.make(1, &[("message.timestamp.after.max.ms", "3600000")]);
    let now = now_ms();
    let times = (0..ROWS).map(|row| now + row + if is_bad(row) { 2 * HOUR } else { 0 });
    let file = format!("{}.csv", topic.name);
    write(scene, &file, &table(times));
    (topic, format!("{file} --speed max"))
}

fn is_bad(row: i64) -> bool {
    row % 100 == 50
}

#[test]
fn what_was_in_a_batch_with_a_refused_record_arrives_all_the_same() {
    let scene = Scene::new();
    let (topic, line) = tried(&scene);
    let report = report(&scene, 3, &format!("{line} --on-refused skip"));
    let of = &report["topics"][0];
    assert_eq!(of["arrived"], ROWS - 2, "{report}");
    let refused = of["refused"].as_object().expect("reasons");
    assert!(refused.keys().all(|why| why.contains("--timestamps shift")));
    assert_eq!(
        refused
            .values()
            .map(|count| count.as_i64().expect("a number"))
            .sum::<i64>(),
        2
    );
    let good = (0..ROWS).filter(|&row| !is_bad(row));
    assert!(numbers(&scene, &topic).into_iter().eq(good));
}

#[test]
fn a_refusal_in_a_transaction_ends_it_at_once() {
    let scene = Scene::new();
    let (topic, line) = tried(&scene);
    let parts = [&*topic.name, "was refused", "--timestamps shift"];
    says(&scene, 1, &format!("{line} --exactly-once"), &parts);
}

#[test]
fn a_transaction_that_the_brokers_keep_for_less_time_than_it_lasts_is_taken_back() {
    let scene = Scene::new();
    write(&scene, "data.csv", &table((0..60).map(|row| FIRST + row)));
    let topic = scene.topic("replay-expired", 1);
    let line = format!(
        "data.csv -t {} --exactly-once --transaction 5m -X transaction.timeout.ms=6000",
        topic.name
    );
    let parts = [
        "open for longer than 6s",
        "transaction.timeout.ms",
        "--resume",
    ];
    says(&scene, 1, &line, &parts);
    assert!(numbers(&scene, &topic).is_empty(), "all is taken back");
    // Unless somebody says it, they keep it for longer than it lasts; no longer than they may.
    let line = format!("data.csv -t {} --exactly-once --transaction 1h", topic.name);
    says(
        &scene,
        1,
        &line,
        &["larger than the maximum", "shorter --transaction"],
    );
}

#[test]
fn two_runs_of_one_name_do_not_run_at_once() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-two", 1);
    let line = format!("data.csv -t {} --name two", topic.name);
    let running = start(&scene, &line);
    eventually(LONG, "a record", || topic.bounds(0).1 > 0);
    says(
        &scene,
        1,
        &line,
        &["another run of the same name", "--name"],
    );
    running.signal(Signal::INT);
    assert_eq!(running.await_end().code(), Some(130));
}
