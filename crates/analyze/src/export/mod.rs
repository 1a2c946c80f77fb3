//! Sealed segments as Parquet files, each record exactly once.
//!
//! What lies below the directory that is written to, for an archive NAME:
//!
//! ```text
//! NAME/[day=2026-01-01/[hour=05/]]NAME-000007-0000.parquet   what readers find
//! .archiver-analyze/NAME/manifest.ndjson                     which segments are there, see `manifest`
//! .archiver-analyze/NAME/pending.json                        the files that are about to get their names
//! .archiver-analyze/NAME/new/0000.tmp                        files that are being written
//! .archiver-analyze/NAME/lock                                held by whoever writes
//! ```
//!
//! A segment goes this way, one at a time: its files are written below `new` and synced → `pending.json` names them → they
//! get their names, and the directories are synced → a line of the manifest counts the segment, and is synced →
//! `pending.json` goes. Whoever comes next takes away what `pending.json` names of a segment that isn't counted, so a
//! segment is there as a whole or not at all, and never twice.

mod archive;
mod fields;
mod layout;
mod manifest;
mod target;
mod writer;

pub use archive::{Done, Export, Settings};
pub use layout::{Layout, PartitionBy};
