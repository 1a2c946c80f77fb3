//! A clean stop, and a hurried one.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use archiver::signals::{self, Wishes};
use archiver::world::shutdown;
use rustix::process::{Pid, Signal, kill_process};

use crate::archiver::helper;
use crate::check;
use crate::config::Config;
use crate::dump::Partitions;
use crate::files;
use crate::kafka::{Janitor, Server};
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::{Values, spaced};
use crate::wait::{LONG, OnDrop, eventually};

const FILES: [&str; 3] = ["a.ndjson", "b.ndjson.gz", "c.ndjson.zst"];
const BACKLOG: usize = 40_000;
const STANDING_STILL: &str = "ARCHIVER_TEST_STANDING_STILL";

#[test]
fn sigterm_under_full_load_leaves_no_seam() {
    stops_without_a_seam(Signal::TERM);
}

#[test]
fn sigint_is_a_clean_stop_too() {
    stops_without_a_seam(Signal::INT);
}

fn stops_without_a_seam(signal: Signal) {
    let scene = Scene::new();
    let topics = FILES.map(|_| scene.topic("stop", 3));
    let config = archives(&topics);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    for topic in &topics {
        producer.send_all(topic, values.jsons(BACKLOG));
    }
    let done = AtomicBool::new(false);
    let first_run = thread::scope(|scope| {
        // The load ends with this, also when it fails.
        let _end = OnDrop(|| done.store(true, Ordering::Relaxed));
        let load = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                topics
                    .iter()
                    .for_each(|topic| producer.send_all(topic, values.jsons(200)));
            }
        });
        let archiver = scene.start(&config);
        let begun = || {
            FILES
                .iter()
                .all(|f| fs::metadata(scene.path(f)).is_ok_and(|m| m.len() > 0))
        };
        eventually(LONG, "all files grow", begun);
        archiver.signal(signal);
        let ended = archiver.await_end();
        done.store(true, Ordering::Relaxed);
        load.join().unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        FILES.map(|file| fs::read(scene.path(file)).unwrap())
    });
    for (topic, file) in topics.iter().zip(FILES) {
        let records = begun_of(
            scene.records(topic),
            &files::read(&scene.path(file)).unwrap(),
        );
        scene.assert_holds(&records, file);
    }
    let archiver = scene.start(&config);
    await_all(&scene, &topics);
    archiver.stop();
    for ((topic, file), before) in topics.iter().zip(FILES).zip(first_run) {
        assert!(
            fs::read(scene.path(file)).unwrap().starts_with(&before),
            "{file} was rewritten"
        );
        scene.assert_exact(topic, file);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_costs_nothing() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topics = FILES.map(|_| scene.topic("hurry", 3));
    // The commit at the end of a clean stop has nobody to answer it, nor anybody to refuse it.
    let broker = server.bootstrap();
    let mut config = Config::new()
        .top("shutdown_timeout", "1h")
        .set("clusters.main", "broker", &broker)
        .set("clusters.main", "commit_group", "hurry")
        .set("defaults", "start", "earliest");
    for (topic, file) in topics.iter().zip(FILES) {
        config = config.archive_on("main", topic, file, &[]);
    }
    let (producer, mut values) = (Producer::new(&server), Values::new(2));
    topics
        .iter()
        .for_each(|topic| producer.send_all(topic, values.jsons(BACKLOG)));
    let archiver = scene.start(&config);
    eventually(LONG, "a file grows", || {
        FILES
            .iter()
            .any(|f| fs::metadata(scene.path(f)).is_ok_and(|m| m.len() > 0))
    });
    server.pause();
    archiver.signal(Signal::TERM);
    archiver.await_line(&says::stopping());
    // The first after a moment is the second.
    eventually(LONG, "it ends", || {
        archiver.signal(Signal::TERM);
        !archiver.is_running()
    });
    archiver.await_end();
    server.resume();
    let archiver = scene.start(&config);
    await_all(&scene, &topics);
    archiver.stop();
    for (topic, file) in topics.iter().zip(FILES) {
        scene.assert_exact(topic, file);
    }
}

