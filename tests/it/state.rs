//! What stands in the places where archiver keeps its own: the real binary on the real file system. What it says of a
//! file's contents is tried exhaustively on the simulated disk; here it is what only a real one has.
//!
//! State is looked at before any broker is asked, so most of this needs none.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use xxhash_rust::xxh3::xxh3_64;

use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::produce::Producer;
use crate::says::{self, Says};
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;

const STATE_FILES: [&str; 4] = ["checkpoint.json", "manifest.ndjson", "gaps.ndjson", "lock"];
/// What somebody else keeps, longer than any process id.
const PRECIOUS: &str = "what somebody else keeps, and would miss\n";

/// An archive that was never begun, on a cluster that isn't there.
struct Position(TempDir);

impl Position {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let text =
            "[[archive]]\nbroker = \"127.0.0.1:1\"\ntopic = \"t\"\nfile = \"data/t.ndjson\"\n";
        fs::write(place.path("topics.toml"), text).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in the state directory, which is there then.
    fn state(&self, name: &str) -> PathBuf {
        let directory = self.path("data/.archiver/t");
        fs::create_dir_all(&directory).unwrap();
        directory.join(name)
    }

    /// The archive stops by itself, and a line says all of this.
    #[track_caller]
    fn assert_refused(&self, facts: &[&str]) {
        let ended = run(self.0.path(), &["-c", "topics.toml"]);
        assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
        says::mistake(facts).assert_in(&ended);
        says::mistake(&["stopped", "docs/operating.md"]).assert_in(&ended);
    }
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_pipe_in_the_place_of_state_is_refused_and_not_waited_for() {
    for name in STATE_FILES {
        let place = Position::new();
        pipe(&place.state(name));
        let what = match name {
            // Without a checkpoint, whatever it is.
            "manifest.ndjson" | "gaps.ndjson" => "has no checkpoint for it",
            _ => "it is not a regular file",
        };
        place.assert_refused(&[name, what]);
    }
}

#[test]
fn a_directory_in_the_place_of_state_is_refused() {
    for name in ["checkpoint.json", "lock"] {
        let place = Position::new();
        fs::create_dir(place.state(name)).unwrap();
        place.assert_refused(&[name, "it is not a regular file"]);
    }
}

#[test]
fn a_symlink_in_the_place_of_state_is_refused_and_not_followed() {
    for name in ["checkpoint.json", "lock"] {
        for target in ["victim", "nothing"] {
            let place = Position::new();
            fs::write(place.path("victim"), PRECIOUS).unwrap();
            symlink(place.path(target), place.state(name)).unwrap();
            if (name, target) == ("lock", "nothing") {
                // Made through the link, it would be there.
                place.assert_refused(&[name, "it is a symbolic link"]);
                assert!(!place.path("nothing").exists());
                continue;
            }
            place.assert_refused(&[name, "it is a symbolic link"]);
            let kept = fs::read_to_string(place.path("victim")).unwrap();
            assert_eq!(kept, PRECIOUS, "through {name}");
        }
    }
}

#[test]
fn a_symlink_in_the_place_of_the_state_directory_is_refused_and_not_followed() {
    for link in ["data/.archiver", "data/.archiver/t"] {
        let place = Position::new();
        fs::create_dir_all(place.path("victim")).unwrap();
        fs::write(place.path("victim/lock"), "7\n").unwrap();
        let link = place.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(place.path("victim"), &link).unwrap();
        place.assert_refused(&["state directory", "it is a symbolic link"]);
        let left: Vec<_> = fs::read_dir(place.path("victim")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read(place.path("victim/lock")).unwrap(), b"7\n");
    }
}

#[test]
fn a_hard_link_to_somebody_else_s_file_is_not_emptied() {
    let place = Position::new();
    fs::write(place.path("victim"), PRECIOUS).unwrap();
    fs::hard_link(place.path("victim"), place.state("lock")).unwrap();
    place.assert_refused(&["lock", "more than it ever has"]);
    assert_eq!(fs::read_to_string(place.path("victim")).unwrap(), PRECIOUS);
}

#[test]
fn a_checkpoint_of_a_gigabyte_is_refused_and_not_read() {
    let place = Position::new();
    let file = File::create(place.state("checkpoint.json")).unwrap();
    file.set_len(1 << 30).unwrap();
    place.assert_refused(&["checkpoint.json", "it has 1073741824 bytes"]);
}

#[test]
fn state_that_may_not_be_read_is_waited_for_by_those_who_are_not_root() {
    if !rustix::process::geteuid().is_root() {
        show("skipped: only root can be somebody else");
        return;
    }
    let place = Position::new();
    // Where everybody gets at it.
    let program = place.path("archiver");
    fs::copy(env!("CARGO_BIN_EXE_archiver"), &program).unwrap();
    let checkpoint = place.state("checkpoint.json");
    fs::write(&checkpoint, "{}\n").unwrap();
    for path in [place.0.path(), &place.path("data/.archiver/t")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(&checkpoint, fs::Permissions::from_mode(0o000)).unwrap();
    let mut child = Command::new(program)
        .args(["-c", "topics.toml"])
        .current_dir(place.0.path())
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = says::mistake(&["waiting", "checkpoint.json", "permission denied"]);
    let said: Vec<_> = lines
        .map(Result::unwrap)
        .take_while(|l| !waits.matches(l))
        .collect();
    let is_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_running, "it ended:\n{}", said.join("\n"));
    // Root reads whatever there is.
    place.assert_refused(&["checkpoint.json", "damaged"]);
}

#[test]
fn a_data_file_may_be_a_symlink_but_not_one_that_leads_to_nothing() {
    let scene = Scene::new();
    let topic = scene.topic("linked", 1);
    let config = Config::new().archive(&topic, "t.ndjson", &[("start", "earliest")]);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    symlink("elsewhere.ndjson", scene.path("t.ndjson")).unwrap();
    let archiver = scene.start(&config);
    archiver.await_line(&says::mistake(&["waiting", "t.ndjson", "symbolic link"]));
    assert!(!scene.path("elsewhere.ndjson").exists());
    fs::write(scene.path("elsewhere.ndjson"), "").unwrap();
    scene.await_lines(&archiver, "t.ndjson", 10);
    archiver.stop();
    assert!(scene.path("t.ndjson").is_symlink());
    scene.assert_exact(&topic, "elsewhere.ndjson");
}

#[test]
fn a_symlink_in_the_place_of_the_next_checkpoint_is_not_followed() {
    let scene = Scene::new();
    let topic = scene.topic("planted", 1);
    let config = Config::new().archive(&topic, "t.ndjson", &[("start", "earliest")]);
    let state = scene.path(format!(".archiver/{}", topic.name));
    fs::create_dir_all(&state).unwrap();
    fs::write(scene.path("victim"), PRECIOUS).unwrap();
    symlink(scene.path("victim"), state.join("checkpoint.json.new")).unwrap();
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    archiver.stop();
    assert_eq!(fs::read_to_string(scene.path("victim")).unwrap(), PRECIOUS);
    assert!(!state.join("checkpoint.json").is_symlink());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// That of this process, and of those that it starts.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    u32::from_str_radix(umask.unwrap().trim(), 8).unwrap()
}

#[test]
fn files_are_not_for_others_unless_file_mode_says_so() {
    let scene = Scene::new();
    let (usual, open) = (scene.topic("usual", 1), scene.topic("open", 1));
    let keys = [("start", "earliest"), ("file_mode", "0664")];
    let config = Config::new()
        .archive(&usual, "a/b/usual.ndjson", &keys[..1])
        .archive(&open, "c/d/open.ndjson", &keys);
    let archiver = scene.start(&config);
    for topic in [&usual, &open] {
        archiver.await_line(&says::running(&topic.name));
    }
    archiver.stop();
    let less = !umask();
    for (topic, above, file, dir, of_file) in [
        (&usual, "a/b", "usual.ndjson", 0o750 & less, 0o640 & less),
        (&open, "c/d", "open.ndjson", 0o775, 0o664),
    ] {
        let above = scene.path(above);
        let state = above.join(".archiver").join(&topic.name);
        for path in [
            above.parent().unwrap(),
            &above,
            state.parent().unwrap(),
            &state,
        ] {
            assert_eq!(mode(path), dir, "{}: {:o}", path.display(), mode(path));
        }
        for path in [
            above.join(file),
            state.join("checkpoint.json"),
            state.join("lock"),
        ] {
            assert_eq!(
                mode(&path),
                of_file,
                "{}: {:o}",
                path.display(),
                mode(&path)
            );
        }
    }
}

#[test]
fn a_few_damaged_checkpoints_are_refused_by_the_real_binary() {
    let scene = Scene::new();
    let topic = scene.topic("damaged", 1);
    let config = Config::new().archive(&topic, "t.ndjson", &[("start", "earliest")]);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "t.ndjson", 10);
    archiver.stop();
    let path = scene.path(format!(".archiver/{}/checkpoint.json", topic.name));
    let stored = fs::read(&path).unwrap();
    let data = fs::read(scene.path("t.ndjson")).unwrap();
    let text = String::from_utf8(stored.clone()).unwrap();
    let refused: [(Vec<u8>, Says); 5] = [
        (Vec::new(), says::damaged_checkpoint(&topic.name)),
        (
            stored[..100].to_vec(),
            says::damaged_checkpoint(&topic.name),
        ),
        (
            text.replacen("\"next\":10", "\"next\":11", 1).into_bytes(),
            says::damaged_checkpoint(&topic.name),
        ),
        (
            text.replacen("\"format\":3", "\"format\":4", 1)
                .into_bytes(),
            says::refused(&topic.name, &["format 4"]),
        ),
        (b"[".repeat(1 << 20), says::damaged_checkpoint(&topic.name)),
    ];
    for (bytes, says) in refused {
        assert_ne!(bytes, stored);
        fs::write(&path, &bytes).unwrap();
        let ended = scene.start(&config).await_end();
        assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
        says.assert_in(&ended);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read(scene.path("t.ndjson")).unwrap(), data);
    }
    fs::write(&path, stored).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(2).jsons(10));
    let archiver: Archiver = scene.start(&config);
    scene.await_lines(&archiver, "t.ndjson", 20);
    archiver.stop();
    scene.assert_exact(&topic, "t.ndjson");
}

