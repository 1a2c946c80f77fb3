//! `archiver capture -c FILE`: what of a service's configuration is for a capture, and what isn't; and whose files it deletes.

use std::fs;

use crate::archiver::{Ended, run};
use crate::capture::{capture, words};
use crate::config::Config;
use crate::files;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

/// Captures by `topics.toml`.
fn by_config(scene: &Scene, config: &str, range: &str) -> Ended {
    fs::write(scene.path("topics.toml"), config).unwrap();
    let range = words(range);
    let range = range.iter().map(String::as_str);
    let flags = ["capture", "-c", "topics.toml"].into_iter().chain(range);
    run(scene.directory(), &flags.collect::<Vec<_>>())
}

fn send<'a>(scene: &'a Scene<'a>, name: &str, records: usize) -> Topic<'a> {
    let topic = scene.topic(name, 1);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(records));
    topic
}

#[test]
fn nothing_is_deleted_run_or_committed_for_a_capture() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-service", 3_000);
    let config = Config::new()
        .set("clusters.c", "broker", &topic.bootstrap())
        .set("clusters.c", "commit_group", "service")
        .archive_on("c", &topic, "out/{seq}.ndjson", &[])
        .line("rotate = { records = 100 }");
    let defaults = "[defaults]\nkeep_size = \"2KiB\"\non_seal = [\"touch\", \"sealed\"]\n";
    let config = defaults.to_owned() + &config.text();
    let ended = by_config(&scene, &config, "--all");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let segments = fs::read_dir(scene.path("out")).unwrap().flatten();
    let segments = segments.filter(|entry| entry.path().is_file());
    let lines = segments.map(|entry| files::count(&entry.path()));
    assert_eq!(lines.sum::<usize>(), 3_000);
    assert!(!scene.path("sealed").exists());
    // One file takes no part of what cuts into segments.
    let ended = by_config(&scene, &config, "--all -o one.ndjson");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("one.ndjson")), 3_000);
    assert_eq!(topic.committed("service", 0), None);
}

#[test]
fn the_topics_of_a_pattern_are_those_that_it_matches_now() {
    let scene = Scene::new();
    let topics = [
        send(&scene, "captured-p-a", 10),
        send(&scene, "captured-p-b", 20),
    ];
    let broker = topics[0].bootstrap();
    let config = Config::new().pattern(&broker, "captured-p-.*", "out/{topic}.ndjson", &[]);
    let config = config.text();
    let ended = by_config(&scene, &config, "--all");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    for (topic, count) in topics.iter().zip([10, 20]) {
        let file = scene.path(format!("out/{}.ndjson", topic.name));
        assert_eq!(files::count(&file), count);
    }
    let one = format!("--last 3 -t {} -o one.ndjson", topics[0].name);
    let ended = by_config(&scene, &config, &one);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("one.ndjson")), 3);
}

#[test]
fn only_the_captures_own_files_are_overwritten_and_only_once_kafka_answers() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-own", 10);
    let done = |file: &str, range: &str| {
        let ended = capture(&scene, &topic, file, &words(range));
        assert_eq!(ended.code(), Some(0), "{file}: {}", ended.stderr);
    };
    let refused = |file: &str| {
        let ended = capture(&scene, &topic, file, &words("--all --overwrite"));
        assert_eq!(ended.code(), Some(2), "{file}: {}", ended.stderr);
    };
    let mine = "mine\n";
    // Names that have nothing in common that a state could be called.
    done("数据.ndjson", "--last 3");
    fs::write(scene.path("指标.ndjson"), mine).unwrap();
    refused("指标.ndjson");
    assert_eq!(files::count(&scene.path("数据.ndjson")), 3);
    assert_eq!(fs::read_to_string(scene.path("指标.ndjson")).unwrap(), mine);
    // Another file has taken its place.
    done("a.ndjson", "--last 3");
    fs::rename(scene.path("a.ndjson"), scene.path("kept.ndjson")).unwrap();
    fs::write(scene.path("a.ndjson"), mine).unwrap();
    refused("a.ndjson");
    assert_eq!(fs::read_to_string(scene.path("a.ndjson")).unwrap(), mine);
    // Nobody answers.
    done("b.ndjson", "--last 3");
    let nowhere = ["-b", "127.0.0.1:1", "-t", &topic.name, "-o", "b.ndjson"];
    let flags = [
        &["capture"],
        &nowhere[..],
        &["--all", "--overwrite", "--format", "json"],
    ];
    let ended = run(scene.directory(), &flags.concat());
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("b.ndjson")), 3);
    done("b.ndjson", "--all --overwrite");
    assert_eq!(files::count(&scene.path("b.ndjson")), 10);
}

