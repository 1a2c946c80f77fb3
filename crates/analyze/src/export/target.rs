//! Where the files of an archive go: under a lock, from temporary files to their names, all of a segment's or none.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use archiver::world::fs::replace;
use serde::{Deserialize, Serialize};

use super::manifest::{Manifest, Written};

/// The directory with what is not for readers. Those that look for files by their paths leave out what begins with a dot.
const OWN: &str = ".archiver-analyze";

/// The files that are about to get their names.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    sequence: u64,
    /// Their paths below the directory that is written to.
    files: Vec<String>,
}

/// Where the files of an archive go. Nobody else writes there as long as this is held.
#[derive(Debug)]
pub struct Target {
    directory: PathBuf,
    own: PathBuf,
    /// What is there.
    pub manifest: Manifest,
    _lock: File,
}

impl Target {
    /// Takes the lock, and takes away what a run has left that was killed.
    ///
    /// # Errors
    ///
    /// If another run holds the lock, or something can't be read or written.
    pub fn open(directory: &Path, archive: &str) -> anyhow::Result<Self> {
        let own = directory.join(OWN).join(archive);
        let new = own.join("new");
        fs::create_dir_all(&new).with_context(|| format!("making {}", new.display()))?;
        let path = own.join("lock");
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("opening {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{} is being written to by another run for archive {archive}; wait until that has ended",
                directory.display()
            ),
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("locking {}", path.display()));
            }
        }
        let target = Self {
            directory: directory.into(),
            manifest: Manifest::open(&own.join("manifest.ndjson"))?,
            own,
            _lock: lock,
        };
        target.take_away_leftovers()?;
        // The directories and the list must be there after a power cut, as the lines will be.
        for above in target.own.ancestors() {
            sync(above)?;
            if above == directory {
                break;
            }
        }
        Ok(target)
    }

    /// Takes away what there is of a segment that isn't counted, and what never got its name.
    fn take_away_leftovers(&self) -> anyhow::Result<()> {
        let path = self.pending();
        match fs::read(&path) {
            Ok(bytes) => {
                let pending = serde_json::from_slice::<Pending>(&bytes);
                let pending = pending.with_context(|| format!("reading {}", path.display()))?;
                if !self.manifest.segments.contains_key(&pending.sequence) {
                    for file in &pending.files {
                        remove(&self.below(file)?)?;
                    }
                }
                remove(&path)?;
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
        }
        self.discard()
    }

    /// Takes away the temporary files.
    ///
    /// # Errors
    ///
    /// If one can't be removed.
    pub fn discard(&self) -> anyhow::Result<()> {
        let new = self.own.join("new");
        let named = || format!("reading {}", new.display());
        for entry in fs::read_dir(&new).with_context(named)? {
            remove(&entry.with_context(named)?.path())?;
        }
        Ok(())
    }

    /// The path of a temporary file.
    pub fn temporary(&self, number: usize) -> PathBuf {
        // Not even a pattern that looks into hidden directories takes it for a table.
        self.own.join("new").join(format!("{number:04}.tmp"))
    }

    /// Gives a segment's files, the first of which is the first temporary one, their names, and counts the segment.
    ///
    /// # Errors
    ///
    /// If that can't be done; the next run begins the segment anew then.
    pub fn publish(&mut self, written: Written) -> anyhow::Result<()> {
        let files = written.files.iter().map(|file| file.path.clone());
        let pending = Pending {
            sequence: written.sequence,
            files: files.collect(),
        };
        let path = self.pending();
        let named = || format!("writing {}", path.display());
        let bytes = serde_json::to_vec(&pending).with_context(named)?;
        replace(&path, &bytes).with_context(named)?;
        let mut directories = BTreeSet::new();
        for (number, file) in pending.files.iter().enumerate() {
            let to = self.below(file)?;
            let above = to.parent().unwrap_or(&self.directory);
            fs::create_dir_all(above).with_context(|| format!("making {}", above.display()))?;
            let renamed = fs::rename(self.temporary(number), &to);
            renamed.with_context(|| format!("giving {} its name", to.display()))?;
            let above = above.ancestors().map(Path::to_path_buf);
            directories.extend(above.take_while(|above| above.starts_with(&self.directory)));
        }
        for directory in &directories {
            sync(directory)?;
        }
        self.manifest.count(written)?;
        remove(&path)
    }

    fn pending(&self) -> PathBuf {
        self.own.join("pending.json")
    }

    /// The path of a file below the directory, and nowhere else.
    fn below(&self, file: &str) -> anyhow::Result<PathBuf> {
        let mut parts = Path::new(file).components();
        match parts.all(|part| matches!(part, Component::Normal(_))) {
            true => Ok(self.directory.join(file)),
            false => bail!(
                "{} names {file}, which isn't below {}",
                self.pending().display(),
                self.directory.display()
            ),
        }
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(e).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn sync(directory: &Path) -> anyhow::Result<()> {
    // The directory of a path without one.
    let directory = match directory == Path::new("") {
        true => Path::new("."),
        false => directory,
    };
    let synced: io::Result<()> = File::open(directory).and_then(|of| of.sync_all());
    synced.with_context(|| format!("syncing {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::super::manifest::WrittenFile;
    use super::*;

    fn written(sequence: u64, paths: &[&str]) -> Written {
        let files = paths.iter().map(|path| WrittenFile {
            path: (*path).to_owned(),
            rows: 1,
        });
        Written {
            sequence,
            bytes: 1,
            xxh128: None,
            records: 1,
            files: files.collect(),
        }
    }

    #[test]
    fn a_segment_that_a_killed_run_has_not_counted_is_taken_away() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let mut target = Target::open(root, "m").expect("is free");
        for (sequence, paths) in [
            (0, ["m/day=1/a", "m/day=2/a"]),
            (1, ["m/day=1/b", "m/day=2/b"]),
        ] {
            for number in 0..2 {
                fs::write(target.temporary(number), "x").expect("is written");
            }
            target
                .publish(written(sequence, &paths))
                .expect("is published");
        }
        // As if it had been killed before it had counted the second one, and after the first file of a third one.
        let list = target.own.join("manifest.ndjson");
        let lines = fs::read_to_string(&list).expect("is there");
        let first = lines.lines().next().expect("a line");
        fs::write(&list, format!("{first}\n")).expect("is written");
        let pending = Pending {
            sequence: 1,
            files: ["m/day=1/b", "m/day=2/b", "m/never"]
                .map(str::to_owned)
                .into(),
        };
        let bytes = serde_json::to_vec(&pending).expect("JSON");
        fs::write(target.pending(), bytes).expect("is written");
        fs::write(target.temporary(0), "half").expect("is written");
        drop(target);
        let target = Target::open(root, "m").expect("is free");
        assert!(root.join("m/day=1/a").exists() && root.join("m/day=2/a").exists());
        assert!(!root.join("m/day=1/b").exists() && !root.join("m/day=2/b").exists());
        assert!(!target.temporary(0).exists() && !target.pending().exists());
    }

    #[test]
    fn two_runs_do_not_write_to_one_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let held = Target::open(directory.path(), "m").expect("is free");
        let said = Target::open(directory.path(), "m").expect_err("is held");
        assert!(
            said.to_string().contains("another run for archive m"),
            "{said}"
        );
        Target::open(directory.path(), "other").expect("is another place");
        drop(held);
        Target::open(directory.path(), "m").expect("is free again");
    }

    #[test]
    fn nothing_outside_is_taken_away() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = Target::open(directory.path(), "m").expect("is free");
        for file in ["../x", "/etc/x", "m/../../x"] {
            assert!(target.below(file).is_err(), "{file}");
        }
    }
}
