//! Sealed segments, handed over to a command: one that succeeds, fails, hangs, and is killed together with archiver.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::files;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, OnDrop, eventually};

/// What the command has written, a line each.
const LOG: &str = "handed.log";

/// A scene with one topic, and records that come in portions of a segment each.
struct Play<'a> {
    scene: Scene<'a>,
    topic: Topic<'a>,
    producer: Producer,
    values: Values,
}

impl Play<'static> {
    fn new() -> Self {
        let scene = Scene::new();
        let topic = scene.topic("sealed", 1);
        let producer = Producer::new(scene.server);
        Self {
            scene,
            topic,
            producer,
            values: Values::new(1),
        }
    }
}

impl Play<'_> {
    /// Segments of ten records or a few more, each for this script.
    fn config(&self, script: &str, timeout: &str) -> Config {
        let quoted = serde_json::to_string(script).unwrap();
        Config::new()
            .top("shutdown_timeout", "8s")
            .set("defaults", "start", "earliest")
            .set("defaults", "flush", "50ms")
            .set("defaults", "checkpoint", "100ms")
            .archive(&self.topic, "out/{topic}-{seq:03}.ndjson.gz", &[])
            .line("rotate = { records = 10 }")
            .line(&format!("on_seal = [\"sh\", \"-c\", {quoted}]"))
            .line(&format!("on_seal_timeout = \"{timeout}\""))
    }

    /// How many segments have their final names.
    fn sealed(&self) -> usize {
        let Ok(listed) = fs::read_dir(self.scene.path("out")) else {
            return 0;
        };
        let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".gz")).count()
    }

    /// Has so many more segments sealed.
    #[track_caller]
    fn seal(&mut self, archiver: &Archiver, segments: usize) {
        for _ in 0..segments {
            let before = self.sealed();
            self.producer.send_all(&self.topic, self.values.jsons(12));
            eventually(LONG, "a segment is sealed", || {
                archiver.assert_runs();
                self.sealed() > before
            });
        }
    }

    /// The words of the log's lines that begin with this one.
    fn logged(&self, first: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.scene.path(LOG)).unwrap_or_default();
        let lines = text.lines().map(|line| line.split(' ').map(String::from));
        let lines = lines.map(Iterator::collect::<Vec<_>>);
        lines.filter(|words| words[0] == first).collect()
    }

    /// The numbers of the segments that were handed over, in the order of the first time.
    fn handed_over(&self) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let done = self.logged("done").into_iter();
        let numbers = done.map(|words| words[1].parse().unwrap());
        numbers.filter(|number| seen.insert(*number)).collect()
    }

    #[track_caller]
    fn await_all(&self) {
        eventually(LONG, "all segments are handed over", || {
            self.handed_over().len() == self.sealed()
        });
        let in_order = (0..self.sealed()).collect::<Vec<_>>();
        assert_eq!(self.handed_over(), in_order);
    }

    /// Everything that the topic holds is in the files, once.
    #[track_caller]
    fn assert_nothing_suffered(&self) {
        let mut paths = fs::read_dir(self.scene.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect::<Vec<_>>();
        paths.sort();
        let growing = self.scene.path("out/growing.gz");
        let lines = paths.iter().map(|path| {
            // It is told by its ending how it is compressed.
            fs::copy(path, &growing).unwrap();
            let lines = files::count(&growing);
            fs::remove_file(&growing).unwrap();
            lines
        });
        let records: usize = self.scene.records(&self.topic).values().map(Vec::len).sum();
        assert_eq!(lines.sum::<usize>(), records);
    }
}

