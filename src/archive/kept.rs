//! What is cut off a data file whose topic was deleted and created again: Kafka may have it no more.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Archive, Stop};
use crate::checkpoint::{Checkpointed, Identity, Store};
use crate::config::Compression;
use crate::fs::{File, Fs};
use crate::segment::append::AppendFile;

/// How much is copied at once, in bytes.
const PIECE: usize = 1 << 16;

impl Archive {
    /// Copies what the checkpoint doesn't count to a file of its own, durably. What was copied before stays as it is:
    /// since then the archive may have gone on in the data file.
    pub(super) async fn keep_uncounted(
        &self,
        store: &Store,
        checkpointed: &Checkpointed,
        file: &AppendFile,
    ) -> Result<(), Stop> {
        let bytes = file
            .uncounted()
            .map_err(|e| self.refused(e, Some(checkpointed)))?;
        let identity = &checkpointed.checkpoint().identity;
        let path = store.path(&kept_name(identity, self.config.compression));
        let count = bytes.end - bytes.start;
        let copied = path.clone();
        let disk = &self.world.disk;
        let is_there = disk.run(move |fs: &dyn Fs| fs.stat(&copied).is_ok()).await;
        if bytes.is_empty() || is_there {
            return Ok(());
        }
        let data = Arc::clone(file.handle());
        let kept = disk.replace(&path, move |to| copy(&*data, bytes, to)).await;
        let (file, path) = (self.file().display(), path.display());
        kept.map_err(|e| {
            Stop::Retry(format!(
                "keeping {count} bytes of {file}, which may be of a topic that is gone, in {path}: {e}"
            ))
        })?;
        tracing::warn!(
            "archive {}: {count} bytes of {file} that its checkpoint doesn't count may be of the topic that is gone; \
             they are kept in {path}",
            self.config.name,
        );
        Ok(())
    }
}

/// A life of a topic that was left is never read again, so there is one such file for each. Ids may be written in
/// an alphabet with a slash in it.
fn kept_name(identity: &Identity, compression: Compression) -> String {
    let id = identity.topic_id.as_deref().unwrap_or("unknown");
    let id = id.replace('/', "_").replace('+', "-");
    format!("unverified-{id}.ndjson{}", compression.ending())
}

fn copy(from: &dyn File, bytes: Range<u64>, to: &dyn File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = bytes.start;
    while at < bytes.end {
        let left = usize::try_from(bytes.end - at).unwrap_or(PIECE);
        let piece = &mut piece[..left.min(PIECE)];
        from.read_exact_at(piece, at)?;
        to.append(piece)?;
        at += piece.len() as u64;
    }
    Ok(())
}
