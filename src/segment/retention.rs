//! Retention: sealed segments that are older or larger than what is to be kept are deleted.
//!
//! The order: the segment's line in the manifest that it is deleted → durable → a checkpoint that counts it → the file is
//! removed. So a file is never missing without a line. Only a file that has the id that its segment had is removed,
//! and none that holds bytes which archiver did not write.

use std::io;

use archiver_format::manifest::{DeleteReason, Deleted, Entry};
use archiver_format::segment::SegmentFile;
use archiver_format::state_files::StateDir;

use super::paths;
use super::writer::{WriteError, Writer, Wrote};
use crate::ledger::append_file::Refused;
use crate::world::clock::{millis, rfc3339};
use crate::world::fs::{self, Fs};

impl Writer {
    /// Lists the segments as deleted that are not to be kept any longer. One without its final name is left until it has
    /// it.
    pub(super) fn expire(&mut self, fs: &dyn Fs) -> Result<Wrote, Refused> {
        let expired = self.expired();
        if expired.is_empty() {
            return Ok(Wrote::default());
        }
        let deleted = rfc3339(self.clock.now_ms());
        let line = |(file, reason): &(SegmentFile, DeleteReason)| {
            Entry::Deleted(Deleted {
                file: file.clone(),
                deleted: deleted.clone(),
                reason: *reason,
            })
        };
        self.manifest
            .append(fs, &expired.iter().map(line).collect::<Vec<_>>())?;
        for (file, _) in expired {
            self.kept.retain(|kept| kept.file != file);
            self.deleted.push(file);
        }
        Ok(Wrote {
            changes: 1,
            deleted: true,
            ..Wrote::default()
        })
    }

    /// The segments that are not to be kept any longer, and why.
    fn expired(&self) -> Vec<(SegmentFile, DeleteReason)> {
        let retention = &self.config.retention;
        let now = self.clock.now_ms();
        let age = retention.age.map(millis);
        let open = self.open.iter().map(|segment| segment.data.length());
        let kept = self.kept.iter().map(|kept| kept.bytes);
        let mut bytes = open.chain(kept).fold(0, u64::saturating_add);
        let mut expired = Vec::new();
        for kept in &self.kept {
            if self.unnamed.iter().any(|of| of.unnamed.file == kept.file) {
                continue;
            }
            let is_old = age.is_some_and(|age| kept.newest.saturating_add(age) <= now);
            let reason = if is_old {
                DeleteReason::Keep
            } else if retention.bytes.is_some_and(|most| bytes > most) {
                DeleteReason::KeepSize
            } else {
                continue;
            };
            bytes -= kept.bytes;
            expired.push((kept.file.clone(), reason));
        }
        expired
    }

    /// When the next segment is too old, in milliseconds since 1970; long ago if there is too much.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        if self.config.retention.bytes.is_some() && !self.expired().is_empty() {
            return Some(i64::MIN);
        }
        let age = millis(self.config.retention.age?);
        let newest = self.kept.iter().map(|kept| kept.newest).min();
        newest.map(|newest| newest.saturating_add(age))
    }

    /// Removes the files of segments that a checkpoint counts as deleted, and their indexes.
    pub(super) fn delete(
        &mut self,
        fs: &dyn Fs,
        deleted: &[SegmentFile],
    ) -> Result<Wrote, WriteError> {
        // Also those that an attempt before has removed, and perhaps not durably.
        let mut removed = Vec::new();
        for file in deleted.iter().filter(|file| self.deleted.contains(file)) {
            let path = paths::sealed(&self.config, file);
            let io = |source| Refused::Io {
                path: path.clone(),
                source,
            };
            match fs.stat(&path) {
                Ok(found) if found.id() == file.id => {
                    fs::remove_if_there(fs, &path).map_err(io)?;
                    tracing::info!("archive {}: deleted {}", self.config.name, path.display());
                }
                Ok(_) => tracing::warn!(
                    "archive {}: {} is another file than was sealed there, and is not deleted",
                    self.config.name,
                    path.display()
                ),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(io(e).into()),
            }
            removed.push(path.clone());
            let index = StateDir::new(&self.config.state).index(file.sequence);
            fs::remove_if_there(fs, &index).map_err(io)?;
        }
        paths::sync_names(fs, &removed).map_err(WriteError::Syncing)?;
        self.deleted.retain(|file| !deleted.contains(file));
        Ok(Wrote {
            changes: 1,
            ..Wrote::default()
        })
    }
}
