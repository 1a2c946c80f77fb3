//! The writer: appends batches to an archive's open segments, and gaps to its manifest, and knows how far the archive is.
//!
//! A batch counts as a whole: the positions move only when each of its members is in its segment. A segment that is
//! large enough is sealed behind the batch that made it so.

use std::io;
use std::sync::Arc;

use archiver_format::checkpoint::{List, Progress, Unnamed};
use archiver_format::gap::Gap;
use archiver_format::manifest::{self, SealReason};
use archiver_format::position::{Advance, Misstep, Positions, Step};
use archiver_format::segment::SegmentFile;

use super::batch::Member;
use super::kept::Kept;
use super::open_segment::{Before, OpenSegment};
use super::rotation;
use super::segment_index::SegmentIndex;
use crate::config::{Archive, Checked};
use crate::ledger::append_file::Refused;
use crate::ledger::manifest::Manifest;
use crate::ledger::{SealedHandle, SegmentHandle, Written};
use crate::world::clock::Clock;
use crate::world::fs::{File, Fs};

/// An archive's files, open for appending, and the progress that is in them.
pub struct Writer {
    pub(super) config: Checked<Archive>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) manifest: Manifest,
    pub(super) open: Vec<OpenSegment>,
    pub(super) unnamed: Vec<SealedSegment>,
    /// Sealed segments that may be deleted one day, in the order of their sealing; none if all are kept for ever.
    pub(super) kept: Vec<Kept>,
    /// Segments that are deleted as soon as a checkpoint counts that.
    pub(super) deleted: Vec<SegmentFile>,
    /// How far the archive is; its segments and its list are those above.
    pub(super) reached: Reached,
}

/// How far an archive is, without its files.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// Where to read on.
    pub positions: Positions,
    /// How many records it has written.
    pub records: u64,
    /// How many bytes its sealed segments have.
    pub sealed_bytes: u64,
    /// The number of its next segment.
    pub next_sequence: u64,
}

/// A segment that is sealed; its file gets its final name when a checkpoint counts that.
pub(super) struct SealedSegment {
    pub unnamed: Unnamed,
    /// Its file and its index, unless a checkpoint of an earlier attempt counts them.
    pub data: Option<SealedHandle>,
    pub index: Option<Arc<dyn File>>,
}

/// The sealed segments of an archive that something is still to be done to.
#[derive(Default)]
pub struct Sealed {
    /// They may not have their final names yet.
    pub unnamed: Vec<Unnamed>,
    /// They may be deleted one day; none if all are kept for ever.
    pub kept: Vec<Kept>,
    /// They are to be deleted.
    pub deleted: Vec<SegmentFile>,
}

/// The next thing to be done to an archive's files.
pub enum Entry {
    /// A batch of records, compressed.
    Records(Vec<Member>, Advance),
    /// Gaps, in the order of the records around them.
    Gaps(Vec<Gap>, Advance),
    /// Nothing is appended; the files must still be those that were opened.
    Check,
    /// Segments whose time has come are sealed.
    Rotate,
    /// All segments are sealed.
    Seal(SealReason),
    /// These segments, which a checkpoint counts as sealed, get their final names.
    Name(Vec<Unnamed>),
    /// These segments, which a checkpoint counts as deleted, are deleted.
    Delete(Vec<SegmentFile>),
}

/// The amount that was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Records.
    pub records: u64,
    /// Their bytes, as they are in the file.
    pub bytes: u64,
    /// Their bytes before compression.
    pub plain_bytes: u64,
    /// Entries that a checkpoint has to count; a check is none.
    pub changes: u64,
    /// Segments that were sealed.
    pub sealed: u64,
    /// Were segments listed as deleted?
    pub deleted: bool,
    /// Sealed segments that have their final names now.
    pub named: u64,
}

/// What an archive's segments take up on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many bytes all of them have; those that were there before and are never deleted may be left out.
    pub bytes: u64,
    /// How many are open.
    pub segments_open: u64,
}

/// Why an entry was not appended.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system said no.
    #[error("writing {0}")]
    Io(Refused),
    /// What was written may not be on the disk, and be taken for it later.
    #[error("syncing {0}")]
    Syncing(Refused),
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
    #[error("a segment is not open; this is a fault in the program, please report it")]
    NotOpen,
}

impl WriteError {
    /// May what was written before not be trusted either?
    pub fn is_distrusted(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Compress(_))
    }
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
        self.plain_bytes += more.plain_bytes;
        self.changes += more.changes;
        self.sealed += more.sealed;
        self.deleted |= more.deleted;
        self.named += more.named;
    }
}

