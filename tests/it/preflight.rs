//! `archiver check`: it says what would fail, each for what it is, and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use rustix::process::getuid;
use serde_json::Value;

use crate::archiver::{Ended, run};
use crate::config::Config;
use crate::disks::{Disk, Kind};
use crate::kafka::{Server, cluster, tool};
use crate::produce::Producer;
use crate::proxy::Fault;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;

/// What was found, and the exit code.
struct Checked {
    findings: Vec<Value>,
    ended: Ended,
}

impl Checked {
    fn new(ended: Ended) -> Self {
        let lines = ended.stdout.lines();
        let findings = lines.map(|line| serde_json::from_str(line).expect("JSON"));
        Self {
            findings: findings.collect(),
            ended,
        }
    }

    /// Of this configuration, which isn't changed by it; nor is anything else in its directory.
    fn of(scene: &Scene, config: &Config, flags: &[&str]) -> Self {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let before = tree(scene.directory());
        let flags = [&["-c", "topics.toml", "check", "--json"], flags].concat();
        let checked = Self::new(run(scene.directory(), &flags));
        assert_eq!(tree(scene.directory()), before, "it changes nothing");
        checked
    }

    /// Nothing would fail.
    #[track_caller]
    fn assert_good(&self) {
        let bad = self.findings.iter().filter(|of| of["outcome"] == "bad");
        assert_eq!(bad.count(), 0, "{:#?}", self.findings);
        assert_eq!(self.ended.code(), Some(0), "{}", self.ended.stderr);
    }

    /// The finding of this check with this outcome, which says these.
    #[track_caller]
    fn assert_finds(&self, check: &str, outcome: &str, says: &[&str]) -> &Value {
        let text = |of: &Value| {
            let said = ["text", "advice", "command"].map(|key| of[key].as_str().unwrap_or(""));
            said.join("\n").to_lowercase()
        };
        let says = says.iter().map(|words| words.to_lowercase());
        let says = says.collect::<Vec<_>>();
        let found = self.findings.iter().find(|of| {
            let is_it = of["check"] == check && of["outcome"] == outcome;
            is_it && says.iter().all(|words| text(of).contains(words))
        });
        if outcome == "bad" {
            assert_eq!(self.ended.code(), Some(1), "{}", self.ended.stderr);
        }
        found.unwrap_or_else(|| panic!("no {outcome} {check} says {says:?}:\n{:#?}", self.findings))
    }
}

/// All files below a directory, and what they hold.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(tree(&path)),
            false => all.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    all.sort();
    all
}

fn on(broker: &str, topic: &Topic, file: &str) -> Config {
    Config::new().archive_on(broker, topic, file, &[("start", "earliest")])
}

#[test]
fn what_is_as_it_should_be_is_said_to_be_before_the_first_start_and_after_it() {
    let scene = Scene::new();
    let topic = scene.topic("sound", 3);
    topic_of(&scene, &topic, 20);
    let config = on(&topic.bootstrap(), &topic, "out/a.ndjson");
    let checked = Checked::of(&scene, &config, &[]);
    checked.assert_good();
    checked.assert_finds("file", "good", &["archives: 1"]);
    checked.assert_finds("address", "good", &["is open"]);
    checked.assert_finds("brokers", "good", &["the only one answers"]);
    checked.assert_finds(
        "topic",
        "good",
        &[&topic.name, "partitions: 3", "at most 20"],
    );
    checked.assert_finds("rights", "good", &["READ and DESCRIBE"]);
    checked.assert_finds("retention", "good", &["kept for ever"]);
    checked.assert_finds("start", "good", &["earliest", "20 records"]);
    for (start, says) in [
        ("latest", "without the 20 records"),
        ("last:20", "at most 20 records"),
        ("2026-11-20T09:00:00Z", "first record of 2026-11-20"),
    ] {
        let keys = [("start", start)];
        let config = Config::new().archive_on(&topic.bootstrap(), &topic, "out/a.ndjson", &keys);
        Checked::of(&scene, &config, &[]).assert_finds("start", "good", &[says]);
    }
    checked.assert_finds("state", "good", &["it begins"]);
    checked.assert_finds("writable", "good", &[]);
    checked.assert_finds("space", "good", &["free"]);
    checked.assert_finds("open files", "good", &[]);
    checked.assert_finds("clock", "unknown", &["don't tell"]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "out/a.ndjson", 20);
    let beside = Checked::of_running(&scene, &config);
    beside.assert_finds("lock", "doubtful", &["another process", "archiver"]);
    archiver.stop();
    topic_of(&scene, &topic, 5);
    let again = Checked::of(&scene, &config, &[]);
    again.assert_good();
    again.assert_finds("state", "good", &["20 records so far"]);
    again.assert_finds("start", "good", &["5 records behind"]);
}

