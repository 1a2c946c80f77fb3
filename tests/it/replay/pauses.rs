//! Pauses, as the broker's own stamps have them.

use crate::replay::{FIRST, SECONDS, ends, now_ms, read, report, seconds, start, write};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, within};

/// Stamps are in whole milliseconds.
const GRAIN_MS: i64 = 2;

/// A topic whose timestamps are the broker's.
pub fn stamped<'a>(scene: &'a Scene, name: &str) -> Topic<'a> {
    let topic = scene.planned(name);
    topic.make(1, &[("message.timestamp.type", "LogAppendTime")]);
    topic
}

/// The broker's stamps, in order.
pub fn stamps(scene: &Scene, topic: &Topic) -> Vec<i64> {
    read(scene, topic)[&0]
        .iter()
        .map(|seen| seen.timestamp)
        .collect()
}

/// Are records never earlier behind the first one than they should be, and not much later? A machine that stood still when
/// the first or a later one was due says nothing about the schedule.
fn is_kept(stamps: &[i64], dues_ms: &[i64], late_ms: i64) -> bool {
    let passed = stamps.iter().map(|stamp| stamp - stamps[0]);
    let mut late = passed.zip(dues_ms).map(|(passed, due)| passed - due);
    stamps.len() == dues_ms.len() && late.all(|late| (-GRAIN_MS..=late_ms).contains(&late))
}

#[test]
fn pauses_are_as_long_as_they_were_by_the_clock_of_the_broker() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let dues = SECONDS.map(|second| second * 10);
    let mut tried = Vec::new();
    let kept = within(LONG, || {
        let topic = stamped(&scene, "replay-pauses");
        ends(
            &scene,
            0,
            &format!("data.csv -t {} --speed 100", topic.name),
        );
        tried = stamps(&scene, &topic);
        assert!(tried.is_sorted());
        is_kept(&tried, &dues, 50)
    });
    assert!(
        kept,
        "{dues:?} ms were due, and these were seen last: {tried:?}"
    );
}

#[test]
fn a_longest_pause_shortens_those_that_are_longer() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let dues = [0, 20, 40, 50, 70, 80, 100, 120, 130];
    let mut report = serde_json::Value::Null;
    let mut tried = Vec::new();
    let kept = within(LONG, || {
        let topic = stamped(&scene, "replay-shortened");
        let line = format!("data.csv -t {} --speed 100 --max-pause 20ms", topic.name);
        report = self::report(&scene, 0, &line);
        tried = stamps(&scene, &topic);
        is_kept(&tried, &dues, 50)
    });
    assert!(
        kept,
        "{dues:?} ms were due, and these were seen last: {tried:?}"
    );
    assert_eq!(report["shortened_pauses"], 3, "{report}");
    assert_eq!(report["shortened_ms"], 110.0, "{report}");
}

#[test]
fn a_rate_doesnt_ask_for_times() {
    let scene = Scene::new();
    write(
        &scene,
        "data.csv",
        &crate::replay::table((0..100).map(|_| FIRST)),
    );
    let topic = stamped(&scene, "replay-rate");
    let report = report(&scene, 0, &format!("data.csv -t {} --rate 200", topic.name));
    let stamps = stamps(&scene, &topic);
    let passed = stamps[99] - stamps[0];
    // The first one may have been late, by no more than was counted.
    let late = report["lateness"]["max_ms"].as_f64().expect("ms") as i64;
    assert!(passed + late + 50 > 495, "{passed} ms: {report}");
}

#[test]
fn the_first_record_is_due_at_the_time_that_was_said() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = stamped(&scene, "replay-start");
    let at = now_ms() + 1_500;
    let line = format!("data.csv -t {} --speed 1000 --start-at {at}", topic.name);
    let running = start(&scene, &line);
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let first = stamps(&scene, &topic)[0];
    assert!(first >= at - GRAIN_MS, "{} ms too early", at - first);
    let topic = stamped(&scene, "replay-start-behind");
    let asked = now_ms();
    ends(
        &scene,
        0,
        &format!("data.csv -t {} --speed 1000 --start-at +1s", topic.name),
    );
    let first = stamps(&scene, &topic)[0];
    assert!(first >= asked + 1_000 - GRAIN_MS, "{} ms", first - asked);
}
