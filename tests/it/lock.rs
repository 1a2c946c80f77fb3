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
