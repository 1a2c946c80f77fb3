//! Where a configuration is read from, and what is refused there.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use rustix::io::ioctl_fionread;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Signal;

use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    make_fifo(&directory.path().join("topics.toml"));
    symlink("topics.toml", directory.path().join("link.toml")).unwrap();
    for file in ["topics.toml", "link.toml", "/dev/zero", "."] {
        let ended = run(directory.path(), &["-c", file]);
        assert_eq!(ended.code(), Some(2), "{file}: {ended:?}");
        says::mistake(&[file, "not a regular file", "`-c -`"]).assert_in(&ended);
    }
    // It is found there, too.
    let ended = run(directory.path(), &[]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    says::mistake(&["topics.toml", "not a regular file"]).assert_in(&ended);
}

#[test]
fn a_value_is_read_from_regular_files_only() {
    let directory = tempfile::tempdir().unwrap();
    make_fifo(&directory.path().join("fifo"));
    for file in ["fifo", "/dev/zero", "."] {
        let archive = format!(
            "[[archive]]\nbroker = \"127.0.0.1:1\"\ntopic = \"${{file:{file}}}\"\nfile = \"a\"\n"
        );
        fs::write(directory.path().join("topics.toml"), archive).unwrap();
        let ended = run(directory.path(), &["-c", "topics.toml"]);
        assert_eq!(ended.code(), Some(2), "{file}: {ended:?}");
        says::mistake(&[&format!("file `{file}`"), "not a regular file"]).assert_in(&ended);
    }
}

#[test]
fn a_configuration_without_bound_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = File::create(directory.path().join("topics.toml")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let ended = run(directory.path(), &["-c", "topics.toml"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    says::mistake(&["topics.toml", "more than 64 MiB"]).assert_in(&ended);
}

#[test]
fn a_pipe_is_read_on_standard_input() {
    let scene = Scene::new();
    let topic = scene.topic("fed", 1);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    for (n, file) in ["-", "/dev/stdin"].iter().enumerate() {
        producer.send_all(&topic, values.jsons(10));
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let archiver = Archiver::start_fed(scene.directory(), &["-c", file], read.into());
        let mut write = File::from(write);
        write.write_all(config.text().as_bytes()).unwrap();
        drop(write);
        archiver.await_line(&says::uses_config("standard input"));
        scene.await_lines(&archiver, "a.ndjson", 10 * (n + 1));
        archiver.stop();
    }
    scene.assert_exact(&topic, "a.ndjson");
    fs::write(scene.path("other.toml"), config.text()).unwrap();
    let file = File::open(scene.path("other.toml")).unwrap();
    let archiver = Archiver::start_fed(scene.directory(), &["-c", "-"], file.into());
    archiver.await_line(&says::running("a"));
    archiver.stop();
}

#[test]
fn what_standard_input_must_not_be_is_said() {
    let directory = tempfile::tempdir().unwrap();
    for device in ["/dev/null", "/dev/zero"] {
        let input = File::open(device).unwrap();
        let ended = Archiver::start_fed(directory.path(), &["-c", "-"], input.into()).await_end();
        assert_eq!(ended.code(), Some(2), "{device}: {ended:?}");
        says::mistake(&["standard input", "neither a pipe nor a regular file"]).assert_in(&ended);
    }
    // Bash's pipe has a name.
    let script = r#"exec "$0" "$@" -c <(cat /dev/zero)"#;
    let ended = Archiver::start_by(directory.path(), script, &[]).await_end();
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    says::mistake(&["/dev/fd/", "not a regular file", "`-c -`"]).assert_in(&ended);
}

#[test]
fn a_signal_ends_it_while_the_configuration_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let archiver = Archiver::start_fed(directory.path(), &["-c", "-"], read.into());
        let mut write = File::from(write);
        write.write_all(b"# to be continued\n").unwrap();
        let all_read = || ioctl_fionread(&write).unwrap() == 0;
        eventually(LONG, "what is there was read", all_read);
        archiver.signal(signal);
        let ended = archiver.await_end();
        assert_eq!(ended.status.signal(), Some(signal.as_raw()), "{ended:?}");
    }
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}
