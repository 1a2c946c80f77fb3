//! Under a service manager: what it is told, and when.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::disks::{Disk, Kind};
use crate::kafka::Janitor;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;
use crate::wait::LONG;

const EARLIEST: &[(&str, &str)] = &[("start", "earliest")];

/// How long the watchdog waits; a third of that is between two beats.
const WATCHDOG: Duration = Duration::from_secs(3);
/// A fault that is seen after 20 s is not overlooked for so long.
const PATIENCE: Duration = Duration::from_secs(25);

/// The socket of a service manager, at an abstract name.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("archiver-test-{}-{next}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        Self { socket, name }
    }

    fn start(&self, scene: &Scene<'_>, config: &Config) -> Archiver {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let socket = format!("@{}", self.name);
        let watchdog = WATCHDOG.as_micros().to_string();
        let environment = [("NOTIFY_SOCKET", &*socket), ("WATCHDOG_USEC", &watchdog)];
        Archiver::start_with(scene.directory(), &["-c", "topics.toml"], &environment)
    }

    /// The next that it is told within this time.
    fn next(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut bytes = vec![0; 1 << 16];
        let length = self.socket.recv(&mut bytes).ok()?;
        bytes.truncate(length);
        Some(OsString::from_vec(bytes).into_string().unwrap())
    }

    /// All lines that it is told up to one that begins like this.
    #[track_caller]
    fn lines_to(&self, begin: &str) -> Vec<String> {
        let (asked, mut lines) = (Instant::now(), Vec::new());
        while asked.elapsed() < LONG {
            let Some(told) = self.next(LONG) else { break };
            lines.extend(told.lines().map(str::to_owned));
            if told.lines().any(|line| line.starts_with(begin)) {
                return lines;
            }
        }
        panic!("it isn't told {begin} after {lines:?}");
    }

    /// Fails the test unless its watchdog is told to wait anew for so long.
    #[track_caller]
    fn assert_beats_for(&self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            let told = self.next(WATCHDOG).expect("a beat in time");
            assert!(told.contains("WATCHDOG=1"), "{told}");
        }
    }

    /// Waits until its watchdog would fire.
    #[track_caller]
    fn await_silence(&self) {
        let (asked, mut last) = (Instant::now(), Instant::now());
        while asked.elapsed() < LONG {
            let told = self.next(WATCHDOG).unwrap_or_default();
            if told.contains("WATCHDOG=1") {
                last = Instant::now();
            }
            if last.elapsed() >= WATCHDOG {
                return;
            }
        }
        panic!("its watchdog is told to wait anew, for ever");
    }
}

/// Threads that stand still until this is dropped.
struct Held(Child);

impl Held {
    /// Those of this name; if they can't be had, says why, and that `what` was skipped.
    fn threads(of: &Archiver, name: &str, what: &str) -> Option<Self> {
        let program = r#"
import ctypes, glob, os, sys
SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
held = 0
for task in glob.glob(f"/proc/{sys.argv[1]}/task/*"):
    if open(task + "/comm").read().strip() == sys.argv[2]:
        thread = int(os.path.basename(task))
        for request in SEIZE, INTERRUPT:
            if libc.ptrace(request, thread, None, None):
                sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
        os.waitpid(thread, WALL)
        held += 1
print(f"{held} held", flush=True)
sys.stdin.read()"#;
        let mut python = Command::new("python3");
        python.args(["-c", program, &of.pid().to_string(), name]);
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Janitor::get().spawn(&mut python).expect("python3");
        let mut said = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        let held = Self(child);
        if !said.contains("held") {
            show(&format!("skipped: {what}: its threads can't be held"));
            return None;
        }
        assert!(!said.starts_with("0 "), "there is no thread {name}");
        Some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What holds them is gone with the process.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
        Janitor::get().forget(&self.0);
    }
}

#[test]
fn a_start_is_over_when_each_archive_reads_or_says_what_it_waits_for() {
    let scene = Scene::new();
    let (there, missing) = (scene.topic("there", 1), scene.planned("missing"));
    let config = Config::new()
        .archive(&there, "there.ndjson", EARLIEST)
        .archive(&missing, "missing.ndjson", EARLIEST)
        .archive_on("127.0.0.1:1", &there, "away.ndjson", &[("name", "away")])
        .pattern("127.0.0.1:1", "any-.*", "{topic}.ndjson", &[]);
    let manager = Manager::new();
    let archiver = manager.start(&scene, &config);
    let lines = manager.lines_to("READY=1");
    archiver.await_line(&says::running(&there.name));
    archiver.await_line(&says::waits_for_topic(&missing.name));
    assert!(!lines.iter().any(|line| line == "STOPPING=1"), "{lines:?}");
    let starts = lines.iter().filter(|line| line.starts_with("EXTEND_"));
    assert!(starts.count() > 0, "{lines:?}");
    let is_status = |line: &&String| line.starts_with("STATUS=");
    let status = lines.iter().rfind(is_status).expect("a status");
    let waiting = format!("2 waiting ({}, away)", missing.name);
    assert_eq!(
        *status,
        format!("STATUS=archives: 1 running, {waiting}, 0 stopped")
    );
    archiver.signal(Signal::TERM);
    let lines = manager.lines_to("STOPPING=1");
    let last = lines.last().expect("a line");
    assert!(last.starts_with("STATUS=stopping: "), "{last}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("EXTEND_TIMEOUT_USEC=")),
        "{lines:?}"
    );
    assert_eq!(archiver.await_end().code(), Some(0));
}