#[test]
fn each_segment_is_handed_over_in_order_with_its_facts_and_nothing_of_archivers() {
    let mut play = Play::new();
    let script = r#"
        env | grep ^ARCHIVER_ > facts-$ARCHIVER_SEQUENCE
        python3 -c 'import os; open("descriptors", "w").write(" ".join(sorted(os.listdir("/proc/%d/fd" % os.getppid()))))'
        echo "descriptors $(cat descriptors)" >> handed.log
        echo "blocked $(grep SigBlk /proc/$$/status | cut -f 2)" >> handed.log
        echo "stdin $(readlink /proc/$$/fd/0)" >> handed.log
        [ $(stat -c %s "$ARCHIVER_FILE") = $ARCHIVER_BYTES ] || exit 1
        [ $(zcat "$ARCHIVER_FILE" | wc -l) = $ARCHIVER_RECORDS ] || exit 2
        [ $(zcat "$ARCHIVER_FILE" | wc -c) = $ARCHIVER_PLAIN_BYTES ] || exit 3
        echo "done $ARCHIVER_SEQUENCE" >> handed.log
    "#;
    let config = play.config(script, "1m");
    fs::write(play.scene.path("topics.toml"), config.text()).unwrap();
    // A parent that takes no notice of its children hands that on. What is open here is none of archiver's.
    let by = "exec python3 -c 'import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); \
              os.closerange(3, 4096); os.execv(sys.argv[1], sys.argv[1:])' \"$0\" \"$@\"";
    let directory = play.scene.directory().to_owned();
    let archiver = Archiver::start_by(&directory, by, &["-c", "topics.toml"]);
    play.seal(&archiver, 4);
    play.await_all();
    archiver.stop();
    play.assert_nothing_suffered();
    for (first, expected) in [
        ("descriptors", "0 1 2"),
        ("blocked", "0000000000000000"),
        ("stdin", "/dev/null"),
    ] {
        for words in play.logged(first) {
            assert_eq!(words[1..].join(" "), expected, "{first}");
        }
    }
    let name = &play.topic.name;
    let facts = fs::read_to_string(play.scene.path("facts-2")).unwrap();
    let fact = |of: &str| {
        let mut lines = facts.lines();
        let line = lines.find_map(|line| line.strip_prefix(&format!("ARCHIVER_{of}=")));
        line.unwrap_or_else(|| panic!("no {of} in\n{facts}"))
            .to_owned()
    };
    let root = directory.canonicalize().unwrap();
    let path = |of: String| root.join(of).display().to_string();
    assert_eq!(fact("FILE"), path(format!("out/{name}-002.ndjson.gz")));
    let manifest = path(format!("out/.archiver/{name}/manifest.ndjson"));
    assert_eq!(fact("MANIFEST"), manifest);
    for (of, expected) in [
        ("NAME", name.as_str()),
        ("TOPIC", name),
        ("SEQUENCE", "2"),
        ("FORMAT", "raw"),
        ("COMPRESSION", "gzip"),
        ("REASON", "records"),
    ] {
        assert_eq!(fact(of), expected, "{of}");
    }
    let manifest = fs::read_to_string(manifest).unwrap();
    let digest = fact("XXH128");
    for stands_there in [&digest, &fact("OPENED"), &fact("SEALED")] {
        assert!(
            manifest.contains(&format!("\"{stands_there}\"")),
            "{stands_there}"
        );
    }
    let (first, last) = (fact("FIRST_TIMESTAMP"), fact("LAST_TIMESTAMP"));
    let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
    assert!(first <= last && first > 1_700_000_000_000, "{first} {last}");
}

#[test]
fn a_command_that_fails_is_said_once_and_run_again_while_capture_goes_on() {
    let mut play = Play::new();
    let script = "[ -e open ] || { echo \"tried $ARCHIVER_SEQUENCE\" >> handed.log; echo 'no route 17' >&2; exit 3; }; \
                  echo \"done $ARCHIVER_SEQUENCE\" >> handed.log";
    let archiver = play.scene.start(&play.config(script, "1m"));
    play.seal(&archiver, 5);
    archiver.await_line(&says::not_handed_over(
        &play.topic.name,
        "exit code 3: no route",
    ));
    eventually(LONG, "it is tried again", || play.logged("tried").len() > 2);
    let is_first = |words: &Vec<String>| words[1] == "0";
    assert!(play.logged("tried").iter().all(is_first), "in order");
    assert!(play.handed_over().is_empty());
    fs::write(play.scene.path("open"), "").unwrap();
    play.await_all();
    archiver.await_line(&says::hands_over_again(&play.topic.name));
    let ended = archiver.stop();
    let said = ended.stderr.matches("no route").count();
    assert_eq!(said, 1, "{}", ended.stderr);
    play.assert_nothing_suffered();
}

#[test]
fn a_command_that_hangs_is_ended_with_what_it_has_started() {
    let mut play = Play::new();
    let script = "[ -e open ] || { sleep 1000 & echo \"pids $$ $!\" >> handed.log; wait; }; \
                  echo \"done $ARCHIVER_SEQUENCE\" >> handed.log";
    let archiver = play.scene.start(&play.config(script, "1s"));
    play.seal(&archiver, 3);
    archiver.await_line(&says::not_handed_over(
        &play.topic.name,
        "not ended after 1 s",
    ));
    eventually(LONG, "it is tried again", || play.logged("pids").len() > 1);
    let pids = &play.logged("pids")[0][1..];
    eventually(LONG, "nothing of it is left", || {
        let is_gone = |pid: &String| !fs::exists(format!("/proc/{pid}")).unwrap();
        pids.iter().all(is_gone)
    });
    fs::write(play.scene.path("open"), "").unwrap();
    play.await_all();
    archiver.stop();
    play.assert_nothing_suffered();
}

