//! Progress on its way to a checkpoint: first [`Written`] in the files, then [`Durable`] on the disk.

use std::path::PathBuf;
use std::sync::Arc;

use archiver_format::checkpoint::Progress;

use super::append_file::{Refused, check_path};
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
    others: Vec<Arc<dyn File>>,
}

/// Progress that is on the disk; only [`Written::sync`] makes it, and only it can become a checkpoint.
#[must_use]
#[derive(Debug)]
pub struct Durable(Progress);

impl Written {
    /// Progress that is in these open segments, which are those that it names in their order, and in these other files:
    /// sealed segments, indexes, the manifest.
    pub fn new(
        progress: Progress,
        segments: Vec<SegmentHandle>,
        others: Vec<Arc<dyn File>>,
    ) -> Self {
        Self {
            progress,
            segments,
            others,
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
            others,
        } = self;
        let files = segments.iter().map(|segment| Arc::clone(&segment.file));
        let synced = disk.sync(files.chain(others)).await;
        synced.map_err(|source| Refused::Io {
            path: segments
                .first()
                .map_or_else(PathBuf::new, |s| s.path.clone()),
            source,
        })?;
        let lengths = progress.segments.iter();
        let lengths = lengths
            .map(|segment| segment.mark.length)
            .collect::<Vec<_>>();
        disk.run(move |fs| {
            let mut segments = segments.iter().zip(lengths);
            segments.try_for_each(|(s, length)| check_path(fs, &s.path, &s.file, length))
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
