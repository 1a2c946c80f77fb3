//! What is known to be safe, and how that is found again after a crash.
//!
//! The order write → fsync → checkpoint → commit is held by types: a [`Written`] becomes [`Durable`] only by being
//! synced, only a [`Durable`] can be stored, only storing makes a [`Checkpointed`], and only that is committed.

pub mod append_file;
pub mod gap_log;
pub mod lock;
mod progress;
mod store;

pub use progress::{Durable, OpenSegment, Written};
pub use store::{Checkpointed, LoadError, Store, owner};

/// What can be done about state that can't be used.
pub const REMEDY: &str =
    "put back what was there, or move the state directory and the data file away to begin anew";
/// Where more is said about it.
pub const PAGE: &str = "\"When a start is refused\" in docs/operating.md";
