//! Files that somebody else moves, cuts, replaces or writes to while they are written.
//!
//! It is noticed within a checkpoint interval, also when no record comes.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::Producer;
use crate::says::{self, Says};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

const FILE: &str = "data/a.ndjson.gz";

/// Two archives that run, each with 100 records, all of them checkpointed.
struct Hurt {
    scene: Scene<'static>,
    topic: Topic<'static>,
    other: Topic<'static>,
    config: Config,
    archiver: Archiver,
    producer: Producer,
    values: Values,
    /// To each of the two.
    sent: usize,
}

impl Hurt {
    fn new() -> Self {
        let scene = Scene::new();
        let (topic, other) = (scene.topic("hurt", 1), scene.topic("sound", 1));
        let config = Config::new()
            .set("defaults", "start", "earliest")
            .set("defaults", "checkpoint", "1s")
            .archive(&topic, FILE, &[])
            .archive(&other, "sound.ndjson", &[]);
        let archiver = scene.start(&config);
        let producer = Producer::new(scene.server);
        let mut hurt = Self {
            scene,
            topic,
            other,
            config,
            archiver,
            producer,
            values: Values::new(1),
            sent: 0,
        };
        hurt.send(100);
        hurt.scene.await_checkpointed(hurt.state(), 100);
        // It can be seen before its directory is synced: one that was started anew has nothing to store.
        hurt.archiver.stop();
        hurt.archiver = hurt.scene.start(&hurt.config);
        for topic in [&hurt.topic, &hurt.other] {
            hurt.archiver.await_line(&says::running(&topic.name));
        }
        hurt
    }

    fn send(&mut self, count: usize) {
        for topic in [&self.topic, &self.other] {
            self.producer.send_all(topic, self.values.jsons(count));
        }
        self.sent += count;
    }

    fn path(&self) -> PathBuf {
        self.scene.path(FILE)
    }

    fn state(&self) -> PathBuf {
        self.scene.path("data/.archiver").join(&self.topic.name)
    }

    fn length(&self) -> u64 {
        fs::metadata(self.path()).unwrap().len()
    }

    /// The archive says this and stops, the other one goes on; after the remedy it goes on where it was.
    #[track_caller]
    fn assert_stops(mut self, says: &[Says], remedy: impl FnOnce(&Self)) {
        for says in says {
            self.archiver.await_line(says);
        }
        self.send(50);
        self.scene
            .await_lines(&self.archiver, "sound.ndjson", self.sent);
        // The stop is a clean one, and its last words are for who has missed the first.
        self.archiver.signal(Signal::TERM);
        let name = self.topic.name.clone();
        self.archiver.await_line(&says::had_stopped(&name));
        remedy(&self);
        let ended = self.archiver.await_end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        let archiver = self.scene.start(&self.config);
        self.scene.await_lines(&archiver, FILE, self.sent);
        archiver.stop();
        self.scene.assert_exact(&self.topic, FILE);
        self.scene.assert_exact(&self.other, "sound.ndjson");
    }
}

#[test]
fn a_file_rotated_by_renaming_it_stops_its_archive_until_it_is_put_back() {
    let hurt = Hurt::new();
    let (rotated, new) = (hurt.path().with_extension("1"), "somebody else's\n");
    let length = hurt.length();
    // At once, so that it isn't seen in between.
    fs::hard_link(hurt.path(), &rotated).unwrap();
    fs::write(hurt.scene.path("new"), new).unwrap();
    fs::rename(hurt.scene.path("new"), hurt.path()).unwrap();
    let says = [
        says::other_file(FILE, new.len()),
        says::stopped_until_put_back(FILE, length),
    ];
    hurt.assert_stops(&says, |hurt| {
        assert_eq!(fs::read_to_string(hurt.path()).unwrap(), new);
        fs::rename(&rotated, hurt.path()).unwrap();
    });
}

#[test]
fn a_file_rotated_by_truncating_it_stops_its_archive_until_it_is_put_back() {
    let hurt = Hurt::new();
    let rotated = hurt.path().with_extension("1");
    let length = hurt.length();
    fs::copy(hurt.path(), &rotated).unwrap();
    File::create(hurt.path()).unwrap();
    let says = [
        says::file_changed(FILE, length, 0),
        says::stopped_until_put_back(FILE, length),
    ];
    hurt.assert_stops(&says, |hurt| {
        assert_eq!(hurt.length(), 0);
        fs::rename(&rotated, hurt.path()).unwrap();
    });
}

#[test]
fn a_directory_that_is_deleted_stops_its_archive_and_is_not_made_anew_before_the_next_start() {
    let hurt = Hurt::new();
    let (data, moved) = (hurt.scene.path("data"), hurt.scene.path("moved"));
    // At once, so that it isn't seen in between.
    fs::rename(&data, &moved).unwrap();
    fs::remove_dir_all(&moved).unwrap();
    let says = [says::no_file(FILE), says::checkpoint_gone(&hurt.topic.name)];
    hurt.assert_stops(&says, |_| assert!(!data.exists(), "it was made anew"));
}

#[test]
fn a_state_directory_that_is_moved_away_stops_its_archive_at_the_next_checkpoint() {
    let mut hurt = Hurt::new();
    let (state, moved) = (hurt.state(), hurt.scene.path("moved"));
    fs::rename(&state, &moved).unwrap();
    // Only now there is something to checkpoint.
    hurt.send(50);
    let says = [says::checkpoint_gone(&hurt.topic.name)];
    hurt.assert_stops(&says, |_| fs::rename(&moved, &state).unwrap());
}

#[test]
fn what_somebody_else_writes_to_a_file_is_said_and_cut_off() {
    let mut hurt = Hurt::new();
    let mut file = File::options().append(true).open(hurt.path()).unwrap();
    let length = hurt.length();
    file.write_all(b"a line of mine\n").unwrap();
    let says = says::file_changed(FILE, length, length + 15);
    hurt.archiver.await_line(&says);
    hurt.send(50);
    let Hurt {
        scene,
        topic,
        archiver,
        ..
    } = hurt;
    scene.await_lines(&archiver, FILE, 150);
    archiver.stop();
    scene.assert_exact(&topic, FILE);
}

#[test]
fn a_link_that_leads_nowhere_is_said_and_waited_for() {
    let scene = Scene::new();
    let topic = scene.topic("link", 1);
    fs::create_dir(scene.path("elsewhere")).unwrap();
    symlink("elsewhere/a.ndjson", scene.path("a.ndjson")).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(100));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::link_to_nowhere("a.ndjson"));
    File::create_new(scene.path("elsewhere/a.ndjson")).unwrap();
    scene.await_lines(&archiver, "a.ndjson", 100);
    archiver.stop();
    scene.assert_exact(&topic, "elsewhere/a.ndjson");
}
