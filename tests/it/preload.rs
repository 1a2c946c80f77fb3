//! What stands between one archiver and the C library. A number in a file says how it does, and may be changed at any
//! time.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::kafka::Janitor;
use crate::scene::Scene;

pub struct Preload {
    library: PathBuf,
    variable: &'static str,
    number: PathBuf,
}

impl Preload {
    /// `preload/NAME.c`, which looks for its file in this variable.
    pub fn new(scene: &Scene, name: &str, variable: &'static str, number: i64) -> Self {
        let path = scene.path(name);
        fs::write(&path, number.to_ne_bytes()).unwrap();
        Self {
            library: built(name),
            variable,
            number: path,
        }
    }

    /// Runs `archiver -c topics.toml` with it.
    pub fn start(&self, scene: &Scene, config: &Config) -> Archiver {
        fs::write(scene.path("topics.toml"), config.text()).unwrap();
        let environment = self.environment();
        Archiver::start_with(scene.directory(), &["-c", "topics.toml"], &environment)
    }

    /// What a process needs in its environment to have it.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            (self.variable, self.number.to_str().unwrap()),
        ]
    }

    pub fn set(&self, number: i64) {
        // In one piece and in place: the process has the file mapped.
        let file = fs::File::options().write(true).open(&self.number).unwrap();
        file.write_all_at(&number.to_ne_bytes(), 0).unwrap();
    }
}

fn built(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let library = Janitor::get().root().join(format!("{name}.so"));
    if !library.exists() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/preload");
        let mut compile = Command::new("cc");
        compile.args(["-O2", "-shared", "-fPIC", "-o"]);
        compile.arg(&library).arg(sources.join(format!("{name}.c")));
        let compiled = compile.args(["-ldl", "-lpthread"]).output().expect("cc");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
    }
    library
}
