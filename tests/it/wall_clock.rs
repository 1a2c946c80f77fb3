//! A wall clock that a test sets, of one archiver and nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::archiver::Archiver;
use crate::config::Config;
use crate::kafka::Janitor;
use crate::scene::Scene;

pub struct WallClock {
    /// Holds the seconds that it is off.
    file: PathBuf,
    seconds: AtomicI64,
}

impl WallClock {
    /// As everybody's.
    pub fn new(scene: &Scene) -> Self {
        let file = scene.path("clock");
        fs::write(&file, 0_i64.to_ne_bytes()).unwrap();
        let seconds = AtomicI64::new(0);
        Self { file, seconds }
    }

    /// Runs `archiver -c topics.toml` by this clock.
    pub fn start(&self, scene: &Scene, config: &Config) -> Archiver {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let environment = [
            ("LD_PRELOAD", text(preloaded())),
            ("WALL_CLOCK_OFFSET", text(&self.file)),
        ];
        let environment = environment.each_ref().map(|(k, v)| (*k, v.as_str()));
        Archiver::start_with(scene.directory(), &["-c", "topics.toml"], &environment)
    }

    /// Sets it forward, or back.
    pub fn step(&self, seconds: i64) {
        let off = self.seconds.fetch_add(seconds, Ordering::Relaxed) + seconds;
        // In one piece and in place: the process has the file mapped.
        let file = fs::OpenOptions::new().write(true).open(&self.file).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &off.to_ne_bytes(), 0).unwrap();
    }
}

fn preloaded() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let library = Janitor::get().root().join("step.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/wall_clock/step.c");
        let mut compile = Command::new("cc");
        compile.args(["-O2", "-shared", "-fPIC", "-o"]);
        compile
            .arg(&library)
            .arg(source)
            .args(["-ldl", "-lpthread"]);
        let compiled = compile.output().expect("cc");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        library
    })
}
