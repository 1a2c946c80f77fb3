//! Ends and removes what a test run leaves behind, also when the run is killed.
//!
//! A shell reads the names of processes from a pipe whose other end only this process holds. When
//! the pipe closes, for whatever reason, it kills those processes, unmounts what is mounted below
//! the run's directory, and removes that.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const SCRIPT: &str = r#"
trap '' HUP INT TERM
root=$1
pids=' '
while read -r what pid; do
    case $what in
    process) pids="$pids$pid " ;;
    forget) case $pids in *" $pid "*) pids="${pids%% $pid *} ${pids#* $pid }" ;; esac ;;
    esac
done
for pid in $pids; do kill -9 "$pid"; done
while read -r _ point _; do
    case $point in "$root"/*) umount -l "$point" ;; esac
done </proc/mounts
tries=0
while ! rm -rf --one-file-system "$root" && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
"#;

pub struct Janitor {
    root: PathBuf,
    pipe: Mutex<ChildStdin>,
    _shell: Child,
}

impl Janitor {
    /// The test run's one.
    pub fn get() -> &'static Janitor {
        static JANITOR: OnceLock<Janitor> = OnceLock::new();
        JANITOR.get_or_init(|| {
            let root = tempfile::Builder::new()
                .prefix("archiver-test-")
                .tempdir()
                .unwrap()
                .keep();
            let mut shell = Command::new("sh")
                .args(["-c", SCRIPT, "janitor"])
                .arg(&root)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
                .expect("sh");
            let pipe = Mutex::new(shell.stdin.take().unwrap());
            Janitor {
                root,
                pipe,
                _shell: shell,
            }
        })
    }

    /// Everything below it is removed in the end.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Starts a process that ends with the run.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<Child> {
        let child = command.process_group(0).spawn()?;
        self.tell("process", &child);
        Ok(child)
    }

    /// To be called as soon as the process has ended, for its id may become another's.
    pub fn forget(&self, child: &Child) {
        self.tell("forget", child);
    }

    fn tell(&self, what: &str, child: &Child) {
        let line = format!("{what} {}\n", child.id());
        self.pipe
            .lock()
            .unwrap()
            .write_all(line.as_bytes())
            .expect("the janitor lives");
    }
}
