//! What a start finds, and what it refuses.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::config::Config;
use crate::files;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::says::{self, Says};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

const EARLIEST: &[(&str, &str)] = &[("start", "earliest")];

/// Two archives of a hundred records each, cleanly stopped.
struct Stopped {
    scene: Scene<'static>,
    other: Topic<'static>,
    topic: Topic<'static>,
    values: Values,
}

impl Stopped {
    fn new(file: &str) -> Self {
        let scene = Scene::new();
        let (topic, other) = (scene.topic("hurt", 2), scene.topic("sound", 2));
        let mut stopped = Self {
            scene,
            other,
            topic,
            values: Values::new(1),
        };
        stopped.produce(100);
        let archiver = stopped.scene.start(&stopped.config(file));
        stopped.scene.await_lines(&archiver, file, 100);
        stopped.scene.await_lines(&archiver, "sound.ndjson", 100);
        archiver.stop();
        stopped
    }

    fn config(&self, file: &str) -> Config {
        Config::new().archive(&self.topic, file, EARLIEST).archive(
            &self.other,
            "sound.ndjson",
            EARLIEST,
        )
    }

    fn produce(&mut self, count: usize) {
        let producer = Producer::new(self.scene.server);
        producer.send_all(&self.topic, self.values.jsons(count));
        producer.send_all(&self.other, self.values.jsons(count));
    }

    /// The archive stops with a message and touches nothing, and the other goes on.
    #[track_caller]
    fn assert_refused(&mut self, config: &Config, file: &str, says: &Says) {
        let before = fs::read(self.scene.path(file)).ok();
        self.produce(50);
        let archiver = self.scene.start(config);
        archiver.await_line(says);
        self.scene.await_lines(&archiver, "sound.ndjson", 150);
        archiver.stop();
        assert!(
            fs::read(self.scene.path(file)).ok() == before,
            "{file} was touched"
        );
        self.scene.assert_exact(&self.other, "sound.ndjson");
    }
}

#[track_caller]
fn refuses_file(file: &str, harm: impl Fn(&Path), says: impl Fn(&str, u64, u64) -> Says) {
    let mut stopped = Stopped::new(file);
    let path = stopped.scene.path(file);
    let length = || fs::metadata(&path).map_or(0, |m| m.len());
    let before = length();
    harm(&path);
    let says = says(file, before, length());
    stopped.assert_refused(&stopped.config(file), file, &says);
}

#[test]
fn a_file_shorter_than_its_checkpoint_is_refused() {
    for file in ["cut.ndjson", "cut.ndjson.gz", "cut.ndjson.zst"] {
        let cut = |path: &Path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        };
        refuses_file(file, cut, says::too_short);
    }
}

#[test]
fn a_file_altered_before_the_mark_is_refused() {
    let alter = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let last = bytes.len() - 20;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    refuses_file("altered.ndjson", alter, |file, _, _| {
        says::not_what_was_written(file)
    });
}

#[test]
fn a_file_replaced_by_a_longer_one_is_refused() {
    let replace = |path: &Path| {
        let length = fs::metadata(path).unwrap().len() as usize;
        let new = path.with_extension("new");
        fs::write(&new, "somebody else's\n".repeat(length / 10)).unwrap();
        fs::rename(new, path).unwrap();
    };
    refuses_file("replaced.ndjson", replace, |file, _, _| {
        says::not_what_was_written(file)
    });
}

#[test]
fn somebody_else_s_file_in_an_empty_one_s_place_is_not_touched() {
    let scene = Scene::new();
    let topic = scene.topic("empty", 1);
    let config = Config::new().archive(&topic, "empty.ndjson", EARLIEST);
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    archiver.stop();
    // On many file systems the new file gets the old one's inode.
    let path = scene.path("empty.ndjson");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious\n").unwrap();
    let refused = scene.start(&config).await_end();
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious\n");
}

#[test]
fn a_missing_file_is_refused_and_not_made_anew() {
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    refuses_file("gone.ndjson", remove, |file, _, _| says::file_missing(file));
}

