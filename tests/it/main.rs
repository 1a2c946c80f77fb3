//! archiver, tried from outside: the real binary against a real Apache Kafka.
//!
//! The first part below is the harness, the second the behaviour, one file for each.
//! What the messages must say stands in `says`.

mod archiver;
mod check;
mod config;
mod dump;
mod files;
mod kafka;
mod produce;
mod random;
mod says;
mod scene;
mod topic;
mod values;
mod wait;

