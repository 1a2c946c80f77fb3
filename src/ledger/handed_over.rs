//! How far sealed segments were handed over to a command: `handed-over.json`, and the lines of the manifest behind that.

use std::collections::{HashSet, VecDeque};
use std::fmt::Display;
use std::io::{self, BufReader};
use std::path::PathBuf;

use archiver_format::handed_over::{HandedOver, decode, encode};
use archiver_format::list::ListError;
use archiver_format::manifest::{self, Entry, Sealed};
use archiver_format::state_files::StateDir;

use super::append_file::read_tail;
use crate::world::disk::Disk;
use crate::world::fs::{Fs, NotOwn, Reading};

/// How many lines are kept in memory at once.
const LINES_MOST: usize = 1000;

/// Why nobody knows how far it is.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// It was never noted, or that is lost.
    #[error("{} isn't there", .0.display())]
    Missing(PathBuf),
    /// Its bytes are not those that were stored, or of a newer program.
    #[error("{} can't be used ({what})", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        what: String,
    },
    /// It is of another manifest.
    #[error("{} doesn't fit the manifest", .0.display())]
    Misfit(PathBuf),
}

/// Sealed segments whose turn comes next.
#[derive(Debug, Default)]
pub struct Lines {
    /// In their order, each with the end of its line in the manifest.
    pub sealed: VecDeque<(u64, Sealed)>,
    /// How many come after these.
    pub more: u64,
    /// How many were left out, as they are deleted already.
    pub deleted: u64,
    /// Up to which byte of the manifest these are all.
    pub end: u64,
}

/// The byte of the manifest up to which everything was handed over. `length` bytes of the manifest count. May block.
pub fn load(fs: &dyn Fs, dir: &StateDir, length: u64) -> io::Result<Result<u64, Unknown>> {
    let path = dir.handed_over();
    let bytes = match fs.read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Err(Unknown::Missing(path))),
        Err(e) => match NotOwn::of(&e) {
            Some(found) => return Ok(Err(unusable(path, &found))),
            None => return Err(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
        },
    };
    let mark = match decode(&bytes) {
        Ok(of) => of.manifest,
        Err(e) => return Ok(Err(unusable(path, &e))),
    };
    if mark.length > length {
        return Ok(Err(Unknown::Misfit(path)));
    }
    let manifest = dir.manifest();
    let fits = || Ok(read_tail(&*fs.open_own(&manifest)?, mark.length)?.mark(mark.length) == mark);
    let fits = fits()
        .map_err(|e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", manifest.display())))?;
    Ok(match fits {
        true => Ok(mark.length),
        false => Err(Unknown::Misfit(path)),
    })
}

fn unusable(path: PathBuf, what: &dyn Display) -> Unknown {
    let what = what.to_string();
    Unknown::Unusable { path, what }
}

/// Stores that everything up to this byte of the manifest was handed over; the last of it is the segment of this number.
pub async fn store(disk: &Disk, dir: &StateDir, end: u64, sequence: u64) -> io::Result<()> {
    let manifest = dir.manifest();
    let mark = disk.run(move |fs| Ok(read_tail(&*fs.open_own(&manifest)?, end)?.mark(end)));
    let manifest = mark.await.map_err(|e: io::Error| {
        io::Error::new(e.kind(), format!("{}: {e}", dir.manifest().display()))
    })?;
    let bytes = encode(&HandedOver { sequence, manifest })?;
    disk.replace(&dir.handed_over(), move |file| file.append(&bytes))
        .await
}

/// The sealed segments whose lines stand between two bytes of the manifest. May block.
pub fn sealed_between(fs: &dyn Fs, dir: &StateDir, from: u64, to: u64) -> io::Result<Lines> {
    let (mut lines, mut later, mut deleted) = (Lines::default(), Vec::new(), HashSet::new());
    lines.end = to;
    let mut kept_end = from;
    read(fs, dir, from, to, |end, entry| match entry {
        Entry::Sealed(sealed) if lines.sealed.len() < LINES_MOST => {
            kept_end = end;
            lines.sealed.push_back((end, *sealed));
        }
        Entry::Sealed(sealed) => later.push(sealed.file.sequence),
        Entry::Deleted(of) => {
            deleted.insert(of.file.sequence);
        }
        _ => {}
    })?;
    if !later.is_empty() {
        lines.end = kept_end;
    }
    let before = lines.sealed.len();
    lines
        .sealed
        .retain(|(_, sealed)| !deleted.contains(&sealed.file.sequence));
    lines.deleted = (before - lines.sealed.len()) as u64;
    later.retain(|sequence| !deleted.contains(sequence));
    lines.more = later.len() as u64;
    Ok(lines)
}

/// Does the manifest say, behind this byte, that the segment of this number was deleted? May block.
pub fn is_deleted(fs: &dyn Fs, dir: &StateDir, from: u64, sequence: u64) -> io::Result<bool> {
    let length = fs.stat(&dir.manifest())?.length;
    let mut is_it = false;
    read(fs, dir, from, length, |_, entry| {
        is_it |= matches!(entry, Entry::Deleted(of) if of.file.sequence == sequence);
    })?;
    Ok(is_it)
}

