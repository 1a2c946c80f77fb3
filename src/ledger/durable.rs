//! Progress on its way to a checkpoint: first [`Written`] in the files, then [`Durable`] on the disk.

use std::path::PathBuf;
use std::sync::Arc;

use archiver_format::checkpoint::Progress;

use super::append_file::{Refused, check_length, check_path};
use super::syncs::Syncs;
use crate::world::disk::Disk;
use crate::world::fs::File;

/// An open segment's file.
#[derive(Clone)]
pub struct SegmentHandle {
    /// Its path.
    pub path: PathBuf,
    /// The file, locked.
    pub file: Arc<dyn File>,
}

/// Progress that is in the files but may not be on the disk.
#[must_use]
pub struct Written {
    progress: Progress,
    segments: Vec<SegmentHandle>,
    sealed: Vec<SealedHandle>,
    others: Vec<Arc<dyn File>>,
    /// Of the manifest, which is among the others.
    syncs: Syncs,
}

/// The file of a segment that is sealed, and may have its final name or not.
#[derive(Clone)]
pub struct SealedHandle {
    /// The path that it had while it grew.
    pub path: PathBuf,
    /// The file, locked.
    pub file: Arc<dyn File>,
    /// Its length in bytes, which never changes.
    pub length: u64,
}

/// Progress that is on the disk; only [`Written::sync`] makes it, and only it can become a checkpoint.
#[must_use]
#[derive(Debug)]
pub struct Durable(Progress);

impl SealedHandle {
    /// Checks that nobody else has changed its length.
    fn check(&self) -> Result<(), Refused> {
        check_length(&self.path, &self.file, self.length)
    }
}

impl Written {
    /// Progress that is in these open segments, which are those that it names in their order, in these that are sealed, and
    /// in these other files: indexes, the manifest.
    pub fn new(
        progress: Progress,
        segments: Vec<SegmentHandle>,
        sealed: Vec<SealedHandle>,
        others: Vec<Arc<dyn File>>,
        syncs: Syncs,
    ) -> Self {
        Self {
            progress,
            segments,
            sealed,
            others,
            syncs,
        }
    }

    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The open segments, locked.
    pub fn segments(&self) -> &[SegmentHandle] {
        &self.segments
    }

    /// Makes it durable, if each file is still where it should be. After an error nothing since the last checkpoint may
    /// be trusted.
    pub async fn sync(self, disk: &Disk) -> Result<Durable, Refused> {
        let Self {
            progress,
            segments,
            sealed,
            others,
            syncs,
        } = self;
        let files = segments.iter().map(|segment| &segment.file);
        let files = files.chain(sealed.iter().map(|sealed| &sealed.file));
        let files = files.cloned().collect::<Vec<_>>();
        let synced = disk.sync(files.into_iter().chain(others)).await;
        let path = segments.first();
        let path = path.map_or_else(PathBuf::new, |s| s.path.clone());
        let io = move |source| Refused::Io { path, source };
        synced.map_err(io.clone())?;
        let lengths = progress.segments.iter();
        let lengths = lengths
            .map(|segment| segment.mark.length)
            .collect::<Vec<_>>();
        disk.run(move |fs| {
            syncs.check().map_err(io)?;
            let mut segments = segments.iter().zip(lengths);
            segments.try_for_each(|(s, length)| check_path(fs, &s.path, &s.file, length))?;
            sealed.iter().try_for_each(SealedHandle::check)
        })
        .await?;
        Ok(Durable(progress))
    }
}

impl Durable {
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.0
    }

    /// How far it is, to be stored.
    pub(super) fn into_progress(self) -> Progress {
        self.0
    }
}