impl Writer {
    /// A writer at the end of these files, which have come so far.
    pub fn new(
        config: Checked<Archive>,
        clock: Arc<dyn Clock>,
        manifest: Manifest,
        open: Vec<OpenSegment>,
        sealed: Sealed,
        reached: Reached,
    ) -> Self {
        let Sealed {
            unnamed,
            kept,
            deleted,
        } = sealed;
        let unnamed = unnamed.into_iter();
        let unnamed = unnamed.map(|unnamed| SealedSegment {
            unnamed,
            data: None,
            index: None,
        });
        Self {
            config,
            clock,
            manifest,
            open,
            unnamed: unnamed.collect(),
            kept,
            deleted,
            reached,
        }
    }

    /// Does an entry, and says how much was written. After an error the positions are where they were before. May block.
    pub fn append(&mut self, fs: &dyn Fs, entry: Entry) -> Result<Wrote, WriteError> {
        match entry {
            Entry::Records(members, advance) => self.append_records(fs, &members, &advance),
            Entry::Gaps(gaps, advance) => {
                self.reached.positions.check(&advance)?;
                let gaps = gaps.into_iter().map(manifest::Entry::Gap);
                self.manifest.append(fs, &gaps.collect::<Vec<_>>())?;
                self.reached.positions.apply(&advance)?;
                Ok(Wrote {
                    changes: 1,
                    ..Wrote::default()
                })
            }
            Entry::Check => {
                for segment in &self.open {
                    segment.data.check(fs)?;
                }
                self.manifest.check(fs)?;
                Ok(Wrote::default())
            }
            Entry::Rotate => {
                let mut wrote = self.seal_due(fs)?;
                wrote += self.expire(fs)?;
                Ok(wrote)
            }
            Entry::Seal(reason) => Ok(self.seal_all(fs, reason)?),
            Entry::Name(sealed) => self.name(fs, &sealed),
            Entry::Delete(deleted) => self.delete(fs, &deleted),
        }
    }

    /// Appends a batch, and seals the segments that it has made large enough.
    fn append_records(
        &mut self,
        fs: &dyn Fs,
        members: &[Member],
        advance: &Advance,
    ) -> Result<Wrote, WriteError> {
        self.reached.positions.check(advance)?;
        let opened = self.open_for(fs, members)?;
        let bytes = self.append_members(members, &advance.steps)?;
        self.reached.positions.apply(advance)?;
        self.reached.records += advance.records;
        let mut wrote = Wrote {
            records: advance.records,
            bytes,
            plain_bytes: members.iter().map(|member| member.plain_bytes).sum(),
            changes: 1,
            ..Wrote::default()
        };
        let rotation = &self.config.rotation;
        let is_full = |segment: &OpenSegment| rotation::is_full(rotation, segment);
        let full = self.open.iter().filter_map(|segment| {
            let reason = is_full(segment)?;
            Some((segment.file.sequence, reason))
        });
        let mut due = full.collect::<Vec<_>>();
        if opened > 0 {
            due.extend(self.in_excess(&due));
        }
        if !due.is_empty() {
            wrote += self.seal(fs, &due)?;
            wrote += self.expire(fs)?;
        }
        Ok(wrote)
    }

    /// Appends all of them or, as far as the file system lets it, none.
    fn append_members(&mut self, members: &[Member], steps: &[Step]) -> Result<u64, WriteError> {
        let mut before = Vec::<(usize, Before)>::new();
        let mut places = Vec::with_capacity(members.len());
        for (number, member) in (1..).zip(members) {
            let mut open = self.open.iter();
            let at = open.position(|open| open.route == member.route);
            let at = at.ok_or(WriteError::NotOpen)?;
            places.push(at);
            let segment = &mut self.open[at];
            // Nothing comes after the last one that would take it back. Without an index it goes back by itself.
            let has_more = number < members.len() || segment.index().is_some();
            let savepoint = has_more.then(|| (at, segment.before()));
            let appended = segment.append(member);
            before.extend(savepoint);
            if let Err(e) = appended {
                for (at, savepoint) in before.into_iter().rev() {
                    // If this fails too, the next start cuts the file back to its checkpoint.
                    let _ = self.open[at].go_back(savepoint);
                }
                return Err(e.into());
            }
        }
        let now = self.clock.now_ms();
        let mut bytes = 0;
        for (at, member) in places.into_iter().zip(members) {
            self.open[at].count(member, steps, now);
            bytes += member.bytes.len() as u64;
        }
        Ok(bytes)
    }