/// Gives each entry between two bytes of the manifest to `visit`, with the end of its line.
fn read(
    fs: &dyn Fs,
    dir: &StateDir,
    from: u64,
    to: u64,
    mut visit: impl FnMut(u64, Entry),
) -> io::Result<()> {
    if from >= to {
        return Ok(());
    }
    let path = dir.manifest();
    let within = |e: ListError| {
        let path = path.display();
        io::Error::other(format!("{path}, from byte {from} on: {e}"))
    };
    let file = fs.open_own(&path).map_err(|e| within(e.into()))?;
    let list = BufReader::new(Reading::between(&*file, from, to));
    let visit = |end, entry| visit(from + end, entry);
    let read = manifest::read(list, to - from, visit);
    read.map(drop).map_err(within)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use archiver_format::compression::Algorithm;
    use archiver_format::contents::Contents;
    use archiver_format::manifest::{DeleteReason, Deleted, SealReason};
    use archiver_format::mark::FileId;
    use archiver_format::segment::SegmentFile;

    use super::*;
    use crate::ledger::manifest::Manifest;
    use crate::world::devices::Devices;
    use crate::world::fs::real::RealFs;

    fn file(sequence: u64) -> SegmentFile {
        SegmentFile {
            sequence,
            name: Some(sequence.to_string()),
            id: FileId {
                inode: sequence,
                born: None,
            },
        }
    }

    fn sealed(sequence: u64) -> Entry {
        Entry::Sealed(Box::new(Sealed {
            file: file(sequence),
            format: "raw".into(),
            compression: Algorithm::None,
            bytes: 0,
            xxh128: None,
            contents: Contents::default(),
            opened: "2026-11-21T01:31:17Z".into(),
            sealed: "2026-11-21T02:31:17Z".into(),
            reason: SealReason::Idle,
        }))
    }

    fn deleted(sequence: u64) -> Entry {
        Entry::Deleted(Deleted {
            file: file(sequence),
            deleted: "2026-11-21T02:32:22Z".into(),
            reason: DeleteReason::Keep,
        })
    }

    #[tokio::test]
    async fn what_was_handed_over_is_known_again_and_the_rest_is_what_comes_next() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let mut manifest = Manifest::none(&dir, "a");
        let entries = (0..5).map(sealed);
        manifest
            .append(&fs, &entries.collect::<Vec<_>>())
            .expect("appended");
        manifest.append(&fs, &[deleted(3)]).expect("appended");
        let length = manifest.mark().length;
        let missing = load(&fs, &dir, length).expect("no error");
        assert!(matches!(missing, Err(Unknown::Missing(_))), "{missing:?}");
        let sequences = |lines: &Lines| {
            let sealed = lines.sealed.iter();
            sealed
                .map(|(_, sealed)| sealed.file.sequence)
                .collect::<Vec<_>>()
        };
        let all = sealed_between(&fs, &dir, 0, length).expect("read");
        assert_eq!(sequences(&all), [0, 1, 2, 4]);
        assert_eq!((all.deleted, all.more, all.end), (1, 0, length));
        let devices = Devices::new(Arc::new(fs.clone()), 1 << 20);
        let disk = devices.at(directory.path()).await.expect("threads");
        store(&disk, &dir, all.sealed[1].0, 1)
            .await
            .expect("stored");
        let from = load(&fs, &dir, length).expect("no error").expect("known");
        let rest = sealed_between(&fs, &dir, from, length).expect("read");
        assert_eq!(sequences(&rest), [2, 4]);
        assert!(is_deleted(&fs, &dir, from, 3).expect("read"));
        assert!(!is_deleted(&fs, &dir, from, 4).expect("read"));
        // A manifest that is another one, or an older one.
        let misfit = load(&fs, &dir, from - 1).expect("no error");
        assert!(matches!(misfit, Err(Unknown::Misfit(_))), "{misfit:?}");
        let mut bytes = std::fs::read(dir.manifest()).expect("a list");
        bytes[70] ^= 1;
        std::fs::write(dir.manifest(), bytes).expect("written");
        let misfit = load(&fs, &dir, length).expect("no error");
        assert!(matches!(misfit, Err(Unknown::Misfit(_))), "{misfit:?}");
        std::fs::write(dir.handed_over(), "{}").expect("written");
        let unusable = load(&fs, &dir, length).expect("no error");
        assert!(
            matches!(unusable, Err(Unknown::Unusable { .. })),
            "{unusable:?}"
        );
    }

    #[test]
    fn many_lines_are_read_in_parts() {
        let directory = tempfile::tempdir().expect("a directory");
        let (fs, dir) = (RealFs::default(), StateDir::new(directory.path()));
        let mut manifest = Manifest::none(&dir, "a");
        let count = LINES_MOST as u64 + 7;
        let entries = (0..count).map(sealed);
        manifest
            .append(&fs, &entries.collect::<Vec<_>>())
            .expect("appended");
        let length = manifest.mark().length;
        let first = sealed_between(&fs, &dir, 0, length).expect("read");
        assert_eq!((first.sealed.len(), first.more), (LINES_MOST, 7));
        let rest = sealed_between(&fs, &dir, first.end, length).expect("read");
        assert_eq!((rest.sealed.len(), rest.more, rest.end), (7, 0, length));
        assert_eq!(rest.sealed[0].1.file.sequence, LINES_MOST as u64);
    }
}