#[test]
fn a_topic_that_is_missing_leaves_nothing_of_the_others_behind() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-one", 10);
    let broker = topic.bootstrap();
    let with = |more: &[&str]| {
        let flags = [
            "capture",
            "-b",
            &broker,
            "-o",
            "{topic}",
            "--all",
            "-t",
            &topic.name,
        ];
        run(scene.directory(), &[&flags, more].concat())
    };
    assert_eq!(with(&["-t", "no-such-topic"]).code(), Some(1));
    assert_eq!(with(&[]).code(), Some(0));
}

#[test]
fn what_is_not_there_is_an_error_and_what_is_no_more_a_gap() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-gone", 100);
    let ended = capture(&scene, &topic, "p", &words("--all --partition 7"));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("only 0 to 0"), "{}", ended.stderr);
    topic.delete_records(0, 50);
    let ended = capture(
        &scene,
        &topic,
        "o",
        &words("--offsets 40..60 --partition 0"),
    );
    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("o")), 10);
}

#[test]
fn a_secret_that_is_typed_wrongly_is_not_shown() {
    let scene = Scene::new();
    let flags = [
        "capture",
        "-b",
        "127.0.0.1:1",
        "-t",
        "t",
        "-o",
        "f",
        "--all",
    ];
    let ended = run(
        scene.directory(),
        &[&flags[..], &["-X", "password:hidden"]].concat(),
    );
    assert_eq!(ended.code(), Some(2));
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[test]
fn a_service_never_goes_on_with_what_a_capture_wrote() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-taken", 10);
    let config = Config::new().archive(&topic, "taken.ndjson", &[]);
    let ended = by_config(&scene, &config.text(), "--last 3");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let ended = scene.start(&config).await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("is of a capture"), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("taken.ndjson")), 3);
    // So what is overwritten is the capture's.
    let ended = by_config(&scene, &config.text(), "--all --overwrite");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(files::count(&scene.path("taken.ndjson")), 10);
    fs::remove_file(scene.path("taken.ndjson")).unwrap();
    fs::remove_dir_all(scene.path(".archiver")).unwrap();
    let archiver = scene.start(&config);
    scene.await_checkpointed(format!(".archiver/{}", topic.name), 0);
    archiver.stop();
    let ended = by_config(&scene, &config.text(), "--all --overwrite");
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("never touched"), "{}", ended.stderr);
}

#[test]
fn a_gap_is_no_larger_than_what_was_asked_for() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-clipped", 400);
    topic.delete_records(0, 300);
    let range = "--offsets 0..10 --partition 0 --json";
    let ended = capture(&scene, &topic, "./clipped", &words(range));
    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let gap = &report["gaps"][0];
    assert_eq!((&gap["from"], &gap["to"]), (&0.into(), &10.into()), "{gap}");
    let said = gap["explanation"].to_string();
    assert!(said.contains("up to 10 records"), "{said}");
    let broker = topic.bootstrap();
    let ended = run(scene.directory(), &["verify", "./clipped", "-b", &broker]);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn offsets_behind_the_end_are_told() {
    let scene = Scene::new();
    let topic = send(&scene, "captured-short", 20);
    for (range, is_told) in [
        ("10..30", true),
        ("50..60", true),
        ("25..", true),
        ("5..20", false),
        ("5..", false),
    ] {
        let range = format!("--overwrite --offsets {range} --partition 0");
        let ended = capture(&scene, &topic, "short", &words(&range));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        let said = ended.stdout.contains("ends at offset 20");
        assert_eq!(said, is_told, "{range}: {}", ended.stdout);
    }
}

#[test]
fn whose_file_it_is_that_is_not_overwritten_is_told() {
    let scene = Scene::new();
    let topics = [
        send(&scene, "captured-mine", 5),
        send(&scene, "captured-other", 5),
    ];
    let ended = capture(&scene, &topics[0], "same", &words("--all"));
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    for range in ["--all", "--all --overwrite", "--all --resume"] {
        let ended = capture(&scene, &topics[1], "same", &words(range));
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        let said = format!("capture of topic {} wrote it", topics[0].name);
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
    assert_eq!(files::count(&scene.path("same")), 5);
}
