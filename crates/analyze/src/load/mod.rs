//! Records on their way into a table of a database, each once, however often that is begun anew.
//!
//! A [`Job`] says which records, [`load`] takes them batch by batch: the rows of a batch and how far the job has come are
//! in one transaction ([`progress`]), and a row has the record's own id, so that what is written twice is there once.

pub mod ids;
mod job;
mod loader;
mod progress;

pub use job::{Counts, Job, Wanted};
pub use loader::{How, Loaded, load};

/// So many rows are a transaction, if nothing is said.
pub const BATCH_ROWS: usize = 1_000;
