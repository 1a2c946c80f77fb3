//! What was read just before a stop during which no broker said whether the topic is still the same one.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::durable::perhaps_read;
use super::{Archive, Stop};
use crate::checkpoint::{Checkpoint, Checkpointed, Identity, Store};
use crate::cluster::Topic;
use crate::config::Compression;
use crate::fs::{File, FileId, Fs};
use crate::gaps::GapLog;
use crate::segment::append::{AppendFile, Refused};
use crate::segment::writer::Progress;

/// How much is copied at once, in bytes.
const PIECE: usize = 1 << 16;

/// A data file that is what its checkpoint says.
struct Found {
    data: Arc<dyn File>,
    id: FileId,
}

impl Archive {
    /// Makes up for it that no broker could be asked before the last checkpoint. If the archive goes back, its data
    /// file is returned, too, locked. That it goes back is stored before anything is cut off, so that no later start
    /// takes what was cut off for archived; before that the same bytes are kept elsewhere, as Kafka may have them no
    /// more.
    pub(super) async fn verify(
        &self,
        store: &Store,
        stored: Checkpointed,
        topic: Option<&Topic>,
    ) -> Result<(Checkpointed, Option<Arc<dyn File>>), Stop> {
        let Checkpoint {
            identity,
            progress,
            verified,
        } = stored.checkpoint();
        let (Some(verified), Some(now)) = (verified, topic) else {
            return Ok((stored, None));
        };
        let (before, read) = (&verified.next_offsets, &progress.next_offsets);
        let is_all = !now.is_another(identity.topic_id.as_ref()) || {
            let perhaps = perhaps_read(&*self.cluster, identity, now, before, read).await;
            !perhaps.map_err(|e| self.kafka("asking for the offsets of", &e))?
        };
        if is_all {
            let saved = store.save_verified(stored).await;
            return Ok((saved.map_err(|e| self.not_stored(&e))?, None));
        }
        let found = self.find_unverified(store, progress.clone()).await;
        let found = found.map_err(|e| self.refused(e, Some(&stored)))?;
        let bytes = verified.data.length..progress.data.length;
        let what = match bytes.is_empty() {
            true => "what was read just before the last stop, when no broker answered, may be of either; none of it is \
                     in the file, and the archive goes back to what is certain"
                .to_owned(),
            false => {
                let path = store.path(&kept_name(identity, self.config.compression));
                let count = bytes.end - bytes.start;
                let kept = self.keep(&found.data, bytes, &path).await;
                kept.map_err(|e| {
                    Stop::Retry(format!(
                        "keeping {count} bytes of {}, which may be of a topic that is gone, in {}: {e}",
                        self.file().display(),
                        path.display()
                    ))
                })?;
                format!(
                    "{count} bytes that were read just before the last stop, when no broker answered, may be of either; \
                     they are kept in {}, and the archive goes back to what is certain",
                    path.display()
                )
            }
        };
        let saved = store.save_only_verified(stored, found.id).await;
        let saved = saved.map_err(|e| self.not_stored(&e))?;
        tracing::warn!(
            "archive {}: topic {} was deleted and created again, and {what}",
            self.config.name,
            self.config.topic,
        );
        Ok((saved, Some(found.data)))
    }

    /// Opens the files as a start does that trusts the checkpoint: nothing is changed if they don't fit.
    async fn find_unverified(&self, store: &Store, progress: Progress) -> Result<Found, Refused> {
        let (path, gaps) = (self.config.file.clone(), store.path("gaps.ndjson"));
        let find = move |fs: &dyn Fs| {
            let data = AppendFile::resume(fs, &path, &progress.data, progress.id, None)?;
            GapLog::resume(fs, &gaps, &progress.gaps)?;
            let data = Arc::clone(data.handle());
            match data.stat() {
                Ok(stat) => Ok(Found {
                    data,
                    id: stat.id(),
                }),
                Err(source) => Err(Refused::Io { path, source }),
            }
        };
        self.world.disk.run(find).await
    }

    /// Copies a part of the data file to a file of its own, durably.
    async fn keep(&self, data: &Arc<dyn File>, bytes: Range<u64>, path: &Path) -> io::Result<()> {
        let (data, path, dir) = (
            Arc::clone(data),
            path.to_path_buf(),
            self.config.state.clone(),
        );
        let copy = move |fs: &dyn Fs| {
            let kept = copy(fs, &*data, bytes, &path);
            if kept.is_err() {
                // Half of it is of no use while the disk is full.
                let _ = fs.remove(&path);
            }
            Ok::<_, io::Error>([kept?, fs.open_dir(&dir)?])
        };
        let changed = self.world.disk.run(copy).await?;
        self.world.disk.sync(changed).await
    }
}

/// A life of a topic that was left is never read again, so there is one such file for each. Ids may be written in
/// an alphabet with a slash in it.
fn kept_name(identity: &Identity, compression: Compression) -> String {
    let id = identity.topic_id.as_deref().unwrap_or("unknown");
    let ending = match compression {
        Compression::None => "ndjson",
        Compression::Gzip(_) => "ndjson.gz",
        Compression::Zstd(_) => "ndjson.zst",
    };
    format!(
        "unverified-{}.{ending}",
        id.replace('/', "_").replace('+', "-")
    )
}

fn copy(fs: &dyn Fs, data: &dyn File, bytes: Range<u64>, path: &Path) -> io::Result<Arc<dyn File>> {
    // A start before this one may have been ended while it copied.
    match fs.remove(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let kept = fs.create_new(path)?;
    let mut piece = vec![0; PIECE];
    let mut at = bytes.start;
    while at < bytes.end {
        let left = usize::try_from(bytes.end - at).unwrap_or(PIECE);
        let piece = &mut piece[..left.min(PIECE)];
        data.read_exact_at(piece, at)?;
        kept.append(piece)?;
        at += piece.len() as u64;
    }
    Ok(kept)
}
