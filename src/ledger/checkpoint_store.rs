//! The store: an archive's state directory, and the checkpoint in it, which is always replaced as a whole and durably.

use std::io;
use std::path::{Path, PathBuf};

use archiver_format::checkpoint::{
    Checkpoint, Format, Identity, Progress, Unusable, decode, encode,
};
use archiver_format::segment::SegmentFile;
use archiver_format::state_files::{STATE_DIRECTORY, StateDir};

use super::durable::Durable;
use super::remedy::{PAGE, REMEDY};
use crate::world::disk::Disk;
use crate::world::fs::{Fs, NotOwn, create_dirs};

/// An archive's state directory, and the disk that it is on.
#[derive(Clone)]
pub struct Store {
    disk: Disk,
    dir: StateDir,
}

/// A checkpoint that is stored durably, so that its positions may be committed to Kafka.
#[derive(Debug, Clone)]
pub struct Checkpointed(Checkpoint);

impl Checkpointed {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.0
    }

    /// Has no broker confirmed so far that all of it was read from the topic that it names?
    pub fn is_unverified(&self) -> bool {
        self.0.verified.is_some()
    }
}

/// Why a checkpoint can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read.
    #[error("reading the checkpoint {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Its bytes are not those that were stored.
    #[error(
        "the checkpoint {} is damaged ({what}); {REMEDY}; see {PAGE}",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },
    /// A newer program wrote it.
    #[error(
        "the checkpoint {} has format {found}, this archiver knows up to {newest}; use the newer archiver that wrote it; see {PAGE}",
        path.display(), newest = Format::NEWEST.number()
    )]
    Newer { path: PathBuf, found: u32 },
}

impl Store {
    /// The store in this directory, which need not exist yet.
    pub fn new(disk: Disk, dir: &Path) -> Self {
        Self {
            disk,
            dir: StateDir::new(dir),
        }
    }

    /// The directory, and where its files are.
    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Creates the directory, durably. A symbolic link in its place is [`NotOwn`].
    pub async fn create_dir(&self) -> io::Result<()> {
        create_state_dir(&self.disk, self.dir.path()).await
    }

    /// The stored checkpoint, if there is one. The process that stored it may have ended before its name was durable,
    /// so the directory is synced here: no power cut undoes a checkpoint that was returned.
    pub async fn load(&self) -> Result<Option<Checkpointed>, LoadError> {
        let path = self.dir.checkpoint();
        let loaded = self.disk.run(move |fs| load(fs, path)).await?;
        if loaded.is_some() {
            let synced = self
                .disk
                .sync_dirs(vec![self.dir.path().to_path_buf()])
                .await;
            synced.map_err(|source| LoadError::Io {
                path: self.dir.path().to_path_buf(),
                source,
            })?;
        }
        Ok(loaded)
    }

    /// Stores progress that is durable. If no broker can say now whether the topic is still the one that `identity`
    /// names, `verified` is the last progress that one has confirmed.
    pub async fn save(
        &self,
        identity: Identity,
        durable: Durable,
        verified: Option<Progress>,
    ) -> io::Result<Checkpointed> {
        let progress = durable.into_progress();
        self.write(Checkpoint {
            identity,
            progress,
            verified,
        })
        .await
    }

    /// Stores an unverified checkpoint again, now that all of it is verified.
    pub async fn save_verified(&self, unverified: Checkpointed) -> io::Result<Checkpointed> {
        let verified = None;
        self.write(Checkpoint {
            verified,
            ..unverified.0
        })
        .await
    }

    /// Stores an unverified checkpoint again, with only its verified part. `found` are the files of its segments,
    /// which may be copies of those that were written.
    pub async fn save_only_verified(
        &self,
        unverified: Checkpointed,
        found: &[SegmentFile],
    ) -> io::Result<Checkpointed> {
        let Checkpoint {
            identity,
            progress,
            verified,
        } = unverified.0;
        let mut progress = verified.unwrap_or(progress);
        for segment in &mut progress.segments {
            let mut found = found.iter();
            if let Some(found) = found.find(|found| found.sequence == segment.file.sequence) {
                segment.file.id = found.id;
            }
        }
        self.write(Checkpoint {
            identity,
            progress,
            verified: None,
        })
        .await
    }

