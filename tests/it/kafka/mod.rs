//! A real Apache Kafka: one node or three, broker and controller in one JVM, gone when the tests are.

mod certificates;
mod janitor;
mod java;
mod libs;
mod node;
mod properties;
mod secured;
mod segment;
mod server;
mod tests;

pub use janitor::Janitor;
pub use java::{run, tool};
pub use secured::Listener;
pub use segment::{Damage, Segment};
pub use server::{ADMIN_WAIT, Server, cluster, secured, shared};
