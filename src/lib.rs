//! Captures many Kafka topics into plain files.
pub mod config;
