//! The directory in which an analysis that is followed keeps its state: `lock`, `checkpoint.json`, `closed-N.parquet`, and
//! `delivered-….json` of each receiver.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, anyhow};
use archiver::cli::usage;
use archiver::ledger::lock::{Lock, lock};
use archiver::world::fs::real::RealFs;
use archiver::world::fs::replace;

use super::checkpoint::{self, Checkpoint};

/// What it is called beside the file with the definitions.
pub const DIRECTORY: &str = ".archiver-analyze";

/// The state of one analysis, which nobody else has meanwhile.
pub struct State {
    directory: PathBuf,
    _lock: Lock,
}

impl State {
    /// Makes it, and locks it.
    ///
    /// # Errors
    ///
    /// If another process has it, or it can't be made.
    pub fn open(above: &Path, analysis: &str) -> anyhow::Result<Self> {
        let mut parts = Path::new(analysis).components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == analysis);
        if !is_name {
            return Err(usage(
                "what it is called can't be a directory's name, which it must be to be followed; call it otherwise",
            )
            .into());
        }
        let directory = above.join(analysis);
        let making = || format!("making {}", directory.display());
        fs::create_dir_all(&directory).with_context(making)?;
        let path = directory.join("lock");
        let fs = RealFs::default();
        let lock = lock(&fs, &path, &directory)?;
        File::open(above)
            .and_then(|above| above.sync_all())
            .with_context(making)?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint.json")
    }

    /// What was emitted; `None` if nothing was yet.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn load(&self) -> anyhow::Result<Option<Checkpoint>> {
        let path = self.checkpoint();
        let reading = || format!("reading {}", path.display());
        match read(&path).with_context(reading)? {
            Some(bytes) => checkpoint::decode(&bytes).with_context(reading).map(Some),
            None => Ok(None),
        }
    }

    /// Stores what was emitted, durably, and removes closed windows that nobody needs any more.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn store(&self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let path = self.checkpoint();
        let bytes = checkpoint::encode(checkpoint)?;
        replace(&path, &bytes).with_context(|| format!("writing {}", path.display()))?;
        self.clear(checkpoint.closed)
            .with_context(|| format!("clearing {}", self.directory.display()))
    }

    /// The path of the file of this number with closed windows.
    pub fn closed(&self, number: u64) -> PathBuf {
        self.directory.join(format!("closed-{number}.parquet"))
    }

    /// Removes files with closed windows but for this one.
    fn clear(&self, but: Option<u64>) -> io::Result<()> {
        let kept = but.map(|number| self.closed(number));
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_closed = name.starts_with("closed-") && name.contains(".parquet");
            if is_closed && Some(&path) != kept.as_ref() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// How many alerts a receiver has taken, by its key; 0 if that was never noted.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn delivered(&self, receiver: &str) -> anyhow::Result<u64> {
        let path = self.delivered_path(receiver);
        let reading = || format!("reading {}", path.display());
        match read(&path).with_context(reading)? {
            None => Ok(0),
            Some(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let number = text.trim().parse();
                number
                    .map_err(|_| {
                        anyhow!(
                            "it is no number: remove it, and alerts that wait are delivered again"
                        )
                    })
                    .with_context(reading)
            }
        }
    }

    /// Notes how many alerts a receiver has taken, durably.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn note_delivered(&self, receiver: &str, count: u64) -> anyhow::Result<()> {
        let path = self.delivered_path(receiver);
        replace(&path, format!("{count}\n").as_bytes())
            .with_context(|| format!("writing {}", path.display()))
    }

    fn delivered_path(&self, receiver: &str) -> PathBuf {
        self.directory.join(format!("delivered-{receiver}.json"))
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
