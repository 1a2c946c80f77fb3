//! The command line.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn version_and_help_are_told_on_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let version = run(directory.path(), &["--version"]);
    assert_eq!(version.code(), Some(0), "{version:?}");
    assert_eq!(
        version.stdout,
        format!("archiver {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = run(directory.path(), &["--help"]);
    assert_eq!(help.code(), Some(0), "{help:?}");
    for part in ["run", "demo", "--config", "-c", "--log-format", "-v", "-q"] {
        assert!(
            help.stdout.contains(part),
            "{part} is not in\n{}",
            help.stdout
        );
    }
}

#[test]
fn usage_that_makes_no_sense_is_told_with_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    for args in [
        &["--nonsense"][..],
        &["nonsense"],
        &["-c"],
        &["--log-format", "poem"],
    ] {
        let ended = run(directory.path(), args);
        assert_eq!(ended.code(), Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert_ne!(ended.stderr, "", "{args:?}");
    }
}

#[test]
fn a_missing_configuration_is_told_with_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(directory.path(), &["-c", "nowhere.toml"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    says::mistake(&["nowhere.toml"]).assert_in(&ended);
    if !Path::new("/etc/archiver/topics.toml").exists() {
        let ended = run(directory.path(), &[]);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        says::mistake(&["topics.toml"]).assert_in(&ended);
    }
}

#[test]
fn all_mistakes_in_a_configuration_are_told_at_once_and_nothing_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let broker = TcpListener::bind("127.0.0.1:0").unwrap();
    broker.set_nonblocking(true).unwrap();
    let address = broker.local_addr().unwrap();
    let text = format!(
        r#"shutdown_timeout = "soon"

[[archive]]
broker = "{address}"
topic = "metrics"
file = "out/metrics.ndjson"
flsuh = "1s"

[[archive]]
broker = "{address}"
topic = "traces"
file = "out/../out/metrics.ndjson"
start = 7

[[archive]]
broker = "{address}"
file = "out/logs.ndjson.gz"
compression = "zstd"
"#
    );
    fs::write(directory.path().join("topics.toml"), text).unwrap();
    let ended = run(directory.path(), &["-c", "topics.toml"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    for (line, phrases) in [
        (1, &["shutdown_timeout = \"soon\""][..]),
        (7, &["flsuh", "did you mean", "flush"]),
        (13, &["start = 7"]),
        (15, &["topic"]),
        (18, &["compression = \"zstd\"", ".gz"]),
    ] {
        let place = format!("topics.toml:{line}:");
        assert!(
            ended.stderr.contains(&place),
            "{place} is not in\n{}",
            ended.stderr
        );
        let says = says::mistake(phrases);
        assert!(
            says.matches(&ended.stderr),
            "{says} is not in\n{}",
            ended.stderr
        );
    }
    let left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["topics.toml"]);
    let called = broker.accept().map_err(|e| e.kind());
    assert!(
        matches!(called, Err(ErrorKind::WouldBlock)),
        "a broker was contacted: {called:?}"
    );
}

#[test]
fn run_is_the_same_as_no_command_and_nothing_goes_to_standard_output() {
    let scene = Scene::new();
    let topic = scene.topic("run", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    fs::write(scene.path("other.toml"), config.text()).unwrap();
    for (n, args) in [&["run", "-c", "other.toml"][..], &["-c", "other.toml"]]
        .iter()
        .enumerate()
    {
        let archiver = Archiver::start(scene.directory(), args);
        producer.send_all(&topic, values.jsons(10));
        scene.await_lines(&archiver, "a.ndjson", 10 * (n + 1));
        let ended = archiver.stop();
        assert_eq!(ended.stdout, "");
        assert!(
            !ended.stderr.contains('\x1b'),
            "colours in a pipe:\n{}",
            ended.stderr
        );
    }
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn topics_toml_is_found_when_no_other_is_named_and_the_log_says_so() {
    let scene = Scene::new();
    let topic = scene.topic("found", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let archiver = Archiver::start(scene.directory(), &[]);
    archiver.await_line(&says::uses_config("topics.toml"));
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
}

#[test]
fn a_log_in_json_is_json_on_every_line() {
    let scene = Scene::new();
    let topic = scene.topic("json", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let archiver = Archiver::start(scene.directory(), &["--log-format", "json"]);
    scene.await_lines(&archiver, "a.ndjson", 10);
    let ended = archiver.stop();
    assert!(!ended.stderr.is_empty());
    for line in ended.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
}

#[test]
fn rust_log_says_how_much_is_logged_of_what() {
    let scene = Scene::new();
    let topic = scene.topic("logged", 1);
    let config =
        Config::new()
            .set("defaults", "start", "earliest")
            .archive(&topic, "a.ndjson", &[]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut lines = 0;
    let mut stderr_with = |rust_log| {
        producer.send_all(&topic, values.jsons(10));
        lines += 10;
        let environment = [("RUST_LOG", rust_log)];
        let args = ["-c", "topics.toml"];
        let archiver = Archiver::start_with(scene.directory(), &args, &environment);
        scene.await_lines(&archiver, "a.ndjson", lines);
        archiver.stop().stderr
    };
    assert_eq!(stderr_with("warn"), "");
    assert!(stderr_with("").contains(" INFO "));
    assert!(stderr_with("off,archiver=info").contains(" INFO "));
    let of_totals = stderr_with("warn,archiver::totals=info");
    assert!(!of_totals.is_empty());
    assert!(
        of_totals.lines().all(|line| line.contains("totals: ")),
        "{of_totals}"
    );
}

#[test]
fn values_from_the_environment_and_from_files_are_taken() {
    let scene = Scene::new();
    let topic = scene.topic("taken", 1);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .archive_on("${TEST_BROKER}", &topic, "${file:name.txt}", &[]);
    fs::write(scene.path("name.txt"), "a.ndjson\n").unwrap();
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let broker = scene.server.bootstrap();
    let environment = [("TEST_BROKER", broker.as_str())];
    let archiver = Archiver::start_with(scene.directory(), &["-c", "topics.toml"], &environment);
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
}

#[test]
fn what_cat_can_not_know_is_told_in_its_own_words() {
    let directory = tempfile::tempdir().unwrap();
    for (args, said) in [
        (["--offsets", "-1..3"], "not offsets; write A..B"),
        (["--partition", "-1"], "not a partition"),
    ] {
        let ended = run(directory.path(), &[&["cat", "."], &args[..]].concat());
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    for (time, is_refused) in [("09:00", true), ("2026-11-20T09:00Z", false)] {
        let program = env!("CARGO_BIN_EXE_archiver");
        let mut command = std::process::Command::new(program);
        command.args(["cat", ".", "--since", time]);
        command.current_dir(directory.path()).env("TZ", "Foo/Bar");
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(said.contains("TZ=Foo/Bar"), is_refused, "{said}");
    }
}

#[test]
fn a_time_ago_is_no_flag_and_a_zone_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for args in [&["-5m"][..], &["-1h30m", "--timezone", "UTC"]] {
        let ended = run(directory.path(), &[&["time"], args].concat());
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains(" ago"), "{}", ended.stdout);
    }
    let ended = run(directory.path(), &["time", "-x"]);
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    for (args, code) in [(&["09:00"][..], 2), (&["09:00", "--timezone", "UTC"], 0)] {
        let args = [&["time"], args].concat();
        let running = Archiver::start_with(directory.path(), &args, &[("TZ", "Foo/Bar")]);
        let ended = running.await_end();
        assert_eq!(ended.code(), Some(code), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("TZ=Foo/Bar"), code == 2);
    }
}
