//! Files that are called like an archive's segments, and are none.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::listing::Listing;
use super::segments::Segments;
use crate::archive::Paths;
use crate::checkpoint::Checkpoint;
use crate::list::is_whole;
use crate::manifest::Entry;
use crate::open;
use crate::segment::{GROWING, SegmentFile, growing};
use crate::state_files::{STATE_DIRECTORY, StateDir};
use crate::template::Template;

/// The files below the directory that was looked at last: many archives may have the same one.
#[derive(Debug, Default)]
pub(super) struct Walked {
    directory: Option<PathBuf>,
    files: Vec<PathBuf>,
}

impl Walked {
    /// All files below a directory.
    fn below(&mut self, directory: &Path) -> Result<&[PathBuf], (PathBuf, io::Error)> {
        if self.directory.as_deref() != Some(directory) {
            (self.directory, self.files) = (None, Vec::new());
            walk(directory, &mut |path| self.files.push(path.to_owned()))?;
            self.directory = Some(directory.to_owned());
        }
        Ok(&self.files)
    }
}

/// Names the files below an archive's directory that are called like its segments, and that neither the manifest nor the
/// checkpoint knows.
pub(super) fn find_strange(
    state: &StateDir,
    checkpoint: &Checkpoint,
    paths: &Paths,
    listing: &Listing,
    segments: &Segments,
    walked: &mut Walked,
    findings: &mut Vec<Finding>,
) {
    let template = Template::parse(&checkpoint.identity.file).ok();
    let Some(template) = template.filter(|template| !template.is_fixed()) else {
        return;
    };
    let known = segments.present.iter().flat_map(|listed| {
        let path = &listed.segment.path;
        [growing(path), path.clone()]
    });
    let known = known.collect::<BTreeSet<_>>();
    let deleted = segments.deleted.iter().flat_map(|listed| {
        let path = &listed.segment.path;
        [growing(path), path.clone()]
    });
    let deleted = deleted.collect::<BTreeSet<_>>();
    let fixed = template.fixed_directory();
    let is_strange = |path: &PathBuf| {
        let name = path.strip_prefix(&paths.directory);
        let name = name.map(|name| fixed.join(name)).unwrap_or_default();
        let name = name.to_str().unwrap_or_default();
        let last = name.strip_suffix(GROWING).unwrap_or(name);
        template.can_give(last) && !known.contains(path)
    };
    let found = match walked.below(&paths.directory) {
        Ok(files) => files.iter().filter(|path| is_strange(path)).cloned(),
        Err((path, source)) => {
            findings.push(Finding::Unread { path, source });
            return;
        }
    };
    let found = found.collect::<Vec<_>>();
    if found.is_empty() {
        return;
    }
    // Those that were opened since the checkpoint was read have their lines by now.
    let by_now = lines_by_now(state);
    let lines = listing.later.iter().chain(&by_now);
    let later = opened(lines, |file| paths.of(file, &checkpoint.identity));
    for path in found {
        let is_growing = path
            .as_os_str()
            .as_encoded_bytes()
            .ends_with(GROWING.as_bytes());
        if later.contains(&path) || fs::symlink_metadata(&path).is_err() {
            continue;
        }
        findings.push(match (deleted.contains(&path), is_growing) {
            (true, _) => Finding::Undeleted { path },
            (false, true) => Finding::Leftover { path },
            (false, false) => Finding::Strange { path },
        });
    }
}

/// All files below a directory, without the state of archives.
fn walk(directory: &Path, each: &mut dyn FnMut(&Path)) -> Result<(), (PathBuf, io::Error)> {
    let here = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let failed = |source| (directory.to_owned(), source);
    let entries = match fs::read_dir(here) {
        // It is made with the first segment, or was removed with its last one.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = directory.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if entry.file_name() != STATE_DIRECTORY {
                    walk(&path, each)?;
                }
            }
            Ok(_) => each(&path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err((path, e)),
        }
    }
    Ok(())
}

/// The paths of segments that are opened by these lines.
fn opened<'e>(
    lines: impl Iterator<Item = &'e Entry>,
    of: impl Fn(&SegmentFile) -> PathBuf,
) -> BTreeSet<PathBuf> {
    let files = lines.filter_map(|line| match line {
        Entry::Opened(file) => Some(of(file)),
        _ => None,
    });
    files.flat_map(|path| [growing(&path), path]).collect()
}

/// All whole lines that the manifest has by now.
pub(super) fn lines_by_now(state: &StateDir) -> Vec<Entry> {
    let bytes = open::read_state(&state.manifest()).unwrap_or_default();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(|line| is_whole(line));
    whole
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}
