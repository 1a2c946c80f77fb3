//! `archiver topics`: which topics there are, and that what it prints for a configuration is one.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::archiver::{Archiver, Ended, run};
use crate::kafka::Server;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::OnDrop;

/// Milliseconds since 1970, long ago.
const BEGIN: i64 = 1_764_420_000_000;

fn topics(scene: &Scene, flags: &[&str]) -> Ended {
    let broker = scene.server.bootstrap();
    run(
        scene.directory(),
        &[&["topics", "-b", &broker], flags].concat(),
    )
}

/// What is said of each topic.
fn listed(scene: &Scene, flags: &[&str]) -> Vec<Value> {
    let ended = topics(scene, &[&["--json"], flags].concat());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn topics_are_listed_with_how_much_they_hold_and_from_when_to_when() {
    let scene = Scene::new();
    let (full, empty) = (scene.planned("listed-full"), scene.topic("listed-empty", 2));
    // Its records are older than any is kept otherwise.
    full.make(3, &[("retention.ms", "-1")]);
    let records = [5, 3, 0, 9].iter().zip([0, 1, 2, 2]);
    Producer::new(scene.server).send_all(
        &full,
        records.map(|(minute, partition)| Record {
            timestamp: Some(BEGIN + minute * 60_000),
            ..Record::value("{}").to(partition)
        }),
    );
    full.delete_records(2, 1);
    let found = listed(&scene, &["listed-(full|empty)-.*", "--moment", "0s"]);
    let of = |topic: &Topic| {
        let found = found.iter().find(|line| line["topic"] == *topic.name);
        found.expect("it is listed").clone()
    };
    let expected = serde_json::json!({
        "cluster": scene.server.bootstrap(), "topic": full.name, "partitions": 3, "records": 3, "oldest": BEGIN + 3 * 60_000,
        "newest": BEGIN + 9 * 60_000, "records_per_s": null, "errors": [],
    });
    assert_eq!(of(&full), expected);
    let of_empty = of(&empty);
    assert_eq!(
        (&of_empty["partitions"], &of_empty["records"]),
        (&2.into(), &0.into())
    );
    assert!(of_empty["oldest"].is_null() && of_empty["newest"].is_null());
    let table = topics(&scene, &["listed-full-.*"]).stdout;
    let row = table.lines().find(|line| line.contains(&full.name));
    assert!(row.is_some_and(|row| row.contains("  3  ")), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
}

#[test]
fn a_topic_that_grows_is_told_from_one_that_is_quiet() {
    let scene = Scene::new();
    let (grows, quiet) = (scene.topic("rate-grows", 1), scene.topic("rate-quiet", 1));
    let producer = Producer::new(scene.server);
    let mut values = Values::new(1);
    producer.send_all(&quiet, values.jsons(3));
    let is_over = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                producer.send_all(&grows, values.jsons(1));
            }
        });
        let _over = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        listed(&scene, &["rate-.*", "--moment", "500ms"])
    });
    let rate = |topic: &Topic| {
        let found = found.iter().find(|line| line["topic"] == *topic.name);
        found
            .and_then(|line| line["records_per_s"].as_f64())
            .expect("a rate")
    };
    assert!(rate(&grows) > 0.0);
    assert_eq!(rate(&quiet), 0.0);
}

#[test]
fn kafka_s_own_topics_are_listed_only_by_a_pattern_that_names_them() {
    let scene = Scene::new();
    let own = scene.topic("__of-its-own", 1);
    let all = listed(&scene, &["--moment", "0s"]);
    assert!(all.iter().all(|line| line["topic"] != *own.name));
    let named = listed(&scene, &["__of-its-own.*", "--moment", "0s"]);
    assert!(named.iter().any(|line| line["topic"] == *own.name));
}