#[test]
fn bytes_after_the_mark_are_an_unfinished_write_and_are_cut() {
    for file in ["torn.ndjson", "torn.ndjson.gz", "torn.ndjson.zst"] {
        let scene = Scene::new();
        let topic = scene.topic("torn", 2);
        let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
        let config = Config::new().archive(&topic, file, EARLIEST);
        producer.send_all(&topic, (0..100).map(|_| values.mixed()));
        let archiver = scene.start(&config);
        scene.await_lines(&archiver, file, 100);
        archiver.kill();
        let path = scene.path(file);
        let bytes = fs::read(&path).unwrap();
        let torn = [&bytes[..bytes.len() / 3], b"half a line"].concat();
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(&torn)
            .unwrap();
        producer.send_all(&topic, (0..100).map(|_| values.mixed()));
        let archiver = scene.start(&config);
        // The torn tail may still be there when the process has only just begun.
        crate::wait::eventually(
            crate::wait::LONG,
            "the tail was cut and all is there",
            || {
                archiver.assert_runs();
                files::read(&path).is_ok_and(|text| files::lines(&text).len() == 200)
            },
        );
        archiver.stop();
        scene.assert_exact(&topic, file);
    }
}

#[test]
fn a_checkpoint_of_another_topic_is_refused() {
    let mut stopped = Stopped::new("a.ndjson");
    let third = stopped.scene.topic("third", 2);
    // The archive's name is the same, what it reads is not.
    let named = [("name", stopped.topic.name.as_str()), ("start", "earliest")];
    let config = Config::new().archive(&third, "a.ndjson", &named).archive(
        &stopped.other,
        "sound.ndjson",
        EARLIEST,
    );
    let says = says::refused(&stopped.topic.name, &[&third.name]);
    stopped.assert_refused(&config, "a.ndjson", &says);
}

#[test]
fn a_checkpoint_of_another_compression_is_refused() {
    let mut stopped = Stopped::new("a.data");
    let keys = [("start", "earliest"), ("compression", "gzip")];
    let config = Config::new()
        .archive(&stopped.topic, "a.data", &keys)
        .archive(&stopped.other, "sound.ndjson", EARLIEST);
    let says = says::refused(&stopped.topic.name, &["gzip", "none"]);
    stopped.assert_refused(&config, "a.data", &says);
}

#[test]
fn a_checkpoint_of_another_cluster_is_refused() {
    let mut stopped = Stopped::new("a.ndjson");
    let server = Server::private();
    let elsewhere = Topic::create(&server, &stopped.topic.name, 2, &[]);
    let config = Config::new()
        .archive(&elsewhere, "a.ndjson", EARLIEST)
        .archive(&stopped.other, "sound.ndjson", EARLIEST);
    let says = says::refused(&stopped.topic.name, &["cluster"]);
    stopped.assert_refused(&config, "a.ndjson", &says);
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let mut stopped = Stopped::new("a.ndjson");
    let state = stopped.scene.path(".archiver").join(&stopped.topic.name);
    let mut damaged = 0;
    for entry in fs::read_dir(&state).expect("the archive's state") {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "lock" && path.is_file() {
            let bytes: Vec<_> = fs::read(&path).unwrap().iter().map(|b| b ^ 0x5a).collect();
            damaged += bytes.len();
            fs::write(path, bytes).unwrap();
        }
    }
    assert!(damaged > 0, "no checkpoint in {}", state.display());
    let says = says::damaged_checkpoint(&stopped.topic.name);
    stopped.assert_refused(&stopped.config("a.ndjson"), "a.ndjson", &says);
}

#[test]
fn a_file_without_a_checkpoint_is_refused() {
    let scene = Scene::new();
    let topic = scene.topic("existing", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(5));
    fs::write(scene.path("a.ndjson"), "precious\n").unwrap();
    let archiver = scene.start(&Config::new().archive(&topic, "a.ndjson", EARLIEST));
    let ended = archiver.await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    says::file_exists("a.ndjson").assert_in(&ended);
    assert_eq!(fs::read(scene.path("a.ndjson")).unwrap(), b"precious\n");
}

#[test]
fn a_file_without_a_checkpoint_is_appended_to_when_the_user_says_so() {
    let scene = Scene::new();
    let topic = scene.topic("append", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, values.jsons(5));
    fs::write(scene.path("a.ndjson"), "precious\n").unwrap();
    let keys = [("start", "earliest"), ("existing", "append")];
    let config = Config::new().archive(&topic, "a.ndjson", &keys);
    // Whenever it is killed, what was there stays.
    for count in [6, 11] {
        let archiver = scene.start(&config);
        scene.await_lines(&archiver, "a.ndjson", count);
        archiver.kill();
        producer.send_all(&topic, values.jsons(5));
    }
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 16);
    archiver.stop();
    let text = fs::read(scene.path("a.ndjson")).unwrap();
    let records = text
        .strip_prefix(b"precious\n")
        .expect("what was there stays");
    let path = scene.path("records.ndjson");
    fs::write(path, records).unwrap();
    scene.assert_exact(&topic, "records.ndjson");
}
