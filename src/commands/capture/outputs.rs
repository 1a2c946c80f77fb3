//! The files of a capture: whether they may be written, and what an earlier run has fixed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use archiver_format::archive::Archive as Stored;
use archiver_format::capture::{Capture, VERSION};
use archiver_format::state_files::StateDir;

use crate::archive::Window;
use crate::cli::usage;
use crate::config::{Archive, Checked};
use crate::ledger::lock::lock;
use crate::world::fs::real::RealFs;

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

    /// Refuses what is there, unless it is to be resumed; deletes it, if that was asked for.
    pub fn prepare(&self, resume: bool, overwrite: bool) -> anyhow::Result<()> {
        let state = self.archive.state.display();
        let is_capture = self.dir.capture().exists();
        let has_state = is_capture || self.dir.checkpoint().exists();
        let (file, is_fixed) = (&self.archive.file, self.archive.template.is_fixed());
        let is_there = has_state || (is_fixed && file.exists());
        match (is_there, is_capture) {
            (false, _) => Ok(()),
            (true, true) if resume => Ok(()),
            (true, true) if overwrite => self.delete(),
            (true, true) => bail!(usage(&format!(
                "topic {} was captured before: {state} is there; go on with --resume, delete it with --overwrite, or choose \
                 another -o",
                self.archive.topic
            ))),
            (true, false) if has_state => bail!(usage(&format!(
                "{state} belongs to an archive that is no capture, which is never touched; choose another -o"
            ))),
            (true, false) => bail!(usage(&format!(
                "{} is there, and no capture wrote it; move it away, or choose another -o",
                file.display()
            ))),
        }
    }

    /// Deletes what an earlier capture wrote, as far as it is known to be its own.
    fn delete(&self) -> anyhow::Result<()> {
        // Nobody writes to it meanwhile; another capture of it may be running.
        let (fs, path) = (RealFs::default(), self.dir.lock());
        let _lock = lock(&fs, &path, &self.archive.file).with_context(|| {
            format!(
                "locking the earlier capture of topic {}",
                self.archive.topic
            )
        })?;
        let stored =
            Stored::load(&self.dir, None).context("reading what an earlier capture wrote")?;
        let segments = stored.iter().flat_map(|stored| &stored.segments);
        let paths = segments.map(|segment| segment.path_now());
        let only = self
            .archive
            .template
            .is_fixed()
            .then(|| self.archive.file.clone());
        for path in paths.chain(only) {
            removed(&path, fs::remove_file(&path))?;
        }
        let state = &self.archive.state;
        removed(state, fs::remove_dir_all(state))
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

/// Replaces a file as a whole, durably.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let new = path.with_extension("json.new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}