impl Checked {
    /// Of a configuration whose archives are being written.
    fn of_running(scene: &Scene, config: &Config) -> Self {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let flags = ["-c", "topics.toml", "check", "--json"];
        Self::new(run(scene.directory(), &flags))
    }
}

fn topic_of(scene: &Scene, topic: &Topic, records: usize) {
    Producer::new(scene.server).send_all(topic, Values::new(records as u64).jsons(records));
}

#[test]
fn the_table_says_the_same_in_80_columns() {
    let scene = Scene::new();
    let (here, missing) = (scene.topic("shown", 1), scene.planned("nowhere"));
    let config = on(&here.bootstrap(), &here, "a.ndjson").archive(&missing, "b.ndjson", &[]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let ended = run(scene.directory(), &["-c", "topics.toml", "check"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let text = &ended.stdout;
    for says in ["✓ rights", "✗ topic", "→ ", "? clock", "1 thing would fail"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let is_short = |line: &str| line.chars().count() <= 80 || !line.contains(' ');
    assert!(text.lines().all(is_short), "{text}");
}

#[test]
fn a_host_that_is_unknown_and_a_port_that_is_closed_are_called_that() {
    let scene = Scene::new();
    let topic = scene.topic("reached", 1);
    let closed = {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        port.local_addr().unwrap().to_string()
    };
    let unknown = "kafka.does-not-exist.invalid:9092";
    let checked = Checked::of(&scene, &on(unknown, &topic, "a.ndjson"), &[]);
    checked.assert_finds("address", "bad", &["no such name", "getent hosts"]);
    let checked = Checked::of(&scene, &on(&closed, &topic, "a.ndjson"), &[]);
    checked.assert_finds("address", "bad", &[&closed, "refused", "its port"]);
    // Another one leads to the cluster.
    let both = format!("{closed},{}", topic.bootstrap());
    let checked = Checked::of(&scene, &on(&both, &topic, "a.ndjson"), &[]);
    checked.assert_good();
    checked.assert_finds("address", "doubtful", &[&closed]);
}

#[test]
fn what_speaks_another_protocol_is_told_from_what_is_closed() {
    let scene = Scene::new();
    let topic = scene.topic("spoken", 1);
    let tls = on(&topic.bootstrap(), &topic, "a.ndjson").set("kafka", "security.protocol", "SSL");
    let checked = Checked::of(&scene, &tls, &[]);
    checked.assert_finds("login", "bad", &["ssl", "security.protocol"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    // It takes connections, and hangs up on each.
    thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
        }
    });
    let checked = Checked::of(&scene, &on(&silent, &topic, "a.ndjson"), &[]);
    checked.assert_finds("login", "bad", &["the right port"]);
}

#[test]
fn a_wrong_password_and_missing_rights_come_with_what_an_administrator_does() {
    let server = Server::secured();
    let scene = Scene::on(&server);
    let (secret, seen) = (scene.topic("secret", 1), scene.topic("seen", 1));
    server.grant("alice", &seen.name, &["DESCRIBE"]);
    let login = |password: &str| {
        let keys = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "alice"),
            ("sasl.password", password),
        ];
        let config = Config::new().set("clusters.secured", "broker", &server.sasl());
        let config = keys.iter().fold(config, |config, (key, value)| {
            config.set("clusters.secured.kafka", key, value)
        });
        config
            .archive_on("secured", &secret, "secret.ndjson", &[])
            .archive_on("secured", &seen, "seen.ndjson", &[])
    };
    let wrong = Checked::of(&scene, &login("hunter2-is-wrong"), &[]);
    wrong.assert_finds("login", "bad", &["authentication", "sasl.password"]);
    assert!(!wrong.ended.stdout.contains("hunter2"));
    let config = login("alice-pw");
    let denied = Checked::of(&scene, &config, &[]);
    let commands = [(&seen, "READ is missing"), (&secret, "uthorization")].map(|(topic, says)| {
        let found = denied.assert_finds("rights", "bad", &[says, &topic.name, "User:alice"]);
        found["command"].as_str().expect("a command").to_owned()
    });
    denied.assert_finds("retention", "unknown", &["DescribeConfigs"]);
    for command in commands {
        assert!(command.starts_with("kafka-acls "), "{command}");
        // As an administrator would, who is let in elsewhere.
        let words = command.split(' ').skip(1).map(|word| match word {
            word if word == server.sasl() => server.bootstrap(),
            word => word.to_owned(),
        });
        let words = words
            .filter(|word| !word.ends_with("command-config") && !word.ends_with(".properties"));
        tool(
            "org.apache.kafka.tools.AclCommand",
            &words.collect::<Vec<_>>(),
        );
    }
    let allowed = Checked::of(&scene, &config, &[]);
    allowed.assert_good();
    assert!(!allowed.ended.stdout.contains("alice-pw"));
}

#[test]
fn a_topic_that_is_missing_kept_briefly_or_partly_gone_is_said_to_be() {
    let scene = Scene::new();
    let (missing, brief) = (scene.planned("missing"), scene.planned("brief"));
    brief.make(1, &[("retention.ms", "600000")]);
    let bootstrap = brief.bootstrap();
    let config =
        on(&bootstrap, &missing, "a.ndjson").archive(&brief, "b.ndjson", &[("start", "earliest")]);
    let checked = Checked::of(&scene, &config, &[]);
    checked.assert_finds("topic", "bad", &[&missing.name, "doesn't exist"]);
    checked.assert_finds("retention", "doubtful", &["kept for 10 min"]);
    brief.configure(&[("retention.ms", "86400000")]);
    for (start, outcome, says) in [
        ("-2d", "doubtful", "longer ago than that"),
        ("-2h", "good", "kept for 24 h"),
    ] {
        let config = Config::new().archive(&brief, "b.ndjson", &[("start", start)]);
        Checked::of(&scene, &config, &[]).assert_finds("retention", outcome, &[says]);
    }
    topic_of(&scene, &brief, 10);
    let config = on(&bootstrap, &brief, "b.ndjson");
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "b.ndjson", 10);
    archiver.stop();
    topic_of(&scene, &brief, 30);
    brief.delete_records(0, 15);
    let checked = Checked::of(&scene, &config, &[]);
    checked.assert_finds("start", "doubtful", &["5 offsets", "gap", "25 records"]);
}