#[test]
fn the_watchdog_is_kept_quiet_only_while_nothing_stands_still() {
    let scene = Scene::new();
    let (topic, idle) = (scene.topic("hung", 1), scene.topic("idle", 1));
    let config = Config::new()
        .archive(&topic, "hung.ndjson.gz", EARLIEST)
        .archive(&idle, "idle.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let manager = Manager::new();
    let archiver = manager.start(&scene, &config);
    manager.lines_to("READY=1");
    producer.send_all(&topic, values.jsons(100));
    scene.await_lines(&archiver, "hung.ndjson.gz", 100);
    manager.assert_beats_for(PATIENCE);
    // What compresses batches: no disk and no broker is to blame.
    let what = "a watchdog that fires";
    let Some(held) = Held::threads(&archiver, "cores", what) else {
        return;
    };
    producer.send_all(&topic, values.jsons(100));
    archiver.await_line(&says::stands_still(&topic.name));
    manager.await_silence();
    drop(held);
    manager.lines_to("WATCHDOG=1");
    scene.await_lines(&archiver, "hung.ndjson.gz", 200);
    archiver.stop();
    scene.assert_exact(&topic, "hung.ndjson.gz");
}

/// Another start would wait for the disk as well.
#[test]
fn a_disk_that_hangs_lets_no_watchdog_end_the_other_archives() {
    let scene = Scene::new();
    let what = "a watchdog and a disk that hangs";
    let Some(disk) = Disk::mount(Kind::Ext4, scene.path("disk"), what) else {
        return;
    };
    let (topic, other) = (scene.topic("hung", 1), scene.topic("answers", 1));
    let config = Config::new()
        .archive(&topic, "disk/a.ndjson.gz", EARLIEST)
        .archive(&other, "b.ndjson", EARLIEST);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let manager = Manager::new();
    let archiver = manager.start(&scene, &config);
    manager.lines_to("READY=1");
    let frozen = disk.freeze();
    producer.send_all(&topic, values.jsons(100));
    archiver.await_line(&says::disk_hangs(&topic.name, "disk/"));
    let waiting = format!("STATUS=archives: 1 running, 1 waiting ({})", topic.name);
    manager.lines_to(&waiting);
    manager.assert_beats_for(PATIENCE);
    producer.send_all(&other, values.jsons(100));
    scene.await_lines(&archiver, "b.ndjson", 100);
    drop(frozen);
    scene.await_lines(&archiver, "disk/a.ndjson.gz", 100);
    archiver.stop();
    scene.assert_exact(&topic, "disk/a.ndjson.gz");
}

/// What the process was given to find its service manager is nothing for a command.
#[test]
fn commands_know_of_no_service_manager() {
    let scene = Scene::new();
    let topic = scene.topic("sealed", 1);
    let keys = [("start", "earliest")];
    let config = Config::new()
        .archive(&topic, "{seq}.ndjson", &keys)
        .line("rotate = { records = 1 }")
        .line(
            "on_seal = [\"sh\", \"-c\", \"env > environment.tmp; mv environment.tmp environment\"]",
        );
    let manager = Manager::new();
    let archiver = manager.start(&scene, &config);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(3));
    let environment = scene.path("environment");
    crate::wait::eventually(LONG, "the command is run", || environment.exists());
    archiver.stop();
    let seen = fs::read_to_string(environment).unwrap();
    assert!(seen.contains("ARCHIVER_FILE="), "{seen}");
    assert!(
        !seen.contains("NOTIFY_SOCKET") && !seen.contains("WATCHDOG"),
        "{seen}"
    );
}

#[test]
fn the_template_is_the_unit_with_the_instance_in_its_names() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd");
    let read = |name| fs::read_to_string(units.join(name)).unwrap();
    let mut template = read("archiver@.service");
    for (instance, alone) in [
        ("topics of %i into", "topics into"),
        ("archiver@%i.service", "archiver.service"),
        ("archiver-%i", "archiver"),
        ("archiver/%i.toml", "archiver/topics.toml"),
        (" %i.toml", " topics.toml"),
        ("archiver/%i", "archiver"),
    ] {
        template = template.replace(instance, alone);
    }
    assert_eq!(template, read("archiver.service"));
}
