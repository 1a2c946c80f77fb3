//! An archive's manifest on the disk: `manifest.ndjson`, one line for each segment that was opened or sealed, and for
//! each gap.
//!
//! A line is written in the order of the records around it, and each checkpoint holds the list's mark: so after a crash
//! each line stands in it once. The line of an opened segment is durable before the segment's first byte; so after a
//! crash each file that no checkpoint counts is known by its id.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::checkpoint::List;
use archiver_format::gap::{self, Gap};
use archiver_format::manifest::{self, Chain, Entry, Header, ListError, Opening, Sealed};
use archiver_format::mark::{FileId, Mark, Tail};
use archiver_format::segment::SegmentFile;
use archiver_format::state_files::StateDir;

use super::append_file::{AppendFile, Refused};
use super::lock::lock_data;
use super::syncs::Syncs;
use crate::world::fs::{File, Fs, NotOwn, Reading, parent};

/// The list of an archive's segments and gaps; the file is created with the first line.
pub struct Manifest {
    path: PathBuf,
    /// The archive's name, for the first line.
    archive: String,
    file: Option<AppendFile>,
    /// How its lines go on.
    chain: Chain,
    /// Gaps that an earlier program had listed, which are yet to be written.
    older: Vec<Gap>,
    syncs: Syncs,
}

/// A list that fits its checkpoint, and what it has behind that.
pub struct Resumed {
    /// The list, yet to be cut back.
    pub manifest: Manifest,
    /// Segments that were created after the checkpoint.
    pub uncounted: Vec<SegmentFile>,
    /// Segments that were about to be created after the checkpoint, and of which it is not known that they were.
    pub opening: Vec<Opening>,
    /// Segments that the checkpoint counts as sealed and not deleted, in the order of their sealing.
    pub sealed: Vec<Sealed>,
}

impl Manifest {
    /// A list that is not there yet.
    pub fn none(dir: &StateDir, archive: &str) -> Self {
        Self {
            path: dir.manifest(),
            archive: archive.to_owned(),
            file: None,
            chain: Chain::default(),
            older: Vec::new(),
            syncs: Syncs::default(),
        }
    }

    /// Opens the list as it was at a checkpoint. Changes nothing. May block.
    pub fn resume(
        fs: &dyn Fs,
        dir: &StateDir,
        archive: &str,
        list: &List,
    ) -> Result<Resumed, Refused> {
        let mut none = Self::none(dir, archive);
        let nothing = Tail::default().mark(0);
        let mark = match list {
            List::Manifest(mark) => mark,
            List::Gaps(mark) => {
                none.older = read_gaps(fs, &dir.gaps(), mark)?;
                &nothing
            }
        };
        let Some(Found { file, id, length }) = open(fs, &none.path, mark)? else {
            return Ok(Resumed {
                manifest: none,
                uncounted: Vec::new(),
                opening: Vec::new(),
                sealed: Vec::new(),
            });
        };
        let (mut uncounted, mut sealed) = (Vec::<SegmentFile>::new(), Vec::<Sealed>::new());
        let mut opening = Vec::<Opening>::new();
        let list = io::BufReader::with_capacity(READ_BYTES, Reading::new(&*file, length));
        let read = manifest::read(list, mark.length, |end, entry| match entry {
            Entry::Opening(segment) if end > mark.length => opening.push(segment),
            Entry::Opened(segment) if end > mark.length => uncounted.push(segment),
            _ if end > mark.length => {}
            Entry::Sealed(line) => sealed.push(*line),
            Entry::Deleted(of) => sealed.retain(|line| line.file != of.file),
            _ => {}
        });
        let chain = read.map_err(|e| not_whole(&none.path, mark, e))?;
        let file = AppendFile::resume(fs, &none.path, mark, id, Some(file))?;
        let opened = uncounted.iter().filter_map(|of| of.name.as_deref());
        let opened = opened.collect::<BTreeSet<_>>();
        opening.retain(|of| !opened.contains(&*of.name));
        Ok(Resumed {
            manifest: Self {
                file: Some(file),
                chain,
                ..none
            },
            uncounted,
            opening,
            sealed,
        })
    }

    /// Cuts off what was listed after that checkpoint, and takes up what an earlier program had listed elsewhere. May
    /// block.
    pub fn cut(&mut self, fs: &dyn Fs) -> Result<(), Refused> {
        if let Some(file) = &self.file {
            file.cut()?;
        }
        let older = std::mem::take(&mut self.older);
        let older = older.into_iter().map(Entry::Gap).collect::<Vec<_>>();
        match older.is_empty() {
            true => Ok(()),
            false => self.append(fs, &older),
        }
    }

