//! The files of a capture: whether they may be written, and what an earlier run has fixed.

use std::fs as disk;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::archive::Archive as Stored;
use archiver_format::capture::{Capture, VERSION};
use archiver_format::state_files::StateDir;

use crate::archive::Window;
use crate::cli::{UsageError, usage};
use crate::config::{Archive, Checked};
use crate::ledger::lock::lock;
use crate::logging;
use crate::world::fs::real::RealFs;
use crate::world::fs::{Fs, replace};

/// The file and the state of one topic's capture.
pub(super) struct Output<'a> {
    archive: &'a Checked<Archive>,
    dir: StateDir,
    asked: &'a [String],
}

impl<'a> Output<'a> {
    /// Of this archive, by what was asked for.
    pub fn new(archive: &'a Checked<Archive>, asked: &'a [String]) -> Self {
        let dir = StateDir::new(&archive.state);
        Self {
            archive,
            dir,
            asked,
        }
    }

    /// Refuses what is there, unless it is to be resumed or deleted. Changes nothing.
    pub fn check(&self, resume: bool, overwrite: bool) -> anyhow::Result<()> {
        let state = self.archive.state.display();
        let is_capture = self.dir.capture().exists();
        let has_state = is_capture || self.dir.checkpoint().exists();
        let (file, is_fixed) = (&self.archive.file, self.archive.template.is_fixed());
        let is_there = has_state || (is_fixed && file.exists());
        match (is_there, is_capture) {
            (false, _) if resume => {
                logging::complain(&format!(
                    "topic {}: there is nothing to resume at {state}; it is captured from the beginning",
                    self.archive.topic
                ));
                Ok(())
            }
            (false, _) => Ok(()),
            (true, true) if resume || overwrite => Ok(()),
            (true, true) => bail!(usage(&format!(
                "topic {} was captured before: {state} is there; go on with --resume, delete it with --overwrite, or choose \
                 another -o",
                self.archive.topic
            ))),
            (true, false) if has_state => bail!(usage(&format!(
                "{state} belongs to an archive that is no capture, which is never touched; choose another -o"
            ))),
            (true, false) => bail!(self.foreign()),
        }
    }

    /// The file is there, and isn't this capture's.
    fn foreign(&self) -> UsageError {
        let file = self.archive.file.display();
        usage(&match self.writer() {
            Some((topic, state)) => format!(
                "{file} is there, and the capture of topic {topic} wrote it, whose state is {}; name that topic to go on \
                 with it or to overwrite it, or choose another -o",
                state.display()
            ),
            None => format!(
                "{file} is there, and no capture wrote it that is known here; move it away, or choose another -o"
            ),
        })
    }

    /// The topic and the state of the capture that wrote the file, if its state is beside this one's.
    fn writer(&self) -> Option<(String, PathBuf)> {
        let states = disk::read_dir(self.archive.state.parent()?).ok()?;
        states.flatten().find_map(|state| {
            let dir = StateDir::new(state.path());
            if !dir.capture().exists() {
                return None;
            }
            let stored = Stored::load(&dir, None).ok()??;
            let mut segments = stored.segments.iter();
            let is_of = segments.any(|segment| segment.path_now() == self.archive.file);
            is_of.then(|| (stored.checkpoint.identity.topic.clone(), state.path()))
        })
    }

    /// Deletes what an earlier capture wrote. What is not known to be its own is left where it is, and nothing is deleted
    /// then.
    pub fn delete(&self) -> anyhow::Result<()> {
        if !self.dir.capture().exists() {
            return Ok(());
        }
        // Nobody writes to it meanwhile; another capture of it may be running.
        let (fs, path) = (RealFs::default(), self.dir.lock());
        let _lock = lock(&fs, &path, &self.archive.file).with_context(|| {
            format!(
                "locking the earlier capture of topic {}",
                self.archive.topic
            )
        })?;
        let stored = Stored::load(&self.dir, None).with_context(|| {
            format!(
                "reading what an earlier capture wrote, which can't be deleted so; delete {} and its files by hand",
                self.archive.state.display()
            )
        })?;
        let segments = stored.iter().flat_map(|stored| &stored.segments);
        let mut own = segments
            .map(|segment| (segment.path_now().to_owned(), segment.file.id))
            .collect::<Vec<_>>();
        own.retain(|(path, _)| path.symlink_metadata().is_ok());
        for (path, id) in &own {
            let found = fs
                .stat(path)
                .with_context(|| format!("looking at {}", path.display()))?;
            if found.id() != *id {
                bail!(usage(&format!(
                    "{} is not the file that the earlier capture wrote; move it away, or choose another -o",
                    path.display()
                )));
            }
        }
        let only = &self.archive.file;
        let is_own = |path: &Path| own.iter().any(|(own, _)| own == path);
        if self.archive.template.is_fixed() && !is_own(only) {
            // Created, and not counted by a checkpoint yet; or somebody else's.
            match only.metadata() {
                Ok(found) if found.len() > 0 => bail!(self.foreign()),
                Ok(_) => removed(only, disk::remove_file(only))?,
                Err(_) => {}
            }
        }
        for (path, _) in &own {
            removed(path, disk::remove_file(path))?;
        }
        let state = &self.archive.state;
        removed(state, disk::remove_dir_all(state))
    }

    /// The window that an earlier run has fixed, if there is one.
    pub fn stored(&self) -> anyhow::Result<Option<Window>> {
        let loaded = Capture::load(&self.dir);
        let loaded = loaded.with_context(|| format!("reading {}", self.dir.capture().display()))?;
        let Some(capture) = loaded else {
            return Ok(None);
        };
        if capture.asked != self.asked {
            bail!(usage(&format!(
                "topic {} was captured with {}, and can be resumed only with the same; choose another -o for another range",
                self.archive.topic,
                capture.asked.join(" ")
            )));
        }
        Ok(Some(Window {
            times: capture.times(),
            from: capture.from,
            to: capture.to,
            over_at: capture.over_at.unwrap_or(i64::MAX),
            records: capture.records.unwrap_or(u64::MAX),
        }))
    }

    /// Fixes a window, durably.
    pub fn store(&self, window: &Window) -> anyhow::Result<()> {
        let Window {
            from,
            to,
            times,
            over_at,
            records,
        } = window;
        let capture = Capture {
            format: VERSION,
            asked: self.asked.to_vec(),
            from: from.clone(),
            to: to.clone(),
            since: (times.start > i64::MIN).then_some(times.start),
            until: (times.end < i64::MAX).then_some(times.end),
            over_at: (*over_at < i64::MAX).then_some(*over_at),
            records: (*records < u64::MAX).then_some(*records),
        };
        let path = self.dir.capture();
        let stored = capture.encode().and_then(|bytes| replace(&path, &bytes));
        stored.with_context(|| format!("storing {}", path.display()))
    }
}

fn removed(path: &Path, result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.with_context(|| format!("deleting {}", path.display())),
    }
}