#[test]
fn what_is_printed_for_a_configuration_archives_the_topics() {
    let scene = Scene::new();
    let (first, second) = (scene.topic("pasted", 2), scene.topic("pasted", 1));
    let mut values = Values::new(1);
    for topic in [&first, &second] {
        Producer::new(scene.server).send_all(topic, values.jsons(20));
    }
    let pattern = format!("{}|{}", first.name, second.name);
    let printed = topics(
        &scene,
        &[&pattern, "--toml", "-X", "client.id=kept-to-itself"],
    );
    assert_eq!(printed.code(), Some(0), "{}", printed.stderr);
    let hint = printed.stdout.lines().next().expect("a line");
    assert!(
        hint.starts_with('#') && hint.contains("client.id"),
        "{hint}"
    );
    assert!(!printed.stdout.contains("kept-to-itself"));
    let config = format!("[defaults]\nstart = \"earliest\"\n\n{}", printed.stdout);
    fs::write(scene.path("topics.toml"), config).unwrap();
    let archiver = Archiver::start(scene.directory(), &["-c", "topics.toml"]);
    for topic in [&first, &second] {
        scene.await_lines(
            &archiver,
            &format!("save_data/{}.ndjson.zst", topic.name),
            20,
        );
    }
    archiver.stop();
    for topic in [&first, &second] {
        scene.assert_exact(topic, &format!("save_data/{}.ndjson.zst", topic.name));
    }
    // Of the configuration's cluster, which needn't be typed again.
    let flags = ["-c", "topics.toml", "topics", &pattern, "--toml"];
    let again = run(scene.directory(), &flags);
    assert_eq!(again.code(), Some(0), "{}", again.stderr);
    assert!(
        again
            .stdout
            .contains(&format!("topic = \"{}\"", first.name))
    );
}

#[test]
fn a_topic_that_can_not_be_listed_is_said_to_be_and_what_is_typed_wrong() {
    let scene = Scene::new();
    let none = topics(&scene, &["there-is-no-such-topic"]);
    assert_eq!(none.code(), Some(1), "{}", none.stderr);
    assert!(none.stderr.contains("no topic of"), "{}", none.stderr);
    let broken = topics(&scene, &["("]);
    assert_eq!(broken.code(), Some(2), "{}", broken.stderr);
    let nowhere = run(scene.directory(), &["topics"]);
    assert_eq!(nowhere.code(), Some(2), "{}", nowhere.stderr);
    assert!(
        nowhere.stderr.contains("-b HOST:PORT"),
        "{}",
        nowhere.stderr
    );
    let closed = run(scene.directory(), &["topics", "-b", "127.0.0.1:1"]);
    assert_eq!(closed.code(), Some(1), "{}", closed.stderr);
    assert!(closed.stderr.contains("refused"), "{}", closed.stderr);
}

#[test]
fn topics_that_a_user_may_not_see_are_not_listed() {
    let server = Server::secured();
    let scene = Scene::on(&server);
    let (hidden, shown) = (scene.topic("hidden", 1), scene.topic("shown", 1));
    server.grant("alice", &shown.name, &["DESCRIBE"]);
    let login = [
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanism=SCRAM-SHA-512",
        "sasl.username=alice",
    ];
    fs::write(scene.path("cluster.properties"), login.join("\n")).unwrap();
    let sasl = server.sasl();
    let typed = |password: &str| {
        let flags = [
            "topics",
            "-b",
            &sasl,
            "--cluster-config",
            "cluster.properties",
        ];
        let secret = format!("sasl.password={password}");
        let flags = [&flags[..], &["-X", &secret, "--json"]].concat();
        run(scene.directory(), &flags)
    };
    let ended = typed("alice-pw");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(&shown.name) && !ended.stdout.contains(&hidden.name));
    let wrong = typed("hunter2-is-wrong");
    assert_eq!(wrong.code(), Some(1), "{}", wrong.stdout);
    assert!(wrong.stderr.contains("uthentication"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("hunter2"), "{}", wrong.stderr);
}
