//! One owner for each file.

use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn a_second_archiver_on_the_same_file_ends_and_names_the_first() {
    let scene = Scene::new();
    let topic = scene.topic("owned", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let first = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 10);
    let second = scene.start_as(&config, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

/// Only the lock on the file itself tells one of the other.
#[test]
fn an_archiver_with_its_state_elsewhere_is_kept_off_a_file_that_was_taken_up_again() {
    let scene = Scene::new();
    let topic = scene.topic("resumed", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let with_state = |state_dir| Config::new().top("state_dir", state_dir);
    let keys = [("start", "earliest"), ("existing", "append")];
    let config = with_state("here").archive(&topic, "a.ndjson", &keys);
    let elsewhere = with_state("elsewhere").archive(&topic, "a.ndjson", &keys);
    let begun = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&begun, "a.ndjson", 10);
    begun.stop();
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let second = scene.start_as(&elsewhere, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

/// Only the lock beside the checkpoint tells one of the other, as a copy of the file is nobody's.
#[test]
fn a_second_archiver_is_kept_off_a_copy_that_was_put_in_the_file_s_place() {
    let scene = Scene::new();
    let topic = scene.topic("copied", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let keys = [("start", "earliest"), ("checkpoint", "60s")];
    let config = Config::new().archive(&topic, "a.ndjson", &keys);
    let begun = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&begun, "a.ndjson", 10);
    begun.stop();
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let (file, moved) = (scene.path("a.ndjson"), scene.path("moved"));
    std::fs::rename(&file, &moved).unwrap();
    std::fs::copy(&moved, &file).unwrap();
    let second = scene.start_as(&config, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    std::fs::rename(&moved, &file).unwrap();
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_second_archiver_still_does_what_is_its_own() {
    let scene = Scene::new();
    let (topic, free) = (scene.topic("owned", 1), scene.topic("free", 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let earliest = [("start", "earliest")];
    let config = Config::new().archive(&topic, "a.ndjson", &earliest);
    let first = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    producer.send_all(&free, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 10);
    let config = config.archive(&free, "b.ndjson", &earliest);
    let second = scene.start_as(&config, "second.toml");
    second.await_line(&says::owned_by(&topic.name, first.pid()));
    scene.await_lines(&second, "b.ndjson", 10);
    second.stop();
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
    scene.assert_exact(&free, "b.ndjson");
}

#[test]
fn one_that_was_refused_leaves_nothing_behind_that_counts_later() {
    let scene = Scene::new();
    let (topic, other) = (scene.topic("owner", 1), scene.topic("refused", 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let earliest = [("start", "earliest")];
    let config = Config::new().archive(&topic, "a.ndjson", &earliest);
    let foreign = Config::new().archive(&other, "a.ndjson", &earliest);
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let refused = scene.start_as(&foreign, "second.toml").await_end();
    says::owned_by(&other.name, first.pid()).assert_in(&refused);
    producer.send_all(&topic, values.jsons(100));
    scene.await_lines(&first, "a.ndjson", 100);
    first.stop();
    let refused = scene.start_as(&foreign, "second.toml").await_end();
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    says::file_exists("a.ndjson").assert_in(&refused);
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_killed_owner_s_lock_is_free() {
    let scene = Scene::new();
    let topic = scene.topic("orphan", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    for round in 1..=3 {
        let archiver = scene.start(&config);
        producer.send_all(&topic, values.jsons(10));
        scene.await_lines(&archiver, "a.ndjson", round * 10);
        archiver.kill();
    }
    let archiver = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 40);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}
