//! The format: everything that archiver leaves on the disk, and how it is read back.
//!
//! A record ([`record`]) becomes a [`line`] of a segment, its value alone or all of it as an [`envelope`]; lines are compressed into members that are whole by
//! themselves ([`compression`]). By a [`mark`] the end of a file is known again. The [`checkpoint`] says how far an
//! archive has come: a [`position`] in each partition, the open segments, and the end of the list of [`gap`]s.
//! [`state_files`] says where each of these files is.
//!
//! Nothing here opens a file, asks for the time or knows Kafka's protocol.

pub mod checkpoint;
pub mod compression;
pub mod envelope;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod gap;
pub mod line;
pub mod mark;
pub mod position;
pub mod record;
pub mod state_files;
