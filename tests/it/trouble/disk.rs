//! A disk that is full, and then is not; one that becomes read-only.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;

use crate::archiver::{Archiver, Ended};
use crate::config::Config;
use crate::disks::{Disk, Kind};
use crate::files;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

const FILES: [&str; 3] = ["disk/a.ndjson", "disk/b.ndjson.gz", "disk/c.ndjson.zst"];

/// A client that isn't asked for records for longer than this has left its group.
const MOST_BETWEEN_POLLS: Duration = Duration::from_secs(6);

#[test]
fn a_full_disk_pauses_its_archives_until_there_is_space_again() {
    full_disk(false);
}

#[test]
fn a_full_disk_and_a_kill_cost_nothing_either() {
    full_disk(true);
}

#[test]
fn the_last_space_of_a_disk_is_left_to_others_if_that_is_wanted() {
    let scene = Scene::new();
    let Some(disk) = Disk::mount(Kind::Tmpfs, scene.path("disk"), "a disk for others") else {
        return;
    };
    let topic = scene.topic("modest", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new()
        .set("limits", "disk_free", "64KiB")
        .set("defaults", "start", "earliest")
        .archive(&topic, FILES[0], &[]);
    let archiver = scene.start(&config);
    producer.send_all(&topic, values.jsons(100));
    let state = format!("disk/.archiver/{}", topic.name);
    scene.await_checkpointed(&state, 100);
    disk.fill();
    archiver.await_line(&says::disk_low(&topic.name));
    producer.send_all(&topic, values.jsons(100));
    disk.free();
    scene.await_lines(&archiver, FILES[0], 200);
    let ended = archiver.stop();
    assert!(!ended.stderr.contains("No space left"), "{}", ended.stderr);
    scene.assert_exact(&topic, FILES[0]);
}

fn full_disk(kill: bool) {
    let scene = Scene::new();
    let Some(disk) = Disk::mount(Kind::Tmpfs, scene.path("disk"), "a full disk") else {
        return;
    };
    let topics = FILES.map(|_| scene.topic("full", 2));
    let other = scene.topic("roomy", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let most = MOST_BETWEEN_POLLS.as_millis().to_string();
    let mut config = Config::new()
        .set("kafka", "max.poll.interval.ms", &most)
        .set("kafka", "session.timeout.ms", &most)
        .set("clusters.main", "broker", &scene.server.bootstrap())
        .set("clusters.main", "commit_group", &topics[0].name)
        .set("defaults", "start", "earliest")
        .set("defaults", "checkpoint", "1s")
        .archive_on("main", &other, "other.ndjson", &[]);
    for (topic, file) in topics.iter().zip(FILES) {
        config = config.archive_on("main", topic, file, &[]);
    }
    let archiver = scene.start(&config);
    let mut send = |count| {
        for topic in &topics {
            producer.send_all(topic, values.jsons(count));
        }
        producer.send_all(&other, values.jsons(count));
        count
    };
    let await_lines = |archiver: &Archiver, lines| {
        for file in FILES {
            scene.await_lines(archiver, file, lines);
        }
    };
    let mut sent = send(100);
    await_lines(&archiver, sent);
    disk.fill();
    let full = Instant::now();
    sent += send(1000);
    let say = |archiver: &Archiver| {
        for topic in &topics {
            archiver.await_line(&says::disk_full(&topic.name));
        }
    };
    say(&archiver);
    scene.await_lines(&archiver, "other.ndjson", sent);
    let archiver = if kill {
        archiver.kill();
        let archiver = scene.start(&config);
        say(&archiver);
        archiver
    } else {
        // The others go on all the time.
        while full.elapsed() < MOST_BETWEEN_POLLS * 2 {
            sent += send(10);
            scene.await_lines(&archiver, "other.ndjson", sent);
        }
        archiver
    };
    disk.free();
    await_lines(&archiver, sent);
    sent += send(100);
    await_lines(&archiver, sent);
    scene.await_lines(&archiver, "other.ndjson", sent);
    if kill {
        // For the first time, and not before there was space.
        for topic in &topics {
            archiver.await_line(&says::running(&topic.name));
        }
    }
    let ended = archiver.stop();
    for topic in &topics {
        assert_not_said_to_run_too_soon(&ended, &topic.name);
    }
    assert!(!ended.stderr.contains("in trouble"), "{}", ended.stderr);
    for (topic, file) in topics.iter().zip(FILES) {
        scene.assert_exact(topic, file);
    }
    scene.assert_exact(&other, "other.ndjson");
}

/// On a full disk one batch may find room, and the next not: who said each time that it runs and waits would say so all
/// the time.
fn assert_not_said_to_run_too_soon(ended: &Ended, archive: &str) {
    let mut waits_since = None;
    for line in ended.stderr.lines() {
        let time = || line.split(' ').next().unwrap().parse::<Timestamp>();
        if says::disk_full(archive).matches(line) {
            waits_since = Some(time().unwrap());
        } else if says::running(archive).matches(line)
            && let Some(since) = waits_since.take()
        {
            let waited = time().unwrap().duration_since(since);
            assert!(waited.as_secs() >= 8, "too soon:\n{}", ended.stderr);
        }
    }
}

#[test]
fn a_stop_on_a_full_disk_is_not_clean_and_names_whose_records_are_not_written() {
    let scene = Scene::new();
    let what = "a stop on a full disk";
    let Some(disk) = Disk::mount(Kind::Tmpfs, scene.path("disk"), what) else {
        return;
    };
    let (full, roomy) = (scene.topic("full", 2), scene.topic("roomy", 1));
    let missing = scene.planned("missing");
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "checkpoint", "60s")
        .archive(&full, "disk/a.ndjson", &[])
        .archive(&roomy, "b.ndjson", &[])
        .archive(&missing, "c.ndjson", &[]);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let archiver = scene.start(&config);
    producer.send_all(&full, values.jsons(100));
    scene.await_lines(&archiver, "disk/a.ndjson", 100);
    disk.fill();
    producer.send_all(&full, values.jsons(1000));
    producer.send_all(&roomy, values.jsons(1000));
    archiver.await_line(&says::disk_full(&full.name));
    archiver.await_line(&says::waits_for_topic(&missing.name));
    scene.await_lines(&archiver, "b.ndjson", 1000);
    archiver.signal(Signal::TERM);
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    says::left_unwritten(&full.name).assert_in(&ended);
    let lines = ended.stderr.lines();
    let unwritten = lines.filter(|line| line.contains("read again"));
    for other in [&roomy, &missing] {
        assert!(
            !unwritten.clone().any(|line| line.contains(&other.name)),
            "{}",
            ended.stderr
        );
    }
    // However often they were taken.
    let written = files::count(&scene.path("disk/a.ndjson")) + 1000;
    assert_eq!(total_records(&ended), written, "{}", ended.stderr);
    disk.free();
    let stored = scene.checkpoint(format!("disk/.archiver/{}", full.name));
    let stored = stored["records"].as_u64().unwrap() as usize;
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "disk/a.ndjson", 1100);
    let ended = archiver.stop();
    assert_eq!(total_records(&ended), 1100 - stored, "{}", ended.stderr);
    scene.assert_exact(&full, "disk/a.ndjson");
    scene.assert_exact(&roomy, "b.ndjson");
}

