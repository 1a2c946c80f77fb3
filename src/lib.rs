//! Captures many Kafka topics into plain files, each record exactly once.
//!
//! The data's way: [`kafka`] (librdkafka clients, a few per cluster; a queue per archive) → [`archive`] (a task per
//! archive: take what has arrived, fill a batch) → [`segment`] (compress, write) → fsync → checkpoint ([`ledger`]) → commit.
//! [`supervisor`] runs the archives, [`config`] says which. The [`world`] (the file system, the clock) and the
//! [`cluster`] are passed in.
#![deny(unsafe_code)]

pub mod archive;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod hung;
pub mod kafka;
pub mod ledger;
pub mod logging;
pub mod open_files;
pub mod reason;
pub mod segment;
pub mod signals;
#[cfg(test)]
pub mod sim;
pub mod status;
pub mod supervisor;
pub mod totals;
pub mod world;