/// The same checkpoint as the first version of archiver stored it.
fn in_format_1(stored: &[u8]) -> Vec<u8> {
    let stored: serde_json::Value = serde_json::from_slice(stored).unwrap();
    let (identity, progress) = (
        &stored["checkpoint"]["identity"],
        &stored["checkpoint"]["progress"],
    );
    let text = |name: &str| format!("\"{name}\":{}", identity[name]);
    let identity = [
        "archive",
        "file",
        "compression",
        "topic",
        "topic_id",
        "cluster_id",
    ]
    .map(text);
    let positions = progress["positions"].as_object().unwrap().iter();
    let map = |key: &str| {
        let of = positions.clone().filter(|(_, at)| !at[key].is_null());
        let of = of.map(|(partition, at)| format!("\"{partition}\":{}", at[key]));
        of.collect::<Vec<_>>().join(",")
    };
    let mark = |mark: &serde_json::Value| {
        let (length, fingerprint) = (&mark["length"], &mark["fingerprint"]);
        format!("{{\"length\":{length},\"fingerprint\":{fingerprint}}}")
    };
    let segment = &progress["segments"][0];
    let id = &segment["file"]["id"];
    let (inode, born) = (&id["inode"], &id["born"]);
    let inner = format!(
        "{{\"identity\":{{{}}},\"progress\":{{\"next_offsets\":{{{}}},\"leader_epochs\":{{{}}},\"records\":{},\
         \"data\":{},\"id\":{{\"inode\":{inode},\"born\":{born}}},\"gaps\":{}}}}}",
        identity.join(","),
        map("next"),
        map("epoch"),
        progress["records"],
        mark(&segment["mark"]),
        mark(&progress["list"]["manifest"]),
    );
    let checksum = xxh3_64(inner.as_bytes());
    format!("{{\"format\":1,\"checksum\":\"xxh3:{checksum:016x}\",\"checkpoint\":{inner}}}\n")
        .into_bytes()
}

#[test]
fn a_checkpoint_of_format_1_is_taken_up_and_stored_in_the_newest() {
    let scene = Scene::new();
    let topic = scene.topic("older", 3);
    let config = Config::new().archive(&topic, "t.ndjson.gz", &[("start", "earliest")]);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(100));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "t.ndjson.gz", 100);
    archiver.stop();
    let path = scene.path(format!(".archiver/{}/checkpoint.json", topic.name));
    let older = in_format_1(&fs::read(&path).unwrap());
    fs::write(&path, older).unwrap();
    Producer::new(scene.server).send_all(&topic, Values::new(2).jsons(100));
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "t.ndjson.gz", 200);
    archiver.stop();
    scene.assert_exact(&topic, "t.ndjson.gz");
    let stored = fs::read(&path).unwrap();
    assert!(stored.starts_with(b"{\"format\":3,"));
}
