//! What a test plays in: a directory and topics of its own, on the shared Kafka or one of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::archiver::{Archiver, run};
use crate::check;
use crate::config::Config;
use crate::dump::{Partitions, dump};
use crate::files;
use crate::kafka::{Janitor, Server, shared};
use crate::topic::Topic;
use crate::values::spaced;
use crate::wait::{LONG, eventually};

pub struct Scene<'a> {
    pub server: &'a Server,
    directory: TempDir,
}

impl Scene<'static> {
    /// On the Kafka that all tests share.
    pub fn new() -> Self {
        Scene::on(shared())
    }
}

impl<'a> Scene<'a> {
    pub fn on(server: &'a Server) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("scene-")
            .tempdir_in(Janitor::get().root())
            .unwrap();
        Self { server, directory }
    }

    /// A new topic that no other test has.
    pub fn topic(&self, name: &str, partitions: i32) -> Topic<'a> {
        let topic = self.planned(name);
        topic.make(partitions, &[]);
        topic
    }

    /// The same, not yet created.
    pub fn planned(&self, name: &str) -> Topic<'a> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Topic::planned(self.server, &format!("{name}-{next}"))
    }

    /// The directory that archiver runs in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.directory().join(file)
    }

    /// Runs `archiver -c topics.toml` on this configuration.
    pub fn start(&self, config: &Config) -> Archiver {
        self.start_as(config, "topics.toml")
    }

    /// The same with another name for the configuration's file.
    pub fn start_as(&self, config: &Config, file: &str) -> Archiver {
        fs::write(self.path(file), config.text()).unwrap();
        Archiver::start(self.directory(), &["-c", file])
    }

    /// Waits until a file has so many lines.
    #[track_caller]
    pub fn await_lines(&self, archiver: &Archiver, file: &str, lines: usize) {
        let path = self.path(file);
        eventually(LONG, &format!("{file} has {lines} lines"), || {
            archiver.assert_runs();
            files::count(&path) >= lines
        });
    }

    /// Waits until the checkpoint in a state directory counts so many records.
    #[track_caller]
    pub fn await_checkpointed(&self, state: impl AsRef<Path>, records: usize) {
        eventually(LONG, &format!("{records} records are checkpointed"), || {
            self.checkpoint(&state)["records"] == records
        });
    }

    /// What the topic holds, read by somebody else.
    pub fn records(&self, topic: &Topic) -> Partitions {
        dump(self.server, &[topic]).topic(topic)
    }

    /// Fails the test unless the file holds each of the topic's records exactly once.
    #[track_caller]
    pub fn assert_exact(&self, topic: &Topic, file: &str) {
        self.assert_holds(&self.records(topic), file);
    }

    /// Fails the test unless the file holds each of these records exactly once.
    #[track_caller]
    pub fn assert_holds(&self, records: &Partitions, file: impl AsRef<Path>) {
        let text = files::read(&self.path(file)).unwrap();
        check::assert_exact(&check::expected(records, spaced), &text);
    }

    /// Fails the test unless `archiver verify --deep` agrees that nothing is missing or wrong.
    #[track_caller]
    pub fn assert_verified(&self) {
        let ended = run(self.directory(), &["-c", "topics.toml", "verify", "--deep"]);
        assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    }

    /// How far an archive's checkpoint in this state directory has come; nothing if there is none yet.
    pub fn checkpoint(&self, state: impl AsRef<Path>) -> serde_json::Value {
        let path = self.path(state).join("checkpoint.json");
        match fs::read(path) {
            Ok(bytes) => {
                let stored: serde_json::Value =
                    serde_json::from_slice(&bytes).expect("it is whole");
                stored["checkpoint"]["progress"].clone()
            }
            Err(_) => serde_json::Value::Null,
        }
    }

    /// The gaps in `.archiver/NAME/manifest.ndjson`.
    pub fn gaps(&self, archive: &str) -> Vec<serde_json::Value> {
        let lines = self.manifest(format!(".archiver/{archive}")).into_iter();
        lines.filter(|line| line["type"] == "gap").collect()
    }

    /// The manifest in this state directory, line by line; nothing if there is none.
    pub fn manifest(&self, state: impl AsRef<Path>) -> Vec<serde_json::Value> {
        let path = self.path(state).join("manifest.ndjson");
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        lines.map(|line| line.expect("a line in JSON")).collect()
    }
}
