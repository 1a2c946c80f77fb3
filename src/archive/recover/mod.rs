//! Finding out where to go on: the lock, the checkpoint, the file, the topic.
//!
//! Nothing is guessed here. Whatever doesn't fit the checkpoint stops the archive, with what was expected, what
//! was found, and what can be done.

mod ownership;
mod quarantine;
mod unverified;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use archiver_format::checkpoint::{Identity, Progress, Segment};
use archiver_format::gap::{Gap, GapReason};
use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};

use crate::archive::archive::{Archive, Stop};
use crate::archive::disks::Disks;
use crate::cluster::{KafkaError, Topic, Trouble};
use crate::config::{Existing, Start};
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::gap_log::GapLog;
use crate::ledger::lock::{Lock, LockError, lock};
use crate::ledger::{Checkpointed, Durable, LoadError, Store};
use crate::reason::Reason;
use crate::segment::pipeline::{Compressor, Pipeline};
use crate::segment::writer::Writer;
use crate::world::disk::Disk;
use crate::world::fs::{self, File, Fs, NotOwn};
use ownership::check_owner;

/// Everything that reading needs, as it was left.
pub(in crate::archive) struct Opened {
    pub disks: Disks,
    pub store: Store,
    pub identity: Identity,
    pub topic: Topic,
    pub pipeline: Pipeline,
    /// Where to start each partition of the topic.
    pub from: Positions,
    /// What the checkpoint says, for telling a shorter log from a topic that was created again.
    pub checkpointed: Checkpointed,
}

/// What this process has of an archive, over all attempts.
pub(in crate::archive) struct Owned {
    _lock: Lock,
    /// There was a checkpoint: another first start would take the place of what is in the file.
    has_begun: bool,
}

impl Archive {
    pub(in crate::archive) async fn open(
        &self,
        disks: Disks,
        owned: &mut Option<Owned>,
    ) -> Result<Opened, Stop> {
        let store = Store::new(disks.state.clone(), &self.config.state);
        let owned = match owned {
            Some(owned) => owned,
            None => owned.insert(Owned {
                _lock: self.lock(&disks.state, &store).await?,
                has_begun: false,
            }),
        };
        let checkpoint = match store.load().await {
            Ok(checkpoint) => checkpoint,
            Err(e @ LoadError::Io { .. }) => return Err(Stop::Retry(e.into())),
            Err(e) => return Err(Stop::Never(e.into())),
        };
        match &checkpoint {
            Some(checkpoint) => {
                owned.has_begun = true;
                self.check_identity(&disks.data, checkpoint).await?;
            }
            None if owned.has_begun => {
                return Err(Stop::Never(Reason::CheckpointGone {
                    state: self.config.state.clone(),
                    file: self.config.file.clone(),
                }));
            }
            None => {
                self.check_new_file(&disks.data, store.dir().gaps()).await?;
            }
        }
        let reading = "asking for";
        let cluster_id = self.cluster.id().await;
        let cluster_id = cluster_id.map_err(|e| self.kafka("reaching the cluster for", &e))?;
        // One that another cluster doesn't have is not missing.
        self.check_cluster(checkpoint.as_ref(), cluster_id.as_ref())?;
        let topic = match self.cluster.describe(&self.config.topic).await {
            Ok(topic) => Some(topic),
            Err(e) if e.kind == Trouble::Missing && checkpoint.is_none() => None,
            Err(e) => return Err(self.kafka(reading, &e)),
        };
        let said = topic.as_ref().and_then(|topic| topic.cluster_id.clone());
        let cluster_id = said.or(cluster_id);
        self.check_cluster(checkpoint.as_ref(), cluster_id.as_ref())?;
        let identity = Identity {
            archive: self.config.name.clone(),
            file: self.file().display().to_string(),
            compression: self.config.compression.algorithm(),
            topic: self.config.topic.clone(),
            topic_id: topic.as_ref().and_then(|topic| topic.id.clone()),
            cluster_id,
        };
        let (checkpointed, held) = match checkpoint {
            Some(checkpoint) => {
                let topic = topic.as_ref();
                self.verify(&disks.data, &store, checkpoint, topic).await?
            }
            None => {
                let begun = self
                    .begin(&disks.data, &store, &identity, topic.as_ref())
                    .await?;
                owned.has_begun = true;
                begun
            }
        };
        // Its first checkpoint is stored now: when the topic is created, all of it is new.
        let topic = topic.ok_or_else(|| {
            let (kind, text) = (Trouble::Missing, String::new());
            self.kafka(reading, &KafkaError { kind, text })
        })?;
        self.take_up(disks, store, identity, topic, checkpointed, held)
            .await
    }

