//! Reading segments back: the lines that a [`Selection`] asks for, and whether a segment is what was written.
//!
//! A [`Reader`] finds blocks by the heads of their entries in the index, reads and decompresses only those that may hold
//! a line that is asked for, and gives each line with its origin. A part of a segment that has no index is read as a
//! whole; where its lines come from is unknown, so they are left out, and counted, unless all lines are asked for.
//! [`check`] reads all of a segment and its index and holds them against each other.
//!
//! Nothing here takes a lock or changes a file. A segment may be growing while it is read: only the bytes that its reader
//! was told to count are looked at.
mod block;
mod block_lines;
mod check;
mod damage;
mod digested_file;
mod error;
mod plain;
mod reader;
mod segment;
mod selection;

pub use block_lines::{BlockLines, Line};
pub use check::{Checked, Sealed, check};
pub use damage::Damage;
pub use error::ReadError;
pub use reader::{Reader, Share};
pub use segment::Segment;
pub use selection::Selection;

#[cfg(test)]
mod tests;
