//! SIGHUP: another configuration is taken up while records flow, and what it doesn't change notices nothing.
//!
//! `ARCHIVER_RELOADS` changes the configuration so often, with `ARCHIVER_RELOAD_SEED`.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::archiver::{Archiver, Ended, run};
use crate::config::Config;
use crate::files;
use crate::numbers::number;
use crate::produce::Producer;
use crate::random::Random;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, OnDrop, eventually};

fn file(topic: &Topic) -> String {
    format!("{}.ndjson", topic.name)
}

/// Has this text taken up, and waits until that is said; `done` is what it says then.
pub fn reload(scene: &Scene, archiver: &Archiver, text: &str, done: &str) {
    let count = |said: &str| archiver.said().matches(said).count();
    let before = count(done);
    fs::write(scene.path("topics.toml"), text).unwrap();
    archiver.signal(Signal::HUP);
    eventually(LONG, &format!("it says {done:?}"), || {
        archiver.assert_runs();
        count(done) > before
    });
}

pub const DONE: &str = "reload of topics.toml: done";
const REFUSED: &str = "reload: nothing is changed";

#[test]
fn archives_come_change_and_go_with_the_configuration_and_a_wrong_one_changes_nothing() {
    let scene = Scene::new();
    let topics = ["stays", "changes", "goes", "comes"].map(|name| scene.topic(name, 2));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut send = |count| {
        for topic in &topics {
            producer.send_all(topic, values.jsons(count));
        }
    };
    let with = |config: Config, topic: &Topic, keys: &[(&str, &str)]| {
        let keys = [&[("start", "earliest")], keys].concat();
        config.archive(topic, &file(topic), &keys)
    };
    let [stays, changes, goes, comes] = &topics;
    let first = with(
        with(with(Config::new(), stays, &[]), changes, &[]),
        goes,
        &[],
    );
    send(100);
    let archiver = scene.start(&first);
    for topic in &topics[..3] {
        scene.await_lines(&archiver, &file(topic), 100);
    }
    let wrong = first.text().replace("earliest", "erliest");
    reload(&scene, &archiver, &wrong, REFUSED);
    assert!(
        archiver.said().contains("did you mean"),
        "{}",
        archiver.said()
    );
    let keys = [("flush", "50ms"), ("checkpoint", "200ms")];
    let second = with(
        with(with(Config::new(), stays, &[]), changes, &keys),
        comes,
        &[],
    );
    reload(&scene, &archiver, &second.text(), DONE);
    let said = archiver.said();
    for part in ["1 new (", "1 changed (", "1 gone (", "1 as they were"] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
    send(100);
    for topic in [stays, changes] {
        scene.await_lines(&archiver, &file(topic), 200);
    }
    scene.await_lines(&archiver, &file(comes), 200);
    // What was stopped is whole and durable, and goes on where it was.
    assert_eq!(files::count(&scene.path(file(goes))), 100);
    assert_eq!(
        scene.checkpoint(format!(".archiver/{}", goes.name))["records"],
        100
    );
    let third = with(second, goes, &[]);
    reload(&scene, &archiver, &third.text(), DONE);
    scene.await_lines(&archiver, &file(goes), 200);
    let runs = said_to_run(&archiver, stays);
    assert_eq!(runs, 1, "{}", archiver.said());
    archiver.stop();
    for topic in &topics {
        scene.assert_exact(topic, &file(topic));
    }
    scene.assert_verified();
}

/// How often it was said that an archive runs.
fn said_to_run(archiver: &Archiver, topic: &Topic) -> usize {
    let says = says::running(&topic.name);
    archiver
        .said()
        .lines()
        .filter(|line| says.matches(line))
        .count()
}

