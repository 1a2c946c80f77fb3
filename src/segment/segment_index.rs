//! The index of an open segment, as a file.
//!
//! It is covered by the checkpoint as the segment is. One that is lost or damaged harms nothing but itself: another one
//! begins where the segment is.

use std::io;
use std::path::Path;
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
        refuse_link(fs, &above)?;
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

    /// Removes an index that a run has left which wrote them, where the segment of this number, which no checkpoint
    /// counted, is begun again without one: it would be taken for its index. The directory is added to `changed`, as an
    /// attempt before may have done so, and not durably. May block.
    pub fn remove(
        fs: &dyn Fs,
        dir: &StateDir,
        sequence: u64,
        changed: &mut Vec<Arc<dyn File>>,
    ) -> Result<(), Refused> {
        let (path, above) = (dir.index(sequence), dir.indexes());
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        refuse_link(fs, &above)?;
        match fs.open_dir(&above) {
            Ok(above) => changed.push(above),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io(e)),
        }
        fs::remove_if_there(fs, &path).map_err(io)
    }

    /// Opens an index as it was at a checkpoint, yet to be cut back. `None` if it isn't that any more. May block.
    pub fn resume(
        fs: &dyn Fs,
        dir: &StateDir,
        sequence: u64,
        mark: &Mark,
    ) -> Result<Option<Self>, Refused> {
        refuse_link(fs, &dir.indexes())?;
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

/// Refuses a symbolic link in the place of the directory of indexes: they would be written somewhere else.
pub fn refuse_link(fs: &dyn Fs, indexes: &Path) -> Result<(), Refused> {
    let path = indexes.to_path_buf();
    match fs.is_link(indexes) {
        Ok(true) => Err(Refused::Foreign {
            path,
            expected: "a directory of archiver's own".into(),
            found: "a symbolic link".into(),
        }),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Refused::Io { path, source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::world::fs::real::RealFs;

    #[test]
    fn nothing_is_written_through_a_link_in_the_place_of_the_indexes() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path().join("a")));
        std::fs::create_dir(dir.path()).expect("a directory");
        let begun = SegmentIndex::begin(&fs, &dir, 7, &mut Vec::new()).expect("is begun");
        let mark = begun.mark();
        drop(begun);
        let elsewhere = directory.path().join("elsewhere");
        std::fs::rename(dir.indexes(), &elsewhere).expect("renamed");
        symlink(&elsewhere, dir.indexes()).expect("a link");
        let resumed = SegmentIndex::resume(&fs, &dir, 7, &mark).map(|_| ());
        let begun = SegmentIndex::begin(&fs, &dir, 8, &mut Vec::new()).map(|_| ());
        for refused in [resumed, begun] {
            let refused = refused.expect_err("is refused");
            assert!(matches!(refused, Refused::Foreign { .. }), "{refused}");
            assert!(
                refused.to_string().ends_with("found a symbolic link"),
                "{refused}"
            );
        }
        assert!(!elsewhere.join("000008.idx").exists());
    }
}
