//! The list of what an archive will never hold: `gaps.ndjson`, one line for each gap.
//!
//! A gap's line is written in the order of the records around it, and the checkpoint that counts on it holds
//! the list's mark, so that after a crash each gap stands in it once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::fs::{File, FileId, Fs, parent};
use crate::record::{NextOffset, Partition};
use crate::segment::append::{AppendFile, Refused};
use crate::segment::mark::{Mark, Tail};

/// Offsets that will never be in the archive.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// When it was noticed, RFC 3339 in UTC.
    pub noticed: String,
    /// The topic's id when the gap was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// The partition that it is in.
    pub partition: Partition,
    /// The first offset that is missing.
    pub from: NextOffset,
    /// The offset after the last one that is missing; `None` when nobody can know it.
    pub to: Option<NextOffset>,
    /// Why it is missing.
    pub reason: GapReason,
    /// The reason in a sentence.
    pub explanation: String,
}

/// Why offsets are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Kafka deleted them (retention, DeleteRecords) before they were read.
    Expired,
    /// The topic was deleted and created again.
    Recreated,
    /// The log got shorter: Kafka lost records that it had acknowledged or shown.
    Truncated,
    /// Kafka holds them damaged, and they are to be skipped.
    Corrupt,
}

/// The file that gaps are listed in; it is created with the first one.
pub struct GapLog {
    path: PathBuf,
    file: Option<AppendFile>,
}

impl GapLog {
    /// A list that is not there yet.
    pub fn none(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            file: None,
        }
    }

    /// Opens the list as it was at a checkpoint. May block.
    pub fn resume(fs: &dyn Fs, path: &Path, mark: &Mark) -> Result<Self, Refused> {
        // In archiver's own directory any list longer than an empty mark is an unfinished one of its own.
        let id = match fs.stat(path) {
            Ok(stat) => stat.id(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if mark.length == 0 {
                    return Ok(Self::none(path));
                }
                FileId {
                    inode: 0,
                    born: None,
                }
            }
            Err(source) => {
                let path = path.to_path_buf();
                return Err(Refused::Io { path, source });
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            file: Some(AppendFile::resume(fs, path, mark, id, None)?.0),
        })
    }

    /// Appends one line for each gap. May block.
    pub fn append(&mut self, fs: &dyn Fs, gaps: &[Gap]) -> Result<(), Refused> {
        let io = |source| Refused::Io {
            path: self.path.clone(),
            source,
        };
        let mut lines = Vec::new();
        for gap in gaps {
            serde_json::to_writer(&mut lines, gap).map_err(|e| io(e.into()))?;
            lines.push(b'\n');
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let created = AppendFile::create(fs, &self.path)?;
                let directory = fs.open_dir(parent(&self.path)).map_err(io)?;
                fs.sync(&[directory])
                    .into_iter()
                    .collect::<io::Result<()>>()
                    .map_err(io)?;
                self.file.insert(created)
            }
        };
        file.append(&lines)
    }

    /// Checks that the list is still there, or the place for it: the checkpoint is stored beside it.
    pub fn check(&self, fs: &dyn Fs) -> Result<(), Refused> {
        if let Some(file) = &self.file {
            return file.check(fs);
        }
        let dir = parent(&self.path);
        match fs.stat(dir) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Refused::Foreign {
                path: dir.to_path_buf(),
                expected: "the state directory".into(),
                found: "nothing".into(),
            }),
            Err(source) => Err(Refused::Io {
                path: dir.to_path_buf(),
                source,
            }),
        }
    }

    /// The list's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mark at the list's end.
    pub fn mark(&self) -> Mark {
        match &self.file {
            Some(file) => file.mark(),
            None => Tail::default().mark(0),
        }
    }

    /// The file, if there is one.
    pub fn handle(&self) -> Option<&Arc<dyn File>> {
        self.file.as_ref().map(AppendFile::handle)
    }
}
