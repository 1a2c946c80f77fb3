//! All partitions of a topic, also those to come, and only what was committed.

use crate::config::Config;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn new_partitions_are_found_and_read_from_their_beginning() {
    let scene = Scene::new();
    let topic = scene.topic("grows", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, values.jsons(10));
    let config = Config::new()
        .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
        .archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 10);
    topic.grow(4);
    // Before archiver can have noticed.
    let producer = Producer::new(scene.server);
    for partition in 0..4 {
        producer.send_all(
            &topic,
            values.jsons(25).into_iter().map(|r| r.to(partition)),
        );
    }
    scene.await_lines(&archiver, "a.ndjson", 110);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn partitions_that_came_while_it_was_stopped_are_read_from_their_beginning() {
    let scene = Scene::new();
    let topic = scene.topic("grew", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    // Even if the archive began at the topic's end.
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "latest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&crate::says::running(&topic.name));
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
    topic.grow(3);
    let producer = Producer::new(scene.server);
    for partition in 0..3 {
        producer.send_all(
            &topic,
            values.jsons(10).into_iter().map(|r| r.to(partition)),
        );
    }
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 40);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn aborted_transactions_never_reach_the_file() {
    let scene = Scene::new();
    let topic = scene.topic("aborts", 3);
    let mut values = Values::new(1);
    let producer = Producer::transactional(scene.server, &topic.name);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    let mut committed = 0;
    for n in 0..30 {
        producer.begin();
        producer.send_all(&topic, (0..20).map(|_| values.mixed()));
        if n % 3 == 2 {
            producer.abort();
        } else {
            producer.commit();
            committed += 20;
        }
    }
    scene.await_lines(&archiver, "a.ndjson", committed);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn an_open_transaction_waits_for_its_end_and_comes_whole() {
    let scene = Scene::new();
    let (topic, other) = (scene.topic("open", 1), scene.topic("closed", 1));
    let mut values = Values::new(1);
    let plain = Producer::new(scene.server);
    let producer = Producer::transactional(scene.server, &topic.name);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .archive(&topic, "open.ndjson", &[])
        .archive(&other, "closed.ndjson", &[]);
    let archiver = scene.start(&config);
    producer.begin();
    producer.send_all(&topic, values.jsons(20));
    // Behind an open transaction nothing is stable.
    plain.send_all(&topic, values.jsons(20));
    plain.send_all(&other, values.jsons(20));
    scene.await_lines(&archiver, "closed.ndjson", 20);
    archiver.kill();
    let archiver = scene.start(&config);
    producer.commit();
    scene.await_lines(&archiver, "open.ndjson", 40);
    archiver.stop();
    scene.assert_exact(&topic, "open.ndjson");
}
