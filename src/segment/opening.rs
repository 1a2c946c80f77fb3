//! Opening segments: a file for each route that a batch has records for and no segment is open for.
//!
//! The order: a line in the manifest that it is about to be created, if nothing is there → create the file, empty → its
//! line with its id, durable → its first byte. So a file that no checkpoint counts is known by its id, or is empty and
//! known by its name. The first line isn't synced: what a power cut at this moment may leave is empty.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::manifest::{Entry, Opening, SealReason};
use archiver_format::mark::FileId;
use archiver_format::segment::{Route, RouteTime, SegmentFile, growing};
use archiver_format::state_files::StateDir;
use archiver_format::template::Values;

use super::batch::Member;
use super::open_segment::{Kind, OpenSegment};
use super::paths;
use super::segment_index::SegmentIndex;
use super::writer::{WriteError, Writer};
use crate::config::Archive;
use crate::ledger::append_file::{AppendFile, Refused};
use crate::world::fs::{self, File, Fs};

/// A segment that is about to be opened.
struct Next {
    sequence: u64,
    route: Route,
    /// When, in milliseconds since 1970.
    opened: i64,
    /// Its final path.
    last: PathBuf,
}

impl Writer {
    /// Opens the segments that these members need, and says how many.
    pub(super) fn open_for(
        &mut self,
        fs: &dyn Fs,
        members: &[Member],
    ) -> Result<usize, WriteError> {
        let is_open = |member: &&Member| self.open.iter().any(|open| open.route == member.route);
        let missing = members.iter().filter(|member| !is_open(member));
        let missing = missing.map(|member| member.route).collect::<Vec<_>>();
        if missing.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now_ms();
        let next = (self.reached.next_sequence..).zip(missing);
        let next = next.map(|(sequence, route)| Next {
            sequence,
            route,
            opened: now,
            last: self.path(sequence, route, now),
        });
        let next = next.collect::<Vec<_>>();
        let announced = self.announce(fs, &next)?;
        let created = self.create_all(fs, &next);
        if created.is_err() {
            // What is left of them a crash may have left as well.
            for path in announced {
                if matches!(empty(fs, &path), Ok(Some(_))) {
                    let _ = fs::remove_if_there(fs, &path);
                }
            }
        }
        self.open.extend(created?);
        self.reached.next_sequence += next.len() as u64;
        Ok(next.len())
    }

    /// Lists the segments that are about to be created where nothing is, and says where that is.
    fn announce(&mut self, fs: &dyn Fs, next: &[Next]) -> Result<Vec<PathBuf>, Refused> {
        let (mut paths, mut entries) = (Vec::new(), Vec::new());
        // Where there is no number in the path, the file is taken up when its records come again.
        let all = next.iter().filter(|_| self.config.template.has_sequence());
        for Next { sequence, last, .. } in all {
            let path = growing(last);
            let is_free = match fs.stat(&path) {
                Ok(_) => false,
                Err(e) => {
                    e.kind() == io::ErrorKind::NotFound && !fs.is_link(&path).unwrap_or(false)
                }
            };
            if is_free {
                paths.push(path);
                entries.push(Entry::Opening(Opening {
                    sequence: *sequence,
                    name: paths::name(&self.config, last),
                }));
            }
        }
        if !entries.is_empty() {
            self.manifest.append(fs, &entries)?;
        }
        Ok(paths)
    }

    /// Creates the files of new segments, and makes their lines in the manifest durable.
    fn create_all(&mut self, fs: &dyn Fs, next: &[Next]) -> Result<Vec<OpenSegment>, WriteError> {
        let mut changed = Vec::new();
        let created = next.iter().map(|next| self.create(fs, next, &mut changed));
        let created = created.collect::<Result<Vec<_>, _>>()?;
        let entries = created.iter();
        let entries = entries.map(|segment| Entry::Opened(segment.file.clone()));
        self.manifest.append(fs, &entries.collect::<Vec<_>>())?;
        let synced = self.manifest.sync(fs, changed);
        synced.map_err(WriteError::Syncing)?;
        Ok(created)
    }

