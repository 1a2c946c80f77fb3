//! Replay: the way back into Kafka.
//!
//! Inputs give records, each in its own order ([`Input`]). They are merged by time, one clock says when each is due, and a
//! producer sends it. Shares with archives the format crate, the clusters' properties and the reading of times, and
//! nothing of their tasks.

pub mod input;
mod record;

pub use record::{Input, InputError, Outgoing};
