//! The first start of an archive: where it begins, and the checkpoint that says so before any record is read.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use archiver_format::segment::{Route, SegmentFile};
use archiver_format::state_files::StateDir;

use super::ownership::check_owner;
use super::refusal::not_stored;
use crate::archive::definition::{Archive, Failure};
use crate::config::{self, Checked, Existing, Start};
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::manifest::Manifest;
use crate::ledger::{Checkpointed, SegmentHandle, Store, Written};
use crate::segment::open_segment::OpenSegment;
use crate::segment::opening::kind;
use crate::segment::segment_index::SegmentIndex;
use crate::segment::writer::{Reached, Sealed, Writer};
use crate::source::cluster::Topic;
use crate::world::clock::Clock;
use crate::world::disk::Disk;
use crate::world::fs::{self, File, Fs};

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
        let files = FirstFiles {
            config: self.config.clone(),
            clock: Arc::clone(&self.environment.clock),
            dir: store.dir().clone(),
            from,
        };
        let created = disk.run(move |fs| files.create(fs)).await;
        let (written, changed) = created.map_err(|e| self.refused(e, None))?;
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
        if let Some(window) = &self.window {
            return Ok((window.from.clone(), 0));
        }
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

/// What an archive that begins needs for its files.
struct FirstFiles {
    config: Checked<config::Archive>,
    clock: Arc<dyn Clock>,
    dir: StateDir,
    from: Positions,
}

/// What is in new files, and the directories whose names have changed.
type Created = (Written, Vec<Arc<dyn File>>);

impl FirstFiles {
    /// Creates the archive's file, or takes the one that is there; of more than one segment only the directory. May
    /// block.
    fn create(self, fs: &dyn Fs) -> Result<Created, Refused> {
        if self.config.template.is_fixed() {
            return self.create_only(fs);
        }
        // Segments are created with their first records.
        let path = self.config.template.fixed_directory();
        let changed = fs::create_dirs(fs, fs::directory(&path));
        let changed = changed.map_err(|source| Refused::Io { path, source })?;
        Ok((self.written(Vec::new()), changed))
    }

    fn create_only(self, fs: &dyn Fs) -> Result<Created, Refused> {
        let path = self.config.file.clone();
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
                check_owner(fs, &found, &self.config.state)?;
                // The file may have appeared since it was checked.
                if self.config.existing == Existing::Refuse && found.mark().length > 0 {
                    return Err(Refused::Io { path, source: e });
                }
                found
            }
            other => other?,
        };
        let id = data.handle().stat().map_err(io)?.id();
        let (sequence, name) = (0, None);
        let file = SegmentFile { sequence, name, id };
        let (kind, now) = (kind(&self.config), self.clock.now_ms());
        let mut only = OpenSegment::begin(data, file, false, kind, Route::default(), now);
        if self.config.index {
            only.set_index(SegmentIndex::begin(fs, &self.dir, sequence, &mut changed)?);
        }
        Ok((self.written(vec![only]), changed))
    }

    /// The progress of an archive that has these segments and has read nothing.
    fn written(self, open: Vec<OpenSegment>) -> Written {
        let manifest = Manifest::none(&self.dir, &self.config.name);
        let reached = Reached {
            positions: self.from,
            next_sequence: open.len() as u64,
            ..Reached::default()
        };
        let (config, clock, sealed) = (self.config, self.clock, Sealed::default());
        Writer::new(config, clock, manifest, open, sealed, reached).written()
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