#[test]
fn state_and_files_of_somebody_else_are_refused_in_the_words_of_a_start() {
    let scene = Scene::new();
    let (topic, other) = (scene.topic("own", 1), scene.topic("other", 1));
    topic_of(&scene, &topic, 10);
    let named = |topic: &Topic, file: &str| {
        let keys = [("name", "a"), ("start", "earliest")];
        Config::new().archive(topic, file, &keys)
    };
    let archiver = scene.start(&named(&topic, "a.ndjson"));
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
    let foreign = Checked::of(&scene, &named(&other, "a.ndjson"), &[]);
    foreign.assert_finds("state", "bad", &["is of topic", &topic.name, &other.name]);
    let offline = Checked::of(&scene, &named(&other, "a.ndjson"), &["--offline"]);
    offline.assert_finds("state", "bad", &["is of topic"]);
    assert!(offline.findings.iter().all(|of| of["check"] != "address"));
    let file = fs::OpenOptions::new()
        .write(true)
        .open(scene.path("a.ndjson"));
    file.unwrap().set_len(3).unwrap();
    let short = Checked::of(&scene, &named(&topic, "a.ndjson"), &[]);
    short.assert_finds("file", "bad", &["has 3 bytes", "put the file back"]);
    fs::write(scene.path(".archiver/a/checkpoint.json"), "{}").unwrap();
    let broken = Checked::of(&scene, &named(&topic, "a.ndjson"), &[]);
    broken.assert_finds("state", "bad", &["checkpoint.json"]);
    fs::remove_dir_all(scene.path(".archiver")).unwrap();
    let left = Checked::of(&scene, &named(&topic, "a.ndjson"), &[]);
    left.assert_finds("state", "bad", &["exists (3 bytes)", "no checkpoint"]);
}

