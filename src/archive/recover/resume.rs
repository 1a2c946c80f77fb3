//! Taking an archive up at its checkpoint: the files are opened and cut back, and each partition goes on.
//!
//! The order: all files fit the checkpoint → quarantine, if the topic was created again → cut → list the old topic's
//! end → seal what can't go on → sync. A power cut between any two leaves the same to be done.

use std::sync::Arc;

use archiver_format::checkpoint::{Checkpoint, Identity, List, Progress, Segment};
use archiver_format::gap::{Gap, GapReason};
use archiver_format::manifest::{Entry, SealReason};
use archiver_format::position::{Position, Positions};
use archiver_format::record::Partition;
use archiver_format::template::Template;

use super::files::{Files, Place};
use super::opened::Opened;
use crate::archive::definition::{Archive, Failure};
use crate::archive::disks::Disks;
use crate::ledger::append_file::Refused;
use crate::ledger::{Checkpointed, Durable, SegmentHandle, Store};
use crate::observe::reason::Reason;
use crate::segment::paths;
use crate::segment::pipeline::{Compressor, Pipeline};
use crate::segment::writer::{Reached, Writer};
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::{self, Fs};

impl Archive {
    /// Opens the files as the checkpoint has them, and works out where each partition goes on. Files that
    /// are `locked` are open already.
    pub(super) async fn take_up(
        &self,
        disks: Disks,
        store: Store,
        identity: Identity,
        topic: Topic,
        checkpointed: Checkpointed,
        locked: Vec<SegmentHandle>,
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
        if recreated && self.has_end() {
            return Err(self.window_gone());
        }
        let from = self.goes_on(&topic, positions, recreated);
        let change = match (recreated, is_changed(&stored.identity, &identity)) {
            (_, true) => Some(SealReason::Changed),
            (true, false) => Some(SealReason::Recreated),
            (false, false) => None,
        };
        let files = self.open_files(
            &disks.data,
            &store,
            &checkpointed,
            (from.clone(), change),
            recreated.then_some(&identity),
            locked,
        );
        let (writer, durable) = files.await?;
        // An empty file is known only by its id, and a topic by its id or its partitions. Where one of them is new,
        // that is stored before anything is written; and so is what a change of the configuration has sealed.
        let has_other_id = topic.id.is_some() && topic.id != stored.identity.topic_id;
        let is_newer = matches!(stored.progress.list, List::Gaps(_));
        let is_other = has_other_empty(durable.progress(), &stored.progress) || has_other_id;
        let mut before = stored.progress.segments.iter();
        let drops_indexes = !self.config.index && before.any(|segment| segment.index.is_some());
        let checkpointed = match is_other || is_newer || drops_indexes || change.is_some() {
            true => {
                let stored = store.save(identity.clone(), durable, None).await;
                stored.map_err(|e| self.not_stored(e))?
            }
            false => checkpointed,
        };
        if !self.config.index {
            let removed = self.remove_indexes(&disks.state, &store, &checkpointed);
            removed.await?;
        }
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

    /// Does it take a part of its topic that has an end, and so nothing of another topic of that name?
    pub(super) fn has_end(&self) -> bool {
        let window = self.window.as_ref();
        window.is_some_and(|window| !window.goes_on())
    }

    /// That topic is no longer there.
    pub(super) fn window_gone(&self) -> Failure {
        let topic = self.config.topic.clone();
        Failure::never(Reason::WindowGone { topic })
    }

    /// Where each partition goes on. One that the checkpoint doesn't know is new, and read from its beginning, unless it is
    /// in no window.
    fn goes_on(&self, topic: &Topic, stored: &Positions, recreated: bool) -> Positions {
        let window = self.window.as_ref();
        let takes_new = window.is_none_or(|window| window.goes_on());
        let all = (0..topic.partitions).filter(|of| takes_new || stored.get(*of).is_some());
        let goes_on = all.map(|partition| match stored.get(partition) {
            Some(at) if !recreated => (partition, at),
            _ => (partition, Position::default()),
        });
        goes_on.collect()
    }

    /// Opens the files and cuts them back. If the topic was created again, the bytes to be cut off are quarantined
    /// first, and the old topic's end is in the manifest before there is a writer at the new one's start.
    async fn open_files(
        &self,
        disk: &Disk,
        store: &Store,
        checkpointed: &Checkpointed,
        (from, change): (Positions, Option<SealReason>),
        recreated: Option<&Identity>,
        locked: Vec<SegmentHandle>,
    ) -> Result<(Writer, Durable), Failure> {
        let Checkpoint {
            identity, progress, ..
        } = checkpointed.checkpoint();
        let place = self.place(store);
        let (of, until) = (identity.clone(), progress.clone());
        let find = move |fs: &dyn Fs| place.find(fs, &of, &until, &locked);
        let found = disk.run(find).await;
        let mut files = found.map_err(|e| self.refused(e, Some(checkpointed)))?;
        // All of them fit the checkpoint: from here on they may be changed.
        let mut unlisted = Vec::new();
        if let Some(now) = recreated {
            let doubtful = files.doubtful(progress);
            self.quarantine(disk, store, identity, doubtful).await?;
            unlisted = self.recreated_gaps(checkpointed, now);
            self.status.activity().lost(&unlisted);
        }
        let reached = Reached {
            positions: from,
            records: progress.records,
            sealed_bytes: progress.sealed_bytes,
            next_sequence: progress.next_sequence,
        };
        let (config, clock) = (self.config.clone(), Arc::clone(&self.environment.clock));
        let file = self.file().display().to_string();
        let open = move |fs: &dyn Fs| {
            let cut = files.cut(fs)?;
            if cut > 0 {
                tracing::info!(
                    "archive {}: cut {cut} bytes off {file}, which its checkpoint doesn't count",
                    config.name
                );
            }
            let gaps = unlisted.into_iter().map(Entry::Gap).collect::<Vec<_>>();
            if !gaps.is_empty() {
                files.manifest.append(fs, &gaps)?;
            }
            let Files {
                manifest,
                open,
                sealed,
                ..
            } = files;
            let has_indexes = config.index;
            let mut writer = Writer::new(config, clock, manifest, open, sealed, reached);
            if let Some(reason) = change {
                writer.seal_all(fs, reason)?;
            }
            if !has_indexes {
                writer.drop_indexes();
            }
            Ok(writer)
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

    /// Removes the indexes of open segments that go on without one: they would be taken for theirs, and lack what comes.
    async fn remove_indexes(
        &self,
        disk: &Disk,
        store: &Store,
        checkpointed: &Checkpointed,
    ) -> Result<(), Failure> {
        let open = checkpointed.checkpoint().progress.segments.iter();
        let indexes = open.map(|segment| store.dir().index(segment.file.sequence));
        let indexes = indexes.collect::<Vec<_>>();
        let remove = move |fs: &dyn Fs| {
            for path in &indexes {
                fs::remove_if_there(fs, path).map_err(|source| Refused::Io {
                    path: path.clone(),
                    source,
                })?;
            }
            paths::sync_names(fs, &indexes)
        };
        let removed = disk.run(remove).await;
        removed.map_err(|e| self.refused(e, Some(checkpointed)))
    }

    /// Where its files are looked for.
    pub(super) fn place(&self, store: &Store) -> Place {
        Place {
            config: self.config.clone(),
            dir: store.dir().clone(),
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
            self.config.state.join("manifest.ndjson").display(),
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

/// Would lines go on otherwise than they were written so far?
fn is_changed(before: &Identity, now: &Identity) -> bool {
    let has_segments = |identity: &Identity| {
        let template = Template::parse(&identity.file);
        template.is_ok_and(|template| !template.is_fixed())
    };
    let is_other_file = before.file != now.file && (has_segments(before) || has_segments(now));
    is_other_file || before.compression != now.compression || before.format != now.format
}

/// Is a segment empty and another file than the one that was stored?
fn has_other_empty(now: &Progress, stored: &Progress) -> bool {
    let is_same = |segment: &Segment| {
        let mut stored = stored.segments.iter();
        stored.any(|stored| stored.file == segment.file)
    };
    let mut empty = now.segments.iter().filter(|s| s.mark.length == 0);
    empty.any(|segment| !is_same(segment))
}
