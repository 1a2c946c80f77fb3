//! The real binary, running.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::backtrace;
use crate::kafka::Janitor;
use crate::says::Says;
use crate::show::show;
use crate::wait::{LONG, within};

const BINARY: &str = env!("CARGO_BIN_EXE_archiver");

/// A test that fails when archiver has run for so long has waited for something in vain.
const SUSPICIOUS: Duration = Duration::from_secs(60);

pub struct Archiver {
    child: Mutex<Child>,
    began: Instant,
    log: Arc<Log>,
    readers: Vec<JoinHandle<()>>,
    stdout: Arc<Mutex<Vec<u8>>>,
}

/// How much of a container's own it has around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Processes, and what `/proc` says of them.
    Whole,
    /// Processes; `/proc` is the host's.
    OnlyProcesses,
}

/// What it has written to standard error so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// Runs what another test has for a helper, in a process of its own; it sees `variable` in its environment.
pub fn helper(test: &str, variable: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.env(variable, "1").stdin(Stdio::null());
    command
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_remove("RUST_LOG");
    command
}

/// Runs archiver to its end.
pub fn run(directory: &Path, args: &[&str]) -> Ended {
    Archiver::start(directory, args).await_end()
}

impl Archiver {
    pub fn start(directory: &Path, args: &[&str]) -> Self {
        Self::start_with(directory, args, &[])
    }

    /// Another program, which is started and stopped as archiver is.
    pub fn start_program(program: &Path, directory: &Path, args: &[&str]) -> Self {
        let mut command = command(program.to_str().expect("a path in UTF-8"));
        command.args(args);
        Self::spawn(directory, command)
    }

    /// The same with some environment variables.
    pub fn start_with(directory: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(BINARY);
        command.args(args).envs(environment.iter().copied());
        Self::spawn(directory, command)
    }

    /// The same with this as its standard input. Whoever starts the tests in the background lets them ignore SIGINT, which
    /// it would inherit.
    pub fn start_fed(directory: &Path, args: &[&str], input: Stdio) -> Self {
        let mut command = command("env");
        command.args(["--default-signal=INT", BINARY]).args(args);
        Self::spawn_on(directory, command, input, Stdio::piped())
    }

    /// The same with this as its standard error, which is not read here.
    pub fn start_unheard(directory: &Path, args: &[&str], error: Stdio) -> Self {
        let mut command = command(BINARY);
        command.args(args);
        Self::spawn_on(directory, command, Stdio::null(), error)
    }

    /// The same with so many open files allowed, and so many if it asks for more.
    pub fn start_allowed(directory: &Path, args: &[&str], files: u32, at_most: u32) -> Self {
        Self::start_limited(
            directory,
            args,
            &format!("-Sn {files} && ulimit -Hn {at_most}"),
        )
    }

    /// The same with a limit of the shell's, as `ulimit` takes it.
    pub fn start_limited(directory: &Path, args: &[&str], limit: &str) -> Self {
        let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
        Self::start_by(directory, &script, args)
    }

    /// The same by a shell, for what only that can do; `"$0" "$@"` is archiver.
    pub fn start_by(directory: &Path, script: &str, args: &[&str]) -> Self {
        let mut command = command("bash");
        command.args(["-c", script, BINARY]).args(args);
        Self::spawn(directory, command)
    }

    /// The same as the first process of a container that shares this directory. Only root may have one: if it can't be
    /// had here, says why, and that `what` was skipped.
    pub fn start_contained(
        container: Container,
        directory: &Path,
        args: &[&str],
        what: &str,
    ) -> Option<Self> {
        let unshare = |program: &str| {
            let mut unshare = command("unshare");
            // What is within ends with it.
            unshare.args(["--pid", "--fork", "--kill-child"]);
            if container == Container::Whole {
                unshare.arg("--mount-proc");
            }
            unshare.arg(program);
            unshare
        };
        let tried = match unshare("true").output() {
            Ok(tried) if tried.status.success() => None,
            Ok(tried) => Some(String::from_utf8_lossy(&tried.stderr).trim().to_owned()),
            Err(e) => Some(format!("unshare: {e}")),
        };
        if let Some(why) = tried {
            show(&format!("skipped: {what}: {why}"));
            return None;
        }
        let mut command = unshare(BINARY);
        command.args(args);
        Some(Self::spawn(directory, command))
    }

    fn spawn(directory: &Path, command: Command) -> Self {
        Self::spawn_on(directory, command, Stdio::null(), Stdio::piped())
    }

