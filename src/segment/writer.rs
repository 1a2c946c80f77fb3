//! Appends chunks to an archive's files and knows how far it has come.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::append::{AppendFile, Refused, check_path};
use super::mark::Mark;
use crate::encode::Advance;
use crate::gaps::{Gap, GapLog};
use crate::record::{LeaderEpoch, Partition, Place, Places, Positions};
use crate::world::disk::Disk;
use crate::world::fs::{File, FileId, Fs};

/// How far an archive has come: where to read on, and the files that hold everything before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where to read on in each partition.
    pub next_offsets: Positions,
    /// What the records before that were written in, where it is known.
    #[serde(default)]
    pub leader_epochs: BTreeMap<Partition, LeaderEpoch>,
    /// How many records archiver has written to the file.
    pub records: u64,
    /// The end of the file.
    pub data: Mark,
    /// Which file it is, to know it again while it is empty.
    pub id: FileId,
    /// The end of the list of gaps.
    pub gaps: Mark,
}

impl Progress {
    /// Can archiver have come so far? Below zero librdkafka's offsets are no offsets.
    pub fn is_possible(&self) -> bool {
        let positions = &mut self.next_offsets.iter();
        positions.all(|(partition, next)| *partition >= 0 && *next >= 0)
            && i64::try_from(self.records).is_ok()
    }

    /// Where to read a partition on; `None` if it isn't known yet.
    pub fn place(&self, partition: Partition) -> Option<Place> {
        Some(Place {
            next: *self.next_offsets.get(&partition)?,
            epoch: self.leader_epochs.get(&partition).copied(),
        })
    }
}

/// An archive's files, open for appending.
pub struct Writer {
    data: AppendFile,
    gaps: GapLog,
    places: Places,
    records: u64,
    id: FileId,
}

/// What is done to an archive's files next.
pub enum Entry {
    /// A chunk of records and its bytes as they go into the file: compressed.
    Records(Vec<u8>, Advance),
    /// Gaps, in the order of the records around them.
    Gaps(Vec<Gap>, Advance),
    /// Nothing is appended; the files must still be those that were opened.
    Check,
}

/// What has been written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Records.
    pub records: u64,
    /// Their bytes, as they are in the file.
    pub bytes: u64,
    /// Entries that take the archive further; a check doesn't.
    pub advances: u64,
}

/// Why an entry was not appended.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system said no.
    #[error("writing {0}")]
    Io(Refused),
    /// Somebody else touched the file.
    #[error(transparent)]
    Foreign(Refused),
    /// The chunk could not be compressed.
    #[error("compressing: {0}")]
    Compress(io::Error),
}

impl From<Refused> for WriteError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Io { .. } => Self::Io(refused),
            _ => Self::Foreign(refused),
        }
    }
}

impl std::ops::AddAssign for Wrote {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
        self.advances += more.advances;
    }
}

impl Writer {
    /// A writer at the end of these files.
    pub fn new(data: AppendFile, gaps: GapLog, places: Places, records: u64) -> io::Result<Self> {
        Ok(Self {
            id: data.handle().stat()?.id(),
            data,
            gaps,
            places,
            records,
        })
    }

    /// Appends an entry and says what that wrote; after an error the writer stands where
    /// it stood before. May block.
    pub fn append(&mut self, fs: &dyn Fs, entry: Entry) -> Result<Wrote, WriteError> {
        let (bytes, advance) = match entry {
            Entry::Records(bytes, advance) => {
                self.data.append(&bytes)?;
                (bytes.len(), advance)
            }
            Entry::Gaps(gaps, advance) => {
                self.gaps.append(fs, &gaps)?;
                (0, advance)
            }
            Entry::Check => {
                self.data.check(fs)?;
                self.gaps.check(fs)?;
                return Ok(Wrote::default());
            }
        };
        self.places.extend(advance.to);
        self.records += advance.records;
        Ok(Wrote {
            records: advance.records,
            bytes: bytes as u64,
            advances: 1,
        })
    }

    /// What has been written so far; what it holds is yet to be made durable.
    pub fn written(&self) -> Written {
        let files = [Some(self.data.handle()), self.gaps.handle()];
        let epochs = self.places.iter();
        let epochs = epochs.filter_map(|(&partition, at)| Some((partition, at.epoch?)));
        Written {
            progress: Progress {
                next_offsets: self.places.iter().map(|(&p, at)| (p, at.next)).collect(),
                leader_epochs: epochs.collect(),
                records: self.records,
                data: self.data.mark(),
                id: self.id,
                gaps: self.gaps.mark(),
            },
            files: files.into_iter().flatten().cloned().collect(),
            path: self.data.path().to_path_buf(),
            data: Arc::clone(self.data.handle()),
        }
    }
}

/// Progress that is in the files but may not be on the disk.
#[must_use]
pub struct Written {
    progress: Progress,
    files: Vec<Arc<dyn File>>,
    path: PathBuf,
    data: Arc<dyn File>,
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

    /// The data file, locked.
    pub fn data(&self) -> &Arc<dyn File> {
        &self.data
    }

    /// Makes it durable, if the file is still where it should be. After an error nothing since the last checkpoint
    /// may be trusted.
    pub async fn sync(self, disk: &Disk) -> Result<Durable, Refused> {
        let path = self.path.clone();
        let synced = disk.sync(self.files).await;
        synced.map_err(|source| Refused::Io { path, source })?;
        let (path, data, length) = (self.path, self.data, self.progress.data.length);
        disk.run(move |fs| check_path(fs, &path, &data, length))
            .await?;
        Ok(Durable(self.progress))
    }
}

impl Durable {
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.0
    }

    /// How far it is, to be stored.
    pub fn into_progress(self) -> Progress {
        self.0
    }
}
