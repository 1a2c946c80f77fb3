//! SIGHUP: another configuration is taken up while records flow, and what it doesn't change notices nothing.
//!
//! `ARCHIVER_RELOADS` changes the configuration so often, with `ARCHIVER_RELOAD_SEED`.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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
        "1 other archive goes on and notices nothing".to_owned(),
        "whether the state on disk fits is seen only when they start".to_owned(),
        format!("a reload of {} would", full(&scene)),
    ] {
        assert!(said.stdout.lines().any(|of| of == line), "{said:?}");
    }
    let wrong = other.replace("300ms", "300 miles");
    let said = check(&wrong, "-q", &|said| said.code() == Some(1));
    assert!(said.stderr.contains("would change nothing"), "{said:?}");
    assert!(said.stderr.contains("300 miles"), "{said:?}");
    // Where it answers is still known of a file that is half written, and the rest is for who runs with it.
    let half = format!("{other}[[archive");
    let said = check(&half, "-q", &|said| said.stderr.contains("not TOML"));
    assert_eq!(said.code(), Some(1), "{said:?}");
    let status = run(scene.directory(), &["-c", "topics.toml", "status"]);
    assert!(status.stdout.contains(&stays.name), "{status:?}");
    fs::write(scene.path("other.toml"), &other).unwrap();
    let said = run(
        scene.directory(),
        &["-c", "other.toml", "reload", "--check"],
    );
    assert!(
        said.stderr.contains("at a reload, not other.toml"),
        "{said:?}"
    );
    let same = config(&[], goes).text();
    let said = check(&same, "--json", &|said| said.stdout.contains("\"same\":3"));
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(!archiver.said().contains("reload"), "{}", archiver.said());
    let usage = run(scene.directory(), &["-c", "topics.toml", "reload"]);
    assert_eq!(usage.code(), Some(2), "{usage:?}");
    archiver.stop();
}

#[test]
fn what_has_stopped_starts_again_at_a_reload_after_its_cause_is_removed() {
    let scene = Scene::new();
    let topics = ["goes-on", "stopped"].map(|name| scene.topic(name, 1));
    let config = Config::new().set("http", "listen", "./http.sock");
    let config = topics.iter().fold(config, |config, topic| {
        config.archive(topic, &file(topic), &[("start", "earliest")])
    });
    let [goes_on, stopped] = &topics;
    fs::write(scene.path(file(stopped)), "no line").unwrap();
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&goes_on.name));
    archiver.await_line(&says::stopped(&stopped.name));
    let check = run(
        scene.directory(),
        &["-c", "topics.toml", "reload", "--check"],
    );
    let line = format!("start again {}, which has stopped", stopped.name);
    assert!(check.stdout.lines().any(|of| of == line), "{check:?}");
    fs::remove_file(scene.path(file(stopped))).unwrap();
    reload(&scene, &archiver, &config.text(), DONE);
    let said = format!("1 started again ({}), 1 as they were", stopped.name);
    assert!(archiver.said().contains(&said), "{}", archiver.said());
    Producer::new(scene.server).send_all(stopped, Values::new(4).jsons(10));
    scene.await_lines(&archiver, &file(stopped), 10);
    assert_eq!(said_to_run(&archiver, goes_on), 1);
    archiver.stop();
}

