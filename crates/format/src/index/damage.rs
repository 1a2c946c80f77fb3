//! Why an index can't be used.

use std::io;

/// Why an index can't be used, from some byte of its file on.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It can't be read.
    #[error("reading the index: {0}")]
    Io(#[from] io::Error),
    /// It isn't as it was written.
    #[error("the index is damaged at byte {byte}: {what}")]
    Damaged {
        /// Where the header or the entry begins.
        byte: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// It ends within a header or an entry: it was cut, or is being written.
    #[error("the index is damaged at byte {byte}: it ends within what begins there")]
    Torn {
        /// Where that begins.
        byte: u64,
    },
    /// A newer program wrote it, in this version.
    #[error("the index is of version {0}, which a newer archiver has written; use that one")]
    Newer(u32),
    /// It is the index of another segment.
    #[error("the index is of segment {found}, not of segment {expected}")]
    OfAnother {
        /// The segment that was to be read.
        expected: u64,
        /// The segment that the index is of.
        found: u64,
    },
}
