//! The ledger: an archive's files and its checkpoint, and which records are known to be safe in them.
//!
//! The order write → fsync → checkpoint → commit is kept by types: a [`Written`] becomes [`Durable`] only by being
//! synced, only a [`Durable`] can be stored, only storing makes a [`Checkpointed`], and only that is committed.

pub mod append_file;
pub mod gap_log;
pub mod lock;
mod progress;
mod remedy;
mod store;

pub use progress::{Durable, OpenSegment, Written};
pub use remedy::{PAGE, REMEDY};
pub use store::{Checkpointed, LoadError, Store, owner};
