//! Deliberate faults in the order of things, as they look from the file system: the simulation must catch each.

use std::path::{Path, PathBuf};

use super::{Kind, State};

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The data file is never synced.
    NoDataSync,
    /// Directories are never synced.
    NoDirectorySync,
    /// The checkpoint's temporary file is renamed before it is synced.
    RenameBeforeSync,
    /// The checkpoint is stored before the data file is synced.
    CheckpointBeforeSync,
    /// The commit goes out before the checkpoint is stored.
    CommitBeforeCheckpoint,
    /// A failed sync is tried again, and believed.
    RetriedSync,
    /// A file is cut back without looking at its fingerprint.
    NoFingerprint,
}

impl Mutation {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::NoDataSync,
        Self::NoDirectorySync,
        Self::RenameBeforeSync,
        Self::CheckpointBeforeSync,
        Self::CommitBeforeCheckpoint,
        Self::RetriedSync,
        Self::NoFingerprint,
    ];
}

/// What is done later than it is said to be.
#[derive(Debug)]
pub(super) enum PutOff {
    Sync(u64),
    Rename(PathBuf, PathBuf),
}

impl State {
    /// Is a sync of this said to be done, and not done?
    pub(super) fn skips_sync(&self, path: &Path, is_dir: bool) -> bool {
        match self.mutation {
            Some(Mutation::NoDataSync) => !is_dir && !is_state(path),
            Some(Mutation::NoDirectorySync) => is_dir,
            Some(Mutation::RenameBeforeSync) => path.ends_with("checkpoint.json.new"),
            _ => false,
        }
    }

    /// Is a sync of this done after the next checkpoint is stored?
    pub(super) fn delays_sync(&self, path: &Path) -> bool {
        self.mutation == Some(Mutation::CheckpointBeforeSync) && !is_state(path)
    }

    /// Does what was put off, now that something else than storing a checkpoint is going on.
    pub(super) fn catch_up_before(&mut self, what: &str, path: &Path) {
        // The next checkpoint begins by removing what is left of one.
        let renames = matches!(self.put_off.first(), Some(PutOff::Rename(..)));
        if !is_state(path) || (renames && what == "remove") {
            self.catch_up();
        }
    }

    pub(super) fn catch_up(&mut self) {
        for put_off in std::mem::take(&mut self.put_off) {
            match put_off {
                PutOff::Sync(inode) => {
                    if let Some(Kind::File(content)) =
                        self.nodes.get_mut(&inode).map(|node| &mut node.kind)
                    {
                        content.sync();
                    }
                }
                PutOff::Rename(from, to) => {
                    let renamed = self.rename(&from, &to);
                    let dir = renamed.and_then(|()| self.place(&to));
                    if let Ok((dir, _)) = dir {
                        self.dir(dir).sync();
                    }
                }
            }
        }
    }
}

fn is_state(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == ".archiver")
}
