//! The index of an open segment, as a file.
//!
//! It is covered by the checkpoint as the segment is. One that is lost or damaged harms nothing but itself: another one
//! begins where the segment is.

use std::io;
use std::sync::Arc;

use archiver_format::contents::Contents;
use archiver_format::index::block::checksum;
use archiver_format::index::{Block, encode, header};
use archiver_format::mark::Mark;
use archiver_format::state_files::StateDir;

use super::batch::Member;
use crate::ledger::append_file::{AppendFile, Refused, Savepoint};
use crate::ledger::lock::lock_data;
use crate::ledger::manifest::no_state;
use crate::world::fs::{self, File, Fs, NotOwn};

/// An open segment's index.
pub struct SegmentIndex {
    file: AppendFile,
}

impl SegmentIndex {
    /// Begins the index of the segment of this number, in place of one that no checkpoint counts. Directories whose names
    /// have changed are added to `changed`. May block.
    pub fn begin(
        fs: &dyn Fs,
        dir: &StateDir,
        sequence: u64,
        changed: &mut Vec<Arc<dyn File>>,
    ) -> Result<Self, Refused> {
        let path = dir.index(sequence);
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        let above = dir.indexes();
        // The directory above must be there: one that was moved away is missed, and not made anew.
        match fs.create_dir(&above) {
            Ok(()) => changed.push(fs.open_dir(dir.path()).map_err(io)?),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(no_state(dir.path())),
            Err(e) => return Err(io(e)),
        }
        fs::remove_if_there(fs, &path).map_err(io)?;
        let mut file = AppendFile::create(fs, &path)?;
        file.append(&header(sequence))?;
        changed.push(fs.open_dir(&above).map_err(io)?);
        Ok(Self { file })
    }

    /// Opens an index as it was at a checkpoint, yet to be cut back. `None` if it isn't that any more. May block.
    pub fn resume(
        fs: &dyn Fs,
        dir: &StateDir,
        sequence: u64,
        mark: &Mark,
    ) -> Result<Option<Self>, Refused> {
        let path = dir.index(sequence);
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        let file = match fs.open_own(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound || NotOwn::of(&e).is_some() => {
                return Ok(None);
            }
            Err(e) => return Err(io(e)),
        };
        lock_data(fs, &path, &file)?;
        let id = file.stat().map_err(io)?.id();
        match AppendFile::resume(fs, &path, mark, id, Some(file)) {
            Ok(file) => Ok(Some(Self { file })),
            Err(Refused::Foreign { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Cuts off what no checkpoint counts.
    pub fn cut(&self) -> Result<(), Refused> {
        self.file.cut().map(drop)
    }

    /// Appends the entry of a member, which begins at this byte of a segment that holds so much. May block.
    pub fn append(
        &mut self,
        member: &Member,
        file_start: u64,
        before: &Contents,
    ) -> Result<(), Refused> {
        let block = Block {
            file_start,
            file_bytes: member.bytes.len() as u64,
            checksum: checksum(&member.bytes),
            plain_start: before.plain_bytes,
            plain_bytes: member.plain_bytes,
            first_line: before.records,
        };
        self.file.append(&encode(&member.lines, &block))
    }

    /// Where it ends, to go back there.
    pub fn savepoint(&self) -> Savepoint {
        self.file.savepoint()
    }

    /// Takes back what was appended since.
    pub fn go_back(&mut self, before: Savepoint) -> Result<(), Refused> {
        self.file.go_back(before)
    }

    /// The mark at its end.
    pub fn mark(&self) -> Mark {
        self.file.mark()
    }

    /// The open file.
    pub fn handle(&self) -> &Arc<dyn File> {
        self.file.handle()
    }
}
