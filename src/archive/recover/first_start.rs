//! The first start of an archive: where it begins, and the checkpoint that says so before any record is read.

use std::io;
use std::sync::Arc;

use archiver_format::checkpoint::Identity;
use archiver_format::position::Positions;
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
use crate::source::cluster::{OffsetsAt, Topic};
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
            let at = match self.config.start {
                Start::Latest => "at the end",
                _ => "in the middle",
            };
            tracing::info!(
                "archive {}: starting {at} of topic {}, leaving up to {behind} records behind; to have them, add an \
                 archive of another name and file with start = \"earliest\"",
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
        let start = match topic.is_another(self.config.start_of.as_ref()) {
            true => Start::Earliest,
            false => self.config.start,
        };
        let all = (0..topic.partitions).collect::<Vec<_>>();
        let asking = |e| self.kafka("asking for the offsets of", &e);
        let held = self.cluster.offsets(&self.config.topic, all.clone()).await;
        let held = held.map_err(asking)?;
        // Asked only now: what comes in between is behind the ends that are known, and is read.
        let found = match start {
            Start::Since(moment) => {
                let ms = moment.ms(self.environment.clock.now_ms());
                let found = self.cluster.offsets_at(&self.config.topic, all, ms);
                found.await.map_err(asking)?
            }
            _ => OffsetsAt::new(),
        };
        let (mut positions, mut behind) = (Positions::default(), 0);
        for (&partition, log) in &held {
            let first = match start {
                Start::Earliest => log.start,
                Start::Latest => log.end,
                Start::Last(records) => log.end.back(records),
                Start::Since(_) => found.get(&partition).copied().flatten().unwrap_or(log.end),
            };
            let first = first.clamp(log.start, log.end);
            behind += first.since(log.start);
            positions.set(partition, first.into());
        }
        Ok((positions, behind))
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
