//! How `archiver capture` ends before its window does: by a signal, by its time, or as a topic is deleted.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::archiver::{Archiver, Ended};
use crate::capture::{flags, words};
use crate::files;
use crate::produce::Producer;
use crate::random::Random;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

fn start(scene: &Scene, flags: &[String]) -> Archiver {
    let flags = flags.iter().map(String::as_str).collect::<Vec<_>>();
    Archiver::start(scene.directory(), &flags)
}

/// What it reports of each topic.
fn reports(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    let lines = lines.map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

#[test]
fn a_capture_that_is_stopped_is_complete_only_if_it_was_read_to_its_end() {
    let scene = Scene::new();
    let topic = scene.topic("capture-stopped", 2);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(60_000));
    let mut random = Random::new(1);
    for number in 0..12 {
        let file = format!("stopped-{number}");
        let running = start(&scene, &flags(&topic, &file, &words("--all --json")));
        thread::sleep(Duration::from_millis(random.below(300)));
        running.signal(Signal::INT);
        let ended = running.await_end();
        let whole = reports(&ended).iter().all(|of| of["complete"] == true);
        match ended.code() {
            Some(0) => {
                assert!(whole, "{}", ended.stdout);
                assert_eq!(files::count(&scene.path(&file)), 60_000);
            }
            Some(130) => {
                assert!(reports(&ended).is_empty() || !whole, "{}", ended.stdout);
                assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
            }
            // Nobody heard signals yet.
            code => assert_eq!(code, None, "{}", ended.stderr),
        }
    }
}

#[test]
fn a_capture_that_follows_and_is_stopped_is_not_complete() {
    let scene = Scene::new();
    let topic = scene.topic("capture-follow-stopped", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(2).jsons(5));
    let follow = words("--all --follow --set flush=\"50ms\"");
    let running = start(&scene, &flags(&topic, "follow", &follow));
    let file = scene.path("follow");
    eventually(LONG, "five records", || {
        file.exists() && files::count(&file) == 5
    });
    running.signal(Signal::INT);
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(130), "{}", ended.stderr);
    assert!(ended.stdout.contains("not complete"), "{}", ended.stdout);
    assert!(ended.stderr.contains("stopping"), "{}", ended.stderr);
}

#[test]
fn a_topic_that_is_deleted_ends_its_capture_and_the_others_go_on() {
    let scene = Scene::new();
    let topics = ["capture-deleted-a", "capture-deleted-b"].map(|name| scene.topic(name, 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    for topic in &topics {
        producer.send_all(topic, values.jsons(5));
    }
    let mut flags = flags(
        &topics[0],
        "{topic}",
        &words("--all --follow --json --set flush=\"50ms\""),
    );
    flags.extend(["-t".to_owned(), topics[1].name.clone()]);
    let running = start(&scene, &flags);
    let count = |of: usize| {
        let file = scene.path(&topics[of].name);
        if file.exists() {
            files::count(&file)
        } else {
            0
        }
    };
    eventually(LONG, "both", || count(0) == 5 && count(1) == 5);
    topics[0].delete();
    let gone = format!("topic {} was deleted", topics[0].name);
    eventually(LONG, "it is said", || running.said().contains(&gone));
    producer.send_all(&topics[1], values.jsons(5));
    eventually(LONG, "the other goes on", || count(1) == 10);
    topics[1].delete();
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let reports = reports(&ended);
    let counts = reports.iter().map(|of| of["records"].as_u64());
    assert_eq!(counts.collect::<Vec<_>>(), [Some(5), Some(10)]);
    assert!(reports.iter().all(|of| of["complete"] == false));
}

#[test]
fn a_topic_that_is_deleted_while_the_end_is_waited_for_leaves_a_report_of_all() {
    let scene = Scene::new();
    let topics = ["capture-until-a", "capture-until-b"].map(|name| scene.topic(name, 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(4));
    for topic in &topics {
        producer.send_all(topic, values.jsons(5));
    }
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    let until = now.as_millis() + 4_000;
    let range = words(&format!("--until {until} --json --set flush=\"50ms\""));
    let mut flags = flags(&topics[0], "{topic}", &range);
    flags.extend(["-t".to_owned(), topics[1].name.clone()]);
    let running = start(&scene, &flags);
    let file = scene.path(&topics[0].name);
    eventually(LONG, "records", || {
        file.exists() && files::count(&file) == 5
    });
    topics[0].delete();
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&topics[0].name), "{}", ended.stderr);
    let reports = reports(&ended);
    let complete = reports.iter().map(|of| of["complete"].as_bool());
    assert_eq!(complete.collect::<Vec<_>>(), [Some(false), Some(true)]);
}
