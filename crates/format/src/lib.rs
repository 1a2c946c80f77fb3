//! The format: everything that archiver leaves on the disk, and how it is read back.
//!
//! A record ([`record`]) becomes a [`line`] of a segment; lines are compressed into members that are whole by
//! themselves ([`compression`]). By a [`mark`] the end of a file is known again. The [`checkpoint`] says how far an
//! archive has come: a [`position`] in each partition, the open segments, and the end of the list of [`gap`]s.
//! An [`index`] says of each line which record it is. [`state_files`] says where each of these files is. [`read`] finds
//! lines again.
//!
//! Nothing here asks for the time or knows Kafka's protocol, and only [`read`] opens files.

pub mod checkpoint;
pub mod compression;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod gap;
pub mod index;
pub mod line;
pub mod mark;
pub mod position;
pub mod read;
pub mod record;
pub mod state_files;
