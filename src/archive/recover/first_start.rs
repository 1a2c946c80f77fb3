//! The first start of an archive: where it begins, and the checkpoint that says so before any record is read.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use archiver_format::segment::{Route, SegmentFile};

use super::ownership::check_owner;
use super::refusal::not_stored;
use crate::archive::definition::{Archive, Failure};
use crate::config::{Existing, Start};
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::manifest::Manifest;
use crate::ledger::{Checkpointed, SegmentHandle, Store};
use crate::segment::open_segment::OpenSegment;
use crate::segment::opening::kind;
use crate::segment::segment_index::SegmentIndex;
use crate::segment::writer::{Reached, Writer};
use crate::source::cluster::Topic;
use crate::world::disk::Disk;
use crate::world::fs::{self, Fs};

impl Archive {
    /// Resolves where to begin, creates the file, and stores both in the first checkpoint, before any record. Returns
    /// the data file too, locked.
    pub(super) async fn begin(
        &self,
        disk: &Disk,
        store: &Store,
        identity: &Identity,
        topic: Option<&Topic>,
    ) -> Result<(Checkpointed, Vec<SegmentHandle>), Failure> {
        let (from, behind) = match topic {
            Some(topic) => self.first_offsets(topic).await?,
            None => (Positions::default(), 0),
        };
        let (config, clock) = (self.config.clone(), Arc::clone(&self.environment.clock));
        let manifest = Manifest::none(store.dir(), &config.name);
        let dir = store.dir().clone();
        let create = move |fs: &dyn Fs| {
            let path = config.file.clone();
            let reached = |next_sequence| Reached {
                positions: from,
                next_sequence,
                ..Reached::default()
            };
            // Segments are created with their first records.
            if !config.template.is_fixed() {
                let dir = config.template.fixed_directory();
                let changed = fs::create_dirs(fs, fs::directory(&dir));
                let changed = changed.map_err(|source| Refused::Io { path: dir, source })?;
                let (open, unnamed) = (Vec::new(), Vec::new());
                let writer = Writer::new(config, clock, manifest, open, unnamed, reached(0));
                return Ok((writer.written(), changed));
            }
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
                    check_owner(fs, &found, &config.state)?;
                    // The file may have appeared since it was checked.
                    if config.existing == Existing::Refuse && found.mark().length > 0 {
                        return Err(Refused::Io { path, source: e });
                    }
                    found
                }
                other => other?,
            };
            let id = data.handle().stat().map_err(io)?.id();
            let (sequence, name) = (0, None);
            let file = SegmentFile { sequence, name, id };
            let (kind, now) = (kind(&config), clock.now_ms());
            let mut only = OpenSegment::begin(data, file, false, kind, Route::default(), now);
            if config.index {
                only.set_index(SegmentIndex::begin(fs, &dir, sequence, &mut changed)?);
            }
            let open = vec![only];
            let writer = Writer::new(config, clock, manifest, open, Vec::new(), reached(1));
            Ok((writer.written(), changed))
        };
        let (written, changed) = disk.run(create).await.map_err(|e| self.refused(e, None))?;
        // The file stays locked until its writer has it.
        let locked = written.segments().to_vec();
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
        // Logged only now that it is certain: every record that comes from now on is archived, even after a crash.
        if behind > 0 {
            tracing::info!(
                "archive {}: starting at the end of topic {}, leaving up to {behind} records behind; to have them, \
                 add an archive of another name and file with start = \"earliest\"",
                self.config.name,
                self.config.topic,
            );
        }
        Ok((stored, locked))
    }

    /// Where a first start begins, and how many records that leaves behind at most.
    async fn first_offsets(&self, topic: &Topic) -> Result<(Positions, i64), Failure> {
        let offsets = self.offsets(topic).await?;
        Ok(match self.config.start {
            Start::Latest if !topic.is_another(self.config.start_of.as_ref()) => {
                let behind = offsets.values().map(|log| log.end.since(log.start)).sum();
                let ends = offsets.iter().map(|(&p, log)| (p, log.end.into()));
                (ends.collect(), behind)
            }
            Start::Latest | Start::Earliest => {
                let starts = offsets.iter().map(|(&p, log)| (p, log.start.into()));
                (starts.collect(), 0)
            }
        })
    }

    async fn offsets(
        &self,
        topic: &Topic,
    ) -> Result<BTreeMap<Partition, Range<NextOffset>>, Failure> {
        let all = (0..topic.partitions).collect();
        let offsets = self.cluster.offsets(&self.config.topic, all).await;
        offsets.map_err(|e| self.kafka("asking for the offsets of", &e))
    }
}

/// A name that is taken, and leads to no file, is a symbolic link to nothing.
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
