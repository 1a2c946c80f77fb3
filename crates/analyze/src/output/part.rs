//! A file that is there when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::archive::find;

/// The file beside the one that is meant, until it is whole. It is removed if that doesn't come.
pub struct Part {
    /// What is written to.
    pub file: File,
    /// Its name until then; `None` where what is meant is no file that can be replaced: a pipe, or a terminal.
    part: Option<PathBuf>,
    whole: PathBuf,
}

impl Part {
    /// Begins it, with the directories that lead to it.
    ///
    /// # Errors
    ///
    /// If it can't be made, or a file of an archive is there.
    pub fn create(whole: &Path) -> anyhow::Result<Self> {
        let making = || format!("making {}", whole.display());
        if let Some(directory) = whole.parent() {
            fs::create_dir_all(directory).with_context(making)?;
        }
        // An archive's file may be in an archive's directory, and no answer takes its place.
        if let Ok([found, ..]) = find(whole).as_deref()
            && found.only.is_some()
        {
            bail!(
                "{}: that is a file of the archive in {}; write to another one",
                making(),
                found.state.path().display()
            );
        }
        let is_file = fs::metadata(whole).map_or(true, |found| found.is_file());
        let mut part = whole.as_os_str().to_owned();
        part.push(".part");
        let part = is_file.then(|| PathBuf::from(part));
        let file = File::create(part.as_deref().unwrap_or(whole));
        Ok(Self {
            file: file.with_context(making)?,
            part,
            whole: whole.to_owned(),
        })
    }

    /// Puts it in the place of what was there before.
    ///
    /// # Errors
    ///
    /// If it can't be put there.
    pub fn complete(self) -> anyhow::Result<()> {
        let renamed = match &self.part {
            Some(part) => fs::rename(part, &self.whole),
            None => Ok(()),
        };
        renamed.with_context(|| format!("writing {}", self.whole.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // It is gone already if it was completed.
            let _ = fs::remove_file(part);
        }
    }
}
