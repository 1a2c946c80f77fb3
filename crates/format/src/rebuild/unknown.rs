//! Why an index can't be made anew.

use std::io;

use crate::envelope::NotAnEnvelope;
use crate::record::Partition;

/// Why it can't be known which records the lines of a segment are. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The segment can't be read, or the index can't be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line should be an envelope, and is none.
    #[error("line {line}: {why}")]
    NotAnEnvelope {
        /// Which line.
        line: u64,
        /// Why.
        why: NotAnEnvelope,
    },
    /// A line is none of the records that could be there.
    #[error(
        "line {line} is none of the records that Kafka holds at its place: they were compacted or replaced since, or written with another `newline`"
    )]
    NoRecord {
        /// Which line.
        line: u64,
    },
    /// Two records are equally good.
    #[error(
        "lines {from} to {to} may be records of partition {one} or {other}, which have the same values there; which line is which can't be known"
    )]
    Ambiguous {
        /// The first line that may be another record.
        from: u64,
        /// The line behind which both answers are the same again.
        to: u64,
        /// A partition that the first of these lines may be of.
        one: Partition,
        /// Another one.
        other: Partition,
    },
    /// There are too many possibilities to look at.
    #[error(
        "from line {from} on, too many records of several partitions have the same values to say which line is which"
    )]
    TooMany {
        /// Where they begin.
        from: u64,
    },
    /// The lines would hold something else than the manifest says.
    #[error("its lines would be other records than the manifest says that it holds")]
    Contents,
    /// Kafka can't say it.
    #[error("{0}")]
    Kafka(String),
}