/// As of `timeout`, which tells its child and then the group that both are in.
#[test]
fn one_request_that_comes_twice_is_a_clean_stop() {
    let scene = Scene::new();
    let topics = FILES.map(|_| scene.topic("twice", 3));
    let config = archives(&topics);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    for topic in &topics {
        producer.send_all(topic, values.jsons(BACKLOG));
    }
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topics[0].name));
    // Two of one kind at once may be one to the process.
    archiver.signal(Signal::TERM);
    archiver.signal(Signal::INT);
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let count = |says: &says::Says| ended.stderr.lines().filter(|l| says.matches(l)).count();
    assert_eq!(count(&says::stopping()), 1, "{}", ended.stderr);
    assert_eq!(count(&says::totals()), 1, "{}", ended.stderr);
}

/// Not a test by itself: what [`a_second_signal_ends_it_though_every_thread_stands_still`] runs.
#[test]
#[ignore = "another test's helper"]
fn standing_still() {
    if std::env::var_os(STANDING_STILL).is_none() {
        return;
    }
    let (stopper, shutdown) = shutdown::channel();
    signals::listen(stopper, Wishes::default(), 1).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for _ in 0..2 {
        runtime.spawn(async {
            println!("stands still");
            loop {
                thread::park();
            }
        });
    }
    while !shutdown.is_requested() {
        thread::yield_now();
    }
    println!("asked to stop");
    loop {
        thread::park();
    }
}

#[test]
fn a_second_signal_ends_it_though_every_thread_stands_still() {
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM)] {
        let mut command = helper("stop::standing_still", STANDING_STILL);
        let mut child = Janitor::get()
            .spawn(command.stdout(Stdio::piped()))
            .unwrap();
        let pid = Pid::from_child(&child);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut await_line = |says: &str| {
            let found = lines.by_ref().any(|line| line.unwrap().contains(says));
            assert!(found, "it doesn't say {says}");
        };
        await_line("stands still");
        await_line("stands still");
        let asked = Instant::now();
        kill_process(pid, first).unwrap();
        await_line("asked to stop");
        let mut status = None;
        // What comes within a moment of the first is the same request.
        eventually(LONG, "it ends", || {
            status = child.try_wait().unwrap();
            if status.is_none() {
                kill_process(pid, second).unwrap();
            }
            status.is_some()
        });
        assert!(asked.elapsed() > Duration::from_millis(300));
        Janitor::get().forget(&child);
        assert_eq!(status.unwrap().code(), Some(1));
    }
}

fn archives(topics: &[Topic]) -> Config {
    let config = Config::new().set("defaults", "start", "earliest");
    topics
        .iter()
        .zip(FILES)
        .fold(config, |config, (topic, file)| {
            config.archive(topic, file, &[])
        })
}

/// Waits until each file has as many lines as its topic has records.
fn await_all(scene: &Scene, topics: &[Topic]) {
    for (topic, file) in topics.iter().zip(FILES) {
        let records: usize = scene.records(topic).values().map(Vec::len).sum();
        let path = scene.path(file);
        eventually(LONG, &format!("{file} has all {records} records"), || {
            files::count(&path) >= records
        });
    }
}

/// Each partition's records up to the last that the text holds; all of them must be unlike.
fn begun_of(mut records: Partitions, text: &[u8]) -> Partitions {
    let lines: HashSet<&[u8]> = files::lines(text).into_iter().collect();
    let expected = check::expected(&records, spaced);
    for (partition, records) in &mut records {
        let held = |line: &Vec<u8>| lines.contains(line.as_slice());
        let begun = expected[partition]
            .iter()
            .rposition(held)
            .map_or(0, |last| last + 1);
        records.truncate(begun);
    }
    records
}
