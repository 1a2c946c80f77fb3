//! The log: what nobody reads holds nothing up, and what RUST_LOG and `-q` leave of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use archiver::cli::{Common, LogFormat};
use archiver::logging;
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::archiver::{Archiver, Ended, helper};
use crate::config::Config;
use crate::kafka::Janitor;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

const PANICKING: &str = "ARCHIVER_TEST_PANICKING";

#[test]
fn a_log_that_nobody_reads_stops_neither_archiving_nor_the_end() {
    let scene = Scene::new();
    let topic = scene.topic("unread", 1);
    let config = chatty(&topic);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(100));
    let (_unread, error) = full_pipe();
    let args = ["-vv", "-c", "topics.toml"];
    let archiver = Archiver::start_unheard(scene.directory(), &args, error.into());
    scene.await_lines(&archiver, "a.ndjson", 100);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_few_lines_that_nobody_reads_do_not_make_it_deaf() {
    let scene = Scene::new();
    let topic = scene.topic("deaf", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let (_unread, error) = full_pipe();
    let args = ["-c", "topics.toml"];
    let archiver = Archiver::start_unheard(scene.directory(), &args, error.into());
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
}

#[test]
fn a_stop_is_heard_after_ctrl_s_on_a_terminal() {
    let scene = Scene::new();
    let topic = scene.topic("ctrl-s", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let producer = Producer::new(scene.server);
    let mut values = Values::new(1);
    producer.send_all(&topic, values.jsons(10));
    let (mut keyboard, screen) = terminal();
    let args = ["-c", "topics.toml"];
    let archiver = Archiver::start_unheard(scene.directory(), &args, screen.into());
    scene.await_lines(&archiver, "a.ndjson", 10);
    keyboard.write_all(b"\x13").unwrap();
    producer.send_all(&topic, values.jsons(10));
    scene.await_lines(&archiver, "a.ndjson", 20);
    archiver.stop();
}

#[test]
fn what_was_dropped_is_counted_when_the_log_is_read_again() {
    let scene = Scene::new();
    let topic = scene.topic("dropped", 1);
    // A fetch each millisecond, each with its lines.
    let config = chatty(&topic).set("kafka", "fetch.wait.max.ms", "1");
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let (read, error) = full_pipe();
    let args = ["-vv", "-c", "topics.toml"];
    let archiver = Archiver::start_unheard(scene.directory(), &args, error.into());
    let mut lines = BufReader::new(File::from(read)).lines().map(Result::unwrap);
    let dropped = says::dropped();
    // Nobody outside can see that no more lines fit: not read for longer and longer, then read as long.
    let mut pauses = (0..).map(|n| Duration::from_secs(1 << n));
    eventually(LONG * 2, "a line says how many were dropped", || {
        let pause = pauses.next().unwrap();
        thread::sleep(pause);
        let read = Instant::now();
        let mut while_reading = lines.by_ref().take_while(|_| read.elapsed() < pause);
        while_reading.any(|line| dropped.matches(&line))
    });
    let rest = thread::spawn(move || lines.filter(|line| line.contains("totals: ")).count());
    archiver.stop();
    assert_eq!(rest.join().unwrap(), 1, "the log goes on to its end");
}

#[test]
fn the_journal_gets_levels_and_no_times() {
    let directory = tempfile::tempdir().unwrap();
    let journal = r#"export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2)"#;
    let other = "export JOURNAL_STREAM=1:1";
    let config = "state_dir = \"state\"\n[[archive]]\nbroker = \"127.0.0.1:1\"\ntopic = \"t\"\nfile = \"f\"\n";
    fs::write(directory.path().join("topics.toml"), config).unwrap();
    let run = |stream: &str, config: &str| {
        let script = format!("{stream}; exec timeout 1 \"$0\" -c {config}");
        Archiver::start_by(directory.path(), &script, &[])
            .await_end()
            .stderr
    };
    let said = run(journal, "topics.toml");
    assert!(said.starts_with("<6>configuration topics.toml"), "{said}");
    assert!(said.contains("\n<6>SIGTERM: stopping"), "{said}");
    // A mistake takes many lines.
    let said = run(journal, "/dev/null");
    assert!(said.lines().all(|line| line.starts_with("<3>")), "{said}");
    let said = run(other, "topics.toml");
    assert!(said.contains(" INFO configuration topics.toml"), "{said}");
}

/// Not a test by itself: what [`a_panic_is_logged_without_waiting_for_who_reads`] runs.
#[test]
#[ignore = "another test's helper"]
fn panicking() {
    if std::env::var_os(PANICKING).is_none() {
        return;
    }
    let common = Common {
        config: None,
        log_format: LogFormat::Text,
        verbose: 0,
        quiet: 0,
    };
    logging::start(&common).unwrap();
    thread::spawn(|| panic!("by accident")).join().unwrap_err();
    logging::finish();
}

#[test]
fn a_panic_is_logged_without_waiting_for_who_reads() {
    let (_unread, error) = full_pipe();
    let mut command = helper("log::panicking", PANICKING);
    command.stdout(Stdio::null()).stderr(error);
    let mut panicking = Janitor::get().spawn(&mut command).unwrap();
    drop(command);
    eventually(LONG, "it ends", || panicking.try_wait().unwrap().is_some());
    Janitor::get().forget(&panicking);
    let said = helper("log::panicking", PANICKING).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8(said.stderr).unwrap();
    let line = said
        .lines()
        .find(|line| line.contains(" ERROR "))
        .expect(&said);
    assert!(
        line.contains("by accident") && line.contains("log.rs:"),
        "{line}"
    );
}

#[test]
fn a_rust_log_without_archiver_is_said_and_ignored() {
    for foreign in [
        "myapp=debug",
        "warning",
        "archiver=loud",
        "a=b=c",
        "archivers=off",
    ] {
        let said = lines_of_trouble(foreign, &[]);
        says::ignored_filter(foreign).assert_in(&said);
        assert_eq!(levels(&said), ["ERROR", "INFO", "WARN"], "{foreign}");
    }
    for none in ["", " "] {
        let said = lines_of_trouble(none, &[]);
        assert!(!said.stderr.contains("RUST_LOG"), "{}", said.stderr);
        assert_eq!(levels(&said), ["ERROR", "INFO", "WARN"]);
    }
}

#[test]
fn what_rust_log_does_not_name_is_logged_as_without_it() {
    let said = lines_of_trouble("librdkafka=off", &[]);
    assert_eq!(levels(&said), ["ERROR", "INFO", "WARN"], "{}", said.stderr);
    let said = lines_of_trouble("librdkafka=debug", &["-q"]);
    let archivers = levels(&said).into_iter().filter(|level| level != "DEBUG");
    assert!(archivers.eq(["ERROR", "WARN"]), "{}", said.stderr);
}

#[test]
fn warnings_and_errors_are_silenced_only_by_off_or_two_q() {
    for (rust_log, args) in [
        ("", &["-q"][..]),
        ("error", &[]),
        ("archiver=error", &[]),
        ("archiver::config=off", &["-q"]),
        ("myapp=off", &["-q"]),
    ] {
        let said = lines_of_trouble(rust_log, args);
        assert_eq!(
            levels(&said),
            ["ERROR", "WARN"],
            "{rust_log} {args:?}: {}",
            said.stderr
        );
    }
    for (rust_log, args) in [
        ("off", &[][..]),
        ("archiver=off", &[]),
        ("", &["-qq"]),
        ("", &["--quiet", "--quiet"]),
        ("myapp=off", &["-qq"]),
    ] {
        let said = lines_of_trouble(rust_log, args);
        assert_eq!(said.stderr, "", "{rust_log} {args:?}");
    }
}

/// Runs an archiver whose one archive can't be, and which has too few open files to its taste.
fn lines_of_trouble(rust_log: &str, args: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let text = "[[archive]]\nbroker = \"127.0.0.1:1\"\ntopic = \"t\"\nfile = \"a.ndjson\"\n";
    fs::write(directory.path().join("topics.toml"), text).unwrap();
    symlink("elsewhere", directory.path().join(".archiver")).unwrap();
    let script = format!("ulimit -n 64 && RUST_LOG='{rust_log}' exec \"$0\" \"$@\"");
    let args = [&["-c", "topics.toml"], args].concat();
    let ended = Archiver::start_by(directory.path(), &script, &args).await_end();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    ended
}

/// The levels that lines were logged at.
fn levels(said: &Ended) -> Vec<String> {
    let level = |line: &str| {
        line.split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    };
    let levels = said.stderr.lines().map(level).collect::<BTreeSet<_>>();
    levels.into_iter().collect()
}

/// Has librdkafka log all that it does.
fn chatty(topic: &Topic) -> Config {
    Config::new()
        .set("kafka", "debug", "all")
        .archive(topic, "a.ndjson", &[("start", "earliest")])
}

/// A pipe of the smallest size, into which nothing more fits.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    fcntl_setpipe_size(&write, 4096).unwrap();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while rustix::io::write(&write, b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    (read, write)
}

/// A terminal: its keyboard and its screen.
pub fn terminal() -> (File, File) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let screen = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    (keyboard.into(), screen.into())
}