#[test]
fn a_directory_that_can_not_be_written_and_a_disk_that_is_full_are_found() {
    let scene = Scene::new();
    let topic = scene.topic("disk", 1);
    let offline =
        |file: &str| Checked::of_running_offline(&scene, &on(&topic.bootstrap(), &topic, file));
    fs::write(scene.path("taken"), "a file").unwrap();
    offline("taken/a.ndjson").assert_finds("file", "bad", &["a file stands"]);
    if !getuid().is_root() {
        let closed = scene.path("closed");
        fs::create_dir(&closed).unwrap();
        let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(&closed, mode(0o555)).unwrap();
        let checked = offline("closed/a.ndjson");
        fs::set_permissions(&closed, mode(0o755)).unwrap();
        checked.assert_finds("writable", "bad", &["denied", "uid"]);
    }
    let what = "a full disk and a read-only one";
    let Some(disk) = Disk::mount(Kind::Tmpfs, scene.path("disk"), what) else {
        return;
    };
    offline("disk/new/a.ndjson").assert_good();
    disk.fill();
    let full = offline("disk/new/a.ndjson");
    full.assert_finds("writable", "bad", &["no space left", "the disk is full"]);
    full.assert_finds("space", "bad", &["0 B free"]);
    disk.free();
    disk.change("ro");
    let closed = offline("disk/new/a.ndjson");
    closed.assert_finds("writable", "bad", &["read-only"]);
}

impl Checked {
    /// Without Kafka.
    fn of_running_offline(scene: &Scene, config: &Config) -> Self {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let flags = ["-c", "topics.toml", "check", "--json", "--offline"];
        Self::new(run(scene.directory(), &flags))
    }
}

#[test]
fn a_configuration_that_is_wrong_is_a_finding_and_what_is_typed_needs_none() {
    let scene = Scene::new();
    let topic = scene.topic("typed", 1);
    let wrong = Config::new().top("no_such_key", "1");
    let checked = Checked::of(&scene, &wrong, &[]);
    checked.assert_finds("file", "bad", &["no_such_key"]);
    let broker = topic.bootstrap();
    fs::remove_file(scene.path("topics.toml")).unwrap();
    let typed = ["check", "--json", "-b", &broker, "-t", &topic.name];
    let checked = Checked::new(run(scene.directory(), &typed));
    checked.assert_good();
    assert!(checked.findings.iter().all(|of| of["check"] != "writable"));
    let typed = [&typed[..], &["-o", "out/{topic}.ndjson"]].concat();
    let checked = Checked::new(run(scene.directory(), &typed));
    checked.assert_good();
    checked.assert_finds("writable", "good", &[]);
    let nothing = run(scene.directory(), &["check"]);
    assert_eq!(nothing.code(), Some(2), "{}", nothing.stderr);
}

#[test]
fn the_archives_of_a_pattern_are_checked_as_they_would_be() {
    let scene = Scene::new();
    let topics = [
        scene.topic("pattern-checked", 1),
        scene.topic("pattern-checked", 2),
    ];
    let config = Config::new().pattern(
        &topics[0].bootstrap(),
        "pattern-checked-.*",
        "{topic}.ndjson",
        &[],
    );
    let checked = Checked::of(&scene, &config, &[]);
    checked.assert_good();
    for topic in &topics {
        checked.assert_finds("topic", "good", &[&topic.name]);
    }
    let none = Config::new().pattern(&topics[0].bootstrap(), "no-such-.*", "{topic}.ndjson", &[]);
    let checked = Checked::of(&scene, &none, &[]);
    checked.assert_finds("patterns", "doubtful", &["0"]);
}

#[test]
fn a_broker_that_does_not_answer_is_named_where_others_do() {
    let server = cluster();
    let scene = Scene::on(&server);
    let topic = scene.topic("three", 3);
    let first = server.proxy(1).address();
    let config = on(&first, &topic, "a.ndjson");
    let checked = Checked::of(&scene, &config, &[]);
    checked.assert_good();
    checked.assert_finds("brokers", "good", &["all 3 answer"]);
    let address = server.proxy(2).address();
    server.proxy(2).set(Fault::Down);
    let checked = Checked::of(&scene, &config, &[]);
    server.fault(Fault::None);
    checked.assert_finds("brokers", "bad", &["broker 2", &address, "doesn't answer"]);
}
