//! Apache Kafka through librdkafka: a few clients per cluster, a queue per archive.
//!
//! Nothing outside this folder sees a type of the client library.

mod blocking;
mod cluster;
mod clusters;
mod commit;
mod corrupt_range;
mod describe_topics;
mod errors;
mod feed;
mod health;
mod inbox;
mod lane;
mod limits;
mod native;
mod questions;
mod reader;
mod refusals;
mod scanner;
mod seat;
mod survey;
mod topic_lister;
mod window;

pub use clusters::KafkaClusters;
pub use native::{Broker, exit};
pub use scanner::{Scan, Scanner};
pub use seat::Seat;
pub use topic_lister::TopicLister;

#[cfg(test)]
mod tests;
