//! Unverified progress: records that were read before a stop during which no broker said whether the topic was still
//! the same one.

use std::sync::Arc;

use archiver_format::checkpoint::{Checkpoint, Segment};
use archiver_format::mark::{FileId, Mark};

use crate::archive::definition::{Archive, Failure};
use crate::archive::topic_identity::perhaps_read;
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::gap_log::GapLog;
use crate::ledger::{Checkpointed, Store};
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::{File, Fs};

/// A data file that fits its checkpoint.
struct Found {
    data: Arc<dyn File>,
    id: FileId,
}

impl Archive {
    /// Asks the brokers now, if none could be asked before the last checkpoint. If the archive has to go back, its data
    /// file is returned too, locked. The order: quarantine → store that it goes back → cut. So no later start cuts off
    /// bytes that were not kept, or counts bytes that were cut off.
    pub(in crate::archive) async fn verify(
        &self,
        disk: &Disk,
        store: &Store,
        stored: Checkpointed,
        topic: Option<&Topic>,
    ) -> Result<(Checkpointed, Option<Arc<dyn File>>), Failure> {
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
        self.quarantine(disk, store, &stored, &found.data, from)
            .await?;
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

    /// Checks that both files fit the unverified checkpoint, and opens the data file. Changes nothing.
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
