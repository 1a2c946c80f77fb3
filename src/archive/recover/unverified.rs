//! Unverified progress: records that were read before a stop during which no broker said whether the topic was still
//! the same one.

use archiver_format::checkpoint::Checkpoint;
use archiver_format::segment::SegmentFile;

use super::quarantine::Doubtful;
use crate::archive::definition::{Archive, Failure};
use crate::ledger::append_file::Refused;
use crate::ledger::{Checkpointed, SegmentHandle, Store};
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::Fs;

impl Archive {
    /// Asks the brokers now, if none could be asked before the last checkpoint. If the archive has to go back, its files are
    /// returned too, locked. The order: quarantine → store that it goes back → cut. So no later start cuts off
    /// bytes that were not kept, or counts bytes that were cut off.
    pub(in crate::archive) async fn verify(
        &self,
        disk: &Disk,
        store: &Store,
        stored: Checkpointed,
        topic: Option<&Topic>,
    ) -> Result<(Checkpointed, Vec<SegmentHandle>), Failure> {
        let Checkpoint {
            identity,
            progress,
            verified,
        } = stored.checkpoint();
        let (Some(verified), Some(now)) = (verified, topic) else {
            return Ok((stored, Vec::new()));
        };
        let (before, read) = (&verified.positions, &progress.positions);
        // What lies between is of a topic that nobody may know any more: since the stop there may have been others of the
        // same name.
        let is_all = !now.is_another(identity.topic_id.as_ref()) || before == read;
        if is_all {
            let saved = store.save_verified(stored).await;
            return Ok((saved.map_err(|e| self.not_stored(e))?, Vec::new()));
        }
        let found = self.find_unverified(disk, store, &stored).await;
        let (ids, doubtful) = found.map_err(|e| self.refused(e, Some(&stored)))?;
        let handles = doubtful.iter().map(|doubtful| doubtful.handle.clone());
        let handles = handles.collect();
        self.quarantine(disk, store, identity, doubtful).await?;
        let saved = store.save_only_verified(stored.clone(), &ids).await;
        let saved = saved.map_err(|e| self.not_stored(e))?;
        tracing::warn!(
            "archive {}: topic {} was deleted and created again, and what was read just before the last stop, when no \
             broker answered, may be of either; going back to what is certain",
            self.config.name,
            self.config.topic,
        );
        Ok((saved, handles))
    }

    /// Checks that all files fit the unverified checkpoint, and opens those that hold more than is verified. Changes
    /// none of them.
    async fn find_unverified(
        &self,
        disk: &Disk,
        store: &Store,
        stored: &Checkpointed,
    ) -> Result<(Vec<SegmentFile>, Vec<Doubtful>), Refused> {
        let place = self.place(store);
        let Checkpoint {
            identity,
            progress,
            verified,
        } = stored.checkpoint().clone();
        let verified = verified.unwrap_or_else(|| progress.clone());
        let find = move |fs: &dyn Fs| {
            let mut files = place.find(fs, &identity, &progress, &[])?;
            files.list_copies(fs, &progress, &verified)?;
            let mut doubtful = files.doubtful(&verified);
            // Sealed since, and not named before all of it is verified.
            for unnamed in &progress.unnamed {
                if !verified.unnamed.contains(unnamed) {
                    doubtful.extend(place.sealed(fs, &unnamed.file, &verified)?);
                }
            }
            let ids = files.open.into_iter().map(|open| open.file);
            Ok((ids.collect(), doubtful))
        };
        disk.run(find).await
    }
}
