//! `archiver watch`: records as they come, for pipes and for terminals.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::archiver::{Ended, run};
use crate::kafka::{Janitor, Server};
use crate::log::terminal;
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

/// A watch that goes on until it is stopped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Watching {
    fn start(scene: &Scene, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_archiver"));
        command
            .args(["watch", "-b", &scene.server.bootstrap()])
            .args(flags);
        command.current_dir(scene.directory());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Janitor::get().spawn(&mut command).expect("archiver");
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let error = BufReader::new(child.stderr.take().expect("its error"));
        let said = Arc::<Mutex<String>>::default();
        let heard = Arc::clone(&said);
        let readers = vec![
            thread::spawn(move || {
                for line in output.split(b'\n').map_while(Result::ok) {
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                }
            }),
            thread::spawn(move || {
                for line in error.lines().map_while(Result::ok) {
                    *heard.lock().unwrap() += &(line + "\n");
                }
            }),
        ];
        Self {
            child,
            lines,
            said,
            readers,
        }
    }

    /// The next line that it prints.
    #[track_caller]
    fn next(&self) -> String {
        let line = self.lines.recv_timeout(LONG);
        line.unwrap_or_else(|e| panic!("no line: {e}; it said:\n{}", self.said()))
    }

    #[track_caller]
    fn next_of(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    fn await_said(&self, text: &str) {
        eventually(LONG, &format!("it says {text:?}"), || {
            self.said().contains(text)
        });
    }

    /// Ctrl-C, and how it ended: the exit code, what it printed since, what it said.
    fn interrupt(mut self) -> (Option<i32>, Vec<String>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a signal");
        let ended = self.child.wait().expect("its end");
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Janitor::get().forget(&self.child);
        let rest = self.lines.try_iter().collect();
        let said = self.said();
        (ended.code(), rest, said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        Janitor::get().forget(&self.child);
    }
}

/// A watch that ends by itself.
fn watch(scene: &Scene, topic: &Topic, flags: &[&str]) -> Ended {
    let broker = scene.server.bootstrap();
    let of = [
        "watch",
        "-b",
        &broker,
        "-t",
        &topic.name,
        "--from",
        "earliest",
    ];
    run(scene.directory(), &[&of[..], flags].concat())
}

#[track_caller]
fn printed(scene: &Scene, topic: &Topic, flags: &[&str]) -> String {
    let ended = watch(scene, topic, flags);
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""));
    ended.stdout
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

fn keyed(key: &str, value: &str, partition: i32) -> Record {
    Record {
        key: Some(key.into()),
        ..Record::value(value).to(partition)
    }
}

#[test]
fn each_form_prints_what_it_says_and_flags_narrow_what_is_printed() {
    let scene = Scene::new();
    let topic = scene.planned("watch-forms");
    topic.make(2, &[("retention.ms", "-1")]);
    let producer = Producer::new(scene.server);
    let headers = vec![
        ("h".to_owned(), Some(b"1".to_vec())),
        ("n".to_owned(), None),
    ];
    let first = Record {
        timestamp: Some(1_764_420_000_123),
        headers,
        ..keyed("k1", "{\"level\":\"error\",\"n\":1}", 0)
    };
    let tombstone = Record {
        key: Some(b"gone".to_vec()),
        partition: Some(0),
        ..Record::default()
    };
    let records = [first, keyed("k2", "{\"level\":\"info\"}", 1), tombstone];
    for record in records {
        producer.send_all(&topic, [record]);
    }
    let name = &topic.name;
    let only = |flags: &str| {
        let flags = flags.split(' ').collect::<Vec<_>>();
        printed(&scene, &topic, &flags)
    };
    assert_eq!(
        only("--raw --partition 0 --limit 2"),
        "{\"level\":\"error\",\"n\":1}\n\n"
    );
    assert_eq!(
        only("--raw --grep info|debug --limit 1"),
        "{\"level\":\"info\"}\n"
    );
    assert_eq!(only("--format %k --key ^g.ne$ --limit 1"), "gone\n");
    assert_eq!(
        only("--partition 0 --limit 1 --timezone UTC --format %t|%p|%o|%T|%D|%k|%v|%h|%K|%S"),
        format!(
            "{name}|0|0|1764420000123|2025-11-29T12:40:00.123+00:00|k1|{{\"level\":\"error\",\"n\":1}}|h=1,n=NULL|2|23\n"
        )
    );
    let line: Value = serde_json::from_str(&only("--json --grep error --limit 1")).expect("JSON");
    let expected = json!({
        "topic": name, "partition": 0, "offset": 0, "timestamp": 1_764_420_000_123_i64, "timestamp_type": "create",
        "key": "k1", "value": "{\"level\":\"error\",\"n\":1}", "headers": [["h", "1"], ["n", null]],
    });
    assert_eq!(line, expected);
    let fields = only("--key k1 --timezone UTC --limit 1");
    let fields = fields.trim_end().split('\t').skip(1).collect::<Vec<_>>();
    let time = "2025-11-29T12:40:00.123+00:00";
    let value = "{\"level\":\"error\",\"n\":1}";
    assert_eq!(fields, [name, "0", "0", time, "k1", value]);
}

