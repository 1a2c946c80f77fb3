//! What is wrong with a segment or its index.

use std::io;

use super::error::ReadError;
use crate::digest::Digest;
use crate::index::IndexError;

/// What is wrong with a segment or its index.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The segment isn't there.
    #[error("the file is missing")]
    Missing,
    /// It has more bytes than it should, or fewer.
    #[error("it has {found} bytes, where {expected} are expected")]
    Length {
        /// How many it should have.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// Its bytes are others than it should have.
    #[error("its XXH3-128 is {found}, where {expected} is expected")]
    Digest {
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// It has more lines than it should, or fewer.
    #[error("{found} lines can be read, where {expected} are expected")]
    Lines {
        /// How many it should have.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A block isn't what was written.
    #[error("the block at byte {byte} is damaged: {what}")]
    Block {
        /// Where it begins in the file.
        byte: u64,
        /// What is wrong.
        what: String,
    },
    /// The index isn't what was written, is another segment's, or can't be read.
    #[error("{0}")]
    Index(IndexError),
    /// The index is missing.
    #[error("the index is missing")]
    NoIndex,
    /// The index doesn't cover the segment.
    #[error("the index goes up to byte {found} of the segment, which has {expected}")]
    IndexEnds {
        /// How many bytes of the segment count.
        expected: u64,
        /// Where the last block of the index ends.
        found: u64,
    },
    /// The index of a sealed segment knows more than that has.
    #[error("the index goes on behind the end of the segment, around its byte {byte}")]
    IndexGoesOn {
        /// Where an entry ends, at or behind the first byte that shouldn't be there.
        byte: u64,
    },
    /// An entry of the index says something else of its lines than they do themselves.
    #[error("the entry of the index that ends at byte {byte} contradicts itself")]
    Entry {
        /// Where it ends.
        byte: u64,
    },
}

impl Damage {
    /// The damage that made reading fail; the error itself, if it was something else.
    pub(super) fn of(error: ReadError) -> io::Result<Self> {
        Ok(match error {
            ReadError::Io { source, .. } => return Err(source),
            ReadError::Short {
                expected, found, ..
            } => Self::Length { expected, found },
            ReadError::Damaged { byte, what, .. } => Self::Block { byte, what },
            ReadError::Index {
                source: IndexError::Io(error),
                ..
            } if error.kind() == io::ErrorKind::NotFound => Self::NoIndex,
            ReadError::Index { source, .. } => Self::Index(source),
            ReadError::IndexEnds {
                expected, found, ..
            } => Self::IndexEnds { expected, found },
        })
    }
}
