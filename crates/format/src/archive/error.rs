//! Why an archive can't be read.

use std::io;
use std::path::PathBuf;

use crate::checkpoint::Format;

/// Why the state of an archive can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of it can't be read.
    #[error("reading {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of it isn't what was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The checkpoint isn't there, and the archive has begun.
    #[error("{} is missing, and the archive has begun: put it back", path.display())]
    Lost {
        /// Where the checkpoint should be.
        path: PathBuf,
    },
    /// A newer program wrote the checkpoint.
    #[error(
        "{} has format {found}, this archiver knows up to {}; use the newer one",
        path.display(), Format::NEWEST.number()
    )]
    Newer {
        /// The checkpoint.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The checkpoint was replaced each time before what it counts could be read.
    #[error("{} is replaced faster than the archive can be read; try again", path.display())]
    Restless {
        /// The checkpoint.
        path: PathBuf,
    },
}

/// Why there is no archive at a path.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It can't be looked at.
    #[error("looking at {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory without archives.
    #[error(
        "{} has no archives in it: it is no state directory, and there is no .archiver with one in it",
        path.display()
    )]
    NoArchive {
        /// The directory.
        path: PathBuf,
    },
    /// A file that is no segment of an archive whose state is beside it or above it.
    #[error(
        "{} is no file of an archive in a .archiver beside it or above it; name the archive's state directory, or its configuration with -c FILE",
        path.display()
    )]
    NoSegment {
        /// The file.
        path: PathBuf,
    },
}
