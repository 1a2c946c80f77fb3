//! What the process, or a file, may not exceed.

use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::{Producer, Record};
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

const EARLIEST: &[(&str, &str)] = &[("start", "earliest")];

/// Starts archiver with files of at most so many blocks of 1,024 bytes.
fn start_with_files_of(scene: &Scene, config: &Config, blocks: u32) -> Archiver {
    std::fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let args = ["-c", "topics.toml"];
    Archiver::start_limited(scene.directory(), &args, &format!("-f {blocks}"))
}

#[test]
fn a_file_that_reaches_the_limit_of_its_size_pauses_its_archive_and_the_others_go_on() {
    let scene = Scene::new();
    let (topic, other) = (scene.topic("limited", 1), scene.topic("small", 1));
    let config = Config::new()
        .archive(&topic, "a.ndjson", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let archiver = start_with_files_of(&scene, &config, 100);
    producer.send_all(&topic, values.jsons(10));
    producer.send_all(&other, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 10);
    producer.send_all(&topic, values.jsons(2000));
    archiver.await_line(&says::file_too_large(&topic.name, "a.ndjson"));
    producer.send_all(&other, values.jsons(10));
    scene.await_lines(&archiver, "b.ndjson", 20);
    archiver.kill();
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 2010);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
    scene.assert_exact(&other, "b.ndjson");
}

#[test]
fn state_that_reaches_the_limit_is_waited_for_too() {
    let scene = Scene::new();
    // Its checkpoint is larger than one of few partitions.
    let (topic, other) = (scene.topic("many", 100), scene.topic("few", 1));
    let config = Config::new()
        .archive(&topic, "a.ndjson", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    for n in 0..100 {
        let records = values.jsons(1).into_iter();
        producer.send_all(&topic, records.map(|record| record.to(n)));
    }
    producer.send_all(&other, values.jsons(3));
    let archiver = start_with_files_of(&scene, &config, 1);
    archiver.await_line(&says::file_too_large(&topic.name, "checkpoint.json"));
    scene.await_lines(&archiver, "b.ndjson", 3);
    archiver.kill();
    // Not even who has it can be written into a lock.
    let archiver = start_with_files_of(&scene, &config, 0);
    archiver.await_line(&says::file_too_large(&topic.name, "lock"));
    archiver.await_line(&says::file_too_large(&other.name, "lock"));
    // Nothing was taken that is not in the files.
    archiver.stop();
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 100);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
    scene.assert_exact(&other, "b.ndjson");
}

#[test]
fn a_record_that_the_memory_is_too_small_for_is_archived_and_said_with_what_it_needs() {
    const LARGE: usize = 8_000_000;
    let scene = Scene::new();
    let topic = scene.planned("large");
    topic.make(1, &[("max.message.bytes", "9000000")]);
    let producer = Producer::of_large(scene.server, 9_000_000);
    let large = |id: u8| {
        let mut value = vec![b'x'; LARGE];
        value[0] = id;
        Record::value(value)
    };
    producer.send_all(&topic, Values::new(1).jsons(10));
    producer.send_all(&topic, [large(b'a'), large(b'b')]);
    let config = Config::new()
        .set("limits", "memory", "16MiB")
        .archive(&topic, "a.ndjson", EARLIEST);
    let archiver = scene.start(&config);
    archiver.await_line(&says::large_record(&topic.name, 10));
    scene.await_lines(&archiver, "a.ndjson", 12);
    let ended = archiver.stop();
    let said = ended.stderr.lines().filter(|line| line.contains(" WARN "));
    assert_eq!(said.count(), 1, "{}", ended.stderr);
    scene.assert_exact(&topic, "a.ndjson");
}