#[test]
fn what_was_killed_together_with_archiver_is_handed_over_after_the_next_start() {
    let mut play = Play::new();
    // The third one hangs.
    let script = "echo \"begun $ARCHIVER_SEQUENCE $$\" >> handed.log; \
                  [ $ARCHIVER_SEQUENCE != 2 ] || [ -e open ] || exec sleep 1000; \
                  echo \"done $ARCHIVER_SEQUENCE\" >> handed.log";
    let config = play.config(script, "10m");
    let archiver = play.scene.start(&config);
    play.seal(&archiver, 5);
    let begun = |play: &Play, sequence: &str| {
        let begun = play.logged("begun").into_iter();
        begun
            .filter(|words| words[1] == sequence)
            .collect::<Vec<_>>()
    };
    eventually(LONG, "the third one is begun", || {
        !begun(&play, "2").is_empty()
    });
    archiver.kill();
    // It outlives archiver, as it has a group of its own.
    let pid = begun(&play, "2")[0][2].parse().unwrap();
    kill_process_group(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    assert_eq!(play.handed_over(), [0, 1]);
    fs::write(play.scene.path("open"), "").unwrap();
    let archiver = play.scene.start(&config);
    play.await_all();
    archiver.stop();
    // What was certain is not handed over again, nor after a clean stop.
    assert_eq!(begun(&play, "0").len(), 1);
    let before = play.logged("begun").len();
    let archiver = play.scene.start(&config);
    play.seal(&archiver, 1);
    play.await_all();
    archiver.stop();
    assert_eq!(play.logged("begun").len(), before + 1);
    play.assert_nothing_suffered();
    // Without the note of how far it is, all are handed over again.
    let state = format!("out/.archiver/{}/handed-over.json", play.topic.name);
    fs::remove_file(play.scene.path(state)).unwrap();
    let archiver = play.scene.start(&config);
    archiver.await_line(&says::all_handed_over_again(
        &play.topic.name,
        play.sealed(),
    ));
    eventually(LONG, "all are begun again", || {
        play.logged("begun").len() == before + 1 + play.sealed()
    });
    archiver.stop();
}

#[test]
fn a_stop_does_not_wait_for_a_command_longer_than_it_has_time() {
    let mut play = Play::new();
    let script = "trap '' TERM; echo \"begun $$\" >> handed.log; while :; do sleep 0.1; done";
    let archiver = play.scene.start(&play.config(script, "10m"));
    play.seal(&archiver, 1);
    eventually(LONG, "it is begun", || !play.logged("begun").is_empty());
    let pid = play.logged("begun")[0][1].clone();
    let _end = OnDrop(|| {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        let _ = kill_process_group(pid, Signal::KILL);
    });
    let began = Instant::now();
    archiver.stop();
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "it is left");
    play.assert_nothing_suffered();
}

#[test]
fn a_segment_that_is_gone_before_its_turn_is_left_out() {
    let mut play = Play::new();
    let script = "[ -e open ] || exit 1; echo \"done $ARCHIVER_SEQUENCE\" >> handed.log";
    let archiver = play.scene.start(&play.config(script, "1m"));
    play.seal(&archiver, 3);
    let gone = format!("out/{}-001.ndjson.gz", play.topic.name);
    fs::remove_file(play.scene.path(&gone)).unwrap();
    fs::write(play.scene.path("open"), "").unwrap();
    eventually(LONG, "the others are handed over", || {
        play.handed_over() == [0, 2]
    });
    archiver.await_line(&says::left_out(&play.topic.name, &gone));
    archiver.stop();
}

#[test]
fn what_the_command_has_moved_away_is_not_missed_and_the_rest_is_printed() {
    let mut play = Play::new();
    let script = "[ -e open ] || exit 1; [ $ARCHIVER_SEQUENCE = 1 ] && mv \"$ARCHIVER_FILE\" moved; echo \"done $ARCHIVER_SEQUENCE\" >> handed.log";
    let archiver = play.scene.start(&play.config(script, "1m"));
    play.seal(&archiver, 3);
    fs::write(play.scene.path("open"), "").unwrap();
    eventually(LONG, "all are handed over", || {
        play.handed_over() == [0, 1, 2]
    });
    let state = format!("out/.archiver/{}/handed-over.json", play.topic.name);
    eventually(LONG, "that is noted", || {
        let noted = fs::read_to_string(play.scene.path(&state)).unwrap_or_default();
        noted.contains("\"sequence\":2")
    });
    archiver.stop();
    let command = |args: &[&str]| run(play.scene.directory(), args);
    let verified = command(&["verify", "out"]);
    assert_eq!(verified.code(), Some(0), "{verified:?}");
    let note = "001.ndjson.gz: it was handed over to on_seal, and is gone";
    assert!(verified.stdout.contains(note), "{verified:?}");
    let printed = command(&["cat", "out"]);
    assert_eq!(printed.code(), Some(1), "{printed:?}");
    let said = "records were left out, as their segments were handed over to on_seal";
    assert!(printed.stderr.contains(said), "{}", printed.stderr);
    let records: usize = play.scene.records(&play.topic).values().map(Vec::len).sum();
    let gone = play.scene.path("moved");
    fs::rename(&gone, gone.with_extension("gz")).unwrap();
    let gone = files::count(&gone.with_extension("gz"));
    assert!(gone > 0);
    assert_eq!(printed.stdout.lines().count(), records - gone);
    // One that the command has not had is missed.
    let state = play.scene.path(state);
    fs::remove_file(state).unwrap();
    assert_eq!(command(&["verify", "out"]).code(), Some(1));
}
