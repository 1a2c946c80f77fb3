//! The format: everything that archiver leaves on the disk, and how it is read back.
//!
//! A record ([`record`]) becomes a [`line`] of a segment, its value alone or all of it as an [`envelope`]; lines are
//! compressed into members that are whole by themselves ([`compression`]). By a [`mark`] the end of a file is known again.
//! The [`checkpoint`] says how far an archive has come: a [`position`] in each partition, the open [`segment`]s with their
//! [`contents`], and the end of the [`manifest`], which lists sealed segments and [`gap`]s; [`handed_over`] says how many
//! of them a command has had. An [`index`] says of each line which record it is, and [`read`] finds lines again. All of it
//! together is an [`archive`] at one moment, which [`verify`] holds against what it says; [`rebuild`] makes a lost index
//! anew. [`state_files`] says where each of these files is, a [`template`] how segments are called.
//!
//! Nothing here asks for the time or knows Kafka's protocol, and only [`read`], [`archive`], [`rebuild`] and [`verify`]
//! open files, by `open`.

pub mod archive;
pub mod capture;
pub mod checkpoint;
pub mod compression;
pub mod contents;
pub mod digest;
pub mod envelope;
pub mod first_listing;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod gap;
pub mod handed_over;
pub mod index;
pub mod line;
pub mod list;
pub mod manifest;
pub mod mark;
mod open;
pub mod position;
pub mod read;
pub mod rebuild;
pub mod record;
pub mod segment;
pub mod state_files;
pub mod template;
pub mod verify;
