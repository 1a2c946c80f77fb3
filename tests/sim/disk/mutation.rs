//! Deliberate faults, as they look from outside: the simulation must catch each.

use std::path::{Path, PathBuf};

use super::node::Content;
use super::state::{Kind, State};

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The data file is never synced.
    NoDataSync,
    /// The list of gaps is never synced.
    NoGapSync,
    /// Directories are never synced.
    NoDirectorySync,
    /// A file that was cut back is not synced before going on.
    NoCutSync,
    /// The checkpoint's temporary file is renamed before it is synced.
    RenameBeforeSync,
    /// The checkpoint is stored before the data file is synced.
    CheckpointBeforeSync,
    /// The checkpoint counts bytes that are in a buffer and not in the file.
    CheckpointBeforeWrite,
    /// The commit goes out before the checkpoint is stored.
    CommitBeforeCheckpoint,
    /// A failed sync is tried again, and believed.
    RetriedSync,
    /// A file is cut back without looking at its fingerprint.
    NoFingerprint,
    /// Locks are not asked for.
    NoLock,
    /// The topic's id is not looked at again.
    NoTopicId,
    /// Reading goes on without saying what was read before.
    NoLeaderEpoch,
    /// That a batch is corrupt is not looked at.
    UnseenCorrupt,
    /// One more than a corrupt batch is left out with it.
    LongCorrupt,
    /// The cluster's id is not looked at again.
    NoClusterId,
    /// The end of an archive that is stopped alone is not awaited.
    UnawaitedStop,
    /// A reload starts an archive before the one that it takes the place of has stored its last checkpoint.
    HastyReload,
    /// A reload stops and starts what it doesn't change.
    RestlessReload,
    /// A segment gets its final name before it is synced.
    NameBeforeSync,
    /// The manifest is synced after the checkpoint that counts on it is stored.
    ManifestAfterCheckpoint,
    /// The line of a segment that was created is not synced before the segment is written to.
    UnlistedSegment,
    /// Indexes are never synced.
    NoIndexSync,
    /// The first listing of a pattern is never synced.
    NoListingSync,
    /// A pattern doesn't see that it was there before.
    ForgottenListing,
}

impl Mutation {
    /// Every kind.
    pub const ALL: [Self; 25] = [
        Self::NoDataSync,
        Self::NoGapSync,
        Self::NoDirectorySync,
        Self::NoCutSync,
        Self::RenameBeforeSync,
        Self::CheckpointBeforeSync,
        Self::CheckpointBeforeWrite,
        Self::CommitBeforeCheckpoint,
        Self::RetriedSync,
        Self::NoFingerprint,
        Self::NoLock,
        Self::NoTopicId,
        Self::NoLeaderEpoch,
        Self::UnseenCorrupt,
        Self::LongCorrupt,
        Self::NoClusterId,
        Self::UnawaitedStop,
        Self::HastyReload,
        Self::RestlessReload,
        Self::NameBeforeSync,
        Self::ManifestAfterCheckpoint,
        Self::UnlistedSegment,
        Self::NoIndexSync,
        Self::NoListingSync,
        Self::ForgottenListing,
    ];
}

/// What is done later than it is said to be.
#[derive(Debug)]
pub enum PutOff {
    Sync(u64),
    Rename(PathBuf, PathBuf),
    Write(u64, Vec<u8>),
}

impl State {
    /// Is a sync of this said to be done, and not done?
    pub fn skips_sync(&self, path: &Path, content: Option<&Content>) -> bool {
        match (self.mutation, content) {
            (Some(Mutation::NoDirectorySync), None) => true,
            (Some(Mutation::NoDataSync), Some(_)) => !is_state(path),
            (Some(Mutation::NoGapSync), Some(_)) => path.ends_with("manifest.ndjson"),
            // At a checkpoint the segments come before it, else the directories that have their names.
            (Some(Mutation::UnlistedSegment), Some(_)) => {
                path.ends_with("manifest.ndjson") && self.synced_directory
            }
            (Some(Mutation::NoIndexSync), Some(_)) => is_index(path),
            (Some(Mutation::NoListingSync), Some(_)) => path.ends_with("first_listing.json.new"),
            (Some(Mutation::RenameBeforeSync), Some(_)) => path.ends_with("checkpoint.json.new"),
            (Some(Mutation::NoCutSync), Some(content)) => content.was_just_cut(),
            _ => false,
        }
    }

    /// Is a sync of this done after the next checkpoint is stored?
    pub fn delays_sync(&self, path: &Path) -> bool {
        match self.mutation {
            Some(Mutation::CheckpointBeforeSync) => !is_state(path),
            Some(Mutation::NameBeforeSync) => path.extension().is_some_and(|e| e == "part"),
            Some(Mutation::ManifestAfterCheckpoint) => path.ends_with("manifest.ndjson"),
            _ => false,
        }
    }

    /// Is what is appended here kept in a buffer?
    pub fn delays_write(&self, path: &Path) -> bool {
        self.mutation == Some(Mutation::CheckpointBeforeWrite) && !is_state(path)
    }

    /// Is what gets this name given it later?
    pub fn delays_rename(&self, to: &Path) -> bool {
        match self.mutation {
            Some(Mutation::CommitBeforeCheckpoint) => true,
            Some(Mutation::HastyReload) => self.reloading.iter().any(|dir| to.starts_with(dir)),
            _ => false,
        }
    }

    /// How much of a file is in a buffer, in bytes.
    pub fn buffered(&self, inode: u64) -> usize {
        let put_off = self.put_off.iter();
        let lengths = put_off.map(|put_off| match put_off {
            PutOff::Write(of, bytes) if *of == inode => bytes.len(),
            _ => 0,
        });
        lengths.sum()
    }

    /// Does what was put off, now that something else than storing a checkpoint is going on.
    pub fn catch_up_before(&mut self, what: &str, path: &Path) {
        let changes_data = matches!(what, "append" | "set length") && !is_state(path);
        let due = match self.put_off.first() {
            None => false,
            Some(PutOff::Sync(_)) if self.mutation == Some(Mutation::NameBeforeSync) => {
                // What follows the rename.
                what == "open directory" && !is_state(path)
            }
            Some(PutOff::Sync(_)) => changes_data || (what == "sync" && !is_state(path)),
            Some(PutOff::Rename(..)) if self.mutation == Some(Mutation::HastyReload) => {
                changes_data || what == "remove"
            }
            // The next checkpoint begins by removing what is left of one.
            Some(PutOff::Rename(..)) => !is_state(path) || what == "remove",
            Some(PutOff::Write(..)) => changes_data,
        };
        if due {
            self.catch_up();
        }
    }

    pub fn catch_up(&mut self) {
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
                PutOff::Write(inode, bytes) => {
                    if let Ok(content) = self.content(inode) {
                        content.append(&bytes);
                    }
                }
            }
        }
    }
}

fn is_index(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "idx")
}

fn is_state(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == ".archiver")
}
