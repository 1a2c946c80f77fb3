//! A pattern's state directory, and the first listing in it, which is stored once.

use std::io;
use std::path::PathBuf;

use archiver_format::checkpoint::Unusable;
use archiver_format::first_listing::{FirstListing, VERSION, decode, encode};
use archiver_format::state_files::PatternDir;

use super::checkpoint_store::create_state_dir;
use super::lock::{Lock, LockError, lock};
use super::remedy::PAGE;
use crate::world::disk::Disk;
use crate::world::fs::NotOwn;

/// A pattern's state directory, and the disk that it is on.
#[derive(Clone)]
pub struct FirstListingStore {
    disk: Disk,
    dir: PatternDir,
}

/// Why the first listing of a pattern can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The disk said no, for the moment.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Another process has the pattern, or still this one.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// Something else is in the place of the state directory.
    #[error(
        "the state directory {} can't be used: it, or .archiver above it: {found}; put a directory in its place, or \
         name another with state_dir; see {PAGE}",
        path.display()
    )]
    NotOwn { path: PathBuf, found: NotOwn },
    /// Its bytes are not those that were stored.
    #[error(
        "the list of the topics that were there at first, {}, is damaged ({what}); put it back as it was, or move it \
         away: then topics that are there now and have no archive begin as start says; see {PAGE}",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },
    /// A newer program stored it.
    #[error(
        "{} has format {found}, this archiver knows up to {VERSION}; use the newer archiver that wrote it; see {PAGE}",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
}

impl ListingError {
    /// May it heal by itself?
    pub fn can_heal(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Locked(e) => matches!(e, LockError::Io { .. } | LockError::Closing { .. }),
            Self::NotOwn { .. } | Self::Damaged { .. } | Self::Newer { .. } => false,
        }
    }
}

impl FirstListingStore {
    /// The store in this directory, which need not exist yet.
    pub fn new(disk: Disk, dir: PatternDir) -> Self {
        Self { disk, dir }
    }

    /// Creates the directory, durably, and locks it.
    pub async fn lock(&self) -> Result<Lock, ListingError> {
        let path = self.dir.path().to_path_buf();
        create_state_dir(&self.disk, &path).await.map_err(|e| {
            let path = path.clone();
            match NotOwn::of(&e) {
                Some(found) => ListingError::NotOwn { path, found },
                None => ListingError::Io {
                    doing: "creating the state directory",
                    path,
                    source: e,
                },
            }
        })?;
        let file = self.dir.lock();
        let locked = self.disk.run(move |fs| lock(fs, &file, &path)).await;
        Ok(locked?)
    }

    /// The stored listing, if there is one; no power cut undoes it any more.
    pub async fn load(&self) -> Result<Option<FirstListing>, ListingError> {
        let path = self.dir.first_listing();
        let at = path.clone();
        let bytes = match self.disk.run(move |fs| fs.read(&at)).await {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(match NotOwn::of(&source) {
                    Some(found) => ListingError::Damaged {
                        path,
                        what: found.to_string(),
                    },
                    None => ListingError::Io {
                        doing: "reading",
                        path,
                        source,
                    },
                });
            }
        };
        let listing = decode(&bytes).map_err(|e| {
            let path = path.clone();
            match e {
                Unusable::Damaged(what) => ListingError::Damaged {
                    path,
                    what: what.into(),
                },
                Unusable::Newer(found) => ListingError::Newer { path, found },
            }
        })?;
        // Who stored it may have ended before its name was durable.
        let dir = self.dir.path().to_path_buf();
        let synced = self.disk.sync_dirs(vec![dir]).await;
        synced.map_err(|source| ListingError::Io {
            doing: "syncing the directory of",
            path,
            source,
        })?;
        Ok(Some(listing))
    }

    /// Stores the listing, durably.
    pub async fn save(&self, listing: &FirstListing) -> Result<(), ListingError> {
        let path = self.dir.first_listing();
        let io = |source| ListingError::Io {
            doing: "storing",
            path: path.clone(),
            source,
        };
        let bytes = encode(listing).map_err(io)?;
        let replaced = self.disk.replace(&path, move |file| file.append(&bytes));
        replaced.await.map_err(io)
    }
}