/// All of the path of the configuration.
fn full(scene: &Scene) -> String {
    let path = std::path::absolute(scene.path("topics.toml")).unwrap();
    path.display().to_string()
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
    // As it may be in the middle of a rotation.
    fs::write(scene.path("id"), "").unwrap();
    reload(&scene, &archiver, &config.text(), REFUSED);
    fs::remove_file(scene.path("id")).unwrap();
    reload(&scene, &archiver, &config.text(), REFUSED);
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

/// How long the file of an archive that no reload changes may stay as it is while records flow: its flush is a tenth of
/// that, and the machine may be busy.
const PAUSE_MOST: Duration = Duration::from_secs(2);

#[test]
fn random_changes_under_load_lose_and_double_nothing_and_what_is_untouched_never_pauses() {
    let mut random = Random::new(number("ARCHIVER_RELOAD_SEED", 1));
    let scene = Scene::new();
    let topics = (0..6)
        .map(|_| scene.topic("reloaded", 2))
        .collect::<Vec<_>>();
    let configured = |keys: &[Option<Keys>]| {
        let topics = topics.iter().zip(keys);
        topics.fold(Config::new(), |config, (topic, keys)| match keys {
            Some(keys) => config.archive(topic, &file(topic), &with_start(*keys)),
            None => config,
        })
    };
    let mut keys = vec![Some(SLOW); topics.len()];
    // How often each archive may have been started.
    let mut starts = vec![1; topics.len()];
    let archiver = scene.start(&configured(&keys));
    archiver.await_line(&says::running(&topics[0].name));
    let done = AtomicBool::new(false);
    let reloads = number("ARCHIVER_RELOADS", 8);
    let mut refused = 0;
    let (sent, pause) = thread::scope(|scope| {
        let _ends = OnDrop(|| done.store(true, Ordering::Relaxed));
        let producing = scope.spawn(|| produce(&scene, &topics, &done));
        scene.await_lines(&archiver, &file(&topics[0]), 1);
        let watching = scope.spawn(|| longest_pause(&scene.path(file(&topics[0])), &done));
        for reload_number in 0..reloads {
            // However few there are, both kinds are among them.
            if reload_number == 1 || random.below(4) == 0 {
                let wrong = wrong(configured(&keys), &topics, random.below(5));
                reload(&scene, &archiver, &wrong, REFUSED);
                refused += 1;
                continue;
            }
            // The first archive is never touched.
            for (keys, starts) in keys.iter_mut().zip(&mut starts).skip(1) {
                let now = match random.below(4) {
                    0 => None,
                    1 => Some(QUICK),
                    2 => Some(SLOW),
                    _ => *keys,
                };
                *starts += usize::from(now.is_some() && now != *keys);
                *keys = now;
            }
            reload(&scene, &archiver, &configured(&keys).text(), DONE);
            thread::sleep(Duration::from_millis(random.below(300)));
        }
        for (keys, starts) in keys.iter_mut().zip(&mut starts) {
            *starts += usize::from(*keys != Some(SLOW));
            *keys = Some(SLOW);
        }
        reload(&scene, &archiver, &configured(&keys).text(), DONE);
        done.store(true, Ordering::Relaxed);
        let sent = producing.join().expect("the producer goes on");
        (sent, watching.join().expect("the file is there"))
    });
    for topic in &topics {
        scene.await_lines(&archiver, &file(topic), sent);
    }
    assert_untouched(&archiver, &topics, &starts);
    assert!(pause < PAUSE_MOST, "it paused for {pause:?}");
    archiver.stop();
    for topic in &topics {
        scene.assert_exact(topic, &file(topic));
    }
    scene.assert_verified();
    println!(
        "{reloads} reloads, {refused} of them refused, while {sent} records came to each of {} topics: lost 0, doubled 0; \
         the untouched archive was started once, and its file grew at least every {} ms",
        topics.len(),
        pause.as_millis()
    );
}

/// Sends as many records to each topic until it is done, and says how many.
fn produce(scene: &Scene, topics: &[Topic], done: &AtomicBool) -> usize {
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    let mut sent = 0;
    while !done.load(Ordering::Relaxed) {
        for topic in topics {
            producer.send_all(topic, values.jsons(100));
        }
        sent += 100;
    }
    sent
}

/// No archive has started more often than this, and the first was never stopped nor waited.
fn assert_untouched(archiver: &Archiver, topics: &[Topic], starts: &[usize]) {
    for (topic, starts) in topics.iter().zip(starts) {
        let runs = said_to_run(archiver, topic);
        assert!(runs <= *starts, "{}: {runs} of {starts} runs", topic.name);
    }
    let said = archiver.said();
    let untouched = format!("archive {}:", topics[0].name);
    let of_untouched = said.lines().filter(|line| line.contains(&untouched));
    let of_untouched = of_untouched.collect::<Vec<_>>();
    assert_eq!(of_untouched.len(), 1, "{of_untouched:#?}");
}

/// A configuration that is wrong in one of five ways.
fn wrong(right: Config, topics: &[Topic], how: u64) -> String {
    match how {
        0 => right.text().replace("flush", "flash"),
        1 => right.text().replace("200ms", "200 miles"),
        2 => right.text() + "[[archive",
        3 => String::new(),
        // Two archives in one file.
        _ => right.archive(&topics[1], &file(&topics[0]), &[]).text(),
    }
}

/// Flush and checkpoint.
type Keys = [&'static str; 2];

const SLOW: Keys = ["200ms", "1s"];
const QUICK: Keys = ["20ms", "200ms"];

fn with_start([flush, checkpoint]: Keys) -> [(&'static str, &'static str); 3] {
    [
        ("start", "earliest"),
        ("flush", flush),
        ("checkpoint", checkpoint),
    ]
}

/// For how long at most this file has not grown, until it is done.
fn longest_pause(file: &Path, done: &AtomicBool) -> Duration {
    let (mut length, mut grew, mut longest) = (0, Instant::now(), Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let now = fs::metadata(file).map_or(0, |found| found.len());
        longest = longest.max(grew.elapsed());
        if now != length {
            (length, grew) = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(10));
    }
    longest
}
