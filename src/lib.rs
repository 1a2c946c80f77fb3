//! Captures many Kafka topics into plain files, each record exactly once.
//!
//! The data's way: [`kafka`] (librdkafka clients, a few per cluster; a queue per archive) → [`archive`] (a task per
//! archive: take a batch, encode it into a chunk) → [`segment`] (compress, write) → fsync → [`checkpoint`] → commit.
//! [`supervisor`] runs the archives, [`config`] says which. The file system ([`fs`]), the clock ([`clock`]) and the
//! cluster ([`cluster`]) are passed in.
#![deny(unsafe_code)]

pub mod archive;
pub mod batch;
pub mod budget;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod disk;
pub mod encode;
pub mod fs;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod gaps;
pub mod hung;
pub mod kafka;
pub mod lock;
pub mod logging;
pub mod open_files;
pub mod record;
pub mod segment;
pub mod shutdown;
pub mod signals;
#[cfg(test)]
pub mod sim;
pub mod status;
pub mod supervisor;
pub mod totals;