    fn spawn_on(directory: &Path, mut command: Command, input: Stdio, error: Stdio) -> Self {
        command
            .current_dir(directory)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(error);
        let mut child = Janitor::get().spawn(&mut command).expect("archiver");
        let log = Arc::new(Log::default());
        let stdout = Arc::new(Mutex::new(Vec::new()));
        let mut readers = vec![thread::spawn({
            let (stdout, mut pipe) = (Arc::clone(&stdout), child.stdout.take().unwrap());
            move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes)
                    .expect("archiver's standard output");
                *stdout.lock().unwrap() = bytes;
            }
        })];
        if let Some(pipe) = child.stderr.take() {
            let log = Arc::clone(&log);
            readers.push(thread::spawn(move || log.fill(BufReader::new(pipe))));
        }
        Self {
            child: Mutex::new(child),
            began: Instant::now(),
            log,
            readers,
            stdout,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Of the one in a container, as it is known outside.
    pub fn pid_of_child(&self) -> u32 {
        let pid = self.pid();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = fs::read_to_string(children).unwrap();
        children.trim().parse().expect("one child")
    }

    pub fn signal(&self, signal: Signal) {
        let mut child = self.child.lock().unwrap();
        if let Ok(None) = child.try_wait() {
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
    }

    /// `kill -9`, and waits until it is dead.
    pub fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.await_end()
    }

    /// Asks for a clean stop, which must succeed.
    #[track_caller]
    pub fn stop(self) -> Ended {
        self.assert_runs();
        self.signal(Signal::TERM);
        let ended = self.await_end();
        assert_eq!(ended.code(), Some(0), "the clean stop:\n{}", ended.stderr);
        ended
    }

    /// Waits for its end, which must come.
    #[track_caller]
    pub fn await_end(mut self) -> Ended {
        let mut status = None;
        let ended = within(LONG, || {
            status = self
                .child
                .lock()
                .unwrap()
                .try_wait()
                .expect("archiver's status");
            status.is_some()
        });
        assert!(ended, "archiver does not end");
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let stdout = String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned();
        Ended {
            status: status.unwrap(),
            stdout,
            stderr: self.log.text(),
        }
    }

    #[track_caller]
    pub fn assert_runs(&self) {
        assert!(self.is_running(), "archiver has ended");
    }

    pub fn is_running(&self) -> bool {
        let mut child = self.child.lock().unwrap();
        child.try_wait().expect("archiver's status").is_none()
    }

    /// All that it has said so far.
    pub fn said(&self) -> String {
        self.log.text()
    }

    /// Waits for a line that says something, and returns it.
    #[track_caller]
    pub fn await_line(&self, says: &Says) -> String {
        let start = Instant::now();
        let mut lines = self.log.lines.lock().unwrap();
        let mut seen = 0;
        loop {
            if let Some(line) = lines[seen..].iter().find(|line| says.matches(line)) {
                return line.clone();
            }
            seen = lines.len();
            let left = LONG.saturating_sub(start.elapsed());
            if left.is_zero() {
                drop(lines);
                panic!("no line within {LONG:?} says {says}");
            }
            lines = self
                .log
                .grown
                .wait_timeout(lines, left.min(Duration::from_secs(1)))
                .unwrap()
                .0;
        }
    }
}

impl Log {
    fn fill(&self, mut pipe: impl BufRead) {
        let mut line = Vec::new();
        while pipe
            .read_until(b'\n', &mut line)
            .expect("archiver's standard error")
            > 0
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.lines.lock().unwrap().push(text);
            self.grown.notify_all();
            line.clear();
        }
    }

    fn text(&self) -> String {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .fold(String::new(), |mut text, line| {
                writeln!(text, "{line}").unwrap();
                text
            })
    }
}

impl Drop for Archiver {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(|e| e.into_inner());
        let runs = matches!(child.try_wait(), Ok(None));
        if thread::panicking() && runs && self.began.elapsed() > SUSPICIOUS {
            let (pid, stands) = (child.id(), backtrace::of(child.id()));
            eprintln!("archiver (process {pid}) runs, and stands here:\n{stands}");
        }
        // An error means that it has been waited for already.
        let _ = child.kill();
        let _ = child.wait();
        Janitor::get().forget(&child);
        if thread::panicking() {
            eprintln!(
                "archiver (process {}) said:\n{}",
                child.id(),
                self.log.text()
            );
        }
    }
}
