//! Topics that aren't there or may not be read, users that aren't known.

use std::time::Duration;

use ::archiver::source::kafka::ProducerSettings;

use crate::config::Config;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::producer::Session;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

const REFRESH: (&str, &str) = ("topic.metadata.refresh.interval.ms", "1000");

#[test]
fn a_missing_topic_is_waited_for_and_read_from_its_beginning() {
    let scene = Scene::new();
    let (late, present) = (scene.planned("late"), scene.topic("present", 1));
    let mut values = Values::new(1);
    // Even with `latest`: all of it came after the archive was wanted.
    let config = Config::new()
        .set("kafka", REFRESH.0, REFRESH.1)
        .archive(&late, "late.ndjson", &[("start", "latest")])
        .archive(&present, "present.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::waits_for_topic(&late.name));
    Producer::new(scene.server).send_all(&present, values.jsons(10));
    scene.await_lines(&archiver, "present.ndjson", 10);
    late.make(2, &[]);
    Producer::new(scene.server).send_all(&late, values.jsons(50));
    scene.await_lines(&archiver, "late.ndjson", 50);
    archiver.stop();
    scene.assert_exact(&late, "late.ndjson");
    scene.assert_exact(&present, "present.ndjson");
}

#[test]
fn a_missing_topic_that_came_while_nobody_waited_is_read_from_its_beginning_too() {
    let scene = Scene::new();
    let late = scene.planned("late");
    let config = Config::new().archive(&late, "late.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::waits_for_topic(&late.name));
    archiver.stop();
    late.make(1, &[]);
    Producer::new(scene.server).send_all(&late, Values::new(1).jsons(20));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "late.ndjson", 20);
    archiver.stop();
    scene.assert_exact(&late, "late.ndjson");
}

#[test]
fn a_topic_that_is_gone_is_created_by_nobody_though_the_brokers_would() {
    let server = Server::private();
    server.node(1).set("auto.create.topics.enable", "true");
    server.stop();
    server.restart();
    let scene = Scene::on(&server);
    let (kept, gone) = (scene.topic("kept", 1), scene.topic("gone", 2));
    let mut values = Values::new(1);
    let producer = Producer::new(&server);
    producer.send_all(&kept, values.jsons(10));
    producer.send_all(&gone, values.jsons(10));
    let config = Config::new().set("kafka", REFRESH.0, REFRESH.1);
    let config = config.set("defaults", "start", "earliest");
    let config = config.archive(&kept, "kept.ndjson", &[]);
    let config = config.archive(&gone, "gone.ndjson", &[]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "kept.ndjson", 10);
    scene.await_lines(&archiver, "gone.ndjson", 10);
    gone.delete();
    archiver.await_line(&says::waits_for_topic(&gone.name));
    server.kill();
    archiver.await_line(&says::cluster_down());
    server.restart();
    archiver.await_line(&says::cluster_up());
    Producer::new(&server).send_all(&kept, values.jsons(10));
    scene.await_lines(&archiver, "kept.ndjson", 20);
    // Nor does what sends.
    let session = Session::new(&scene);
    let sending = session.producer(&ProducerSettings::default());
    let target = sending.target(&gone.name).expect("a topic");
    let unready = sending.ready(&[&target], Duration::from_secs(5));
    assert!(unready.is_err(), "it was created");
    assert!(server.topics().contains(&kept.name));
    assert!(!server.topics().contains(&gone.name), "it was created");
    archiver.stop();
    scene.assert_exact(&kept, "kept.ndjson");
}

#[test]
fn a_topic_that_may_not_be_read_stops_nobody_else_and_heals_with_the_right() {
    let server = Server::secured();
    let scene = Scene::on(&server);
    let (secret, public) = (scene.topic("secret", 1), scene.topic("public", 1));
    server.grant("alice", &public.name, &["READ", "DESCRIBE"]);
    server.grant("alice", &secret.name, &["DESCRIBE"]);
    let (producer, mut values) = (Producer::new(&server), Values::new(1));
    producer.send_all(&secret, values.jsons(10));
    producer.send_all(&public, values.jsons(10));
    let archiver = scene.start(&as_alice(&server, "alice-pw", &[&secret, &public]));
    archiver.await_line(&says::not_permitted(&secret.name));
    scene.await_lines(&archiver, &format!("{}.ndjson", public.name), 10);
    server.grant("alice", &secret.name, &["READ"]);
    scene.await_lines(&archiver, &format!("{}.ndjson", secret.name), 10);
    archiver.stop();
    for topic in [&secret, &public] {
        scene.assert_exact(topic, &format!("{}.ndjson", topic.name));
    }
}

#[test]
fn a_wrong_password_is_shown_without_being_told() {
    let server = Server::secured();
    let scene = Scene::on(&server);
    let (secret, public) = (scene.topic("secret", 1), scene.topic("public", 1));
    Producer::new(&server).send_all(&public, Values::new(1).jsons(10));
    let config = as_alice(&server, "hunter2-is-wrong", &[&secret]);
    // Another cluster, for all that archiver knows.
    let config = config.archive(&public, "public.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::not_authenticated());
    scene.await_lines(&archiver, "public.ndjson", 10);
    let ended = archiver.stop();
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

fn as_alice(server: &Server, password: &str, topics: &[&Topic]) -> Config {
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("clusters.secured", "broker", &server.sasl())
        .set(
            "clusters.secured.kafka",
            "security.protocol",
            "SASL_PLAINTEXT",
        )
        .set("clusters.secured.kafka", "sasl.mechanism", "SCRAM-SHA-512")
        .set("clusters.secured.kafka", "sasl.username", "alice")
        .set("clusters.secured.kafka", "sasl.password", password)
        .set("clusters.secured.kafka", REFRESH.0, REFRESH.1);
    topics.iter().fold(config, |config, topic| {
        config.archive_on("secured", topic, &format!("{}.ndjson", topic.name), &[])
    })
}

#[test]
fn another_cluster_at_the_same_address_is_called_that_and_nothing_of_it_counts() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("moved", 1);
    let mut values = Values::new(1);
    Producer::new(&server).send_all(&topic, values.jsons(100));
    let config = Config::new().set("kafka", REFRESH.0, REFRESH.1).archive(
        &topic,
        "a.ndjson",
        &[("start", "earliest")],
    );
    let archiver = scene.start(&config);
    scene.await_checkpointed(format!(".archiver/{}", topic.name), 100);
    server.stop();
    let other = server.replaced();
    let theirs = Topic::planned(&other, &topic.name);
    theirs.make(1, &[]);
    Producer::new(&other).send_all(&theirs, values.jsons(300));
    archiver.await_line(&says::stopped_elsewhere(&topic.name));
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let untrue = "deleted and created again";
    assert!(!ended.stderr.contains(untrue), "{}", ended.stderr);
    assert!(scene.gaps(&topic.name).is_empty());
    other.stop();
    server.restart();
    Producer::new(&server).send_all(&topic, values.jsons(10));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 110);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}