    /// Creates the file of a new segment. Directories whose names have changed are added to `changed`.
    fn create(
        &self,
        fs: &dyn Fs,
        next: &Next,
        changed: &mut Vec<Arc<dyn File>>,
    ) -> Result<OpenSegment, Refused> {
        let &Next {
            sequence,
            route,
            opened: now,
            ref last,
        } = next;
        let is_growing = self.config.template.has_sequence();
        let path = match is_growing {
            true => growing(last),
            false => last.clone(),
        };
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        let above = fs::parent(&path);
        changed.extend(fs::create_dirs(fs, above).map_err(io)?);
        changed.push(fs.open_dir(above).map_err(io)?);
        if path != *last {
            refuse_existing(fs, last)?;
        }
        let data = match AppendFile::create(fs, &path) {
            // Made by an attempt that failed before its line was durable.
            Err(Refused::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                if fs.is_link(&path).map_err(io)? || fs.stat(&path).map_err(io)?.length > 0 {
                    return refuse_existing(fs, &path).and(Err(Refused::Io { path, source }));
                }
                AppendFile::adopt(fs, &path)?
            }
            created => created?,
        };
        let id = data.handle().stat().map_err(io)?.id();
        let is_only = self.config.template.is_fixed();
        let name = (!is_only).then(|| paths::name(&self.config, last));
        let file = SegmentFile { sequence, name, id };
        let kind = kind(&self.config);
        let mut segment = OpenSegment::begin(data, file, is_growing, kind, route, now);
        let dir = StateDir::new(&self.config.state);
        if self.config.index {
            segment.set_index(SegmentIndex::begin(fs, &dir, sequence, changed)?);
        } else {
            SegmentIndex::remove(fs, &dir, sequence, changed)?;
        }
        Ok(segment)
    }

    /// The final path of a new segment.
    fn path(&self, sequence: u64, route: Route, opened_ms: i64) -> PathBuf {
        if self.config.template.is_fixed() {
            return self.config.file.clone();
        }
        let time_ms = match route.time {
            Some(RouteTime::As(ms)) => Some(ms),
            Some(RouteTime::Unknown) | None => None,
        };
        self.config.template.path(&Values {
            partition: route.partition,
            sequence,
            opened_ms,
            time_ms,
        })
    }

    /// Segments beyond `open_files`, those that were written to least recently, except those that are to be sealed
    /// anyway.
    pub(super) fn in_excess(&self, due: &[(u64, SealReason)]) -> Vec<(u64, SealReason)> {
        if !self.config.template.has_sequence() {
            return Vec::new();
        }
        let is_due = |sequence| due.iter().any(|(of, _)| *of == sequence);
        let open = self.open.iter();
        let open = open.filter(|segment| segment.is_growing && !is_due(segment.file.sequence));
        let mut open = open
            .map(|segment| (segment.written, segment.file.sequence))
            .collect::<Vec<_>>();
        let excess = open.len().saturating_sub(self.config.open_files);
        open.sort_unstable();
        let excess = open.into_iter().take(excess);
        excess
            .map(|(_, sequence)| (sequence, SealReason::OpenFiles))
            .collect()
    }
}

/// What the lines of an archive's new segments are.
pub fn kind(config: &Archive) -> Kind {
    Kind {
        format: config.format_name().into(),
        compression: config.compression.algorithm(),
    }
}

/// Which file is at this path, if it is one without a byte.
pub fn empty(fs: &dyn Fs, path: &Path) -> io::Result<Option<FileId>> {
    match fs.stat(path) {
        Ok(found) if found.is_file && found.length == 0 && !fs.is_link(path)? => {
            Ok(Some(found.id()))
        }
        Ok(_) => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Nothing may be where a segment is to be: it would be overwritten, or taken for archiver's.
pub(super) fn refuse_existing(fs: &dyn Fs, path: &Path) -> Result<(), Refused> {
    match fs.stat(path) {
        Ok(found) => Err(Refused::Foreign {
            path: path.to_path_buf(),
            expected: "no file, as a new segment is to be there".into(),
            found: format!("a file of {} bytes; move it away", found.length),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Refused::Io {
            path: path.to_path_buf(),
            source,
        }),
    }
}
