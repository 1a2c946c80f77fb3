//! From the paths that people name to archives.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Archive;
use super::error::FindError;
use crate::index::header::HEADER_BYTES;
use crate::state_files::{STATE_DIRECTORY, StateDir};

/// An archive at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its state is.
    pub state: StateDir,
    /// The number of the segment that was named, if it was a file.
    pub only: Option<u64>,
}

/// The archives at a path: a state directory, a directory with `.archiver` in it, or a segment's file.
///
/// # Errors
///
/// If there are none, or the path can't be looked at. Whether an archive can be read is not looked at here.
pub fn find(path: &Path) -> Result<Vec<Found>, FindError> {
    let io = |source| FindError::Io {
        path: path.into(),
        source,
    };
    // Names of directories above count, so `.` and links must not hide them.
    let real = fs::canonicalize(path).map_err(io)?;
    let found = if !real.is_dir() {
        of_segment(&real, path)?
    } else if has_begun(&StateDir::new(&real)) {
        vec![Found::all_of(state_as_typed(path, &real))]
    } else if real.ends_with(STATE_DIRECTORY) {
        let is_said = path.ends_with(STATE_DIRECTORY);
        in_states(if is_said { path } else { &real })?
    } else {
        in_states(&path.join(STATE_DIRECTORY))?
    };
    match (found.is_empty(), real.is_dir()) {
        (false, _) => Ok(found),
        (true, true) => Err(FindError::NoArchive { path: path.into() }),
        (true, false) => Err(FindError::NoSegment { path: path.into() }),
    }
}

/// Is there an archive that has begun? Its checkpoint may be lost.
pub fn has_begun(state: &StateDir) -> bool {
    state.checkpoint().exists() || has_written(state)
}

/// Is there something that is written behind a first checkpoint? Only an index may be there before, without an entry.
pub(crate) fn has_written(state: &StateDir) -> bool {
    let has_entry = |index: io::Result<fs::DirEntry>| {
        let length = index.and_then(|index| index.metadata()).map(|of| of.len());
        length.is_ok_and(|length| length > HEADER_BYTES as u64)
    };
    let mut indexes = fs::read_dir(state.indexes()).into_iter().flatten();
    state.manifest().exists() || state.gaps().exists() || indexes.any(has_entry)
}

/// A state directory as it was typed, unless only the real path says that it is beside its data.
fn state_as_typed(typed: &Path, real: &Path) -> PathBuf {
    let is_beside = |path: &Path| {
        path.parent()
            .is_some_and(|above| above.ends_with(STATE_DIRECTORY))
    };
    let is_said = typed.file_name().is_some() && (is_beside(typed) || !is_beside(real));
    if is_said { typed.into() } else { real.into() }
}

impl Found {
    fn all_of(state: PathBuf) -> Self {
        let state = StateDir::new(state);
        Self { state, only: None }
    }
}

/// All archives of a `.archiver`, by their names.
fn in_states(states: &Path) -> Result<Vec<Found>, FindError> {
    let io = |source| FindError::Io {
        path: states.into(),
        source,
    };
    let entries = match fs::read_dir(states) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(io)?.path());
    }
    paths.sort_unstable();
    let begun = paths.into_iter();
    let begun = begun.filter(|path| has_begun(&StateDir::new(path)));
    Ok(begun.map(Found::all_of).collect())
}

/// The archive that a file is of, and which segment it is.
fn of_segment(real: &Path, typed: &Path) -> Result<Vec<Found>, FindError> {
    let io = |source| FindError::Io {
        path: typed.into(),
        source,
    };
    let inode = fs::metadata(real).map(|file| (file.dev(), file.ino()));
    let inode = inode.map_err(io)?;
    let is_it =
        |path: &Path| fs::metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == inode);
    // Relative as long as it can be, as it is shown.
    let typed_above = typed.ancestors().skip(1);
    for above in typed_above.chain(real.ancestors().skip(1)) {
        for found in in_states(&above.join(STATE_DIRECTORY))? {
            // One that can't be read may be another one's.
            let archive = Archive::load(&found.state, None).ok().flatten();
            let segments = archive.iter().flat_map(|archive| &archive.segments);
            let mut named = segments.filter(|segment| is_it(&segment.path_now()));
            if let Some(segment) = named.next() {
                let only = Some(segment.file.sequence);
                return Ok(vec![Found { only, ..found }]);
            }
        }
    }
    Ok(Vec::new())
}
