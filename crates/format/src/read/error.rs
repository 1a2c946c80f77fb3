//! Why a segment can't be read.

use std::io;
use std::path::PathBuf;

use crate::index::IndexError;

/// Why a segment can't be read, or not on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its file can't be read.
    #[error("reading {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its file has fewer bytes than it should.
    #[error("{} has {found} bytes, where {expected} are expected", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How many bytes of it count.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// Its file isn't as it was written.
    #[error("{} is damaged at byte {byte}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged block begins.
        byte: u64,
        /// What is wrong.
        what: String,
    },
    /// Its index can't be used.
    #[error("{}: {source}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why not.
        source: IndexError,
    },
    /// Its index doesn't cover it.
    #[error("{} goes up to byte {found} of the segment, which has {expected}", path.display())]
    IndexEnds {
        /// The index.
        path: PathBuf,
        /// How many bytes of the segment count.
        expected: u64,
        /// Where the last block of the index ends.
        found: u64,
    },
}