    async fn lock(&self, disk: &Disk, store: &Store) -> Result<Lock, Stop> {
        store.create_dir().await.map_err(|e| {
            let state = self.config.state.clone();
            match NotOwn::of(&e) {
                Some(found) => Stop::Never(Reason::StateNotOwn { state, found }),
                None => {
                    let doing = format!("creating the state directory {}", state.display());
                    Stop::Retry(Reason::Disk { doing, source: e })
                }
            }
        })?;
        let (path, file) = (store.dir().lock(), self.config.file.clone());
        let locked = disk.run(move |fs| lock(fs, &path, &file)).await;
        locked.map_err(stop_for_lock)
    }

    /// The first start: resolves where to begin, creates the file, and stores that before any record.
    async fn begin(
        &self,
        disk: &Disk,
        store: &Store,
        identity: &Identity,
        topic: Option<&Topic>,
    ) -> Result<(Checkpointed, Option<Arc<dyn File>>), Stop> {
        let (from, behind) = match topic {
            Some(topic) => self.first_offsets(topic).await?,
            None => (Positions::default(), 0),
        };
        let (path, state) = (self.config.file.clone(), store.dir().gaps());
        let dir = self.config.state.clone();
        let existing = self.config.existing;
        let create = move |fs: &dyn Fs| {
            let io = |source| Refused::Io {
                path: path.clone(),
                source,
            };
            let above = fs::parent(&path);
            let mut changed = fs::create_dirs(fs, above).map_err(io)?;
            changed.push(fs.open_dir(above).map_err(io)?);
            let data = match AppendFile::create(fs, &path) {
                Err(Refused::Io { source: e, .. }) if e.kind() == io::ErrorKind::AlreadyExists => {
                    let found = AppendFile::adopt(fs, &path).map_err(if_dangling)?;
                    check_owner(fs, &found, &dir)?;
                    // It may have come since it was checked.
                    if existing == Existing::Refuse && found.mark().length > 0 {
                        return Err(Refused::Io { path, source: e });
                    }
                    found
                }
                other => other?,
            };
            let writer = Writer::new(data, GapLog::none(&state), from, 0).map_err(io)?;
            Ok((writer.written(), changed))
        };
        let (written, changed) = disk.run(create).await.map_err(|e| self.refused(e, None))?;
        // Locked from here on until it is read into.
        let held = written.segments().iter();
        let held = held.map(|segment| Arc::clone(&segment.file)).next();
        let file = self.file().display();
        let storing =
            |source| not_stored(format!("storing the first checkpoint for {file}"), source);
        disk.sync(changed).await.map_err(storing)?;
        let durable = written
            .sync(disk)
            .await
            .map_err(|e| self.refused(e, None))?;
        let stored = store
            .save(identity.clone(), durable, None)
            .await
            .map_err(storing)?;
        // Said when it holds: whatever comes now will be archived, also after a crash.
        if behind > 0 {
            tracing::info!(
                "archive {}: starting at the end of topic {}, leaving up to {behind} records behind; to have them, \
                 add an archive of another name and file with start = \"earliest\"",
                self.config.name,
                self.config.topic,
            );
        }
        Ok((stored, held))
    }

    pub(in crate::archive) fn not_stored(&self, source: io::Error) -> Stop {
        let file = self.file().display();
        not_stored(format!("storing the checkpoint for {file}"), source)
    }

    /// Where a first start begins, and how many records that leaves behind at most.
    async fn first_offsets(&self, topic: &Topic) -> Result<(Positions, i64), Stop> {
        let offsets = self.offsets(topic).await?;
        Ok(match self.config.start {
            Start::Latest => {
                let behind = offsets
                    .values()
                    .map(|held| held.end.since(held.start))
                    .sum();
                let ends = offsets.iter().map(|(&p, held)| (p, held.end.into()));
                (ends.collect(), behind)
            }
            Start::Earliest => {
                let starts = offsets.iter().map(|(&p, held)| (p, held.start.into()));
                (starts.collect(), 0)
            }
        })
    }

    async fn offsets(&self, topic: &Topic) -> Result<BTreeMap<Partition, Range<NextOffset>>, Stop> {
        let all = (0..topic.partitions).collect();
        let offsets = self.cluster.offsets(&self.config.topic, all).await;
        offsets.map_err(|e| self.kafka("asking for the offsets of", &e))
    }

