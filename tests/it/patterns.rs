//! Archives by pattern: topics that come and go while archiver runs, and while it doesn't.

use std::collections::BTreeSet;
use std::fs;

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
