//! A disk that doesn't answer, and then does.

use std::fs;

use rustix::process::Signal;

use crate::archiver::{Archiver, Ended};
use crate::config::Config;
use crate::disks::{Disk, Kind};
use crate::produce::Producer;
use crate::says::{self, Says};
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

const EARLIEST: &[(&str, &str)] = &[("start", "earliest")];

/// Fails the test unless a line that says the one comes after a line that says the other.
#[track_caller]
fn assert_said_after(ended: &Ended, first: &Says, then: &Says) {
    let mut lines = ended.stderr.lines();
    let said = lines.any(|line| first.matches(line)) && lines.any(|line| then.matches(line));
    assert!(said, "no {then} after {first}:\n{}", ended.stderr);
}

/// Waits until archiver has done what it can to end: only a thread that the disk holds is left of it.
fn await_only_the_disk_holds_it(archiver: &Archiver) {
    let stat = format!("/proc/{}/stat", archiver.pid());
    eventually(LONG, "archiver ends but for the disk", || {
        fs::read_to_string(&stat).unwrap().contains(") Z ")
    });
}

#[test]
fn a_disk_that_hangs_is_said_and_its_archives_wait_until_it_answers() {
    let scene = Scene::new();
    let what = "a disk that hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let files = ["disk/a.ndjson", "disk/b.ndjson.gz"];
    let topics = files.map(|_| scene.topic("hung", 1));
    let other = scene.topic("answers", 1);
    let mut config = Config::new().archive(&other, "other.ndjson", EARLIEST);
    for (topic, file) in topics.iter().zip(files) {
        config = config.archive(topic, file, EARLIEST);
    }
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut send = || {
        for topic in topics.iter().chain([&other]) {
            producer.send_all(topic, values.jsons(100));
        }
    };
    let archiver = scene.start(&config);
    send();
    for file in files {
        scene.await_lines(&archiver, file, 100);
    }
    let frozen = disk.freeze();
    send();
    for (topic, file) in topics.iter().zip(files) {
        archiver.await_line(&says::disk_hangs(&topic.name, file));
    }
    archiver.await_line(&says::totals_waiting(2));
    scene.await_lines(&archiver, "other.ndjson", 200);
    drop(frozen);
    for file in files {
        scene.await_lines(&archiver, file, 200);
    }
    archiver.await_line(&says::totals_waiting(0));
    let ended = archiver.stop();
    for (topic, file) in topics.iter().zip(files) {
        let (hangs, runs) = (
            says::disk_hangs(&topic.name, file),
            says::running(&topic.name),
        );
        assert_said_after(&ended, &hangs, &runs);
        scene.assert_exact(topic, file);
    }
    scene.assert_exact(&other, "other.ndjson");
}

#[test]
fn a_stop_while_a_disk_hangs_holds_its_timeout_and_names_who_is_late() {
    let scene = Scene::new();
    let what = "a stop while a disk hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let (topic, other) = (scene.topic("late", 1), scene.topic("in-time", 1));
    let config = Config::new()
        .top("shutdown_timeout", "3s")
        .archive(&topic, "disk/a.ndjson", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let archiver = scene.start(&config);
    producer.send_all(&topic, values.jsons(100));
    producer.send_all(&other, values.jsons(100));
    scene.await_lines(&archiver, "disk/a.ndjson", 100);
    scene.await_lines(&archiver, "b.ndjson", 100);
    let frozen = disk.freeze();
    producer.send_all(&topic, values.jsons(100));
    archiver.await_line(&says::disk_hangs(&topic.name, "disk/a.ndjson"));
    archiver.signal(Signal::TERM);
    let late = archiver.await_line(&says::not_stopped(&topic.name, 3));
    assert!(!late.contains(&other.name), "{late}");
    archiver.await_line(&says::held_by_disk(&topic.name, "disk/"));
    await_only_the_disk_holds_it(&archiver);
    drop(frozen);
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "disk/a.ndjson", 200);
    archiver.stop();
    scene.assert_exact(&topic, "disk/a.ndjson");
    scene.assert_exact(&other, "b.ndjson");
}

#[test]
fn a_start_on_a_disk_that_hangs_says_so_and_can_be_stopped() {
    let scene = Scene::new();
    let what = "a start on a disk that hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let (topic, other) = (scene.topic("starts", 1), scene.topic("answers", 1));
    let config = Config::new()
        .archive(&topic, "disk/a.ndjson", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, values.jsons(100));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "disk/a.ndjson", 100);
    archiver.stop();
    // What holds the disk is dropped before archiver, which can't end before that.
    let (archiver, frozen);
    frozen = disk.freeze();
    archiver = scene.start(&config);
    archiver.await_line(&says::disk_hangs(&topic.name, "disk/.archiver"));
    producer.send_all(&other, values.jsons(100));
    scene.await_lines(&archiver, "b.ndjson", 100);
    archiver.signal(Signal::TERM);
    let held = archiver.await_line(&says::held_by_disk(&topic.name, "disk/.archiver"));
    assert!(!held.contains(&other.name), "{held}");
    await_only_the_disk_holds_it(&archiver);
    drop(frozen);
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    scene.assert_exact(&topic, "disk/a.ndjson");
    scene.assert_exact(&other, "b.ndjson");
}

/// Nobody knows yet that it hangs.
#[test]
fn a_stop_right_after_a_start_on_a_disk_that_hangs_names_it() {
    let scene = Scene::new();
    let what = "a stop right after a start on a disk that hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let (topic, other) = (scene.topic("starts", 1), scene.topic("answers", 1));
    let config = Config::new()
        .top("shutdown_timeout", "3s")
        .archive(&topic, "disk/a.ndjson", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (archiver, frozen);
    frozen = disk.freeze();
    archiver = scene.start(&config);
    archiver.await_line(&says::running(&other.name));
    archiver.signal(Signal::TERM);
    archiver.await_line(&says::held_by_disk(&topic.name, "disk/.archiver"));
    await_only_the_disk_holds_it(&archiver);
    drop(frozen);
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(!ended.stderr.contains("not stopped"), "{}", ended.stderr);
    says::totals().assert_in(&ended);
}

#[test]
fn the_disk_of_the_state_is_named_if_it_is_the_one_that_hangs() {
    let scene = Scene::new();
    let what = "a disk of its own for the state, which hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let topic = scene.topic("stateful", 1);
    let config = Config::new()
        .top("state_dir", "disk/state")
        .archive(&topic, "a.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    let frozen = disk.freeze();
    producer.send_all(&topic, values.jsons(100));
    archiver.await_line(&says::disk_hangs(&topic.name, "disk/state"));
    // The lines wait with their index.
    producer.send_all(&topic, values.jsons(100));
    drop(frozen);
    scene.await_lines(&archiver, "a.ndjson", 200);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}