    /// The progress that is in the files and is yet to be made durable.
    pub fn written(&self) -> Written {
        let Reached {
            positions,
            records,
            sealed_bytes,
            next_sequence,
        } = self.reached.clone();
        let progress = Progress {
            positions,
            records,
            sealed_bytes,
            next_sequence,
            segments: self.open.iter().map(OpenSegment::checkpoint).collect(),
            unnamed: self.unnamed.iter().map(|u| u.unnamed.clone()).collect(),
            deleted: self.deleted.clone(),
            list: List::Manifest(self.manifest.mark()),
        };
        let open = |open: &OpenSegment| SegmentHandle {
            path: open.path(),
            file: Arc::clone(open.data.handle()),
        };
        let segments = self.open.iter().map(open).collect();
        let sealed = self.unnamed.iter().filter_map(|sealed| sealed.data.clone());
        let sealed_indexes = self.unnamed.iter().filter_map(|u| u.index.as_ref());
        let indexes = self.open.iter().filter_map(OpenSegment::index);
        let indexes = indexes.map(SegmentIndex::handle);
        let others = sealed_indexes.chain(indexes).chain(self.manifest.handle());
        let others = others.cloned().collect();
        let syncs = self.manifest.syncs().clone();
        Written::new(progress, segments, sealed.collect(), others, syncs)
    }

    /// The open segments go on without their indexes.
    pub fn drop_indexes(&mut self) {
        self.open.iter_mut().for_each(OpenSegment::drop_index);
    }

    /// What the segments take up on the disk.
    pub fn extent(&self) -> Extent {
        let sealed = match self.config.retention.is_endless() {
            true => self.reached.sealed_bytes,
            false => self.kept.iter().map(|kept| kept.bytes).sum(),
        };
        let open = self.open.iter().map(|open| open.data.length());
        Extent {
            bytes: sealed + open.sum::<u64>(),
            segments_open: self.open.len() as u64,
        }
    }

    /// When a segment is to be sealed that nothing more is written to, in milliseconds since 1970.
    pub fn next_rotation(&mut self) -> Option<i64> {
        let (rotation, zone) = (&self.config.rotation, self.config.template.zone());
        let open = self.open.iter_mut();
        let next = open.filter_map(|segment| rotation::next(rotation, zone, segment));
        let next = next.min();
        next.into_iter().chain(self.next_expiry()).min()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archiver_format::index::Lines;
    use archiver_format::record::NextOffset;
    use archiver_format::segment::Route;
    use archiver_format::state_files::StateDir;

    use super::super::opening::kind;
    use super::*;
    use crate::ledger::append_file::AppendFile;
    use crate::sim::disk::{Fault, Faults, SimFs};
    use crate::sim::random::Random;
    use crate::world::clock::RealClock;

    /// The route of this number.
    fn route(number: usize) -> Route {
        let partition = i32::try_from(number).ok().filter(|number| *number > 0);
        Route {
            partition,
            ..Route::default()
        }
    }

    impl Writer {
        /// A writer of an archive that has these files open, each for a route of its own.
        pub fn for_tests(files: Vec<AppendFile>) -> Self {
            let config = Checked::for_tests(Archive::for_tests());
            let open = files.into_iter().enumerate().map(|(number, data)| {
                let id = data.handle().stat().expect("a file").id();
                let (sequence, name) = (number as u64, None);
                let file = SegmentFile { sequence, name, id };
                OpenSegment::begin(data, file, false, kind(&config), route(number), 0)
            });
            let open = open.collect();
            let manifest = Manifest::none(&StateDir::new("/state"), "a");
            let clock = Arc::new(RealClock);
            Self::new(
                config,
                clock,
                manifest,
                open,
                Sealed::default(),
                Reached::default(),
            )
        }
    }

    #[test]
    fn a_batch_of_which_one_segment_can_not_be_written_is_in_none_of_them() {
        let world = SimFs::new(Random::new(1));
        let fs = world.start();
        let create = |path: &str| AppendFile::create(&fs, Path::new(path)).expect("created");
        let mut writer = Writer::for_tests(vec![create("/0"), create("/1")]);
        let entry = |from: i64| {
            let member = |number| Member {
                route: route(number),
                lines: Lines::default(),
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
        assert_eq!(writer.reached.positions.next(0), NextOffset::new(2));
        world.set_faults(Faults::default());
        writer.append(&fs, entry(2)).expect("room");
        assert_eq!(held("/0"), b"a\na\n");
        assert_eq!(held("/1"), b"a\na\n");
    }
}
