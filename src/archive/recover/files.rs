//! The files of a checkpoint: each must be as it was then, or longer. Looking for them changes nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::checkpoint::{Identity, Progress};
use archiver_format::manifest::{Entry, Opening};
use archiver_format::segment::{SegmentFile, growing};
use archiver_format::state_files::StateDir;

use super::base::check_base;
use super::quarantine::Doubtful;
use crate::config::{Archive, Checked};
use crate::ledger::SegmentHandle;
use crate::ledger::append_file::Refused;
use crate::ledger::lock::lock_data;
use crate::ledger::manifest::{Manifest, Resumed};
use crate::segment::kept::Kept;
use crate::segment::open_segment::{Kind, OpenSegment};
use crate::segment::opening;
use crate::segment::paths;
use crate::segment::segment_index::SegmentIndex;
use crate::segment::writer::Sealed;
use crate::world::fs::{self, Fs};

/// The files that fit a checkpoint, yet to be cut back to it.
pub(super) struct Files {
    /// The list of segments and gaps.
    pub manifest: Manifest,
    /// The segments that were open.
    pub open: Vec<OpenSegment>,
    /// Segments that were created after the checkpoint. All that they hold is read again.
    pub uncounted: Vec<Uncounted>,
    /// Where such segments and their indexes are, or were: an attempt before may have removed them, and not durably.
    uncounted_paths: Vec<PathBuf>,
    /// Sealed segments that something is still to be done to.
    pub sealed: Sealed,
    /// Where the indexes are.
    dir: StateDir,
    /// Does each open segment get an index?
    has_indexes: bool,
}

/// A segment that no checkpoint counts, locked. It is known by its id, which its line in the manifest tells.
pub(super) struct Uncounted {
    pub segment: SegmentFile,
    pub handle: SegmentHandle,
}

/// Where files are looked for.
#[derive(Clone)]
pub(super) struct Place {
    pub config: Checked<Archive>,
    pub dir: StateDir,
}

impl Place {
    /// Finds the files that this progress names. Those that are `locked` already are not opened again. May block.
    pub fn find(
        &self,
        fs: &dyn Fs,
        identity: &Identity,
        progress: &Progress,
        locked: &[SegmentHandle],
    ) -> Result<Files, Refused> {
        let kind = Kind {
            format: identity.format.clone(),
            compression: identity.compression,
        };
        let mut open = Vec::new();
        for segment in &progress.segments {
            let last = self.last_path(identity, &segment.file);
            let path = match segment.is_growing {
                true => growing(&last),
                false => last,
            };
            let mut known = locked.iter();
            let known = known.find(|handle| handle.path == path);
            let known = known.map(|handle| Arc::clone(&handle.file));
            let mut resumed = OpenSegment::resume(fs, &path, segment.clone(), kind.clone(), known)?;
            // Also where it goes on without one: it may be sealed at once.
            if let Some(mark) = &segment.index {
                match SegmentIndex::resume(fs, &self.dir, segment.file.sequence, mark)? {
                    Some(index) => resumed.set_index(index),
                    None if self.config.index => self.say_lost(segment.file.sequence),
                    None => {}
                }
            }
            open.push(resumed);
        }
        let list = &progress.list;
        let Resumed {
            manifest,
            uncounted,
            opening,
            sealed,
        } = Manifest::resume(fs, &self.dir, &self.config.name, list)?;
        let names = sealed.iter().map(|sealed| &sealed.file).chain(&uncounted);
        let names = names.filter_map(|file| file.name.as_ref());
        check_base(fs, &self.config, identity, progress, names)?;
        let (mut found, mut uncounted_paths) = (Vec::new(), Vec::new());
        for segment in uncounted {
            // A copy of one that the checkpoint counts, listed before an attempt to go back that was cut short.
            if open
                .iter()
                .any(|open| open.file.sequence == segment.sequence)
            {
                continue;
            }
            let last = self.last_path(identity, &segment);
            uncounted_paths.push(self.dir.index(segment.sequence));
            found.extend(uncounted_file(fs, segment, &last, locked)?);
            uncounted_paths.push(last);
        }
        for of in opening {
            let path = self.config.template.fixed_directory().join(&of.name);
            uncounted_paths.push(self.dir.index(of.sequence));
            found.extend(empty_file(fs, of, &path, locked)?);
            uncounted_paths.push(path);
        }
        Ok(Files {
            manifest,
            open,
            uncounted: found,
            uncounted_paths,
            sealed: Sealed {
                unnamed: progress.unnamed.clone(),
                deleted: progress.deleted.clone(),
                kept: match self.config.retention.is_endless() {
                    true => Vec::new(),
                    false => sealed.iter().filter_map(Kept::of).collect(),
                },
            },
            dir: self.dir.clone(),
            has_indexes: self.config.index,
        })
    }

    /// The index of a segment is not what the checkpoint says.
    fn say_lost(&self, sequence: u64) {
        tracing::warn!(
            "archive {}: {} is not the index that its checkpoint counts, or is gone; another one begins here, and which \
             records the lines before are is not known any more; the segment itself is not touched",
            self.config.name,
            self.dir.index(sequence).display(),
        );
    }

    /// The final path of a segment. The archive's only file may have been moved since, unless it is to have segments now.
    fn last_path(&self, identity: &Identity, file: &SegmentFile) -> PathBuf {
        match file.name {
            None if !self.config.template.is_fixed() => PathBuf::from(&identity.file),
            _ => paths::sealed(&self.config, file),
        }
    }

