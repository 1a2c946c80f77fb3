//! The list of an archive's gaps: `gaps.ndjson`, one line for each gap.
//!
//! A gap's line is written in the order of the records around it, and each checkpoint holds the list's mark: so after a
//! crash each gap stands in it once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::gap::{Gap, damaged_line, encode};
use archiver_format::mark::{Mark, Tail};

use super::append_file::{AppendFile, Refused};
use super::lock::lock_data;
use crate::world::fs::{File, Fs, NotOwn, Reading, parent};

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

    /// Opens the list as it was at a checkpoint, to be cut back to that mark. May block.
    pub fn resume(fs: &dyn Fs, path: &Path, mark: &Mark) -> Result<Self, Refused> {
        let foreign = |found: String| Refused::Foreign {
            path: path.to_path_buf(),
            expected: format!("what was written up to byte {}", mark.length),
            found,
        };
        let io = |source| match NotOwn::of(&source) {
            Some(found) => foreign(found.to_string()),
            None => Refused::Io {
                path: path.to_path_buf(),
                source,
            },
        };
        let file = match fs.open_own(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return match mark.length {
                    0 => Ok(Self::none(path)),
                    _ => Err(foreign("no file".into())),
                };
            }
            Err(e) => return Err(io(e)),
        };
        lock_data(fs, path, &file)?;
        let found = file.stat().map_err(io)?;
        let list = io::BufReader::with_capacity(READ_BYTES, Reading::new(&*file, found.length));
        if let Some(number) = damaged_line(list, mark.length).map_err(io)? {
            let found = format!("other bytes in line {number}, whose checksum doesn't match");
            return Err(foreign(found));
        }
        let file = AppendFile::resume(fs, path, mark, found.id(), Some(file))?;
        Ok(Self {
            path: path.to_path_buf(),
            file: Some(file),
        })
    }

    /// Cuts off the gaps that were listed after that checkpoint. May block.
    pub fn cut(&self) -> Result<(), Refused> {
        match &self.file {
            Some(file) => file.cut().map(drop),
            None => Ok(()),
        }
    }

    /// Appends one line for each gap. May block.
    pub fn append(&mut self, fs: &dyn Fs, gaps: &[Gap]) -> Result<(), Refused> {
        let io = |source| Refused::Io {
            path: self.path.clone(),
            source,
        };
        let mut lines = Vec::new();
        for gap in gaps {
            lines.extend(encode(gap).map_err(io)?);
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

/// How much of a list is read at once.
const READ_BYTES: usize = 1 << 16;
#[cfg(test)]
mod tests {
    use archiver_format::gap::GapReason;
    use archiver_format::mark::TAIL;
    use archiver_format::record::NextOffset;

    use super::*;
    use crate::world::fs::real::RealFs;

    /// Longer than what a mark's fingerprint covers.
    fn list() -> Vec<Gap> {
        let gap = |partition| Gap {
            noticed: "2026-11-21T02:32:22Z".into(),
            topic_id: None,
            partition,
            from: NextOffset::new(3),
            to: Some(NextOffset::new(5)),
            reason: GapReason::Expired,
            explanation: "Kafka deleted up to 2 records before they were read".into(),
        };
        (0..60).map(gap).collect()
    }

    #[test]
    fn what_a_crash_leaves_after_the_mark_is_cut_off() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, path) = (RealFs::default(), directory.path().join("gaps.ndjson"));
        let mut log = GapLog::none(&path);
        let none = log.mark();
        log.append(&fs, &list()[..1]).expect("appended");
        let one = log.mark();
        drop(log);
        let line = std::fs::read(&path).expect("a list");
        // Of two writes of which either reached the disk in part, as neither was synced.
        let mixed = [&line[..], &line[..60], &line[40..]].concat();
        for (mark, kept) in [(&none, 0), (&one, line.len())] {
            std::fs::write(&path, &mixed).expect("written");
            let list = GapLog::resume(&fs, &path, mark).expect("resumed");
            assert_eq!(std::fs::read(&path).expect("a list"), mixed);
            list.cut().expect("cut");
            assert_eq!(std::fs::read(&path).expect("a list"), &line[..kept]);
        }
        std::fs::write(&path, "somebody's\n").expect("written");
        let refused = GapLog::resume(&fs, &path, &none).err();
        assert!(matches!(refused, Some(Refused::Foreign { .. })));
    }

    #[test]
    fn a_change_anywhere_in_a_long_list_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, path) = (RealFs::default(), directory.path().join("gaps.ndjson"));
        let mut log = GapLog::none(&path);
        log.append(&fs, &list()).expect("appended");
        let mark = log.mark();
        drop(log);
        let listed = std::fs::read(&path).expect("a list");
        assert!(listed.len() > 2 * TAIL);
        assert!(GapLog::resume(&fs, &path, &mark).is_ok());
        for at in (0..listed.len()).step_by(7) {
            let mut changed = listed.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).expect("written");
            let refused = GapLog::resume(&fs, &path, &mark).err();
            assert!(
                matches!(refused, Some(Refused::Foreign { .. })),
                "byte {at}"
            );
        }
    }

    #[test]
    fn the_place_for_a_list_must_be_there_before_there_is_a_list() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, state) = (RealFs::default(), directory.path().join("state"));
        let log = GapLog::none(&state.join("gaps.ndjson"));
        let gone = log.check(&fs);
        assert!(matches!(gone, Err(Refused::Foreign { .. })), "{gone:?}");
        std::fs::create_dir(&state).expect("a directory");
        log.check(&fs).expect("a place");
        let beside = directory.path().join("file");
        std::fs::write(&beside, "").expect("a file");
        let log = GapLog::none(&beside.join("state/gaps.ndjson"));
        let unreadable = log.check(&fs);
        assert!(
            matches!(unreadable, Err(Refused::Io { .. })),
            "{unreadable:?}"
        );
    }
}
