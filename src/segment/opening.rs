//! Opening segments: a file for each route that a batch has records for and no segment is open for.
//!
//! The order: create the file, empty → its line in the manifest, durable → its first byte. So a file that no checkpoint
//! counts is known by its id, or is empty.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::manifest::{Entry, SealReason};
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
        let (mut begun, mut changed) = (Vec::new(), Vec::new());
        for (sequence, route) in (self.reached.next_sequence..).zip(&missing) {
            begun.push(self.create(fs, sequence, *route, &mut changed)?);
        }
        let entries = begun
            .iter()
            .map(|segment| Entry::Opened(segment.file.clone()));
        let entries = entries.collect::<Vec<_>>();
        self.manifest.append(fs, &entries)?;
        let synced = self.manifest.sync(fs, changed);
        synced.map_err(WriteError::Syncing)?;
        self.reached.next_sequence += begun.len() as u64;
        self.open.extend(begun);
        Ok(missing.len())
    }

    /// Creates the file of a new segment. Directories whose names have changed are added to `changed`.
    fn create(
        &self,
        fs: &dyn Fs,
        sequence: u64,
        route: Route,
        changed: &mut Vec<Arc<dyn File>>,
    ) -> Result<OpenSegment, Refused> {
        let now = self.clock.now_ms();
        let last = self.path(sequence, route, now);
        let is_growing = self.config.template.has_sequence();
        let path = match is_growing {
            true => growing(&last),
            false => last.clone(),
        };
        let io = |source| Refused::Io {
            path: path.clone(),
            source,
        };
        let above = fs::parent(&path);
        changed.extend(fs::create_dirs(fs, above).map_err(io)?);
        changed.push(fs.open_dir(above).map_err(io)?);
        if path != last {
            refuse_existing(fs, &last)?;
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
        let name = (!is_only).then(|| paths::name(&self.config, &last));
        let file = SegmentFile { sequence, name, id };
        let kind = kind(&self.config);
        let mut segment = OpenSegment::begin(data, file, is_growing, kind, route, now);
        if self.config.index {
            let dir = StateDir::new(&self.config.state);
            segment.set_index(SegmentIndex::begin(fs, &dir, sequence, changed)?);
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
