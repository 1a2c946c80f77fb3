//! The writer: appends batches to an archive's open segments, and gaps to its list, and knows how far the archive is.
//!
//! A batch counts as a whole: the positions move only when each of its members is in its segment.

use std::io;
use std::sync::Arc;

use archiver_format::checkpoint::{Progress, Segment};
use archiver_format::gap::Gap;
use archiver_format::mark::FileId;
use archiver_format::position::{Advance, Misstep, Positions};

use super::batch::{Member, SegmentId};
use crate::ledger::append_file::{AppendFile, Refused, Savepoint};
use crate::ledger::gap_log::GapLog;
use crate::ledger::{OpenSegment, Written};
use crate::world::fs::Fs;

/// The only segment that an archive has open.
pub const ONLY: SegmentId = 0;

/// An archive's files, open for appending, and the progress that is in them.
pub struct Writer {
    segments: Vec<Open>,
    gaps: GapLog,
    positions: Positions,
    records: u64,
}

/// An open segment.
struct Open {
    number: SegmentId,
    file: AppendFile,
    id: FileId,
}

/// The next thing to be done to an archive's files.
pub enum Entry {
    /// A batch of records, compressed.
    Records(Vec<Member>, Advance),
    /// Gaps, in the order of the records around them.
    Gaps(Vec<Gap>, Advance),
    /// Nothing is appended; the files must still be those that were opened.
    Check,
}

/// The amount that was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Records.
    pub records: u64,
    /// Their bytes, as they are in the file.
    pub bytes: u64,
    /// Entries that took the archive further; a check doesn't.
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
    /// The batch could not be compressed.
    #[error("compressing: {0}")]
    Compress(io::Error),
    /// The batch doesn't begin where the archive stands.
    #[error(transparent)]
    Misstep(#[from] Misstep),
    /// The batch has lines for a segment that isn't open.
    #[error("segment {0} is not open; this is a fault in the program, please report it")]
    NotOpen(SegmentId),
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
    /// A writer at the end of these files, which hold so many records up to these positions.
    pub fn new(
        data: AppendFile,
        gaps: GapLog,
        positions: Positions,
        records: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            segments: vec![Open {
                number: ONLY,
                id: data.handle().stat()?.id(),
                file: data,
            }],
            gaps,
            positions,
            records,
        })
    }

    /// Appends an entry and says how much that was. After an error the writer stands where it stood before. May block.
    pub fn append(&mut self, fs: &dyn Fs, entry: Entry) -> Result<Wrote, WriteError> {
        let (bytes, advance) = match entry {
            Entry::Records(members, advance) => {
                self.positions.check(&advance)?;
                (self.append_members(&members)?, advance)
            }
            Entry::Gaps(gaps, advance) => {
                self.positions.check(&advance)?;
                self.gaps.append(fs, &gaps)?;
                (0, advance)
            }
            Entry::Check => {
                for segment in &self.segments {
                    segment.file.check(fs)?;
                }
                self.gaps.check(fs)?;
                return Ok(Wrote::default());
            }
        };
        self.positions.apply(&advance)?;
        self.records += advance.records;
        Ok(Wrote {
            records: advance.records,
            bytes,
            advances: 1,
        })
    }

    /// Appends all of them or, as far as the file system lets it, none.
    fn append_members(&mut self, members: &[Member]) -> Result<u64, WriteError> {
        let mut before = Vec::<(usize, Savepoint)>::new();
        let mut bytes = 0;
        for (number, member) in (1..).zip(members) {
            let open = self.segments.iter();
            let at = open
                .map(|open| open.number)
                .position(|n| n == member.segment);
            let at = at.ok_or(WriteError::NotOpen(member.segment))?;
            let file = &mut self.segments[at].file;
            // Nothing comes after the last one that would take it back, and it goes back by itself if it fails.
            let savepoint = (number < members.len()).then(|| (at, file.savepoint()));
            if let Err(e) = file.append(&member.bytes) {
                for (at, savepoint) in before.into_iter().rev() {
                    // If this fails too, the next start cuts the file back to its checkpoint.
                    let _ = self.segments[at].file.go_back(savepoint);
                }
                return Err(e.into());
            }
            before.extend(savepoint);
            bytes += member.bytes.len() as u64;
        }
        Ok(bytes)
    }

    /// The progress that is in the files and is yet to be made durable.
    pub fn written(&self) -> Written {
        let segment = |open: &Open| Segment {
            id: open.id,
            mark: open.file.mark(),
        };
        let open = |open: &Open| OpenSegment {
            path: open.file.path().to_path_buf(),
            file: Arc::clone(open.file.handle()),
        };
        let progress = Progress {
            positions: self.positions.clone(),
            records: self.records,
            segments: self.segments.iter().map(segment).collect(),
            gaps: self.gaps.mark(),
        };
        let segments = self.segments.iter().map(open).collect();
        Written::new(progress, segments, self.gaps.handle().cloned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archiver_format::position::Step;
    use archiver_format::record::NextOffset;

    use super::*;
    use crate::sim::disk::{Fault, Faults, SimFs};
    use crate::sim::random::Random;

    #[test]
    fn a_batch_of_which_one_segment_can_not_be_written_is_in_none_of_them() {
        let world = SimFs::new(Random::new(1));
        let fs = world.start();
        let create = |path: &str| AppendFile::create(&fs, Path::new(path)).expect("created");
        let gaps = GapLog::none(Path::new("/gaps"));
        let mut writer =
            Writer::new(create("/0"), gaps, Positions::default(), 0).expect("an open file");
        let file = create("/1");
        let id = file.handle().stat().expect("a file").id();
        writer.segments.push(Open {
            number: 1,
            file,
            id,
        });
        let entry = |from: i64| {
            let member = |segment| Member {
                segment,
                lines: 1,
                plain_bytes: 2,
                bytes: b"a\n".to_vec(),
            };
            let step = Step {
                partition: 0,
                from: NextOffset::new(from),
                to: NextOffset::new(from + 2).into(),
                is_gap: false,
            };
            let advance = Advance {
                records: 2,
                steps: vec![step],
            };
            Entry::Records(vec![member(0), member(1)], advance)
        };
        let held = |path: &str| world.peek(Path::new(path)).expect("a file");
        writer.append(&fs, entry(0)).expect("room");
        // The second file's append: the first one's append and its look at the length come before.
        let at = Some((world.counts().0 + 3, Fault::Full));
        world.set_faults(Faults {
            at,
            ..Faults::default()
        });
        let refused = writer.append(&fs, entry(2)).err();
        assert!(matches!(refused, Some(WriteError::Io(_))), "{refused:?}");
        assert_eq!((held("/0"), held("/1").len() < 4), (b"a\n".to_vec(), true));
        assert_eq!(writer.positions.next(0), NextOffset::new(2));
        world.set_faults(Faults::default());
        writer.append(&fs, entry(2)).expect("room");
        assert_eq!(held("/0"), b"a\na\n");
        assert_eq!(held("/1"), b"a\na\n");
    }
}
