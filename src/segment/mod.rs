//! Segments: the way of records into files.
//!
//! The order: the [`router`] says which way a record goes; records fill a [`batch`], which has a part for each way;
//! batches are compressed side by side and written in the order of their submission ([`pipeline`]); the positions move
//! when each part of a batch is in its segment ([`writer`]). Segments are opened (`opening`) for the first record that goes
//! their way, and sealed (`sealing`) when they are large or old enough (`rotation`).

pub mod batch;
pub mod kept;
pub mod open_segment;
pub mod opening;
pub mod paths;
pub mod pipeline;
mod retention;
mod rotation;
pub mod router;
mod sealing;
pub mod segment_index;
pub mod writer;

#[cfg(test)]
pub(crate) mod tests;
