//! The ledger: an archive's files and its checkpoint, and which records are known to be safe in them.
//!
//! The order write → fsync → checkpoint → commit is kept by types: a [`Written`] becomes [`Durable`] only by being
//! synced, only a [`Durable`] can be stored, only storing makes a [`Checkpointed`], and only that is committed.

pub mod append_file;
mod checkpoint_store;
mod durable;
mod first_listing_store;
pub mod handed_over;
pub mod lock;
pub mod manifest;
mod remedy;
mod syncs;

pub use checkpoint_store::{Checkpointed, LoadError, Store, owner};
pub use durable::{Durable, SealedHandle, SegmentHandle, Written};
pub use first_listing_store::{FirstListingStore, ListingError};
pub use remedy::{PAGE, REMEDY};