#[test]
fn bytes_are_as_they_are_in_a_pipe_and_escaped_in_the_form_for_people() {
    let scene = Scene::new();
    let topic = scene.topic("watch-bytes", 1);
    let bytes = b"a\x1b[2J\xff\tb\nc";
    Producer::new(scene.server).send_all(&topic, [Record::value(&bytes[..])]);
    let shown = printed(&scene, &topic, &["--limit", "1"]);
    assert!(shown.ends_with("\ta\\x1b[2J\\xff\\tb\\nc\n"), "{shown:?}");
    let flags = ["--raw", "--limit", "1", "-t", &topic.name];
    let raw = Command::new(env!("CARGO_BIN_EXE_archiver"))
        .args([
            "watch",
            "-b",
            &scene.server.bootstrap(),
            "--from",
            "earliest",
        ])
        .args(flags)
        .output()
        .expect("archiver");
    assert_eq!(raw.stdout, [&bytes[..], b"\n"].concat());
}

#[test]
fn no_escapes_of_a_record_get_through_to_a_terminal() {
    let scene = Scene::new();
    let topic = scene.topic("watch-terminal", 1);
    let hostile = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\r\u{7f}\u{202e}";
    let document = format!("{{\"name\":{},\"n\":1.50}}", json!("\u{9b}2J ä"));
    Producer::new(scene.server).send_all(
        &topic,
        [
            keyed(hostile, hostile, 0),
            Record::value(document.as_bytes()),
        ],
    );
    let shown = |flags: &[&str]| {
        let (mut keyboard, screen) = terminal();
        let mut command = Command::new(env!("CARGO_BIN_EXE_archiver"));
        command.args(["watch", "-b", &scene.server.bootstrap(), "-t", &topic.name]);
        command
            .args(["--from", "earliest", "--limit", "2"])
            .args(flags);
        command
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdout(screen);
        let mut child = Janitor::get().spawn(&mut command).expect("archiver");
        // This process has the terminal's other end only as long as the command that was to be started.
        drop(command);
        let mut shown = Vec::new();
        // A terminal that nobody has any more is an error.
        let _ = keyboard.read_to_end(&mut shown);
        let ended = child.wait().expect("its end");
        Janitor::get().forget(&child);
        assert_eq!(ended.code(), Some(0));
        let shown = String::from_utf8(shown).expect("UTF-8");
        // What is its own: colour, and the terminal's line ends.
        let mut own = shown.replace("\r\n", "\n");
        for code in ["0", "1", "2", "32", "36"] {
            own = own.replace(&format!("\x1b[{code}m"), "");
        }
        let is_text = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(own.chars().all(is_text), "{own:?}");
        (shown, own)
    };
    let (colours, text) = shown(&[]);
    assert!(
        colours.contains("\x1b[36m\"name\"\x1b[0m: \x1b[32m"),
        "{colours:?}"
    );
    assert!(
        text.contains("{\"name\": \"\\u009b2J ä\", \"n\": 1.50}\n"),
        "{text:?}"
    );
    assert!(
        text.contains("\\x1b[2J\\u{9b}31m\\r\\x7f\\u{202e}\n"),
        "{text:?}"
    );
    shown(&["--raw"]);
    shown(&["--format", "%k %v %h"]);
    let (_, lines) = shown(&["--json"]);
    let line = lines.lines().next().expect("a line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["value"], hostile);
}

#[test]
fn a_topic_that_is_not_there_is_waited_for_and_so_is_one_that_was_deleted() {
    let scene = Scene::new();
    let topic = scene.planned("watch-later");
    let watching = Watching::start(&scene, &["-t", &topic.name, "--raw"]);
    watching.await_said("there is none; waiting until it is created");
    topic.make(1, &[]);
    Producer::new(scene.server).send_all(&topic, [Record::value("first")]);
    // All of it is new.
    assert_eq!(watching.next(), "first");
    topic.delete();
    watching.await_said("it was deleted");
    topic.make(2, &[]);
    let again = ["second", "third"].map(Record::value);
    Producer::new(scene.server).send_all(&topic, again.map(|record| record.to(1)));
    assert_eq!(watching.next_of(2), ["second", "third"]);
    let (code, rest, said) = watching.interrupt();
    assert_eq!((code, rest), (Some(0), vec![]), "{said}");
    assert!(said.ends_with("\n3 records\n"), "{said}");
}

#[test]
fn from_some_minutes_ago_it_catches_up_and_follows() {
    let scene = Scene::new();
    let topic = scene.topic("watch-ago", 3);
    let producer = Producer::new(scene.server);
    let at = |minutes: i64, value: &str, partition| Record {
        timestamp: Some(now_ms() - minutes * 60_000),
        ..keyed("k", value, partition)
    };
    let records = [
        at(60, "old", 0),
        at(4, "a", 0),
        at(3, "b", 0),
        at(60, "old", 1),
        at(1, "c", 1),
    ];
    producer.send_all(&topic, records);
    let watching = Watching::start(&scene, &["-t", &topic.name, "--raw", "--from", "-5m"]);
    let mut caught_up = watching.next_of(3);
    caught_up.sort();
    assert_eq!(caught_up, ["a", "b", "c"]);
    producer.send_all(&topic, [at(0, "d", 2)]);
    assert_eq!(watching.next(), "d");
    let (code, rest, said) = watching.interrupt();
    assert_eq!((code, rest, &*said), (Some(0), vec![], "4 records\n"));
}

#[test]
fn by_default_it_prints_what_comes_from_now_on_and_counts_what_it_printed() {
    let scene = Scene::new();
    let topic = scene.topic("watch-latest", 1);
    let producer = Producer::new(scene.server);
    producer.send_all(&topic, [Record::value("old new")]);
    let watching = Watching::start(&scene, &["-t", &topic.name, "--raw", "--grep", "new"]);
    // Until one is seen, it may not have begun.
    let mut line = None;
    eventually(LONG, "a record that came later", || {
        producer.send_all(&topic, [Record::value("new"), Record::value("another")]);
        line = watching.lines.recv_timeout(Duration::from_millis(100)).ok();
        line.is_some()
    });
    assert_eq!(line.as_deref(), Some("new"));
    let (code, rest, said) = watching.interrupt();
    assert_eq!(code, Some(0));
    assert!(rest.iter().all(|line| line == "new"), "{rest:?}");
    let count = format!("{} record", rest.len() + 1);
    assert!(said.starts_with(&count) && said.contains(" of "), "{said}");
}

#[test]
fn new_partitions_and_topics_that_match_later_are_taken_up_from_their_beginning() {
    let scene = Scene::new();
    let topic = scene.topic("watch-grows", 1);
    let producer = Producer::new(scene.server);
    producer.send_all(&topic, [Record::value("old")]);
    let pattern = format!("^{}(-too)?", topic.name);
    let flags = ["-t", &pattern, "--from", "earliest", "--format", "%t %p %v"];
    let watching = Watching::start(&scene, &flags);
    let name = &topic.name;
    assert_eq!(watching.next(), format!("{name} 0 old"));
    topic.grow(3);
    Producer::new(scene.server).send_all(&topic, [Record::value("new").to(2)]);
    assert_eq!(watching.next(), format!("{name} 2 new"));
    let later = Topic::create(scene.server, &format!("{name}-too"), 1, &[]);
    Producer::new(scene.server).send_all(&later, [Record::value("first")]);
    assert_eq!(watching.next(), format!("{name}-too 0 first"));
    assert_eq!(watching.interrupt().0, Some(0));
}

#[test]
fn whoever_stops_reading_ends_it_without_a_word_also_while_nothing_comes() {
    let scene = Scene::new();
    let topic = scene.topic("watch-closed", 1);
    let records = (0..20_000).map(|n| Record::value(format!("value {n}")));
    Producer::new(scene.server).send_all(&topic, records);
    let piped = |to: &str| {
        let (program, broker) = (env!("CARGO_BIN_EXE_archiver"), scene.server.bootstrap());
        let line = format!(
            "{program} watch -b {broker} -t {} --from earliest --raw | {to}",
            topic.name
        );
        let ended = Command::new("sh").args(["-c", &line]).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
        ended.stdout
    };
    assert_eq!(piped("head -n 1"), b"value 0\n");
    assert_eq!(piped("head -n 20000 | tail -n 1"), b"value 19999\n");
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_said_once() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("watch-away", 1);
    Producer::new(&server).send_all(&topic, [Record::value("before")]);
    let flags = ["-t", &topic.name, "--raw", "--from", "earliest"];
    let watching = Watching::start(&scene, &flags);
    assert_eq!(watching.next(), "before");
    server.stop();
    watching.await_said("trying again");
    server.restart();
    Producer::new(&server).send_all(&topic, [Record::value("after")]);
    assert_eq!(watching.next(), "after");
    let (code, rest, said) = watching.interrupt();
    assert_eq!((code, rest), (Some(0), vec![]), "{said}");
    let told = said.matches("in trouble").count();
    assert!(told <= 2, "{said}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for (typed, says) in [
        (&["-t", "a", "--grep", "a(b"][..], "unclosed group"),
        (&["-t", "^a(b"], "unclosed group"),
        (&["-t", "a", "--format", "%x"], "%x is no token"),
        (&["-t", "a", "--from", "soon"], "latest, earliest"),
        (
            &["-t", "a", "--from", "2099-01-01T00:00:00Z"],
            "still to come",
        ),
        (&["-t", "a", "--raw", "--json"], "cannot be used with"),
        (&[], "-t TOPIC"),
    ] {
        let of = ["watch", "-b", "127.0.0.1:1"];
        let ended = run(directory.path(), &[&of[..], typed].concat());
        assert_eq!(ended.code(), Some(2), "{typed:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{typed:?}: {}", ended.stderr);
    }
}
