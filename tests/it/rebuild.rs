//! `archiver verify --rebuild-index`: indexes that are lost or damaged, made anew by the lines or by Kafka.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::archiver::{Archiver, Ended, run};
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;

/// When the first record was written, by its own account.
const BEGIN: i64 = 1_764_420_000_000;

/// Records so old stay.
const KEPT: &[(&str, &str)] = &[("retention.ms", "-1")];

/// Archives of one topic: name, file, and what else is configured of each.
const ARCHIVES: [(&str, &str, &str); 7] = [
    ("raw", "raw/{seq}.ndjson", ""),
    ("raw-gzip", "raw-gzip/{seq}.ndjson.gz", ""),
    ("raw-zstd", "raw-zstd/{seq}.ndjson.zst", ""),
    ("json", "json/{seq}.ndjson", "format = \"json\""),
    (
        "json-gzip",
        "json-gzip/{seq}.ndjson.gz",
        "format = \"json\"",
    ),
    (
        "json-zstd",
        "json-zstd/{seq}.ndjson.zst",
        "format = \"json\"",
    ),
    // Segments with offsets of the same ranges.
    (
        "hours",
        "hours/{time:%H}/{seq}.ndjson.zst",
        "open_files = 3",
    ),
];

fn configure(scene: &Scene, topic: &Topic, archives: &[(&str, &str, &str)]) {
    let mut text =
        "[defaults]\nstart = \"earliest\"\ncheckpoint = \"200ms\"\nflush = \"50ms\"\n".to_owned();
    for (name, file, more) in archives {
        text += &format!(
            "\n[[archive]]\nname = \"{name}\"\nbroker = \"{}\"\ntopic = \"{}\"\nfile = \"{file}\"\n{more}\nrotate = {{ records = 300 }}\n",
            topic.bootstrap(),
            topic.name
        );
    }
    fs::write(scene.path("topics.toml"), text).unwrap();
}

fn start(scene: &Scene) -> Archiver {
    Archiver::start(scene.directory(), &["-c", "topics.toml"])
}

fn command(scene: &Scene, args: &[&str]) -> Ended {
    run(scene.directory(), &[&["-c", "topics.toml"], args].concat())
}

/// What `verify` says of each archive with these flags, and its exit code.
fn verified(scene: &Scene, flags: &[&str]) -> (BTreeMap<String, Value>, Option<i32>) {
    let ended = command(scene, &[&["verify", "--json"], flags].concat());
    let said = ended.stdout.lines().map(|line| {
        let said: Value = serde_json::from_str(line).expect("JSON");
        (said["name"].as_str().expect("a name").to_owned(), said)
    });
    (said.collect(), ended.code())
}

fn all_lines(scene: &Scene, archive: &str) -> String {
    let ended = command(scene, &["cat", archive, "--with-meta"]);
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""), "{archive}");
    ended.stdout
}

