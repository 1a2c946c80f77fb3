//! The file that keeps the place of a replay. It is written beside the thread that sends, which never waits for a disk.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow, bail};

use super::place::Place;
use crate::world::fs::replace;

/// Keeps a place in a file.
pub struct Keeping {
    path: PathBuf,
    /// No other replay keeps its place there.
    lock: fs::File,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Default)]
struct Inside {
    next: Option<Place>,
    is_over: bool,
    error: Option<io::Error>,
}

impl Keeping {
    /// Where places of replays are kept, by name, below the working directory.
    pub fn path(name: &str) -> PathBuf {
        Path::new(".archiver-replay").join(format!("{name}.place"))
    }

    /// The place in a file, if it is there.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is none.
    pub fn load(path: &Path) -> anyhow::Result<Option<Place>> {
        let shown = path.display();
        match fs::read_to_string(path) {
            Ok(line) => {
                let place = line.trim_end().parse::<Place>();
                let place = place.with_context(|| {
                    format!("reading {shown}; remove it to begin from the beginning")
                })?;
                Ok(Some(place))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("reading {shown}")),
        }
    }

    /// Renames the file with this place of an earlier run, so that it can still be gone on with, unless one that had sent
    /// more was put there before. Returns how it is called now, and how many records its run had sent.
    ///
    /// # Errors
    ///
    /// If it can't be renamed.
    pub fn set_aside(path: &Path, place: &Place) -> anyhow::Result<(PathBuf, u64)> {
        let aside = path.with_extension("place.before");
        let there = Self::load(&aside).ok().flatten();
        if let Some(there) = there.filter(|there| there.sent > place.sent) {
            return Ok((aside, there.sent));
        }
        fs::rename(path, &aside).with_context(|| format!("renaming {}", path.display()))?;
        Ok((aside, place.sent))
    }

    /// Locks a file of places, for as long as what is returned is open.
    ///
    /// # Errors
    ///
    /// If another replay has it, or nothing can be written there.
    pub fn lock(path: &Path) -> anyhow::Result<fs::File> {
        let beside = path.with_extension("lock");
        let shown = beside.display();
        let locking = || format!("locking {shown}");
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(locking)?;
        }
        loop {
            let opened = fs::File::options()
                .create(true)
                .append(true)
                .open(&beside)
                .with_context(locking)?;
            match opened.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => bail!(
                    "another run of the same name is under way, which holds {shown}; wait for its end, stop it, or give \
                     this one another --name"
                ),
                Err(fs::TryLockError::Error(e)) => return Err(e).with_context(locking),
            }
            // One that ended meanwhile has removed it.
            let is_there = fs::metadata(&beside).is_ok_and(|there| {
                (opened.metadata())
                    .is_ok_and(|own| (own.dev(), own.ino()) == (there.dev(), there.ino()))
            });
            if is_there {
                return Ok(opened);
            }
        }
    }

    /// Begins to keep places in this file, which was [locked](Self::lock).
    ///
    /// # Errors
    ///
    /// If it can't be written, or no thread can be had.
    pub fn begin(path: PathBuf, first: &Place, lock: fs::File) -> anyhow::Result<Self> {
        write(&path, first).with_context(|| format!("writing {}", path.display()))?;
        let shared = Arc::<Shared>::default();
        let (its, to) = (Arc::clone(&shared), path.clone());
        let thread = thread::Builder::new().name("place".into());
        let thread = thread.spawn(move || its.write_all(&to));
        Ok(Self {
            thread: Some(thread.context("starting the thread that keeps the place")?),
            path,
            lock,
            shared,
        })
    }

    /// Keeps this place instead, soon.
    ///
    /// # Errors
    ///
    /// If an earlier one couldn't be written.
    pub fn keep(&mut self, place: Place) -> anyhow::Result<()> {
        let mut inside = self.shared.lock();
        if let Some(error) = inside.error.take() {
            return Err(anyhow!(error)).with_context(|| format!("writing {}", self.path.display()));
        }
        inside.next = Some(place);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Ends it: what was to be kept is written; or all is over, and nothing is kept.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn end(mut self, is_over: bool) -> anyhow::Result<()> {
        self.join();
        let error = self.shared.lock().error.take();
        // While it is held: whoever waits for it sees that it is another one.
        let _ = fs::remove_file(self.path.with_extension("lock"));
        let _ = self.lock.unlock();
        let done = match (error, is_over) {
            (Some(error), _) => Err(error),
            (None, false) => Ok(()),
            (None, true) => {
                let removed = fs::remove_file(&self.path);
                if let Some(directory) = self.path.parent() {
                    // Others may have theirs there.
                    let _ = fs::remove_dir(directory);
                }
                removed
            }
        };
        done.with_context(|| format!("writing {}", self.path.display()))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.path
    }

    fn join(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, path: &Path) {
        loop {
            let mut inside = self.lock();
            while inside.next.is_none() && !inside.is_over {
                let waited = self.changed.wait(inside);
                inside = waited.unwrap_or_else(PoisonError::into_inner);
            }
            let Some(place) = inside.next.take() else {
                return;
            };
            drop(inside);
            if let Err(error) = write(path, &place) {
                self.lock().error = Some(error);
            }
        }
    }
}

fn write(path: &Path, place: &Place) -> io::Result<()> {
    replace(path, format!("{place}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_in_the_file_and_the_file_goes_when_all_is_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("below/run.place");
        let place = |sent| Place {
            run: "r".into(),
            sent,
            ..Place::default()
        };
        assert_eq!(Keeping::load(&path).expect("can be read"), None);
        let lock = Keeping::lock(&path).expect("is free");
        let said = Keeping::lock(&path).expect_err("is taken").to_string();
        assert!(said.contains("another run of the same name"), "{said}");
        let mut keeping = Keeping::begin(path.clone(), &place(0), lock).expect("can be written");
        for sent in 1..=100 {
            keeping.keep(place(sent)).expect("can be written");
        }
        keeping.end(false).expect("is written");
        assert_eq!(Keeping::load(&path).expect("can be read"), Some(place(100)));
        let lock = Keeping::lock(&path).expect("is free again");
        let keeping = Keeping::begin(path.clone(), &place(100), lock).expect("can be written");
        keeping.end(true).expect("is removed");
        assert_eq!(Keeping::load(&path).expect("can be read"), None);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, "9 x\n").expect("written");
        let said = format!("{:#}", Keeping::load(&path).expect_err("is of a later one"));
        assert!(said.contains("later archiver"), "{said}");
    }
}
