//! One owner for each file.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::archiver::{Archiver, Container, Ended};
use crate::config::Config;
use crate::disks::{Disk, Kind};
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::OnDrop;

#[test]
fn a_second_archiver_on_the_same_file_ends_and_names_the_first() {
    let scene = Scene::new();
    let topic = scene.topic("owned", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let first = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 10);
    let second = scene.start_as(&config, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

/// Only the lock on the file itself tells one of the other.
#[test]
fn an_archiver_with_its_state_elsewhere_is_kept_off_a_file_that_was_taken_up_again() {
    let scene = Scene::new();
    let topic = scene.topic("resumed", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let with_state = |state_dir| Config::new().top("state_dir", state_dir);
    let keys = [("start", "earliest"), ("existing", "append")];
    let config = with_state("here").archive(&topic, "a.ndjson", &keys);
    let elsewhere = with_state("elsewhere").archive(&topic, "a.ndjson", &keys);
    let begun = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&begun, "a.ndjson", 10);
    begun.stop();
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let second = scene.start_as(&elsewhere, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

/// Only the lock beside the checkpoint tells one of the other, as a copy of the file is nobody's.
#[test]
fn a_second_archiver_is_kept_off_a_copy_that_was_put_in_the_file_s_place() {
    let scene = Scene::new();
    let topic = scene.topic("copied", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let keys = [("start", "earliest"), ("checkpoint", "60s")];
    let config = Config::new().archive(&topic, "a.ndjson", &keys);
    let begun = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&begun, "a.ndjson", 10);
    begun.stop();
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let (file, moved) = (scene.path("a.ndjson"), scene.path("moved"));
    std::fs::rename(&file, &moved).unwrap();
    std::fs::copy(&moved, &file).unwrap();
    let second = scene.start_as(&config, "second.toml").await_end();
    assert_eq!(second.code(), Some(1), "{}", second.stderr);
    says::owned_by(&topic.name, first.pid()).assert_in(&second);
    std::fs::rename(&moved, &file).unwrap();
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 20);
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_second_archiver_still_does_what_is_its_own() {
    let scene = Scene::new();
    let (topic, free) = (scene.topic("owned", 1), scene.topic("free", 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let earliest = [("start", "earliest")];
    let config = Config::new().archive(&topic, "a.ndjson", &earliest);
    let first = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    producer.send_all(&free, values.jsons(10));
    scene.await_lines(&first, "a.ndjson", 10);
    let config = config.archive(&free, "b.ndjson", &earliest);
    let second = scene.start_as(&config, "second.toml");
    second.await_line(&says::owned_by(&topic.name, first.pid()));
    scene.await_lines(&second, "b.ndjson", 10);
    second.stop();
    first.stop();
    scene.assert_exact(&topic, "a.ndjson");
    scene.assert_exact(&free, "b.ndjson");
}

#[test]
fn one_that_was_refused_leaves_nothing_behind_that_counts_later() {
    let scene = Scene::new();
    let (topic, other) = (scene.topic("owner", 1), scene.topic("refused", 1));
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let earliest = [("start", "earliest")];
    let config = Config::new().archive(&topic, "a.ndjson", &earliest);
    let foreign = Config::new().archive(&other, "a.ndjson", &earliest);
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    let refused = scene.start_as(&foreign, "second.toml").await_end();
    says::owned_by(&other.name, first.pid()).assert_in(&refused);
    producer.send_all(&topic, values.jsons(100));
    scene.await_lines(&first, "a.ndjson", 100);
    first.stop();
    let refused = scene.start_as(&foreign, "second.toml").await_end();
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    says::file_exists("a.ndjson").assert_in(&refused);
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_killed_owner_s_lock_is_free() {
    let scene = Scene::new();
    let topic = scene.topic("orphan", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    for round in 1..=3 {
        let archiver = scene.start(&config);
        producer.send_all(&topic, values.jsons(10));
        scene.await_lines(&archiver, "a.ndjson", round * 10);
        archiver.kill();
    }
    let archiver = scene.start(&config);
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 40);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

/// It stops, and names nobody.
#[track_caller]
fn assert_refused_by_a_stranger(ended: &Ended, topic: &Topic) {
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    says::owned_elsewhere(&topic.name).assert_in(ended);
    assert!(!ended.stderr.contains("pid"), "{}", ended.stderr);
}

#[test]
fn who_took_a_lock_and_gave_it_away_is_not_named() {
    let scene = Scene::new();
    let topic = scene.topic("given", 1);
    let config =
        Config::new()
            .set("defaults", "existing", "append")
            .archive(&topic, "a.ndjson", &[]);
    let hold = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(scene.directory());
        let mut shell = shell.stdout(Stdio::piped()).spawn().expect("sh");
        let mut said = [0];
        let stdout = shell.stdout.as_mut().unwrap();
        stdout.read_exact(&mut said).expect("it is locked");
        let pid = shell.id();
        let end = OnDrop(move || {
            kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
        });
        (end, pid, shell)
    };
    // By a process that has ended.
    let (held, _, mut shell) = hold("exec 9<>a.ndjson; flock 9; echo; exec sleep 1000");
    let refused = scene.start_as(&config, "topics.toml").await_end();
    assert_refused_by_a_stranger(&refused, &topic);
    drop(held);
    shell.wait().unwrap();
    // By itself.
    let perl = r#"open F, "<a.ndjson"; flock F, 2; $| = 1; print "x"; sleep 1000"#;
    let (held, pid, mut shell) = hold(&format!("exec perl -e '{perl}'"));
    let refused = scene.start_as(&config, "topics.toml").await_end();
    says::owned_by_program(&topic.name, pid, "perl").assert_in(&refused);
    drop(held);
    shell.wait().unwrap();
}

#[test]
fn in_containers_that_share_a_volume_the_second_stops_and_names_nobody() {
    let scene = Scene::new();
    let topic = scene.topic("contained", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let start = |container, file: &str| {
        fs::write(scene.path(file), config.text()).unwrap();
        let what = "archivers in two containers";
        Archiver::start_contained(container, scene.directory(), &["-c", file], what)
    };
    let Some(first) = start(Container::Whole, "first.toml") else {
        return;
    };
    first.await_line(&says::running(&topic.name));
    for container in [Container::Whole, Container::OnlyProcesses] {
        let second = start(container, "second.toml").unwrap();
        second.await_line(&says::owned_elsewhere(&topic.name));
        assert_refused_by_a_stranger(&second.await_end(), &topic);
    }
    // The host sees into it, and a container doesn't see out.
    let pid = first.pid_of_child();
    let second = scene.start_as(&config, "second.toml").await_end();
    says::owned_by(&topic.name, pid).assert_in(&second);
    first.kill();
    let first = scene.start(&config);
    first.await_line(&says::running(&topic.name));
    for container in [Container::Whole, Container::OnlyProcesses] {
        let second = start(container, "second.toml").unwrap().await_end();
        assert_refused_by_a_stranger(&second, &topic);
    }
    first.stop();
}

#[test]
fn files_of_the_same_inode_on_two_disks_each_have_their_own_holder() {
    let scene = Scene::new();
    let topic = scene.topic("alike", 1);
    let what = "files of the same inode on two disks";
    let mount = |name: &str| Disk::mount(Kind::Tmpfs, scene.path(name), what);
    let (Some(left), Some(right)) = (mount("left"), mount("right")) else {
        return;
    };
    let start = |disk: &str, number: usize| {
        let config = Config::new().archive(&topic, &format!("{disk}/a.ndjson"), &[]);
        scene.start_as(&config, &format!("{disk}-{number}.toml"))
    };
    let firsts = ["left", "right"].map(|disk| (disk, start(disk, 1)));
    for (_, first) in &firsts {
        first.await_line(&says::running(&topic.name));
    }
    let lock = format!(".archiver/{}/lock", topic.name);
    let inode = |disk: &Disk| fs::metadata(disk.path(&lock)).unwrap().ino();
    assert_eq!(inode(&left), inode(&right), "the inodes are alike");
    for (disk, first) in &firsts {
        let second = start(disk, 2).await_end();
        says::owned_by(&topic.name, first.pid()).assert_in(&second);
    }
    for (_, first) in firsts {
        first.stop();
    }
}
