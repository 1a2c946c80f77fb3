//! An archive as it lies on the disk at one moment: its checkpoint, its segments, and its gaps.
//!
//! [`Archive::load`] reads the checkpoint, then the manifest up to the checkpoint's mark: what is behind that doesn't
//! count yet. Nothing here takes a lock or changes a file, so an archive can be read while it grows. Its checkpoint may
//! be replaced between the two, and files may be renamed afterwards: whatever doesn't fit is looked at once more with the
//! checkpoint that is there then. [`find`] finds archives by the paths that people name.

mod error;
mod find;
mod handed;
mod paths;
mod segment;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use crate::checkpoint::{self, Checkpoint, List, Unusable};
use crate::gap::{self, Gap, GapReason};
use crate::list::ListError;
use crate::manifest::{self, Deleted, Entry};
use crate::mark::{Mark, TAIL, Tail};
use crate::open;
use crate::state_files::StateDir;

pub use self::error::{FindError, LoadError};
pub(crate) use self::find::has_written;
pub use self::find::{Found, find, has_begun};
pub use self::handed::handed_over;
pub use self::paths::Paths;
pub use self::segment::{Segment, State};

/// How often a checkpoint is read again that was replaced meanwhile.
const ATTEMPTS: usize = 10;

/// An archive at one moment.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Where its state is.
    pub state: StateDir,
    /// How far it has come.
    pub checkpoint: Checkpoint,
    /// Its segments by their numbers, growing ones included. Those that were deleted are left out.
    pub segments: Vec<Segment>,
    /// Offsets that it will never hold, in the order in which that was noticed.
    pub gaps: Vec<Gap>,
    /// Sealed segments that archiver has deleted.
    pub deleted: Vec<Deleted>,
    /// The number of the next segment each time that the topic had been created again, in their order: offsets began anew
    /// there.
    pub recreated: Vec<u64>,
}

impl Archive {
    /// Reads what this state directory says. Without `paths` the files are where the checkpoint says, or beside the
    /// directory. `None` if it has not begun: there is no checkpoint yet.
    ///
    /// # Errors
    ///
    /// If a file of the state can't be read, isn't what was written, or is lost.
    pub fn load(state: &StateDir, paths: Option<&Paths>) -> Result<Option<Self>, LoadError> {
        let mut read = read_checkpoint(state)?;
        for _ in 0..ATTEMPTS {
            let Some(bytes) = read else {
                return Ok(None);
            };
            let error = match Self::at(state, paths, decode(state, &bytes)?) {
                Ok(archive) => return Ok(Some(archive)),
                Err(error) => error,
            };
            read = read_checkpoint(state)?;
            if read.as_ref() == Some(&bytes) {
                return Err(error);
            }
        }
        Err(LoadError::Restless {
            path: state.checkpoint(),
        })
    }

    /// Its name: that of its state directory.
    pub fn name(&self) -> String {
        let name = self.state.path().file_name();
        let name = name.map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| self.checkpoint.identity.archive.clone())
    }

    /// Its segment of this number.
    pub fn segment(&self, sequence: u64) -> Option<&Segment> {
        let at = self
            .segments
            .binary_search_by_key(&sequence, |segment| segment.file.sequence);
        Some(&self.segments[at.ok()?])
    }

    /// The archive at this checkpoint.
    fn at(
        state: &StateDir,
        paths: Option<&Paths>,
        checkpoint: Checkpoint,
    ) -> Result<Self, LoadError> {
        let progress = &checkpoint.progress;
        let derived;
        let paths = match paths {
            Some(paths) => paths,
            None => {
                derived = Paths::derived(state, &checkpoint.identity);
                &derived
            }
        };
        let (mut gaps, mut deleted, mut segments) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (mut recreated, mut next) = (Vec::new(), 0);
        match &progress.list {
            List::Gaps(mark) => gaps = read_gaps(state, mark)?,
            List::Manifest(mark) => read_manifest(state, mark, |entry| match entry {
                Entry::Sealed(sealed) => {
                    let mut unnamed = progress.unnamed.iter();
                    let is_unnamed = unnamed.any(|of| of.file == sealed.file);
                    let path = paths.of(&sealed.file, &checkpoint.identity);
                    let segment = Segment::sealed(*sealed, is_unnamed, path, state);
                    segments.insert(segment.file.sequence, segment);
                }
                Entry::Gap(gap) => {
                    if gap.reason == GapReason::Recreated && recreated.last() != Some(&next) {
                        recreated.push(next);
                    }
                    gaps.push(gap);
                }
                Entry::Deleted(gone) => {
                    segments.remove(&gone.file.sequence);
                    deleted.push(gone);
                }
                Entry::Opened(file) => next = file.sequence + 1,
                Entry::Manifest(_) | Entry::Opening(_) => {}
            })?,
        }
        for growing in &progress.segments {
            let path = paths.of(&growing.file, &checkpoint.identity);
            let segment = Segment::growing(growing, &checkpoint.identity, path, state);
            segments.insert(segment.file.sequence, segment);
        }
        Ok(Self {
            state: state.clone(),
            segments: segments.into_values().collect(),
            checkpoint,
            gaps,
            deleted,
            recreated,
        })
    }
}