/// The records that the last line of totals speaks of.
fn total_records(ended: &Ended) -> usize {
    let mut lines = ended.stderr.lines().rev();
    let totals = lines.find_map(|line| line.split_once("totals: "));
    let (records, _) = totals.unwrap().1.split_once(' ').unwrap();
    records.parse().unwrap()
}

#[test]
fn a_disk_that_an_error_makes_read_only_pauses_its_archives_and_costs_nothing() {
    let scene = Scene::new();
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), "a read-only disk") else {
        return;
    };
    let topics = FILES.map(|_| scene.topic("read-only", 1));
    let other = scene.topic("writable", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut config =
        Config::new()
            .set("defaults", "start", "earliest")
            .archive(&other, "other.ndjson", &[]);
    for (topic, file) in topics.iter().zip(FILES) {
        config = config.archive(topic, file, &[]);
    }
    let mut send = || {
        for topic in topics.iter().chain([&other]) {
            producer.send_all(topic, values.jsons(100));
        }
    };
    // It heals by itself if it can be made writable again.
    disk.change("ro");
    send();
    let archiver = scene.start(&config);
    let await_read_only = |archiver: &Archiver| {
        for topic in &topics {
            archiver.await_line(&says::read_only(&topic.name));
        }
    };
    await_read_only(&archiver);
    scene.await_lines(&archiver, "other.ndjson", 100);
    disk.change("rw");
    for file in FILES {
        scene.await_lines(&archiver, file, 100);
    }
    archiver.stop();
    // After an error it can't, and has to be mounted anew.
    let archiver = scene.start(&config);
    for topic in &topics {
        archiver.await_line(&says::running(&topic.name));
    }
    disk.fail();
    send();
    await_read_only(&archiver);
    scene.await_lines(&archiver, "other.ndjson", 200);
    archiver.kill();
    disk.remount();
    let archiver = scene.start(&config);
    for file in FILES {
        scene.await_lines(&archiver, file, 200);
    }
    archiver.stop();
    for (topic, file) in topics.iter().zip(FILES) {
        scene.assert_exact(topic, file);
    }
    scene.assert_exact(&other, "other.ndjson");
}
