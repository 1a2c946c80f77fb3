//! Where records come from: what an archive needs of a Kafka cluster, and the real one.

pub mod cluster;
pub mod kafka;
