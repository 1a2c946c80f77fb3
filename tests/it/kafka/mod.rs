//! A real Apache Kafka: one node, broker and controller in one JVM, gone when the tests are.

mod janitor;
mod java;
mod libs;
mod properties;
mod server;
mod tests;

pub use janitor::Janitor;
pub use java::run;
pub use server::{ADMIN_WAIT, Server, shared};