/// The indexes of sealed segments, and of those that grow.
fn indexes(scene: &Scene, archive: &str) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let state = format!("{archive}/.archiver/{archive}");
    let listed = command(scene, &["ls", archive, "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let segments = listed["segments"].as_array().expect("segments").iter();
    let (sealed, growing): (Vec<_>, Vec<_>) = segments.partition(|of| of["state"] == "sealed");
    let paths = |of: Vec<&Value>| {
        let numbers = of
            .iter()
            .map(|of| of["sequence"].as_u64().expect("a number"));
        let paths = numbers.map(|number| scene.path(format!("{state}/index/{number:06}.idx")));
        paths.collect::<Vec<_>>()
    };
    (paths(sealed), paths(growing))
}

/// Deletes it, or damages it in one of several ways.
fn damage(how: usize, index: &Path) {
    let mut bytes = fs::read(index).expect("an index");
    match how % 4 {
        0 => return fs::remove_file(index).expect("it was there"),
        1 => {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
        }
        2 => bytes.truncate(bytes.len() - 7),
        _ => bytes.extend(b"{}\n"),
    }
    fs::write(index, bytes).expect("written");
}

/// The files of an archive's state that aren't indexes, the lock aside, and its data.
fn others(scene: &Scene, archive: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![scene.path(archive)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("index") || path.ends_with("lock") {
                continue;
            }
            match path.is_dir() {
                true => directories.push(path),
                false => drop(files.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    files
}

/// Records of three partitions, no two with one value, whose timestamps are in no order.
fn records() -> impl Iterator<Item = Record> {
    (0..1_500).map(|n: i64| Record {
        timestamp: Some(BEGIN + n * 7_000 - (n * 7_919) % 600_000),
        ..Record::value(format!("{{\"n\":{n}}}")).to((n * 31 % 7 % 3) as i32)
    })
}

/// Archives a topic bit by bit, as a segment ends with the batch that fills it.
fn archive(scene: &Scene, topic: &Topic, records: impl Iterator<Item = Record>, names: &[&str]) {
    let archiver = start(scene);
    let producer = Producer::new(scene.server);
    let records = records.collect::<Vec<_>>();
    let mut sent = 0;
    for some in records.chunks(150) {
        producer.send_all(topic, some.iter().cloned());
        sent += some.len();
        for name in names {
            scene.await_checkpointed(format!("{name}/.archiver/{name}"), sent);
        }
    }
    archiver.stop();
}

#[test]
fn an_index_that_is_lost_is_made_anew_with_every_record_as_it_was() {
    let scene = Scene::new();
    let topic = scene.planned("rebuild");
    topic.make(3, KEPT);
    configure(&scene, &topic, &ARCHIVES);
    let names = ARCHIVES.map(|(name, ..)| name);
    archive(&scene, &topic, records(), &names);
    let before = names.map(|name| all_lines(&scene, name));
    let untouched = names.map(|name| others(&scene, name));
    for name in names {
        let (sealed, _) = indexes(&scene, name);
        assert!(sealed.len() > 2, "{name}: {}", sealed.len());
        for (how, index) in sealed.iter().enumerate() {
            damage(how, index);
        }
    }

    // Beside an archiver nothing is written.
    let archiver = start(&scene);
    archiver.await_line(&crate::says::running("raw"));
    let refused = command(&scene, &["verify", "--rebuild-index", "json"]);
    assert_eq!(refused.code(), Some(1));
    let said = &refused.stdout;
    assert!(said.contains("no index is made anew: "), "{said}");
    assert!(said.contains("stop that one first"), "{said}");
    archiver.stop();
    assert_eq!(verified(&scene, &["json"]).1, Some(1));

    // What lines say themselves, and what they don't.
    let (said, code) = verified(&scene, &["--rebuild-index"]);
    assert_eq!(code, Some(1));
    for (name, said) in &said {
        let rebuilt = said["rebuilt"].as_array().expect("a list");
        let outcome = match name.starts_with("json") {
            true => "rebuilt",
            false => "unknown",
        };
        assert!(rebuilt.len() > 2, "{said}");
        for one in rebuilt {
            assert_eq!(one["outcome"], outcome, "{one}");
            let asks = one["text"].as_str().expect("text").contains("--broker");
            assert_eq!(asks, outcome == "unknown", "{one}");
        }
    }
    let (said, code) = verified(&scene, &["--rebuild-index", "--broker"]);
    assert_eq!(code, Some(0), "{said:#?}");
    let (said, code) = verified(&scene, &["--deep", "--rebuild-index"]);
    assert_eq!(code, Some(0), "{said:#?}");
    for ((name, before), untouched) in names.into_iter().zip(before).zip(untouched) {
        let said = &said[name];
        assert_eq!(said["findings"], Value::Array(Vec::new()));
        assert_eq!(said["rebuilt"], Value::Array(Vec::new()));
        assert_eq!(said["broker"]["compared"]["equal"], 1_500);
        assert!(all_lines(&scene, name) == before, "{name}");
        let now = others(&scene, name);
        assert!(now.keys().eq(untouched.keys()), "{name}");
    }
}

#[test]
fn data_manifest_and_checkpoint_are_not_touched_and_a_growing_segment_is_left_alone() {
    let scene = Scene::new();
    let topic = scene.planned("rebuild-growing");
    topic.make(3, KEPT);
    configure(&scene, &topic, &ARCHIVES[3..4]);
    archive(&scene, &topic, records(), &["json"]);
    let (sealed, growing) = indexes(&scene, "json");
    let untouched = others(&scene, "json");
    fs::remove_dir_all(sealed[0].parent().unwrap()).unwrap();
    let ended = command(&scene, &["verify", "--rebuild-index"]);
    // The checkpoint counts it.
    let expected = i32::from(!growing.is_empty());
    assert_eq!(ended.code(), Some(expected), "{}", ended.stdout);
    let is_said = ended
        .stdout
        .contains("it grows, and the checkpoint counts its index");
    assert_eq!(is_said, !growing.is_empty(), "{}", ended.stdout);
    assert!(sealed.iter().all(|index| index.exists()));
    assert!(growing.iter().all(|index| !index.exists()));
    assert!(others(&scene, "json") == untouched);
    // It goes on.
    let archiver = start(&scene);
    Producer::new(scene.server).send_all(&topic, records().take(400));
    scene.await_checkpointed("json/.archiver/json", 1_900);
    archiver.stop();
    command(&scene, &["verify", "--rebuild-index"]);
    let (said, _) = verified(&scene, &["--deep"]);
    assert_eq!(said["json"]["broker"]["compared"]["differing"], 0);
}

#[test]
fn equal_values_are_told_apart_within_a_partition_and_not_guessed_across_two() {
    let scene = Scene::new();
    let alone = scene.topic("rebuild-alone", 1);
    configure(&scene, &alone, &ARCHIVES[2..3]);
    let same = |n: i64| Record::value("{}").to((n % 3 == 0).into());
    archive(
        &scene,
        &alone,
        (0..900).map(|_| Record::value("{}").to(0)),
        &["raw-zstd"],
    );
    let before = all_lines(&scene, "raw-zstd");
    let (sealed, _) = indexes(&scene, "raw-zstd");
    fs::remove_file(&sealed[1]).unwrap();
    let (said, code) = verified(&scene, &["--rebuild-index", "--broker"]);
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(all_lines(&scene, "raw-zstd") == before);

    let scene = Scene::new();
    let two = scene.topic("rebuild-two", 2);
    configure(&scene, &two, &ARCHIVES[..1]);
    archive(&scene, &two, (0..900).map(same), &["raw"]);
    let (sealed, _) = indexes(&scene, "raw");
    fs::remove_file(&sealed[0]).unwrap();
    let ended = command(&scene, &["verify", "--rebuild-index", "--broker"]);
    assert_eq!(ended.code(), Some(1));
    let is_said = ["may be records of partition", "have the same values"];
    assert!(
        is_said.iter().any(|said| ended.stdout.contains(said)),
        "{}",
        ended.stdout
    );
    assert!(!sealed[0].exists());
    // Nor what Kafka has no more.
    two.delete_records(0, 20);
    let ended = command(&scene, &["verify", "--rebuild-index", "--broker"]);
    assert_eq!(ended.code(), Some(1));
    let said = "Kafka holds partition 0 from offset 20 on, and the segment begins at 0";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
}
