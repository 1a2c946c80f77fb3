//! The list of what an archive will never hold: `gaps.ndjson`, one line for each gap.
//!
//! A gap's line is written in the order of the records around it, and the checkpoint that counts on it holds
//! the list's mark, so that after a crash each gap stands in it once. Each line ends with a checksum of its own, as the
//! mark's fingerprint covers only the last of them.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::lock::lock_data;
use crate::record::{NextOffset, Partition};
use crate::segment::append::{AppendFile, Refused};
use crate::segment::mark::{Mark, Tail, checksum};
use crate::world::fs::{File, Fs, NotOwn, Reading, parent};

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

    /// Opens the list as it was at a checkpoint, to be cut back to that. May block.
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

    /// Cuts off what was listed after that checkpoint. May block.
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
            lines.extend(line(gap).map_err(io)?);
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
/// No gap's line is longer.
const LINE_BYTES_MAX: u64 = 1 << 16;

/// A gap's line, whose last key is the checksum of what stands before it.
fn line(gap: &Gap) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(gap)?;
    // Its closing brace comes after the checksum.
    line.pop();
    let seal = seal(&line);
    line.extend(seal);
    Ok(line)
}

fn seal(line: &[u8]) -> Vec<u8> {
    format!(",\"checksum\":\"{}\"}}\n", checksum(line)).into_bytes()
}

/// The number, from 1, of the first line that is not as it was written. After the first `known` bytes there may be
/// what a crash has left of an unfinished write, or of several; without any that are known it must at least look like
/// a list.
fn damaged_line(mut list: impl BufRead, known: u64) -> io::Result<Option<u64>> {
    let (mut line, mut end) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let length = (&mut list)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        end += length as u64;
        let at = length.saturating_sub(seal(&[]).len());
        let is_whole = line[at..] == seal(&line[..at]);
        let may_be_torn = end > known && (number > 1 || may_have_begun(&line));
        if !is_whole && !may_be_torn {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Is this a part of a line, or one that lost its beginning or some of its sectors?
fn may_have_begun(line: &[u8]) -> bool {
    let begins = br#"{"noticed":""#;
    line.contains(&0) || begins.starts_with(&line[..line.len().min(begins.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fs::RealFs;

    /// Longer than what a mark's fingerprint covers.
    fn list() -> Vec<Gap> {
        let gap = |partition| Gap {
            noticed: "2026-11-21T02:32:22Z".into(),
            topic_id: None,
            partition,
            from: 3,
            to: Some(5),
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
        assert!(listed.len() > 2 * crate::segment::mark::TAIL);
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

    #[test]
    fn only_what_no_checkpoint_knows_may_be_torn() {
        let lines = list().into_iter().take(2);
        let lines = lines.map(|gap| line(&gap).expect("a line"));
        let lines = lines.collect::<Vec<_>>();
        let one = lines[0].len() as u64;
        let damaged = |list: &[u8], known| damaged_line(list, known).expect("read");
        let (whole, both) = (lines.concat(), 2 * one);
        assert_eq!(damaged(&whole, both), None);
        let torn = &whole[..whole.len() - 9];
        assert_eq!(damaged(torn, one), None);
        assert_eq!(damaged(torn, torn.len() as u64), Some(2));
        assert_eq!(damaged(&[&lines[0][..], b"x"].concat(), one), None);
        let mut changed = whole.clone();
        changed[40] ^= 1;
        assert_eq!(damaged(&changed, both), Some(1));
        assert_eq!(damaged(&changed, one), Some(1));
        assert_eq!(damaged(&lines[0][..20], 0), None);
        assert_eq!(damaged(b"somebody's\n", 0), Some(1));
    }
}
