//! Appends chunks to an archive's files and knows how far it has come.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::append::{AppendFile, Refused};
use super::mark::Mark;
use crate::disk::Disk;
use crate::encode::Advance;
use crate::fs::{File, Fs};
use crate::gaps::{Gap, GapLog};
use crate::record::Positions;

/// How far an archive has come: where to read on, and the files that hold everything before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where to read on in each partition.
    pub next_offsets: Positions,
    /// How many records archiver has written to the file.
    pub records: u64,
    /// The end of the file.
    pub data: Mark,
    /// The file's inode, to know it again while it is empty.
    pub inode: u64,
    /// The end of the list of gaps.
    pub gaps: Mark,
}

/// An archive's files, open for appending.
pub struct Writer {
    data: AppendFile,
    gaps: GapLog,
    next_offsets: Positions,
    records: u64,
    inode: u64,
}

/// What is done to an archive's files next.
pub enum Entry {
    /// A chunk of records and its bytes as they go into the file: compressed.
    Records(Vec<u8>, Advance),
    /// Gaps, in the order of the records around them.
    Gaps(Vec<Gap>, Advance),
    /// Nothing is appended; the file must still be the one that was opened.
    Check,
}

/// What has been written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Bytes of records, as they are in the file.
    pub bytes: u64,
    /// Entries that take the archive further; a check doesn't.
    pub advances: u64,
}

/// Why an entry was not appended.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system said no.
    #[error("writing {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Somebody else touched the file.
    #[error(transparent)]
    Foreign(#[from] Refused),
    /// The chunk could not be compressed.
    #[error("compressing: {0}")]
    Compress(io::Error),
}

impl std::ops::AddAssign for Wrote {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.advances += more.advances;
    }
}

impl Writer {
    /// A writer at the end of these files.
    pub fn new(
        data: AppendFile,
        gaps: GapLog,
        next_offsets: Positions,
        records: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            inode: data.handle().stat()?.inode,
            data,
            gaps,
            next_offsets,
            records,
        })
    }

    /// Appends an entry and says what that wrote; after an error the writer stands where
    /// it stood before. May block.
    pub fn append(&mut self, fs: &dyn Fs, entry: Entry) -> Result<Wrote, WriteError> {
        let io = |path: &Path, source| WriteError::Io {
            path: path.to_path_buf(),
            source,
        };
        let (bytes, advance) = match entry {
            Entry::Records(bytes, advance) => {
                let appended = self.data.append(&bytes);
                appended.map_err(|e| io(self.data.path(), e))?;
                (bytes.len(), advance)
            }
            Entry::Gaps(gaps, advance) => {
                let appended = self.gaps.append(fs, &gaps);
                appended.map_err(|e| io(self.gaps.path(), e))?;
                (0, advance)
            }
            Entry::Check => {
                self.data.check(fs)?;
                return Ok(Wrote::default());
            }
        };
        self.next_offsets.extend(advance.to);
        self.records += advance.records;
        Ok(Wrote {
            bytes: bytes as u64,
            advances: 1,
        })
    }

    /// What has been written so far; what it holds is yet to be made durable.
    pub fn written(&self) -> Written {
        let files = [Some(self.data.handle()), self.gaps.handle()];
        Written {
            progress: Progress {
                next_offsets: self.next_offsets.clone(),
                records: self.records,
                data: self.data.mark(),
                inode: self.inode,
                gaps: self.gaps.mark(),
            },
            files: files.into_iter().flatten().cloned().collect(),
        }
    }
}

/// Progress that is in the files but may not be on the disk.
#[must_use]
pub struct Written {
    progress: Progress,
    files: Vec<Arc<dyn File>>,
}

/// Progress that is on the disk; only [`Written::sync`] makes it, and only it can become a checkpoint.
#[must_use]
#[derive(Debug)]
pub struct Durable(Progress);

impl Written {
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Makes it durable. After an error nothing since the last checkpoint may be trusted.
    pub async fn sync(self, disk: &Disk) -> io::Result<Durable> {
        disk.sync(self.files).await?;
        Ok(Durable(self.progress))
    }
}

impl Durable {
    /// How far it is.
    pub fn into_progress(self) -> Progress {
        self.0
    }
}