    async fn write(&self, checkpoint: Checkpoint) -> io::Result<Checkpointed> {
        let bytes = encode(&checkpoint)?;
        let path = self.dir.checkpoint();
        self.disk
            .replace(&path, move |file| file.append(&bytes))
            .await?;
        Ok(Checkpointed(checkpoint))
    }
}

/// The checkpoint in another state directory, if there is one that is whole.
pub fn owner(fs: &dyn Fs, dir: &Path) -> io::Result<Option<Checkpoint>> {
    match load(fs, StateDir::new(dir).checkpoint()) {
        Ok(stored) => Ok(stored.map(|stored| stored.0)),
        // Another user's, or no directory.
        Err(LoadError::Io { source, .. }) => match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(source),
        },
        Err(LoadError::Damaged { .. } | LoadError::Newer { .. }) => Ok(None),
    }
}

/// Creates a directory for state, durably. A symbolic link in its place is [`NotOwn`].
pub(super) async fn create_state_dir(disk: &Disk, dir: &Path) -> io::Result<()> {
    let dir = dir.to_path_buf();
    let create = move |fs: &dyn Fs| {
        refuse_links(fs, &dir)?;
        create_dirs(fs, &dir)
    };
    let changed = disk.run(create).await?;
    disk.sync(changed).await
}

/// The directories that archiver makes for its state lead nowhere else; above them links are the user's.
fn refuse_links(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let beside_data = dir
        .parent()
        .filter(|above| above.ends_with(STATE_DIRECTORY));
    for own in beside_data.into_iter().chain([dir]) {
        match fs.is_link(own) {
            Ok(true) => return Err(NotOwn::Link.into()),
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn load(fs: &dyn Fs, path: PathBuf) -> Result<Option<Checkpointed>, LoadError> {
    let bytes = match fs.read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(match NotOwn::of(&source) {
                Some(found) => LoadError::Damaged {
                    path,
                    what: found.to_string(),
                },
                None => LoadError::Io { path, source },
            });
        }
    };
    match decode(&bytes) {
        Ok(checkpoint) => Ok(Some(Checkpointed(checkpoint))),
        Err(Unusable::Damaged(what)) => Err(LoadError::Damaged {
            path,
            what: what.into(),
        }),
        Err(Unusable::Newer(found)) => Err(LoadError::Newer { path, found }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use super::*;
    use crate::world::devices::Devices;
    use crate::world::fs::real::RealFs;

    #[tokio::test]
    async fn the_directories_of_the_state_are_not_links_and_those_above_may_be() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("a path");
        let devices = Devices::new(Arc::new(RealFs::default()), 1 << 20);
        let disk = devices.at(&root).await.expect("threads");
        let elsewhere = root.join("elsewhere");
        fs::create_dir(&elsewhere).expect("a directory");
        let link = |path: &str| symlink(&elsewhere, root.join(path)).expect("a link");
        for path in ["state", "data", "above"] {
            fs::create_dir(root.join(path)).expect("a directory");
        }
        link("state/a");
        link("data/.archiver");
        link("above/data");
        for (path, found) in [
            ("state/a", Some(NotOwn::Link)),
            ("state/b", None),
            ("data/.archiver/a", Some(NotOwn::Link)),
            ("above/data/.archiver/a", None),
        ] {
            let created = Store::new(disk.clone(), &root.join(path))
                .create_dir()
                .await;
            let refused = created.as_ref().err().and_then(NotOwn::of);
            assert_eq!(refused, found, "{path}: {created:?}");
            assert_eq!(created.is_ok(), found.is_none(), "{path}: {created:?}");
        }
        let made = fs::read_dir(&elsewhere).expect("a directory");
        let made = made.map(|made| made.expect("an entry").file_name());
        assert_eq!(made.collect::<Vec<_>>(), [".archiver"]);
    }
}
