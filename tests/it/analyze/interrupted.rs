//! What a signal leaves, and what the process says of it.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program;
use crate::kafka::Janitor;
use crate::wait::{LONG, eventually};

#[test]
fn a_signal_ends_a_question_with_an_exit_code_of_its_own_and_leaves_no_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = (0..3_000).map(|n| format!("{{\"n\":{n}}}\n"));
    fs::write(directory.path().join("f.ndjson"), rows.collect::<String>()).expect("written");
    // So many rows that nobody waits for its end.
    let asked = "SELECT count(*) FROM f a, f b, f c WHERE a.n + b.n > c.n";
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = Command::new(program());
        command
            .current_dir(directory.path())
            .args(["sql", asked, "f.ndjson", "-o", "answer.csv"])
            .stderr(Stdio::piped());
        let mut child = Janitor::get().spawn(&mut command).expect("is started");
        let part = directory.path().join("answer.csv.part");
        // It listens for signals before that.
        eventually(LONG, "the answer has begun", || part.exists());
        kill_process(Pid::from_child(&child), signal).expect("is told");
        let mut said = String::new();
        let stderr = child.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut said).expect("text");
        let ended = child.wait().expect("its end");
        Janitor::get().forget(&child);
        assert_eq!(ended.code(), Some(130), "{signal:?}: {said}");
        assert_eq!(
            said,
            "archiver-analyze: interrupted; no answer was written\n"
        );
        let left = fs::read_dir(directory.path()).expect("is there").count();
        assert_eq!(left, 1, "beside the file that was asked");
    }
}
