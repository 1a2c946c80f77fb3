//! What was read just before a stop during which no broker said whether the topic is still the same one.

use std::sync::Arc;

use archiver_format::checkpoint::{Checkpoint, Segment};
use archiver_format::mark::{FileId, Mark};

use crate::archive::archive::{Archive, Stop};
use crate::archive::topic_identity::perhaps_read;
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::gap_log::GapLog;
use crate::ledger::{Checkpointed, Store};
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::{File, Fs};

/// A data file that is what its checkpoint says.
struct Found {
    data: Arc<dyn File>,
    id: FileId,
}

impl Archive {
    /// Makes up for it that no broker could be asked before the last checkpoint. If the archive goes back, its data
    /// file is returned, too, locked. That it goes back is stored before anything is cut off, so that no later start
    /// takes what was cut off for archived, and after it was kept, so that no later start cuts it off without.
    pub(in crate::archive) async fn verify(
        &self,
        disk: &Disk,
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
        let (before, read) = (&verified.positions, &progress.positions);
        let is_all = !now.is_another(identity.topic_id.as_ref()) || {
            let perhaps = perhaps_read(&*self.cluster, identity, now, before, read).await;
            !perhaps.map_err(|e| self.kafka("asking for the offsets of", &e))?
        };
        if is_all {
            let saved = store.save_verified(stored).await;
            return Ok((saved.map_err(|e| self.not_stored(e))?, None));
        }
        let segment = self.segment(progress)?.clone();
        let gaps = progress.gaps.clone();
        let found = self.find_unverified(disk, store, segment, gaps).await;
        let found = found.map_err(|e| self.refused(e, Some(&stored)))?;
        let from = self.segment(verified)?.mark.length;
        self.keep(disk, store, &stored, &found.data, from).await?;
        let saved = store.save_only_verified(stored, found.id).await;
        let saved = saved.map_err(|e| self.not_stored(e))?;
        tracing::warn!(
            "archive {}: topic {} was deleted and created again, and what was read just before the last stop, when no \
             broker answered, may be of either; going back to what is certain",
            self.config.name,
            self.config.topic,
        );
        Ok((saved, Some(found.data)))
    }

    /// Opens the files as a start does that trusts the checkpoint: nothing is changed if they don't fit.
    async fn find_unverified(
        &self,
        disk: &Disk,
        store: &Store,
        segment: Segment,
        listed: Mark,
    ) -> Result<Found, Refused> {
        let (path, gaps) = (self.config.file.clone(), store.dir().gaps());
        let find = move |fs: &dyn Fs| {
            let data = AppendFile::resume(fs, &path, &segment.mark, segment.id, None)?;
            GapLog::resume(fs, &gaps, &listed)?;
            let data = Arc::clone(data.handle());
            match data.stat() {
                Ok(stat) => Ok(Found {
                    data,
                    id: stat.id(),
                }),
                Err(source) => Err(Refused::Io { path, source }),
            }
        };
        disk.run(find).await
    }
}
