//! Sealing segments: from growing to final.
//!
//! The order: the segment's last byte → its line in the manifest → both durable → a checkpoint that counts it as sealed →
//! its final name. So whoever finds a final name finds a file that never changes again.

use std::io;
use std::path::Path;
use std::sync::Arc;

use archiver_format::checkpoint::Unnamed;
use archiver_format::manifest::{Entry, SealReason, Sealed};
use archiver_format::segment::{SegmentFile, growing};

use super::kept::Kept;
use super::open_segment::OpenSegment;
use super::opening::refuse_existing;
use super::paths;
use super::rotation;
use super::segment_index::SegmentIndex;
use super::writer::{SealedSegment, WriteError, Writer, Wrote};
use crate::ledger::SealedHandle;
use crate::ledger::append_file::{Refused, read_tail};
use crate::world::clock::rfc3339;
use crate::world::fs::Fs;

impl Writer {
    /// Seals the segments whose time has come.
    pub(super) fn seal_due(&mut self, fs: &dyn Fs) -> Result<Wrote, Refused> {
        let now = self.clock.now_ms();
        let (rotation, zone) = (&self.config.rotation, self.config.template.zone());
        let mut due = Vec::new();
        for segment in &mut self.open {
            if let Some(reason) = rotation::is_due(rotation, zone, segment, now) {
                due.push((segment.file.sequence, reason));
            }
        }
        self.seal(fs, &due)
    }

    /// Seals all segments that are ever sealed; all others too, if the configuration says otherwise now.
    pub fn seal_all(&mut self, fs: &dyn Fs, reason: SealReason) -> Result<Wrote, Refused> {
        let is_it = |segment: &&OpenSegment| segment.is_growing || reason == SealReason::Changed;
        let all = self.open.iter().filter(is_it);
        let all = all.map(|segment| (segment.file.sequence, reason));
        let all = all.collect::<Vec<_>>();
        self.seal(fs, &all)
    }

    /// Seals the segments of these numbers.
    pub(super) fn seal(
        &mut self,
        fs: &dyn Fs,
        due: &[(u64, SealReason)],
    ) -> Result<Wrote, Refused> {
        if due.is_empty() {
            return Ok(Wrote::default());
        }
        let reason = |segment: &OpenSegment| {
            let mut due = due.iter();
            due.find(|(sequence, _)| *sequence == segment.file.sequence)
                .map(|(_, reason)| *reason)
        };
        // What somebody else has done to the file would become final.
        let mut open = self.open.iter();
        open.try_for_each(|open| match reason(open) {
            Some(_) => open.data.check(fs),
            None => Ok(()),
        })?;
        let sealed = rfc3339(self.clock.now_ms());
        let open = self.open.iter();
        let ending = open.filter_map(|segment| Some((segment, reason(segment)?)));
        let lines = ending.map(|(segment, reason)| self.line(segment, &sealed, reason));
        let lines = lines.collect::<Result<Vec<_>, Refused>>()?;
        self.manifest.append(fs, &lines)?;
        if !self.config.retention.is_endless() {
            self.kept.extend(lines.iter().filter_map(|line| match line {
                Entry::Sealed(sealed) => Kept::of(sealed),
                _ => None,
            }));
        }
        let open = std::mem::take(&mut self.open);
        let (due, open) = open
            .into_iter()
            .partition(|segment| reason(segment).is_some());
        self.open = open;
        for segment in Vec::<OpenSegment>::into_iter(due) {
            let uncounted = segment.contents().uncounted_bytes;
            if uncounted > 0 && !self.config.retention.is_endless() {
                tracing::info!(
                    "archive {}: {} is never deleted, as its first {uncounted} bytes are not known to be archiver's",
                    self.config.name,
                    segment.path().display(),
                );
            }
            self.reached.sealed_bytes += segment.data.length();
            let name = Some(self.name_of(&segment));
            let index = segment.index().map(SegmentIndex::handle).cloned();
            let data = SealedHandle {
                path: segment.path(),
                file: Arc::clone(segment.data.handle()),
                length: segment.data.length(),
            };
            self.unnamed.push(SealedSegment {
                unnamed: Unnamed {
                    mark: segment.data.mark(),
                    file: SegmentFile {
                        name,
                        ..segment.file
                    },
                },
                data: Some(data),
                index,
            });
        }
        Ok(Wrote {
            changes: 1,
            sealed: lines.len() as u64,
            ..Wrote::default()
        })
    }

    /// The line of a segment in the manifest, which is sealed at this time (RFC 3339).
    fn line(
        &self,
        segment: &OpenSegment,
        sealed: &str,
        reason: SealReason,
    ) -> Result<Entry, Refused> {
        let digest = segment.digest()?;
        Ok(Entry::Sealed(Box::new(Sealed {
            file: SegmentFile {
                name: Some(self.name_of(segment)),
                ..segment.file.clone()
            },
            format: segment.kind.format.clone(),
            compression: segment.kind.compression,
            bytes: segment.data.length(),
            xxh128: digest.map(|digest| digest.to_string()),
            contents: segment.contents().clone(),
            opened: rfc3339(segment.opened),
            sealed: sealed.to_owned(),
            reason,
        })))
    }

    /// The final name of an open segment.
    fn name_of(&self, segment: &OpenSegment) -> String {
        let file = &segment.file;
        let name = file.name.clone();
        name.unwrap_or_else(|| paths::name(&self.config, segment.data.path()))
    }

    /// Gives sealed segments their final names, durably.
    pub(super) fn name(&mut self, fs: &dyn Fs, sealed: &[Unnamed]) -> Result<Wrote, WriteError> {
        let is_named = |segment: &&SealedSegment| sealed.contains(&segment.unnamed);
        let mut paths = Vec::new();
        for SealedSegment { unnamed, .. } in self.unnamed.iter().filter(is_named) {
            let path = paths::sealed(&self.config, &unnamed.file);
            if name(fs, &path, unnamed)? {
                paths.push(path);
            } else {
                tracing::warn!(
                    "archive {}: {} is not what was sealed, or is gone, and doesn't get its final name",
                    self.config.name,
                    growing(&path).display(),
                );
            }
        }
        paths::sync_names(fs, &paths).map_err(WriteError::Syncing)?;
        self.unnamed
            .retain(|segment| !sealed.contains(&segment.unnamed));
        Ok(Wrote {
            changes: 1,
            named: paths.len() as u64,
            ..Wrote::default()
        })
    }
}

/// Gives a sealed segment its final name, if it has it not yet. `false` if neither name leads to what was sealed.
fn name(fs: &dyn Fs, path: &Path, unnamed: &Unnamed) -> Result<bool, Refused> {
    let grown = growing(path);
    let is_sealed = |path: &Path| {
        let found = is_known(fs, path, unnamed);
        found.map_err(|source| Refused::Io {
            path: path.to_path_buf(),
            source,
        })
    };
    if !is_sealed(&grown)? {
        return is_sealed(path);
    }
    refuse_existing(fs, path)?;
    let named = fs.rename(&grown, path);
    named.map(|()| true).map_err(|source| Refused::Io {
        path: grown,
        source,
    })
}

/// Is this the segment that was sealed, or a copy of it?
fn is_known(fs: &dyn Fs, path: &Path, unnamed: &Unnamed) -> io::Result<bool> {
    let Unnamed { file, mark } = unnamed;
    match fs.stat(path) {
        Ok(found) if !found.is_file || found.length != mark.length => Ok(false),
        Ok(found) if found.id() == file.id => Ok(true),
        Ok(_) => Ok(read_tail(&*fs.open(path)?, mark.length)?.mark(mark.length) == *mark),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}
