//! Captures many Kafka topics into plain files, each record exactly once.
//!
//! The data's way: [`source`] (librdkafka clients, a few per cluster; a queue per archive) → [`archive`] (a task per archive:
//! take what has arrived, fill a batch) → [`segment`] (compress, write) → fsync → checkpoint ([`ledger`]) → commit.
//! [`supervisor`] starts and stops archives, [`config`] says which. The [`world`] (the file system, the clock) and the
//! cluster are passed in. What lies on the disk is [`archiver_format`].
#![deny(unsafe_code)]

pub mod archive;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod http;
pub mod ledger;
pub mod logging;
pub mod moment;
pub mod observe;
pub mod replay;
pub mod segment;
pub mod service_manager;
pub mod signals;
// Beside the other tests, and built into the library: it runs what no program can reach.
#[cfg(test)]
#[path = "../tests/sim/mod.rs"]
pub mod sim;
pub mod source;
pub mod supervisor;
pub mod terminal;
pub mod world;
