//! Records, and what a model says of them, on their way into a table of a database, each once, however often that is begun anew.
//!
//! A [`Job`] says which records, [`load`] takes them batch by batch into a table ([`target`]): the rows of a batch and how far
//! the job has come are in one transaction ([`progress`]), and a row has the record's own id, so that what is written twice is
//! there once. What has no place in its column is refused ([`fit`]). What a model says goes the same way, all of it each time ([`write_verdicts`]).

mod fit;
pub mod ids_file;
mod job;
mod judged;
mod loader;
pub mod own;
mod progress;
mod target;

pub use job::{Counts, Job, Wanted};
pub use judged::write_verdicts;
pub use loader::{Loaded, load};
pub use target::{How, check_name, is_empty};

/// So many rows are a transaction, if nothing is said.
pub const BATCH_ROWS: usize = 1_000;
