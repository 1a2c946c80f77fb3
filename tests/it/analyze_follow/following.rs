//! `archiver-analyze run analysis.toml --follow`, running.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::analyze::program;
use crate::kafka::Janitor;
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

/// It, running; what it says is in a file.
pub struct Following {
    child: Mutex<Child>,
    said: PathBuf,
}

impl Following {
    /// Starts it on `analysis.toml` with these flags.
    pub fn start(scene: &Scene, flags: &[&str]) -> Self {
        let said = scene.path("said.log");
        let log = File::create(&said).expect("a file");
        let mut command = Command::new(program());
        command
            .current_dir(scene.directory())
            .args(["run", "analysis.toml", "--follow", "-c", "topics.toml"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(File::create(scene.path("stdout.log")).expect("a file"))
            .stderr(log);
        let child = Janitor::get().spawn(&mut command).expect("is started");
        Self {
            child: Mutex::new(child),
            said,
        }
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).expect("is there")
    }

    #[track_caller]
    pub fn assert_runs(&self) {
        let ended = self.child.lock().unwrap().try_wait().expect("a status");
        assert!(ended.is_none(), "it has ended: {}", self.said());
    }

    #[track_caller]
    pub fn await_said(&self, text: &str) {
        eventually(LONG, &format!("it says: {text}"), || {
            self.assert_runs();
            self.said().contains(text)
        });
    }

    /// Waits until this analysis has looked at all that the archive has.
    #[track_caller]
    pub fn await_looked(&self, scene: &Scene, analysis: &str) {
        let archived = scene.checkpoint(".archiver/metrics")["positions"].clone();
        eventually(LONG, "all is looked at", || {
            self.assert_runs();
            let partitions = &checkpoint(scene, analysis)["partitions"];
            let archived = archived.as_object().expect("positions");
            archived
                .iter()
                .all(|(number, at)| partitions[number]["seen"] == at["next"])
        });
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.end(Signal::KILL);
    }

    /// SIGTERM, after which it must end well; returns what it has said.
    #[track_caller]
    pub fn stop(self) -> String {
        self.assert_runs();
        let status = self.end(Signal::TERM);
        assert_eq!(status, Some(0), "{}", self.said());
        self.said()
    }

    fn end(&self, signal: Signal) -> Option<i32> {
        let mut child = self.child.lock().unwrap();
        if let Ok(None) = child.try_wait() {
            kill_process(Pid::from_child(&child), signal).expect("is told");
        }
        let status = child.wait().expect("a status");
        Janitor::get().forget(&child);
        status.code()
    }
}

/// What an analysis has stored.
pub fn checkpoint(scene: &Scene, analysis: &str) -> Value {
    let path = scene
        .path(".archiver-analyze")
        .join(analysis)
        .join("checkpoint.json");
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice::<Value>(&bytes).expect("is whole")["checkpoint"].clone()
        }
        Err(_) => Value::Null,
    }
}

/// The rows of an NDJSON file, without a last line that is being written.
pub fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let rows = whole.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().expect("JSON")
}