#[test]
fn what_a_reload_would_do_is_said_and_not_done() {
    let scene = Scene::new();
    let topics = ["stays", "changes", "goes", "comes"].map(|name| scene.topic(name, 1));
    let [stays, changes, goes, comes] = &topics;
    let config = |keys: &[(&str, &str)], last: &Topic| {
        let config = Config::new().set("http", "listen", "./http.sock");
        let config = config.archive(stays, &file(stays), &[]);
        let config = config.archive(changes, &file(changes), keys);
        config.archive(last, &file(last), &[])
    };
    let archiver = scene.start(&config(&[], goes));
    for topic in &topics[..3] {
        archiver.await_line(&says::running(&topic.name));
    }
    // An answer is given again for a moment, so it is asked until it is another one.
    let check = |text: &str, flag: &str, is_it: &dyn Fn(&Ended) -> bool| {
        fs::write(scene.path("topics.toml"), text).unwrap();
        let mut said = None;
        eventually(LONG, "it says what a reload would do", || {
            let flags = ["-c", "topics.toml", "reload", "--check", flag];
            let now = run(scene.directory(), &flags);
            let found = is_it(&now);
            said = Some(now);
            found
        });
        said.unwrap()
    };
    let other = config(&[("flush", "300ms")], comes).text();
    let said = check(&other, "-q", &|said| said.stdout.contains("stop and start"));
    assert_eq!(said.code(), Some(0), "{said:?}");
    for line in [
        format!("start {}", comes.name),
        format!("stop and start {}", changes.name),
        format!("stop {}", goes.name),
        "1 other archives go on and notice nothing".to_owned(),
    ] {
        assert!(said.stdout.lines().any(|of| of == line), "{said:?}");
    }
    let wrong = other.replace("300ms", "300 miles");
    let said = check(&wrong, "-q", &|said| said.code() == Some(1));
    assert!(said.stderr.contains("would change nothing"), "{said:?}");
    assert!(said.stderr.contains("300 miles"), "{said:?}");
    let same = config(&[], goes).text();
    let said = check(&same, "--json", &|said| said.stdout.contains("\"same\":3"));
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(!archiver.said().contains("reload"), "{}", archiver.said());
    let usage = run(scene.directory(), &["-c", "topics.toml", "reload"]);
    assert_eq!(usage.code(), Some(2), "{usage:?}");
    archiver.stop();
}

#[test]
fn a_file_with_a_password_is_read_again_though_nothing_else_has_changed() {
    a_file_is_read_again("client.id", "${file:id}");
}

#[test]
fn a_file_of_certificates_is_read_again_though_nothing_else_has_changed() {
    a_file_is_read_again("ssl.ca.location", "id");
}

/// The value of this property names the file `id`.
fn a_file_is_read_again(property: &str, value: &str) {
    let scene = Scene::new();
    let topic = scene.topic("secret", 1);
    fs::write(scene.path("id"), "first").unwrap();
    let config = Config::new().set("kafka", property, value);
    let config = config.archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    reload(&scene, &archiver, &config.text(), DONE);
    assert!(
        archiver.said().contains("1 as they were"),
        "{}",
        archiver.said()
    );
    fs::write(scene.path("id"), "second").unwrap();
    reload(&scene, &archiver, &config.text(), DONE);
    assert!(
        archiver.said().contains("1 changed ("),
        "{}",
        archiver.said()
    );
    Producer::new(scene.server).send_all(&topic, Values::new(2).jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
}

#[test]
fn random_changes_under_load_lose_and_double_nothing() {
    let mut random = Random::new(number("ARCHIVER_RELOAD_SEED", 1));
    let scene = Scene::new();
    let topics = (0..6)
        .map(|_| scene.topic("reloaded", 2))
        .collect::<Vec<_>>();
    let configured = |keys: &[Option<Keys>]| {
        let topics = topics.iter().zip(keys);
        topics.fold(Config::new(), |config, (topic, keys)| match keys {
            Some([flush, checkpoint]) => {
                let keys = [
                    ("start", "earliest"),
                    ("flush", flush),
                    ("checkpoint", checkpoint),
                ];
                config.archive(topic, &file(topic), &keys)
            }
            None => config,
        })
    };
    let mut keys = vec![Some(["200ms", "1s"]); topics.len()];
    let archiver = scene.start(&configured(&keys));
    archiver.await_line(&says::running(&topics[0].name));
    let done = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let _ends = OnDrop(|| done.store(true, Ordering::Relaxed));
        let producing = scope.spawn(|| {
            let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                for topic in &topics {
                    producer.send_all(topic, values.jsons(100));
                }
                sent += 100;
            }
            sent
        });
        for _ in 0..number("ARCHIVER_RELOADS", 8) {
            if random.below(4) == 0 {
                let wrong = configured(&keys).text().replace("flush", "flash");
                reload(&scene, &archiver, &wrong, REFUSED);
                continue;
            }
            // The first archive is never touched.
            for keys in &mut keys[1..] {
                match random.below(4) {
                    0 => *keys = None,
                    1 => *keys = Some(["20ms", "200ms"]),
                    2 => *keys = Some(["200ms", "1s"]),
                    _ => {}
                }
            }
            reload(&scene, &archiver, &configured(&keys).text(), DONE);
            thread::sleep(Duration::from_millis(random.below(300)));
        }
        keys = vec![Some(["200ms", "1s"]); topics.len()];
        reload(&scene, &archiver, &configured(&keys).text(), DONE);
        done.store(true, Ordering::Relaxed);
        producing.join().expect("the producer goes on")
    });
    for topic in &topics {
        scene.await_lines(&archiver, &file(topic), sent);
    }
    assert_eq!(said_to_run(&archiver, &topics[0]), 1);
    archiver.stop();
    for topic in &topics {
        scene.assert_exact(topic, &file(topic));
    }
    scene.assert_verified();
}

/// Flush and checkpoint.
type Keys = [&'static str; 2];
