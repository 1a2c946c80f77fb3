//! Apache Kafka through librdkafka: a few clients per cluster, a queue per archive; and a producer for whoever sends.
//!
//! Nothing outside this folder sees a type of the client library.

mod blocking;
mod ca_store;
mod cluster;
mod clusters;
mod commit;
mod corrupt_range;
mod create_topics;
mod describe_topics;
mod errors;
mod feed;
mod health;
mod inbox;
mod lane;
mod limits;
mod native;
mod producer;
mod producer_settings;
mod questions;
mod reader;
mod refusals;
mod scanner;
mod seat;
mod survey;
mod topic_lister;
mod window;

pub use clusters::KafkaClusters;
pub use native::{
    Broker, Created, GroupOffset, NewRecord, NewTopic, NotSent, Refusal, Remedy, Returned, Target,
    TransactionError, Undelivered, exit,
};
pub use producer::Producer;
pub use producer_settings::{ProducerSettings, TransactionSettings};
pub use scanner::{Scan, Scanner};
pub use seat::Seat;
pub use topic_lister::TopicLister;

#[cfg(test)]
mod tests;