    /// Opens the files as the checkpoint has them, and works out where each partition goes on.
    async fn take_up(
        &self,
        disks: Disks,
        store: Store,
        identity: Identity,
        topic: Topic,
        checkpointed: Checkpointed,
        held: Option<Arc<dyn File>>,
    ) -> Result<Opened, Stop> {
        let stored = checkpointed.checkpoint();
        let positions = &stored.progress.positions;
        let known = Topic {
            id: stored.identity.topic_id.clone(),
            partitions: positions.partitions().last().map_or(0, |last| last + 1),
            cluster_id: None,
        };
        if topic.is_behind(&known) {
            let topic = self.config.topic.clone();
            return Err(Stop::Retry(Reason::PartitionsUnknown { topic }));
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
        let files = self.open_files(&disks.data, &store, &checkpointed, from.clone(), now, held);
        let (writer, durable) = files.await?;
        // An empty file is known again only by which one it is, and a topic by its id or its partitions: before anything
        // is written to another one, that is stored.
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
        let compressor = Compressor::new(self.config.compression, &self.world.cores);
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

    /// If the topic was created again, what is cut off is kept first, and its end is in the list of gaps before there
    /// is a writer at the positions behind it.
    async fn open_files(
        &self,
        disk: &Disk,
        store: &Store,
        checkpointed: &Checkpointed,
        from: Positions,
        recreated: Option<&Identity>,
        held: Option<Arc<dyn File>>,
    ) -> Result<(Writer, Durable), Stop> {
        let progress = checkpointed.checkpoint().progress.clone();
        let Segment { id, mark } = self.segment(&progress)?.clone();
        let from_byte = mark.length;
        let (path, gaps) = (self.config.file.clone(), store.dir().gaps());
        let (name, records) = (self.config.name.clone(), progress.records);
        let resume = move |fs: &dyn Fs| {
            let data = AppendFile::resume(fs, &path, &mark, id, held)?;
            Ok((data, GapLog::resume(fs, &gaps, &progress.gaps)?))
        };
        let resumed = disk.run(resume).await;
        let (data, mut gaps) = resumed.map_err(|e| self.refused(e, Some(checkpointed)))?;
        // Both are what the checkpoint says: from here on they may be changed.
        let mut unlisted = Vec::new();
        if let Some(now) = recreated {
            self.keep(disk, store, checkpointed, data.handle(), from_byte)
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
        // What was cut off, now or by an attempt before, would come back with a power cut.
        let synced = writer.written().sync(disk).await;
        match synced {
            Ok(durable) => Ok((writer, durable)),
            Err(e) => Err(self.refused(e, Some(checkpointed))),
        }
    }

    /// The file that the archive has been writing.
    pub(in crate::archive) fn segment<'p>(
        &self,
        progress: &'p Progress,
    ) -> Result<&'p Segment, Stop> {
        progress.segment().map_err(|source| {
            let state = self.config.state.clone();
            Stop::Never(Reason::Segments { state, source })
        })
    }

    /// What a file that can't be used means for the archive.
    pub(in crate::archive) fn refused(
        &self,
        e: Refused,
        checkpointed: Option<&Checkpointed>,
    ) -> Stop {
        match e {
            Refused::Io { .. } => Stop::Retry(Reason::Opening(e)),
            Refused::Locked(e) => stop_for_lock(e),
            Refused::Owned { .. } => Stop::Never(Reason::Owned(e)),
            Refused::Foreign { .. } => {
                let file = self.file().display().to_string();
                let written_to = checkpointed.map(|stored| &stored.checkpoint().identity.file);
                Stop::Never(Reason::Foreign {
                    refused: e,
                    moved: written_to
                        .filter(|&written_to| *written_to != file)
                        .cloned(),
                    state: self.config.state.clone(),
                })
            }
        }
    }

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
            noticed: self.world.clock.now(),
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

/// What is there can't be created, as its name is taken, and yet is not there.
fn if_dangling(refused: Refused) -> Refused {
    match refused {
        Refused::Io { path, source } if source.kind() == io::ErrorKind::NotFound => Refused::Io {
            path,
            source: io::Error::other(
                "it is a symbolic link to a file that doesn't exist; create that file, empty, or remove the link",
            ),
        },
        other => other,
    }
}

fn not_stored(doing: String, source: io::Error) -> Stop {
    Stop::Retry(Reason::Disk { doing, source })
}

fn stop_for_lock(e: LockError) -> Stop {
    match e {
        LockError::Taken { .. } | LockError::TakenUnseen { .. } | LockError::NotOwn { .. } => {
            Stop::Never(e.into())
        }
        LockError::Closing { .. } | LockError::Io { .. } => Stop::Retry(e.into()),
    }
}
