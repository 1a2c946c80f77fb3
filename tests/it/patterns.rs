//! Archives by pattern: topics that come and go while archiver runs, and while it doesn't.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::archiver::run;
use crate::config::Config;
use crate::dump::{Partitions, Seen};
use crate::kafka::Server;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

const REFRESH: (&str, &str) = ("topic.metadata.refresh.interval.ms", "1000");
const FILE: &str = "{topic}.ndjson";

fn file(topic: &Topic) -> String {
    format!("{}.ndjson", topic.name)
}

/// What a topic holds after another one of its name.
fn behind(mut first: Partitions, second: Partitions) -> Partitions {
    for (partition, records) in second {
        first.entry(partition).or_default().extend(records);
    }
    first
}

#[test]
fn topics_that_come_and_go_are_archived_from_their_first_record_and_kafkas_own_stay_out() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let (producer, mut values) = (Producer::new(&server), Values::new(1));
    // Kafka keeps the offsets that are committed in a topic of its own.
    let config = Config::new()
        .set("kafka", REFRESH.0, REFRESH.1)
        .set("clusters.one", "broker", &server.bootstrap())
        .set("clusters.one", "commit_group", "archiver")
        .set("defaults", "checkpoint", "200ms")
        .pattern("one", ".*", FILE, &[("start", "latest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::waits_for_any_topic(".*"));
    let topics = ["first", "second", "third"].map(|name| scene.planned(name));
    let [first, second, third] = &topics;

    first.make(2, &[]);
    producer.send_all(first, values.jsons(50));
    scene.await_lines(&archiver, &file(first), 50);
    archiver.await_line(&says::new_topic(".*", &first.name));
    second.make(1, &[]);
    producer.send_all(second, values.jsons(50));
    scene.await_checkpointed(format!(".archiver/{}", second.name), 50);
    let before = scene.records(second);
    archiver.stop();

    // Both while nobody looks.
    second.delete();
    third.make(3, &[]);
    producer.send_all(third, values.jsons(40));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, &file(third), 40);
    second.make(1, &[]);
    let producer = Producer::new(&server);
    producer.send_all(second, values.jsons(30));
    scene.await_lines(&archiver, &file(second), 80);

    // While it runs.
    scene.await_checkpointed(format!(".archiver/{}", third.name), 40);
    let gone = scene.records(third);
    third.delete();
    archiver.await_line(&says::waits_for_topic(&third.name));
    third.make(3, &[]);
    let producer = Producer::new(&server);
    producer.send_all(third, values.jsons(20));
    scene.await_lines(&archiver, &file(third), 60);
    archiver.stop();

    scene.assert_exact(first, &file(first));
    let records = behind(before, scene.records(second));
    scene.assert_holds(&records, file(second));
    let records = behind(gone, scene.records(third));
    scene.assert_holds(&records, file(third));
    let files = fs::read_dir(scene.directory()).unwrap();
    let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files = files.filter(|name| name.ends_with(".ndjson"));
    let expected = topics.each_ref().map(file);
    assert_eq!(files.collect::<BTreeSet<_>>(), expected.into());
}

#[test]
fn a_topic_has_one_archive_of_those_that_could_have_it() {
    let scene = Scene::new();
    let topics = ["rank", "rank", "rank"].map(|name| scene.topic(name, 1));
    let [own, both, part] = &topics;
    let names = topics.each_ref().map(|topic| topic.name.clone());
    let broker = own.bootstrap();
    let (general, special) = (names.join("|"), names[1..].join("|"));
    let mut values = Values::new(1);
    for topic in &topics {
        Producer::new(scene.server).send_all(topic, values.jsons(10));
    }
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .pattern(&broker, &special, "special/{topic}", &[])
        .pattern(&broker, &general, "general/{topic}", &[])
        .archive(own, "own.ndjson", &[("name", "own")])
        .archive(part, "part.ndjson", &[("name", &both.name)]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "own.ndjson", 10);
    scene.await_lines(&archiver, "part.ndjson", 10);
    // The name of its archive would be that of another one.
    archiver.await_line(&says::not_archived(&both.name, "one of that name"));
    archiver.await_line(&says::matched_by_both(&special, &general, &both.name));
    archiver.stop();
    assert!(!scene.path(format!("special/{}", both.name)).exists());
    assert!(!scene.path(format!("general/{}", own.name)).exists());
}

#[test]
fn five_hundred_topics_of_a_pattern_are_archived_also_those_that_come_later() {
    const TOPICS: usize = 500;
    const RECORDS: usize = 20;
    let server = Server::private();
    let scene = Scene::on(&server);
    let planned = (0..TOPICS).map(|_| scene.planned("many"));
    let topics = planned.collect::<Vec<_>>();
    let (there, later) = topics.split_at(TOPICS / 2);
    let (mut values, mut sent) = (Values::new(1), Vec::new());
    let mut fill = |topics: &[Topic]| {
        Topic::make_all(topics);
        let producer = Producer::new(&server);
        for topic in topics {
            let records = values.jsons(RECORDS);
            let seen = records.iter().map(|record| Seen {
                value: record.value.clone(),
                ..Seen::default()
            });
            sent.push(Partitions::from([(0, seen.collect())]));
            records.into_iter().for_each(|r| producer.send(topic, r));
        }
        producer.flush();
    };
    fill(there);
    let config = Config::new()
        .set("kafka", REFRESH.0, REFRESH.1)
        .set("defaults", "start", "earliest")
        .pattern(
            &server.bootstrap(),
            "many-[0-9]+",
            "{topic}/all.ndjson.zst",
            &[],
        );
    let archiver = scene.start(&config);
    let file = |topic: &Topic| format!("{}/all.ndjson.zst", topic.name);
    for topic in there {
        scene.await_lines(&archiver, &file(topic), RECORDS);
    }
    fill(later);
    for topic in later {
        scene.await_lines(&archiver, &file(topic), RECORDS);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", archiver.pid())).unwrap();
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    let threads = threads.unwrap().trim().parse::<usize>().unwrap();
    assert!(threads < 60, "{threads} threads");
    let ended = archiver.stop();
    assert!(!ended.stderr.contains(" ERROR "), "{}", ended.stderr);
    for (topic, records) in topics.iter().zip(&sent) {
        scene.assert_holds(records, file(topic));
    }
}

#[test]
fn the_archives_of_a_pattern_are_listed_printed_and_verified_by_their_names() {
    let scene = Scene::new();
    let topics = ["known", "known", "other"].map(|name| scene.topic(name, 2));
    let [one, two, other] = &topics;
    let mut values = Values::new(1);
    for topic in &topics {
        Producer::new(scene.server).send_all(topic, values.jsons(30));
    }
    let broker = one.bootstrap();
    let matched = format!("{}|{}", one.name, two.name);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "checkpoint", "200ms")
        .archive(other, "other.ndjson", &[("name", "other")])
        .pattern(
            &broker,
            &matched,
            "by/{topic}/{time:%Y}/{seq}.ndjson.zst",
            &[("name", "of-{topic}")],
        );
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let command = |args: &[&str]| {
        let ended = run(scene.directory(), &[&["-c", "topics.toml"], args].concat());
        assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""), "{args:?}");
        ended.stdout
    };
    // Nobody has begun yet.
    let listed = command(&["ls", "--json"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let archiver = scene.start(&config);
    let names = topics[..2].iter().map(|topic| format!("of-{}", topic.name));
    let mut names = names.collect::<Vec<_>>();
    names.sort();
    scene.await_checkpointed(".archiver/other", 30);
    for topic in &topics[..2] {
        let state = format!("by/{0}/.archiver/of-{0}", topic.name);
        scene.await_checkpointed(state, 30);
    }
    let mut archiver = Some(archiver);
    for _ in 0..2 {
        let listed = command(&["ls", "--json"]);
        let listed = listed.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("an archive");
            assert_eq!(line["records"], 30, "{line}");
            line["name"].as_str().expect("a name").to_owned()
        });
        let expected = [&["other".to_owned()], &names[..]].concat();
        assert_eq!(listed.collect::<Vec<_>>(), expected);
        let table = command(&["ls"]);
        for (name, row) in expected.iter().zip(table.lines().skip(1)) {
            assert!(row.starts_with(name), "{table}");
            assert!(row.chars().count() <= 80, "{table}");
        }
        let printed = command(&["cat", &names[1], "--with-meta"]);
        assert_eq!(printed.lines().count(), 30);
        let topic = names[1].strip_prefix("of-").expect("a topic");
        let begins = format!("{{\"topic\":\"{topic}\"");
        assert!(printed.starts_with(&begins), "{printed}");
        assert_eq!(command(&["gaps"]), "no gaps in 3 archives\n");
        assert_eq!(command(&["gaps", &names[0]]), "no gaps in 1 archive\n");
        let verdicts = command(&["verify", "--deep", "--json"]);
        for (name, verdict) in expected.iter().zip(verdicts.lines()) {
            let verdict: Value = serde_json::from_str(verdict).expect("a verdict");
            assert_eq!(verdict["name"], **name);
            assert_eq!(verdict["broker"]["compared"]["equal"], 30, "{verdict}");
        }
        assert_eq!(verdicts.lines().count(), 3);
        if let Some(archiver) = archiver.take() {
            archiver.stop();
        }
    }
    let unknown = run(scene.directory(), &["-c", "topics.toml", "ls", &one.name]);
    assert_eq!(unknown.code(), Some(2));
    let known = format!(
        "which has {}, nor a path",
        [&["other".to_owned()], &names[..]].concat().join(", ")
    );
    assert!(unknown.stderr.contains(&known), "{}", unknown.stderr);
    // One whose checkpoint is lost doesn't vanish.
    let lost = scene.path(format!("by/{topic}/.archiver/of-{topic}", topic = one.name));
    fs::remove_file(lost.join("checkpoint.json")).unwrap();
    let verified = run(scene.directory(), &["-c", "topics.toml", "verify"]);
    assert_eq!(verified.code(), Some(1));
    assert!(
        verified.stdout.contains("the checkpoint is missing"),
        "{}",
        verified.stdout
    );
}
