//! A replay that was interrupted, and goes on.

use rustix::process::Signal;

use crate::replay::{
    FIRST, SECONDS, ends, numbers, read, report, says, seconds, start, table, write,
};
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

#[test]
fn what_was_interrupted_has_arrived_and_the_rest_is_sent_with_resume() {
    let scene = Scene::new();
    let rows = 5_000;
    write(
        &scene,
        "long.csv",
        &table((0..rows).map(|row| FIRST * 1_000 + row)),
    );
    for flags in ["", "--exactly-once --transaction 50ms"] {
        let topic = scene.topic("replay-interrupted", 1);
        let line = format!("long.csv -t {} {flags}", topic.name);
        let running = start(&scene, &line);
        eventually(LONG, "some records", || {
            running.assert_runs();
            topic.bounds(0).1 > 200
        });
        running.signal(Signal::INT);
        let ended = running.await_end();
        assert_eq!(ended.code(), Some(130), "{}", ended.stderr);
        topic.await_committed();
        let arrived = numbers(&scene, &topic);
        let said = format!("interrupted after {} records", arrived.len());
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        assert!(ended.stderr.contains(" --resume"), "{}", ended.stderr);
        assert!(arrived.len() < 4_000 && arrived.iter().copied().eq(0..arrived.len() as i64));
        // How fast it goes may be another.
        let report = report(&scene, 0, &format!("{line} --speed max --resume"));
        assert_eq!(report["sent_before"], arrived.len(), "{report}");
        topic.await_committed();
        assert!(numbers(&scene, &topic).into_iter().eq(0..rows));
    }
    assert!(
        !scene.path(".archiver-replay").exists(),
        "nothing is left to go on with"
    );
}

#[test]
fn what_was_interrupted_goes_on_with_the_times_that_it_began_with() {
    let scene = Scene::new();
    let now = crate::replay::now_ms();
    // The oldest are older than what is asked for; a moment later others are as well.
    write(
        &scene,
        "late.csv",
        &table((0..8_000).map(|row| now - 62_000 + row)),
    );
    let topic = scene.topic("replay-relative", 1);
    let line = format!("late.csv -t {} --since -1m", topic.name);
    let running = start(&scene, &line);
    eventually(LONG, "some records", || topic.bounds(0).1 > 100);
    running.signal(Signal::INT);
    assert_eq!(running.await_end().code(), Some(130));
    ends(&scene, 0, &format!("{line} --speed max --resume"));
    let all = numbers(&scene, &topic);
    let first = all[0];
    assert!(first > 0, "there are older ones");
    assert!(all.into_iter().eq(first..8_000), "from {first}");
}

#[test]
fn rounds_go_on_as_well() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-rounds", 1);
    let line = format!("data.csv -t {} --loop 20 --timestamps shift", topic.name);
    let running = start(&scene, &format!("{line} --speed 8"));
    eventually(LONG, "a round", || topic.bounds(0).1 > 10);
    running.signal(Signal::INT);
    assert_eq!(running.await_end().code(), Some(130));
    ends(&scene, 0, &format!("{line} --speed max --resume"));
    let rounds = (0..20).flat_map(|_| 0..SECONDS.len() as i64);
    assert!(numbers(&scene, &topic).into_iter().eq(rounds));
    let seen = &read(&scene, &topic)[&0];
    let passed = seen
        .iter()
        .map(|of| (of.timestamp - seen[0].timestamp) / 1_000);
    let expected = (0..20).flat_map(|round| SECONDS.map(|second| 24 * round + second));
    assert_eq!(passed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn a_run_that_begins_anew_in_transactions_isnt_taken_for_the_one_before_it() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-anew", 1);
    let line = format!("data.csv -t {} --exactly-once", topic.name);
    ends(&scene, 0, &format!("{line} --speed max"));
    topic.await_committed();
    let written = || topic.ends("read_uncommitted").map(|ends| ends[0]);
    let all = written();
    // It is killed before its first transaction ends.
    let running = start(&scene, &format!("{line} --transaction 50s"));
    eventually(LONG, "records of the second run", || written() > all);
    running.kill();
    let report = report(&scene, 0, &format!("{line} --speed max --resume"));
    assert_eq!(report["sent_before"], 0, "{report}");
    topic.await_committed();
    let twice = (0..2).flat_map(|_| 0..SECONDS.len() as i64);
    assert!(numbers(&scene, &topic).into_iter().eq(twice));
}

#[test]
fn another_replay_is_not_gone_on_with() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    seconds(&scene, "other.csv");
    let topic = scene.topic("replay-other", 1);
    let line = format!("-t {} --name mine --speed 1", topic.name);
    let running = start(&scene, &format!("data.csv {line}"));
    eventually(LONG, "a record", || topic.bounds(0).1 > 0);
    running.signal(Signal::INT);
    assert_eq!(running.await_end().code(), Some(130));
    says(
        &scene,
        1,
        &format!("other.csv {line} --resume"),
        &["another replay", "mine.place"],
    );
    let line = format!("data.csv -t {} --name mine --speed max", topic.name);
    says(
        &scene,
        0,
        &line,
        &["an earlier run has sent", "mine.place.before", "--resume"],
    );
    let before = scene.path(".archiver-replay/mine.place.before");
    assert!(
        before.exists(),
        "it may be gone on with there, none the less"
    );
    says(
        &scene,
        0,
        &format!("{line} --resume"),
        &["nothing to go on with"],
    );
}