    /// Appends one line for each entry. May block.
    pub fn append(&mut self, fs: &dyn Fs, entries: &[Entry]) -> Result<(), Refused> {
        let io = |source| Refused::Io {
            path: self.path.clone(),
            source,
        };
        let (mut lines, mut chain) = (Vec::new(), self.chain.clone());
        let is_empty = self.file.as_ref().is_none_or(|file| file.length() == 0);
        if is_empty {
            let header = Header {
                version: manifest::VERSION,
                archive: self.archive.clone(),
            };
            lines.extend(chain.encode(&Entry::Manifest(header)).map_err(io)?);
        }
        for entry in entries {
            lines.extend(chain.encode(entry).map_err(io)?);
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let created = AppendFile::create(fs, &self.path)?;
                let directory = fs.open_dir(parent(&self.path)).map_err(io)?;
                sync(fs, &[directory]).map_err(io)?;
                self.file.insert(created)
            }
        };
        file.append(&lines)?;
        self.chain = chain;
        Ok(())
    }

    /// Makes the list durable, together with other files. After an error nothing since the last checkpoint may be trusted.
    /// May block.
    pub fn sync(&self, fs: &dyn Fs, mut others: Vec<Arc<dyn File>>) -> Result<(), Refused> {
        others.extend(self.handle().cloned());
        let synced = self.syncs.run(|| sync(fs, &others));
        synced.map_err(|source| Refused::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// How its syncs went.
    pub fn syncs(&self) -> &Syncs {
        &self.syncs
    }

    /// Checks that the list is still there, or the place for it: the checkpoint is stored beside it.
    pub fn check(&self, fs: &dyn Fs) -> Result<(), Refused> {
        if let Some(file) = &self.file {
            return file.check(fs);
        }
        let dir = parent(&self.path);
        match fs.stat(dir) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(no_state(dir)),
            Err(source) => Err(Refused::Io {
                path: dir.to_path_buf(),
                source,
            }),
        }
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

/// The state directory is gone.
pub fn no_state(dir: &Path) -> Refused {
    Refused::Foreign {
        path: dir.to_path_buf(),
        expected: "the state directory".into(),
        found: "nothing".into(),
    }
}

/// Makes files durable.
fn sync(fs: &dyn Fs, files: &[Arc<dyn File>]) -> io::Result<()> {
    fs.sync(files).into_iter().collect()
}

/// A list that is there, locked.
struct Found {
    file: Arc<dyn File>,
    id: FileId,
    length: u64,
}

/// Opens and locks a list of which so much is known. `None` if it isn't there and need not be.
fn open(fs: &dyn Fs, path: &Path, mark: &Mark) -> Result<Option<Found>, Refused> {
    let io = |source| match NotOwn::of(&source) {
        Some(found) => foreign(path, mark, found.to_string()),
        None => Refused::Io {
            path: path.to_path_buf(),
            source,
        },
    };
    let file = match fs.open_own(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return match mark.length {
                0 => Ok(None),
                _ => Err(foreign(path, mark, "no file".into())),
            };
        }
        Err(e) => return Err(io(e)),
    };
    lock_data(fs, path, &file)?;
    let found = file.stat().map_err(io)?;
    Ok(Some(Found {
        file,
        id: found.id(),
        length: found.length,
    }))
}

/// The gaps that an earlier program had listed in a file of their own.
fn read_gaps(fs: &dyn Fs, path: &Path, mark: &Mark) -> Result<Vec<Gap>, Refused> {
    let Some(Found { file, id, length }) = open(fs, path, mark)? else {
        return Ok(Vec::new());
    };
    let list = io::BufReader::with_capacity(READ_BYTES, Reading::new(&*file, length));
    let gaps = gap::read(list, mark.length).map_err(|e| not_whole(path, mark, e))?;
    AppendFile::resume(fs, path, mark, id, Some(file))?;
    Ok(gaps)
}

fn not_whole(path: &Path, mark: &Mark, error: ListError) -> Refused {
    match error {
        ListError::Io(source) => Refused::Io {
            path: path.to_path_buf(),
            source,
        },
        other => foreign(path, mark, other.to_string()),
    }
}

fn foreign(path: &Path, mark: &Mark, found: String) -> Refused {
    Refused::Foreign {
        path: path.to_path_buf(),
        expected: format!("what was written up to byte {}", mark.length),
        found,
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

    const ARCHIVE: &str = "a";

    fn gap(partition: i32) -> Gap {
        Gap {
            noticed: "2026-11-21T02:32:22Z".into(),
            topic_id: None,
            partition,
            from: NextOffset::new(3),
            to: Some(NextOffset::new(5)),
            reason: GapReason::Expired,
            explanation: "Kafka deleted up to 2 records before they were read".into(),
        }
    }

    /// Longer than what a mark's fingerprint covers.
    fn entries() -> Vec<Entry> {
        (0..60)
            .map(|partition| Entry::Gap(gap(partition)))
            .collect()
    }

    fn resume(fs: &RealFs, dir: &StateDir, mark: &Mark) -> Result<Resumed, Refused> {
        Manifest::resume(fs, dir, ARCHIVE, &List::Manifest(mark.clone()))
    }

    #[test]
    fn what_a_crash_leaves_after_the_mark_is_cut_off() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let path = dir.manifest();
        let mut manifest = Manifest::none(&dir, ARCHIVE);
        let none = manifest.mark();
        manifest.append(&fs, &entries()[..1]).expect("appended");
        let one = manifest.mark();
        drop(manifest);
        let lines = std::fs::read(&path).expect("a list");
        // Of two writes of which either reached the disk in part, as neither was synced.
        let mixed = [&lines[..], &lines[..60], &lines[40..]].concat();
        for (mark, kept) in [(&none, 0), (&one, lines.len())] {
            std::fs::write(&path, &mixed).expect("written");
            let mut resumed = resume(&fs, &dir, mark).expect("resumed");
            assert_eq!(std::fs::read(&path).expect("a list"), mixed);
            resumed.manifest.cut(&fs).expect("cut");
            assert_eq!(std::fs::read(&path).expect("a list"), &lines[..kept]);
        }
        std::fs::write(&path, "somebody's\n").expect("written");
        let refused = resume(&fs, &dir, &none).err();
        assert!(matches!(refused, Some(Refused::Foreign { .. })));
    }

    #[test]
    fn a_change_anywhere_in_a_long_list_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let path = dir.manifest();
        let mut manifest = Manifest::none(&dir, ARCHIVE);
        manifest.append(&fs, &entries()).expect("appended");
        let mark = manifest.mark();
        drop(manifest);
        let listed = std::fs::read(&path).expect("a list");
        assert!(listed.len() > 2 * TAIL);
        assert!(resume(&fs, &dir, &mark).is_ok());
        for at in (0..listed.len()).step_by(7) {
            let mut changed = listed.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).expect("written");
            let refused = resume(&fs, &dir, &mark).err();
            let is_foreign = matches!(refused, Some(Refused::Foreign { .. }));
            assert!(is_foreign, "byte {at}");
        }
    }

    #[test]
    fn a_segment_that_was_opened_after_the_checkpoint_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let opened = |sequence| {
            let id = FileId {
                inode: sequence,
                born: None,
            };
            let name = Some(format!("{sequence}.ndjson"));
            SegmentFile { sequence, name, id }
        };
        let mut manifest = Manifest::none(&dir, ARCHIVE);
        let mut append = |sequence| {
            let entry = Entry::Opened(opened(sequence));
            manifest.append(&fs, &[entry]).expect("appended");
            manifest.mark()
        };
        let (before, after) = (append(0), append(1));
        drop(manifest);
        for (mark, uncounted) in [(before, vec![opened(1)]), (after, vec![])] {
            let resumed = resume(&fs, &dir, &mark).expect("resumed");
            assert_eq!(resumed.uncounted, uncounted);
        }
    }

    #[test]
    fn gaps_that_an_earlier_program_listed_are_taken_up_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let lines = (0..2).map(|partition| gap::encode(&gap(partition)).expect("a line"));
        let lines = lines.collect::<Vec<_>>().concat();
        std::fs::write(dir.gaps(), &lines).expect("written");
        let mut tail = Tail::default();
        tail.push(&lines);
        let list = List::Gaps(tail.mark(lines.len() as u64));
        // A crash before the next checkpoint has it done again.
        for _ in 0..2 {
            let resumed = Manifest::resume(&fs, &dir, ARCHIVE, &list).expect("resumed");
            let mut manifest = resumed.manifest;
            manifest.cut(&fs).expect("cut");
            drop(manifest);
            let mut found = Vec::new();
            let listed = std::fs::read(dir.manifest()).expect("a list");
            manifest::read(&listed[..], listed.len() as u64, |_, entry| {
                found.push(entry)
            })
            .expect("whole");
            let header = Header {
                version: manifest::VERSION,
                archive: ARCHIVE.into(),
            };
            let expected = [
                Entry::Manifest(header),
                Entry::Gap(gap(0)),
                Entry::Gap(gap(1)),
            ];
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_place_for_a_list_must_be_there_before_there_is_a_list() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, state) = (RealFs::default(), directory.path().join("state"));
        let manifest = Manifest::none(&StateDir::new(&state), ARCHIVE);
        let gone = manifest.check(&fs);
        assert!(matches!(gone, Err(Refused::Foreign { .. })), "{gone:?}");
        std::fs::create_dir(&state).expect("a directory");
        manifest.check(&fs).expect("a place");
        let beside = directory.path().join("file");
        std::fs::write(&beside, "").expect("a file");
        let manifest = Manifest::none(&StateDir::new(beside.join("state")), ARCHIVE);
        let unreadable = manifest.check(&fs);
        assert!(
            matches!(unreadable, Err(Refused::Io { .. })),
            "{unreadable:?}"
        );
    }
}