    /// What a segment that was sealed, and has no final name yet, holds beyond this progress; `None` if its file isn't
    /// there any more.
    pub fn sealed(
        &self,
        fs: &dyn Fs,
        segment: &SegmentFile,
        counted: &Progress,
    ) -> Result<Option<Doubtful>, Refused> {
        let last = paths::sealed(&self.config, segment);
        let found = uncounted_file(fs, segment.clone(), &last, &[])?;
        Ok(found.map(|Uncounted { segment, handle }| {
            let from = counted_bytes(counted, &segment);
            Doubtful {
                segment,
                handle,
                from,
            }
        }))
    }
}

/// A segment that was created after the checkpoint, if its file is there, whether it has its final name or not.
fn uncounted_file(
    fs: &dyn Fs,
    segment: SegmentFile,
    last: &Path,
    locked: &[SegmentHandle],
) -> Result<Option<Uncounted>, Refused> {
    for path in [growing(last), last.to_path_buf()] {
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        match fs.stat(&path) {
            Ok(found) if found.id() == segment.id => {}
            Ok(_) => continue,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(io(e)),
        }
        let known = locked.iter().find(|handle| handle.path == path);
        let file = match known {
            Some(handle) => Arc::clone(&handle.file),
            None => {
                let file = fs.open(&path).map_err(io)?;
                lock_data(fs, &path, &file)?;
                file
            }
        };
        let handle = SegmentHandle { path, file };
        return Ok(Some(Uncounted { segment, handle }));
    }
    Ok(None)
}

/// A segment that was about to be created, if it was: then it has no byte, as its line would be there before that.
fn empty_file(
    fs: &dyn Fs,
    of: Opening,
    last: &Path,
    locked: &[SegmentHandle],
) -> Result<Option<Uncounted>, Refused> {
    let path = growing(last);
    let found = opening::empty(fs, &path).map_err(|source| Refused::Io { path, source })?;
    let Some(id) = found else {
        return Ok(None);
    };
    let segment = SegmentFile {
        sequence: of.sequence,
        name: Some(of.name),
        id,
    };
    uncounted_file(fs, segment, last, locked)
}

/// How many bytes of a segment this progress counts.
fn counted_bytes(counted: &Progress, segment: &SegmentFile) -> u64 {
    let mut counted = counted.segments.iter();
    let counted = counted.find(|counted| counted.file.sequence == segment.sequence);
    counted.map_or(0, |counted| counted.mark.length)
}

impl Files {
    /// What they hold beyond this progress.
    pub fn doubtful(&self, counted: &Progress) -> Vec<Doubtful> {
        let open = self.open.iter().map(|open| {
            let handle = SegmentHandle {
                path: open.path(),
                file: Arc::clone(open.data.handle()),
            };
            (open.file.clone(), handle)
        });
        let uncounted = self.uncounted.iter();
        let uncounted = uncounted.map(|of| (of.segment.clone(), of.handle.clone()));
        let all = open.chain(uncounted).map(|(segment, handle)| Doubtful {
            from: counted_bytes(counted, &segment),
            segment,
            handle,
        });
        all.collect()
    }

    /// Lists the ids of open segments that are copies of those that the checkpoint was stored with, and that this progress
    /// doesn't count: only by its line in the manifest is such a file known to be archiver's once it counts no more. May
    /// block.
    pub fn list_copies(
        &mut self,
        fs: &dyn Fs,
        stored: &Progress,
        counted: &Progress,
    ) -> Result<(), Refused> {
        let is_in = |progress: &Progress, is_it: &dyn Fn(&SegmentFile) -> bool| {
            let mut segments = progress.segments.iter();
            segments.any(|segment| is_it(&segment.file))
        };
        let copies = self.open.iter().map(|open| &open.file).filter(|file| {
            let is_counted = is_in(counted, &|counted| counted.sequence == file.sequence);
            !is_counted && !is_in(stored, &|stored| stored == *file)
        });
        let copies = copies.cloned().map(Entry::Opened).collect::<Vec<_>>();
        if copies.is_empty() {
            return Ok(());
        }
        // Nothing was written since the stop, so what is cut off is what this has listed before.
        self.manifest.cut(fs)?;
        self.manifest.append(fs, &copies)?;
        self.manifest.sync(fs, Vec::new())
    }

    /// Cuts everything back to the checkpoint, and removes what was created after it. The manifest is last, as it names
    /// what is to be removed. Says how many bytes that were, without the manifest's. May block.
    pub fn cut(&mut self, fs: &dyn Fs) -> Result<u64, Refused> {
        let mut bytes = 0;
        let mut changed = Vec::new();
        for segment in &mut self.open {
            bytes += segment.data.cut()?;
            match segment.index() {
                Some(index) => index.cut()?,
                None if self.has_indexes => {
                    let sequence = segment.file.sequence;
                    let index = SegmentIndex::begin(fs, &self.dir, sequence, &mut changed)?;
                    segment.set_index(index);
                }
                None => {}
            }
        }
        let synced = fs.sync(&changed).into_iter().collect::<io::Result<()>>();
        synced.map_err(|source| Refused::Io {
            path: self.dir.indexes(),
            source,
        })?;
        for Uncounted { segment, handle } in &self.uncounted {
            let io = |source| Refused::Io {
                path: handle.path.clone(),
                source,
            };
            bytes += handle.file.stat().map_err(io)?.length;
            fs::remove_if_there(fs, &handle.path).map_err(io)?;
            fs::remove_if_there(fs, &self.dir.index(segment.sequence)).map_err(io)?;
        }
        paths::sync_names(fs, &self.uncounted_paths)?;
        self.manifest.cut(fs)?;
        Ok(bytes)
    }
}
