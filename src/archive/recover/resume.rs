//! Taking an archive up at its checkpoint: the files are opened and cut back, and each partition goes on.
//!
//! The order: both files fit the checkpoint → quarantine, if the topic was created again → cut → list the old topic's
//! end → sync. A power cut between any two leaves the same to be done.

use std::sync::Arc;

use archiver_format::checkpoint::{Identity, Segment};
use archiver_format::gap::{Gap, GapReason};
use archiver_format::position::{Position, Positions};
use archiver_format::record::Partition;

use super::opened::Opened;
use crate::archive::definition::{Archive, Failure};
use crate::archive::disks::Disks;
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::gap_log::GapLog;
use crate::ledger::{Checkpointed, Durable, Store};
use crate::observe::reason::Reason;
use crate::segment::pipeline::{Compressor, Pipeline};
use crate::segment::writer::Writer;
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::{File, Fs};

impl Archive {
    /// Opens the files as the checkpoint has them, and works out where each partition goes on. `locked` is the data
    /// file, if it is open already.
    pub(super) async fn take_up(
        &self,
        disks: Disks,
        store: Store,
        identity: Identity,
        topic: Topic,
        checkpointed: Checkpointed,
        locked: Option<Arc<dyn File>>,
    ) -> Result<Opened, Failure> {
        let stored = checkpointed.checkpoint();
        let positions = &stored.progress.positions;
        let known = Topic {
            id: stored.identity.topic_id.clone(),
            partitions: positions.partitions().last().map_or(0, |last| last + 1),
            cluster_id: None,
        };
        if topic.is_behind(&known) {
            let topic = self.config.topic.clone();
            return Err(Failure::retry(Reason::PartitionsUnknown { topic }));
        }
        let recreated = match (&stored.identity.topic_id, &identity.topic_id) {
            (Some(before), Some(now)) => before != now,
            // Without ids only a topic that lost partitions gives itself away.
            _ => positions
                .partitions()
                .any(|partition| partition >= topic.partitions),
        };
        // A partition that the checkpoint doesn't know is new, and read from its beginning.
        let from = (0..topic.partitions)
            .map(|partition| match positions.get(partition) {
                Some(at) if !recreated => (partition, at),
                _ => (partition, Position::default()),
            })
            .collect::<Positions>();
        let now = recreated.then_some(&identity);
        let files = self.open_files(
            &disks.data,
            &store,
            &checkpointed,
            from.clone(),
            now,
            locked,
        );
        let (writer, durable) = files.await?;
        // An empty file is known only by its id, and a topic by its id or its partitions. Where one of them is new,
        // that is stored before anything is written.
        let opened = self.segment(durable.progress())?;
        let is_other_empty =
            opened.mark.length == 0 && opened.id != self.segment(&stored.progress)?.id;
        let has_other_id = topic.id.is_some() && topic.id != stored.identity.topic_id;
        let checkpointed = match is_other_empty || has_other_id || recreated {
            true => {
                let stored = store.save(identity.clone(), durable, None).await;
                stored.map_err(|e| self.not_stored(e))?
            }
            false => checkpointed,
        };
        let compressor = Compressor::new(self.config.compression, &self.environment.cores);
        let compressor = compressor.map_err(|e| self.lacks_threads(e))?;
        let pipeline = Pipeline::new(disks.data.clone(), compressor, writer);
        Ok(Opened {
            disks,
            store,
            identity,
            topic,
            pipeline,
            from,
            checkpointed,
        })
    }

    /// Opens the files and cuts them back. If the topic was created again, the bytes to be cut off are quarantined
    /// first, and the old topic's end is in the list of gaps before there is a writer at the new one's start.
    async fn open_files(
        &self,
        disk: &Disk,
        store: &Store,
        checkpointed: &Checkpointed,
        from: Positions,
        recreated: Option<&Identity>,
        locked: Option<Arc<dyn File>>,
    ) -> Result<(Writer, Durable), Failure> {
        let progress = checkpointed.checkpoint().progress.clone();
        let Segment { id, mark } = self.segment(&progress)?.clone();
        let from_byte = mark.length;
        let (path, gaps) = (self.config.file.clone(), store.dir().gaps());
        let (name, records) = (self.config.name.clone(), progress.records);
        let resume = move |fs: &dyn Fs| {
            let data = AppendFile::resume(fs, &path, &mark, id, locked)?;
            Ok((data, GapLog::resume(fs, &gaps, &progress.gaps)?))
        };
        let resumed = disk.run(resume).await;
        let (data, mut gaps) = resumed.map_err(|e| self.refused(e, Some(checkpointed)))?;
        // Both fit the checkpoint: from here on they may be changed.
        let mut unlisted = Vec::new();
        if let Some(now) = recreated {
            self.quarantine(disk, store, checkpointed, data.handle(), from_byte)
                .await?;
            unlisted = self.recreated_gaps(checkpointed, now);
        }
        let open = move |fs: &dyn Fs| {
            let path = data.path().to_path_buf();
            let cut = data.cut()?;
            if cut > 0 {
                tracing::info!(
                    "archive {name}: cut {cut} bytes off {}, which its checkpoint doesn't count",
                    path.display()
                );
            }
            gaps.cut()?;
            if !unlisted.is_empty() {
                gaps.append(fs, &unlisted)?;
            }
            Writer::new(data, gaps, from, records).map_err(|source| Refused::Io { path, source })
        };
        let opened = disk.run(open).await;
        let writer = opened.map_err(|e| self.refused(e, Some(checkpointed)))?;
        // Unless it is synced, a cut of now or of an earlier attempt could be undone by a power cut.
        let synced = writer.written().sync(disk).await;
        match synced {
            Ok(durable) => Ok((writer, durable)),
            Err(e) => Err(self.refused(e, Some(checkpointed))),
        }
    }

    /// The gaps of a topic that is gone: one for each partition, from its position on, with an end that nobody knows.
    fn recreated_gaps(&self, checkpointed: &Checkpointed, now: &Identity) -> Vec<Gap> {
        let stored = checkpointed.checkpoint();
        let id = |identity: &Identity| identity.topic_id.clone().unwrap_or("unknown".into());
        let explanation = format!(
            "topic {} was deleted and created again (id {} became {}); what the old one held from here on is gone",
            self.config.topic,
            id(&stored.identity),
            id(now),
        );
        tracing::warn!(
            "archive {}: {explanation}; going on at the new one's start; listed in {}",
            self.config.name,
            self.config.state.join("gaps.ndjson").display(),
        );
        let gap = |(partition, at): (Partition, Position)| Gap {
            noticed: self.environment.clock.now(),
            topic_id: stored.identity.topic_id.clone(),
            partition,
            from: at.next,
            to: None,
            reason: GapReason::Recreated,
            explanation: explanation.clone(),
        };
        stored.progress.positions.iter().map(gap).collect()
    }
}