fn read_checkpoint(state: &StateDir) -> Result<Option<Vec<u8>>, LoadError> {
    // The first one may be stored between two looks.
    let is_begun = has_written(state);
    let path = state.checkpoint();
    match open::read_state(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => match is_begun {
            true => Err(LoadError::Lost { path }),
            false => Ok(None),
        },
        Err(source) => Err(LoadError::Io { path, source }),
    }
}

fn decode(state: &StateDir, bytes: &[u8]) -> Result<Checkpoint, LoadError> {
    let path = state.checkpoint();
    checkpoint::decode(bytes).map_err(|unusable| match unusable {
        Unusable::Damaged(what) => LoadError::Damaged {
            path,
            what: what.into(),
        },
        Unusable::Newer(found) => LoadError::Newer { path, found },
    })
}

/// The gaps that a program without a manifest had listed.
fn read_gaps(state: &StateDir, mark: &Mark) -> Result<Vec<Gap>, LoadError> {
    let bytes = read_list(state.gaps(), mark)?;
    gap::read(&bytes[..], mark.length).map_err(|error| unread(state.gaps(), error))
}

/// Reads the manifest up to a mark.
fn read_manifest(
    state: &StateDir,
    mark: &Mark,
    mut visit: impl FnMut(Entry),
) -> Result<(), LoadError> {
    let bytes = read_list(state.manifest(), mark)?;
    let read = manifest::read(&bytes[..], mark.length, |_, entry| visit(entry));
    read.map(drop)
        .map_err(|error| unread(state.manifest(), error))
}

/// The bytes of a list up to a mark, which must fit.
fn read_list(path: PathBuf, mark: &Mark) -> Result<Vec<u8>, LoadError> {
    if mark.length == 0 {
        return Ok(Vec::new());
    }
    let io = |source| LoadError::Io {
        path: path.clone(),
        source,
    };
    let file = BufReader::new(open::state(&path).map_err(io)?);
    let mut bytes = Vec::new();
    file.take(mark.length).read_to_end(&mut bytes).map_err(io)?;
    let damaged = |what: String| LoadError::Damaged {
        path: path.clone(),
        what,
    };
    let (found, expected) = (bytes.len() as u64, mark.length);
    if found < expected {
        let what = format!("it has {found} bytes, where the checkpoint counts {expected}");
        return Err(damaged(what));
    }
    let tail = Tail::new(bytes[bytes.len().saturating_sub(TAIL)..].to_vec());
    if tail.mark(found) != *mark {
        let what = format!("its bytes before byte {expected} are not those that were written");
        return Err(damaged(what));
    }
    Ok(bytes)
}

fn unread(path: PathBuf, error: ListError) -> LoadError {
    match error {
        ListError::Io(source) => LoadError::Io { path, source },
        other => LoadError::Damaged {
            path,
            what: other.to_string(),
        },
    }
}
